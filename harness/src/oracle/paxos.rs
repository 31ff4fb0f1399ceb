//! The oracle of the Paxos log. What was chosen is recounted from what acceptors did; no node's conclusion is believed.
//!
//! | | what must hold | kind when it does not |
//! |---|---|---|
//! | I1 | one life of one node reads and proposes at a ballot, the one it names; a read that takes no slot shows what any leader had applied when it came | `two-primaries` |
//! | I2 | a node promises and accepts at no ballot below one it has promised, over its restarts; its count of rounds rises within a life | `view-regressed` |
//! | I3 | whoever applies a slot applies the same there; nobody goes back behind what it made durable | `divergent-state`, `forgotten` |
//! | I4, I5 | a ballot stands for one value in a slot, and once one was chosen every later ballot stands for that | `two-values` |
//! | I6 | nobody proposes before a quorum has promised, nor takes over by the word of somebody who has not; nobody applies what no quorum has accepted at one ballot | `broken-succession`, `not-replicated` |
//! | I7 | what a client was answered had been applied | `not-replicated` |
//! | I8 | a write takes effect in one slot | `applied-twice` |
//! | I10 | whoever lives catches up when all is quiet | `divergent-state` |
//! | I12 | slots are applied in order, none is left out | `hole` |
//! | I15 | the three rules of the log files: one value for a slot, only what was proposed, and equal prefixes | `divergent-state`, `invented`, `hole` |
//! | I16 | leaders are not given up again and again when nothing is wrong | `view-churn` |
//! | I17 | what a node had made durable it still has in its next life | `forgotten` |
//! | I18 | no more messages than so many for each slot and each beat | `chatter` |
//! | I19 | all answers to one write are the same | `answers-differ` |

mod economy;
mod freshness;

use histories::{Anomaly, AnomalyKind};
use systems::group::Response;
use systems::paxos::{Ballot, Cause, CommandId, Config, Event, Node, Outcome, Role, Round, Slot};
use systems::server::EventLine;
use systems::service::Digest;
use systems::service::kv::Answer;
use systems::{ClientId, NodeId};

use self::economy::Economy;
use self::freshness::Freshness;
use super::answers::Answers;
use super::churn::Churn;
use super::fates::{Effect, Fates};
use super::life::Life;
use super::log::{Electorate, Index, Place, Words};
use super::mandates::Mandates;
use super::offices::Offices;
use super::prefix::{Agreement, Prefix, Step};
use super::requests::RequestId;
use super::settled::Settled;
use super::terms::Terms;
use super::votes::{self, Votes};
use super::{Findings, Hindsight, Oracle};

const WORDS: Words = Words {
    index: "slot",
    term: "ballot",
};

/// What does not matter any more is forgotten every so many events.
const EVENTS_BETWEEN_PRUNINGS: u64 = 1 << 12;

/// Follows the nodes of one cluster.
#[derive(Debug)]
pub struct PaxosOracle {
    electorate: Electorate,
    economy: Economy,
    findings: Findings,
    offices: Offices<Ballot>,
    promises: Terms<Ballot>,
    rounds: Terms<Round>,
    mandates: Mandates<Ballot>,
    votes: Votes<Ballot>,
    prefix: Prefix,
    fates: Fates<Place>,
    answers: Answers,
    freshness: Freshness,
    churn: Churn<Round>,
    settled: Settled,
    events: u64,
}

/// A run of values that somebody proposed or accepted.
#[derive(Debug, Clone, Copy)]
struct Run<'a> {
    ballot: Ballot,
    first: Slot,
    values: &'a [Digest],
}

impl PaxosOracle {
    /// Somebody who follows the cluster of `config` and has heard nothing yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let electorate = Electorate::new(config.members.iter().copied());
        Self {
            economy: Economy::new(config),
            findings: Findings::default(),
            offices: Offices::new("acted at ballot"),
            promises: Terms::new(WORDS.term),
            rounds: Terms::new("round"),
            mandates: Mandates::new(WORDS.term),
            votes: Votes::new(WORDS),
            prefix: Prefix::new(WORDS, electorate.members()),
            fates: Fates::default(),
            answers: Answers::default(),
            freshness: Freshness::default(),
            churn: Churn::new("rounds", electorate.members().len() as u64),
            settled: Settled::new(WORDS),
            events: 0,
            electorate,
        }
    }

    fn start(&mut self, t: u64, life: Life, promised: Option<Ballot>, through: Slot, digest: Digest) {
        let node = life.node;
        self.rounds.forget(node);
        match promised {
            Some(ballot) => self.bind(t, node, ballot, "came to life at"),
            None => self.promises.know_nothing(t, node, &mut self.findings),
        }
        self.prefix
            .start(t, life, index(through), digest, &mut self.findings);
        self.votes
            .rely(t, node, index(through), "came to life with", &mut self.findings);
    }

    /// `node` accepts nothing of an earlier ballot from now on.
    fn bind(&mut self, t: u64, node: NodeId, ballot: Ballot, deed: &str) {
        self.promises.reach(t, node, ballot, deed, &mut self.findings);
        self.mandates.support(ballot, node);
    }

    fn rotate(&mut self, t: u64, node: NodeId, round: Round, cause: Cause) {
        self.rounds.reach(t, node, round, "went to", &mut self.findings);
        match cause {
            Cause::Timeout | Cause::NoQuorum => self.churn.begin(t, round),
            Cause::Larger | Cause::TurnOver => {}
        }
    }

    /// `life` does what only the owner of `ballot` may.
    fn act(&mut self, t: u64, life: Life, ballot: Ballot) {
        if ballot.node != life.node {
            let sentence = format!("{} acted at ballot {ballot}, which is not its own", life.node);
            self.findings.add(AnomalyKind::TwoPrimaries, t, sentence);
        }
        self.offices.act(t, ballot, life, &mut self.findings);
    }

    fn propose(&mut self, t: u64, life: Life, run: Run<'_>) {
        self.act(t, life, run.ballot);
        self.mandates
            .begin(t, run.ballot, life.node, &self.electorate, &mut self.findings);
        for ballot in run.ballots() {
            self.votes.propose(t, life.node, ballot, &mut self.findings);
        }
    }

    fn accept(&mut self, t: u64, node: NodeId, run: Run<'_>) {
        self.bind(t, node, run.ballot, "accepted at");
        for ballot in run.ballots() {
            if !self.votes.is_proposed(ballot) {
                let sentence = format!(
                    "{node} accepted something in slot {} at ballot {} that had not been proposed there",
                    ballot.index, ballot.term
                );
                self.findings.add(AnomalyKind::Invented, t, sentence);
            }
            self.votes
                .accept(t, node, ballot, &self.electorate, &mut self.findings);
        }
    }

    fn apply(&mut self, t: u64, life: Life, step: Step) {
        let agreement = self.prefix.carry_out(t, life, step, &mut self.findings);
        match agreement {
            // What it did otherwise than others has been told.
            Agreement::Different => {}
            Agreement::First | Agreement::Same => {
                self.votes.decide(
                    t,
                    life.node,
                    step.index,
                    step.value,
                    "applied",
                    &mut self.findings,
                );
            }
        }
    }

    fn prune(&mut self) {
        self.events += 1;
        if self.events.is_multiple_of(EVENTS_BETWEEN_PRUNINGS) {
            let passed = self.prefix.prune();
            self.votes.settle(passed);
        }
    }

    fn hear(&mut self, t: u64, life: Life, event: &Event) {
        let node = life.node;
        match event {
            Event::Started {
                promised,
                committed,
                digest,
                ..
            } => self.start(t, life, *promised, *committed, *digest),
            Event::Rotated { round, cause, .. } => self.rotate(t, node, *round, *cause),
            Event::Promised { ballot, .. } => self.bind(t, node, *ballot, "promised"),
            Event::Reading { ballot } => self.act(t, life, *ballot),
            Event::Proposed {
                ballot,
                first,
                values,
            } => self.propose(t, life, Run::new(*ballot, *first, values)),
            Event::Accepted {
                ballot,
                first,
                values,
            } => self.accept(t, node, Run::new(*ballot, *first, values)),
            Event::Learned { first, values, .. } => {
                self.prefix.keep(life, index(first.plus(values.len())).minus(1));
            }
            Event::Applied {
                slot,
                value,
                command,
                outcome,
                digest,
                role,
                ..
            } => {
                if *role == Role::Leader {
                    self.freshness.carry_out(index(*slot));
                }
                self.note_fate(t, *slot, *command, *outcome);
                self.apply(t, life, step(*slot, *value, *digest));
            }
            Event::ReadAsked { command } => self.freshness.ask(node, request(*command)),
            Event::ReadAnswered { command, after } => {
                let place = Place {
                    noun: WORDS.index,
                    index: index(*after),
                };
                self.fates.note(t, place, request(*command), Effect::Before);
                self.economy.read();
                self.freshness
                    .answer(t, node, request(*command), index(*after), &mut self.findings);
            }
            Event::Installed { through, digest, .. } => {
                self.prefix
                    .install(t, life, index(*through), *digest, &mut self.findings);
                self.votes.rely(
                    t,
                    node,
                    index(*through),
                    "took a snapshot through",
                    &mut self.findings,
                );
            }
            Event::Compacted { through, .. } => self.prefix.keep(life, index(*through)),
            Event::TookOver { ballot, quorum, .. } => {
                self.mandates.rely(t, *ballot, node, quorum, &mut self.findings);
            }
            Event::SteppedDown { .. } | Event::Ignored { .. } | Event::Halted => {}
        }
    }

    fn note_fate(&mut self, t: u64, slot: Slot, command: Option<CommandId>, outcome: Option<Outcome>) {
        if let (Some(command), Some(outcome)) = (command, outcome) {
            let request = request(command);
            let place = Place {
                noun: WORDS.index,
                index: index(slot),
            };
            self.fates.note(t, place, request, effect(outcome));
        }
    }
}

impl<'a> Run<'a> {
    const fn new(ballot: Ballot, first: Slot, values: &'a [Digest]) -> Self {
        Self {
            ballot,
            first,
            values,
        }
    }

    fn ballots(self) -> impl Iterator<Item = votes::Ballot<Ballot>> {
        let slots = self.first.run(self.values.len());
        slots.zip(self.values).map(move |(slot, value)| votes::Ballot {
            term: self.ballot,
            index: index(slot),
            value: *value,
        })
    }
}

impl Oracle<Node> for PaxosOracle {
    fn note(&mut self, line: &EventLine<Event>) {
        let life = Life::of(line);
        self.hear(line.t, life, &line.event);
        let (through, highest) = (self.prefix.through(life.node), self.prefix.highest());
        self.settled.note(line.t, life.node, through, highest);
        self.prune();
    }

    fn answer(&mut self, from: NodeId, to: ClientId, response: &Response<Answer>) {
        if let Response::Answered { number, answer } = response {
            self.answers.note(from, to, *number, answer);
        }
    }

    fn conclude(&self, hindsight: &Hindsight<'_>) -> Vec<Anomaly> {
        let mut anomalies = self.findings.anomalies(hindsight);
        anomalies.extend(self.fates.unexecuted(hindsight));
        anomalies.extend(self.fates.twice(hindsight));
        anomalies.extend(self.answers.different());
        anomalies.extend(self.settled.conclude(hindsight));
        anomalies.extend(self.churn.conclude(hindsight));
        anomalies.extend(
            self.economy
                .conclude(hindsight, self.prefix.highest(), &self.churn),
        );
        anomalies
    }
}

const fn request(CommandId { client, number }: CommandId) -> RequestId {
    RequestId {
        client,
        request: number,
    }
}

const fn index(Slot(slot): Slot) -> Index {
    Index(slot)
}

const fn step(slot: Slot, value: Digest, digest: Digest) -> Step {
    Step {
        index: index(slot),
        value: Some(value),
        digest,
    }
}

const fn effect(outcome: Outcome) -> Effect {
    match outcome {
        Outcome::Now => Effect::Now,
        Outcome::Before => Effect::Before,
        Outcome::Stale | Outcome::Expired => Effect::Nothing,
    }
}
