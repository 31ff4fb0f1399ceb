//! The oracle of Viewstamped Replication. What is committed is recounted from the logs that replicas hold; no replica's conclusion is
//! believed.
//!
//! | | what must hold | kind when it does not |
//! |---|---|---|
//! | I1 | only the replica whose turn it is acts as primary of a view, and answers no read by itself once a later one has acted | `two-primaries` |
//! | I2 | a replica takes part in no view before one it has entered, over its restarts | `view-regressed` |
//! | I3 | whoever carries out a place carries out the same there; nobody goes back behind what it made durable | `divergent-state`, `forgotten` |
//! | I4 | a view has one log, and all later ones have what was committed in it | `two-values`, `forgotten` |
//! | I6 | nobody calls committed, or carries out, what no quorum holds in one view; no view begins before a quorum has reported | `not-replicated`, `broken-succession` |
//! | I6 | an epoch begins once, after a change of members that a quorum of the members before holds; quorums are counted among the members of the epoch | `broken-succession`, `not-replicated` |
//! | I7 | what a client was answered had been carried out | `not-replicated` |
//! | I8 | a write takes effect at one place | `applied-twice` |
//! | I10 | whoever lives catches up when all is quiet | `divergent-state` |
//! | I11 | a view begins with the newest log reported, and reports tell what their replica holds; who recovers, or is not a member of its epoch, takes part in nothing; v' <= v, k <= n | `broken-succession`, `forgotten`, `out-of-turn` |
//! | I12 | places are carried out in order, none is left out | `hole` |
//! | I16 | nobody leaves for a view that fewer than a quorum wish for; views do not follow each other for ever when nothing is wrong | `out-of-turn`, `view-churn` |
//! | I17 | what a replica had made durable it still has in its next life | `forgotten` |
//! | I19 | all answers to one write are the same | `answers-differ` |
//!
//! That a replica holds something is what its *appended* and *installed* events say, which come after it is durable. From a replica that died
//! between the two they are missing; what it holds then follows from where its log ends in its next life, because a view has one log.

mod copies;
mod eras;
mod events;
mod reads;
mod reports;
mod stages;
mod wishes;

use std::collections::BTreeSet;

use histories::{Anomaly, AnomalyKind};
use systems::group::Response;
use systems::server::EventLine;
use systems::service::kv::{Answer, KeyValue};
use systems::vr::event::Logged;
use systems::vr::{Config, Event, Members, Node, OpNumber, Role, View};
use systems::{ClientId, NodeId};

use self::copies::{Copies, Tip};
use self::eras::{Entry, Eras};
use self::events::index;
use self::reads::Reads;
use self::reports::Reports;
use self::stages::Stages;
use self::wishes::Wishes;
use super::answers::Answers;
use super::churn::Churn;
use super::fates::Fates;
use super::life::Life;
use super::log::{Index, Place, Words};
use super::mandates::Mandates;
use super::prefix::{Agreement, Prefix, Step};
use super::settled::Settled;
use super::terms::Terms;
use super::votes::{Ballot, Count, Votes};
use super::{Findings, Hindsight, Oracle};

const WORDS: Words = Words {
    index: "place",
    term: "view",
};

/// What does not matter any more is forgotten every so many events.
const EVENTS_BETWEEN_PRUNINGS: u64 = 1 << 12;

/// Follows the replicas of one group.
#[derive(Debug)]
pub struct VrOracle {
    eras: Eras,
    findings: Findings,
    views: Terms<View>,
    mandates: Mandates<View>,
    reports: Reports,
    stages: Stages,
    copies: Copies,
    votes: Votes<View>,
    /// The last place that was committed, and in which view that was first so.
    committed: Option<Committed>,
    prefix: Prefix,
    reads: Reads,
    fates: Fates<Place>,
    answers: Answers,
    wishes: Wishes,
    churn: Churn<View>,
    settled: Settled,
    events: u64,
}

#[derive(Debug, Clone, Copy)]
struct Committed {
    view: View,
    tip: Tip,
}

impl VrOracle {
    /// Somebody who follows the group of `config` and has heard nothing yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let members: BTreeSet<NodeId> = config.members.iter().copied().collect();
        let mut settled = Settled::new(WORDS);
        settled.follow(0, &members);
        Self {
            prefix: Prefix::new(WORDS, &members),
            eras: Eras::new(Members::new(members)),
            findings: Findings::default(),
            views: Terms::new(WORDS.term),
            mandates: Mandates::new(WORDS.term),
            reports: Reports::default(),
            stages: Stages::default(),
            copies: Copies::default(),
            votes: Votes::new(WORDS),
            committed: None,
            reads: Reads::default(),
            fates: Fates::default(),
            answers: Answers::default(),
            wishes: Wishes::default(),
            churn: Churn::new("views", 0),
            settled,
            events: 0,
        }
    }

    fn start(&mut self, t: u64, life: Life, view: View, log_view: View, tip: Tip) {
        let (node, findings) = (life.node, &mut self.findings);
        self.views.reach(t, node, view, "came to life in", findings);
        if view < log_view {
            let sentence = format!("{node} came to life in view {view} with the log of view {log_view}");
            findings.add(AnomalyKind::OutOfTurn, t, sentence);
        }
        self.stages.start(life);
        self.wishes.note(node, view);
        self.copies.start(t, node, log_view, tip, findings);
        self.recount(t, node, log_view, Index(0));
    }

    /// `life` holds the log of `view`: what follows `after` is `entries`.
    fn install(&mut self, t: u64, life: Life, (view, role): (View, Role), after: Index, entries: &[Logged]) {
        let node = life.node;
        self.views.reach(t, node, view, "took up", &mut self.findings);
        self.stages
            .take_part(t, life, "took up a view", &mut self.findings);
        self.wishes.note(node, view);
        if let Some(snapshot) = self.copies.snapshot(node) {
            self.prefix
                .install(t, life, snapshot.tip.index, snapshot.digest, &mut self.findings);
            self.votes.rely(
                t,
                node,
                snapshot.tip.index,
                "took a snapshot through",
                &mut self.findings,
            );
        }
        if role == Role::Primary {
            self.act(t, node, view);
            self.begin_mandate(t, node, view);
        }
        self.copies
            .install(t, node, view, after, entries, &mut self.findings);
        self.compare_with_committed(t, node, view);
        self.note_stamps(t, node, after, entries);
        self.recount(t, node, view, Index(0));
    }

    /// `node` begins a view as its primary. The first one of an epoch follows from the change of members and needs no reports.
    fn begin_mandate(&mut self, t: u64, node: NodeId, view: View) {
        let follows = view == View::first_of(view.epoch) && view != View::FIRST;
        if let Some(electorate) = self.eras.electorate(view).filter(|_| !follows) {
            self.mandates.begin(t, view, node, electorate, &mut self.findings);
        }
    }

    /// `life` is in an epoch, and holds the log of one of its views.
    fn enter_epoch(&mut self, t: u64, life: Life, view: View, members: &[NodeId], began: Tip) {
        let (node, findings) = (life.node, &mut self.findings);
        // One that comes back into its epoch may have left the view whose log it holds.
        let is_back = |reached: View| reached.epoch == view.epoch;
        if !self.views.reached(node).is_some_and(is_back) {
            self.views.reach(t, node, view, "entered the epoch of", findings);
        }
        self.stages.enter_epoch(life);
        self.wishes.note(life.node, view);
        self.copies.enter(node, View::first_of(view.epoch), began);
        let entry = self.eras.enter(t, node, view.epoch, members, began, findings);
        if entry == Entry::First {
            let deed = "began an epoch after";
            self.votes
                .decide(t, node, began.index, Some(began.prefix), deed, &mut self.findings);
            let members = members.iter().copied().collect();
            self.prefix.follow(&members);
            self.settled.follow(t, &members);
        }
    }

    fn append(&mut self, t: u64, life: Life, view: View, after: Index, entries: &[Logged]) {
        let node = life.node;
        self.views
            .reach(t, node, view, "took entries in", &mut self.findings);
        self.stages.take_part(t, life, "took entries", &mut self.findings);
        self.copies
            .append(t, node, view, after, entries, &mut self.findings);
        self.note_stamps(t, node, after, entries);
        self.recount(t, node, view, after);
    }

    /// An entry has its place from the primary of the view with which it is stamped.
    fn note_stamps(&mut self, t: u64, node: NodeId, after: Index, entries: &[Logged]) {
        for (number, entry) in entries.iter().enumerate() {
            let ballot = Ballot {
                term: entry.stamp,
                index: after.plus(number + 1),
                value: entry.prefix,
            };
            self.votes.propose(t, node, ballot, &mut self.findings);
        }
    }

    /// `node` holds in `view` what its log says, of which what follows `after` is new.
    fn recount(&mut self, t: u64, node: NodeId, view: View, after: Index) {
        let committed = self.committed.map_or(Index(0), |committed| committed.tip.index);
        let mut index = after.max(committed).next();
        while index <= self.copies.through(node) {
            match self.copies.prefix(node, index) {
                Some(value) => self.vote(t, node, view, Tip { index, prefix: value }),
                None => self.join(t, node, view, index),
            }
            index = index.next();
        }
    }

    fn vote(&mut self, t: u64, node: NodeId, view: View, tip: Tip) {
        let mut voters = self.copies.silent_holders(view, tip.index);
        voters.push(node);
        for voter in voters {
            let ballot = Ballot {
                term: view,
                index: tip.index,
                value: tip.prefix,
            };
            let Some(electorate) = self.eras.electorate(view) else {
                return;
            };
            let count = self
                .votes
                .accept(t, voter, ballot, electorate, &mut self.findings);
            if count == Count::Chosen {
                self.commit(t, Committed { view, tip });
            }
        }
    }

    /// `node` holds something there in `view` that it did not live to tell. It is what others hold there, because a view has one log.
    fn join(&mut self, t: u64, node: NodeId, view: View, index: Index) {
        if let Some(prefix) = self.votes.offered(view, index) {
            self.vote(t, node, view, Tip { index, prefix });
        }
    }

    /// A quorum holds it in one view. Whoever is in a later view must have it, too.
    fn commit(&mut self, t: u64, committed: Committed) {
        let Committed { view, tip } = committed;
        let short = self.copies.shorter_in_later_views(view, tip.index);
        for (node, later) in short {
            let sentence = format!(
                "{node} is in view {later} without place {}, which was committed in view {view}",
                tip.index
            );
            self.findings.add(AnomalyKind::Forgotten, t, sentence);
        }
        if self.committed.is_none_or(|former| former.tip.index < tip.index) {
            self.committed = Some(committed);
        }
    }

    /// `node` has begun `view`: with everything that was committed before it.
    fn compare_with_committed(&mut self, t: u64, node: NodeId, view: View) {
        let Some(Committed { view: former, tip }) = self.committed.filter(|former| former.view < view) else {
            return;
        };
        let through = self.copies.through(node);
        let problem = if through < tip.index {
            format!("with a log that ends with place {through}")
        } else if self
            .copies
            .prefix(node, tip.index)
            .is_some_and(|prefix| prefix != tip.prefix)
        {
            "with another log".to_owned()
        } else {
            return;
        };
        let sentence = format!(
            "{node} took up view {view} {problem}, and place {} had been committed in view {former}",
            tip.index
        );
        self.findings.add(AnomalyKind::Forgotten, t, sentence);
    }

    /// `node` does what only the primary of `view` may.
    fn act(&mut self, t: u64, node: NodeId, view: View) {
        let Some(primary) = self.eras.primary_of(view) else {
            let sentence =
                format!("{node} acted as primary of view {view}, in an epoch that nobody had entered");
            return self.findings.add(AnomalyKind::BrokenSuccession, t, sentence);
        };
        if node != primary {
            let sentence = format!("{node} acted as primary of view {view}, which is the turn of {primary}");
            self.findings.add(AnomalyKind::TwoPrimaries, t, sentence);
        }
    }

    fn call_committed(&mut self, t: u64, life: Life, view: View, op: OpNumber) {
        self.act(t, life.node, view);
        self.stages
            .take_part(t, life, "called something committed", &mut self.findings);
        self.votes.decide(
            t,
            life.node,
            index(op),
            None,
            "called committed",
            &mut self.findings,
        );
    }

    fn execute(&mut self, t: u64, life: Life, role: Role, view: View, step: Step) {
        if role == Role::Primary {
            self.act(t, life.node, view);
            self.reads.carry_out(life.node, view, step.index);
        }
        match self.prefix.carry_out(t, life, step, &mut self.findings) {
            // What it did otherwise than others has been told.
            Agreement::Different => {}
            Agreement::First | Agreement::Same => self.votes.decide(
                t,
                life.node,
                step.index,
                step.value,
                "carried out",
                &mut self.findings,
            ),
        }
    }

    fn prepare(&mut self, t: u64, life: Life, view: View, through: Index) {
        let node = life.node;
        self.views
            .reach(t, node, view, "confirmed entries of", &mut self.findings);
        self.stages
            .take_part(t, life, "confirmed entries", &mut self.findings);
        let held = self.copies.through(node);
        if held < through {
            let sentence = format!(
                "{node} confirmed everything through place {through} when its log ended with place {held}"
            );
            self.findings.add(AnomalyKind::Hole, t, sentence);
        }
    }

    fn prune(&mut self) {
        self.events += 1;
        if self.events.is_multiple_of(EVENTS_BETWEEN_PRUNINGS) {
            let passed = self.prefix.prune();
            self.votes.settle(passed);
            self.copies.prune(passed);
        }
    }
}

impl Oracle<Node<KeyValue>> for VrOracle {
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
        anomalies
    }
}
