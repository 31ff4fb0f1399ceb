//! A node as leader: it reads what the others accepted, imposes it, and then has clients' commands accepted, slot by slot.
//!
//! It uses one ballot, which was promised to nobody before and is durable as this node's own promise before anybody hears of it. What
//! the leader may propose in a slot follows from its read alone ([`Reading`]); when it may commit follows from the votes of distinct nodes
//! alone ([`Proposing`]).
//!
//! It asks a silent peer how far it is before it says anything again: a beat asks, and only what was said before a beat that was
//! answered can have been lost.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::group::{Command, Refusal, Response};
use crate::node_id::NodeId;
use crate::paxos::ballot::{Ballot, Slot};
use crate::paxos::consensus::{Consensus, Done};
use crate::paxos::event::{CommandId, Event};
use crate::paxos::message::{Beat, BeatStage, Heartbeat, Message, Question, Timer};
use crate::paxos::{Config, Flaw, Node, Reads};
use crate::replica::Outbox;
use crate::service::kv::{KeyValue, Op};
use crate::service::{Applied, Footprint, Service};
use crate::time::Time;

mod confirming;
mod proposing;
mod queue;
mod reading;
mod votes;

use confirming::Confirming;
use proposing::Proposing;
use queue::Queue;
pub(super) use reading::Answer;
use reading::Reading;

/// A leader, or a node that is about to be one.
#[derive(Debug, Clone)]
pub(super) struct Leader {
    ballot: Ballot,
    began: Time,
    beat: Beat,
    peers: BTreeMap<NodeId, Peer>,
    /// Commands that wait for a slot, in order.
    waiting: Queue,
    /// Reads that wait for a quorum's word.
    confirming: Confirming,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Reading(Reading),
    Leading(Proposing),
}

/// What a leader knows of another node.
#[derive(Debug, Clone, Copy)]
struct Peer {
    /// When it last answered anything of this ballot.
    heard: Option<Time>,
    /// The last beat it answered.
    answered: Beat,
    /// The beat that was the last one when proposals were said again to it.
    resent: Beat,
}

/// Slots that a node has accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) first: Slot,
    pub(super) count: u64,
}

/// What a read still lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// Answers.
    Answers,
    /// Decided values, which this node has.
    Values(NodeId),
    /// Nothing: the leader leads now, or has for a while.
    Nothing,
}

impl Leader {
    /// Begins to read at `ballot`, which this node has just promised itself to.
    pub(super) fn begin(
        now: Time,
        ballot: Ballot,
        consensus: &Consensus,
        config: &Config,
        out: &mut Outbox<Node>,
    ) -> Self {
        assert_eq!(
            consensus.promised(),
            Some(ballot),
            "a leader's ballot is its own promise"
        );
        out.observe(Event::Reading { ballot });
        let others = config.others(ballot.node);
        let unheard = Peer {
            heard: None,
            answered: Beat::default(),
            resent: Beat::default(),
        };
        let leader = Self {
            ballot,
            began: now,
            beat: Beat::default(),
            peers: others.map(|peer| (peer, unheard)).collect(),
            waiting: Queue::default(),
            confirming: Confirming::default(),
            stage: Stage::Reading(Reading::begin(now, ballot.node, consensus, config)),
        };
        leader.ask_everybody(config, out);
        out.arm(Timer::Beat, config.beat_interval);
        leader
    }

    pub(super) const fn ballot(&self) -> Ballot {
        self.ballot
    }

    pub(super) const fn is_leading(&self) -> bool {
        matches!(self.stage, Stage::Leading(_))
    }

    /// Whether a quorum, itself included, has answered within `span`.
    pub(super) fn hears_quorum(&self, now: Time, span: Duration, config: &Config) -> bool {
        let heard = |peer: &&Peer| peer.heard.is_some_and(|heard| now.since(heard) < span);
        config.quorum() <= 1 + self.peers.values().filter(heard).count()
    }

    pub(super) fn hear(&mut self, now: Time, from: NodeId) {
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.heard = Some(now);
        }
    }

    // Reading.

    /// A node answers the read.
    pub(super) fn on_gather(
        &mut self,
        now: Time,
        from: NodeId,
        answer: Answer,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        if let Stage::Reading(reading) = &mut self.stage
            && let Some(next) = reading.note(now, from, answer, self.beat, config)
        {
            let ballot = self.ballot;
            out.send(from, Message::Read { ballot, from: next });
        }
    }

    /// Begins to lead if the read is complete; otherwise says what it lacks.
    pub(super) fn take_over(
        &mut self,
        consensus: &Consensus,
        config: &Config,
        out: &mut Outbox<Node>,
    ) -> Lack {
        let Stage::Reading(reading) = &mut self.stage else {
            return Lack::Nothing;
        };
        let Some(target) = reading.target(config) else {
            return Lack::Answers;
        };
        if consensus.committed() < target.committed {
            return Lack::Values(target.node);
        }
        let quorum = reading.quorum();
        let (imposed, through) = reading.impose(consensus, &mut self.waiting, config);
        out.observe(Event::TookOver {
            ballot: self.ballot,
            quorum,
            committed: consensus.committed(),
            imposed: through,
        });
        self.stage = Stage::Leading(Proposing::begin(consensus.committed().next(), imposed));
        Lack::Nothing
    }

    /// The catch-up that a read needs has come further.
    pub(super) fn note_progress(&mut self, now: Time) {
        if let Stage::Reading(reading) = &mut self.stage {
            reading.note_progress(now);
        }
    }

    fn ask_everybody(&self, config: &Config, out: &mut Outbox<Node>) {
        for &peer in audience(&self.peers, config) {
            let (ballot, from) = (self.ballot, Slot::ZERO);
            out.send(peer, Message::Read { ballot, from });
        }
    }

    // Leading.

    /// A client asks for something.
    pub(super) fn on_command(&mut self, command: Command<Op>, config: &Config, out: &mut Outbox<Node>) {
        let taken = match (config.reads, KeyValue::footprint(&command.op)) {
            (Reads::Confirmed, Footprint::Reads) => {
                let id = command_id(&command);
                out.observe(Event::ReadAsked { command: id });
                self.confirming.push(command, config)
            }
            (Reads::ThroughLog, _) | (Reads::Confirmed, Footprint::Writes) => {
                self.waiting.push(command, config)
            }
        };
        if let Err(command) = taken {
            return refuse(&command, Refusal::Busy, out);
        }
        // What else comes in at the same time goes along.
        out.arm(Timer::Flush, Duration::ZERO);
    }

    /// Proposes as much of what waits as may be under way at once.
    pub(super) fn pump(&mut self, consensus: &mut Consensus, config: &Config, out: &mut Outbox<Node>) {
        let Stage::Leading(proposing) = &mut self.stage else {
            return;
        };
        while let Some(batch) = proposing.next_batch(consensus, &mut self.waiting, config) {
            out.observe(batch.event(self.ballot));
            let message = batch.message(self.ballot, consensus.committed());
            for peer in listeners(&self.peers, self.beat, config) {
                out.send(peer, message.clone());
            }
            proposing.send(&batch, self.ballot.node, self.beat, &self.peers);
            consensus.accept(self.ballot, batch.first, batch.values, config, out);
        }
        let question = self.confirming.next_question();
        self.put(question, config, out);
        // Alone it is a quorum.
        if config.quorum() == 1 {
            self.commit(consensus, config, out);
        }
    }

    fn put(&self, question: Option<Question>, config: &Config, out: &mut Outbox<Node>) {
        let Some(question) = question else { return };
        let ballot = self.ballot;
        for &peer in audience(&self.peers, config) {
            out.send(peer, Message::Confirm { ballot, question });
        }
    }

    /// A node still goes by this leader.
    pub(super) fn on_confirmed(
        &mut self,
        from: NodeId,
        question: Question,
        consensus: &Consensus,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        self.confirming.confirm(from, question);
        self.answer_reads(consensus, config, out);
        let question = self.confirming.next_question();
        self.put(question, config, out);
    }

    /// Answers the reads that are confirmed, once everything is applied that they have to see.
    fn answer_reads(&mut self, consensus: &Consensus, config: &Config, out: &mut Outbox<Node>) {
        match &self.stage {
            Stage::Leading(proposing) if proposing.has_covered(consensus) => (),
            Stage::Leading(_) | Stage::Reading(_) => return,
        }
        for command in self.confirming.confirmed(config) {
            answer_read(&command, consensus, out);
        }
    }

    /// A node has accepted what was proposed.
    pub(super) fn on_ack(
        &mut self,
        from: NodeId,
        accepted: Run,
        consensus: &mut Consensus,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        let Stage::Leading(proposing) = &mut self.stage else {
            return;
        };
        proposing.vote(from, accepted.first, accepted.count);
        self.commit(consensus, config, out);
    }

    /// Commits what a quorum has accepted, in order, and answers.
    pub(super) fn commit(&mut self, consensus: &mut Consensus, config: &Config, out: &mut Outbox<Node>) {
        let Stage::Leading(proposing) = &mut self.stage else {
            return;
        };
        let done = proposing.commit(consensus, config, out);
        for done in done {
            answer(done, out);
        }
        self.answer_reads(consensus, config, out);
        consensus.compact_when_long(config, out);
        if let Stage::Leading(proposing) = &self.stage
            && proposing.has_work(&self.waiting)
        {
            self.pump(consensus, config, out);
        }
    }

    /// A node has heard of everything that was said before `beat`: what it has not accepted since got lost, and is said again.
    pub(super) fn on_alive(
        &mut self,
        from: NodeId,
        beat: Beat,
        consensus: &Consensus,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        peer.answered = peer.answered.max(beat);
        let proposing = match &mut self.stage {
            Stage::Leading(proposing) => proposing,
            Stage::Reading(reading) => {
                let ballot = self.ballot;
                return if let Some(slot) = reading.lost(from, beat, self.beat) {
                    out.send(from, Message::Read { ballot, from: slot });
                };
            }
        };
        if beat <= peer.resent || config.has(Flaw::BlockingSend) {
            return;
        }
        let lost = proposing.unheard_of(from, beat, consensus);
        if lost.is_empty() {
            return;
        }
        peer.resent = self.beat;
        for batch in lost {
            out.send(from, batch.message(self.ballot, consensus.committed()));
        }
    }

    /// Says that it is there.
    pub(super) fn beat(&mut self, committed: Slot, config: &Config, out: &mut Outbox<Node>) {
        self.beat = self.beat.next();
        let stage = match self.stage {
            Stage::Reading(_) => BeatStage::Reading,
            Stage::Leading(_) => BeatStage::Leading,
        };
        if stage == BeatStage::Leading || !config.has(Flaw::SyncLongerThanTimeout) {
            let heartbeat = Heartbeat {
                ballot: self.ballot,
                stage,
                beat: self.beat,
                committed,
            };
            for &peer in audience(&self.peers, config) {
                out.send(peer, Message::Beat(heartbeat));
            }
        }
        if stage == BeatStage::Leading {
            let question = self.confirming.question_again();
            self.put(question, config, out);
        }
        out.arm(Timer::Beat, config.beat_interval);
    }

    /// Whether it has waited in vain for so long that another had better try.
    pub(super) fn has_failed(&self, now: Time, config: &Config) -> bool {
        let limit = config.leader_patience();
        match &self.stage {
            Stage::Reading(reading) => limit <= now.since(reading.progressed(self.began, config)),
            Stage::Leading(proposing) => {
                limit <= now.since(self.began)
                    && !self.hears_quorum(now, limit, config)
                    && !proposing.is_blocked(config)
            }
        }
    }

    /// Whether it has led for as long as one leader shall.
    pub(super) fn has_had_its_turn(&self, now: Time, config: &Config) -> bool {
        config
            .turn
            .is_some_and(|turn| turn.lasts <= now.since(self.began))
    }

    /// Tells the clients that wait that somebody else must be asked: what became of their commands is not known here any more.
    pub(super) fn resign(self, next: Option<NodeId>, consensus: &Consensus, out: &mut Outbox<Node>) {
        let refusal = Refusal::Redirect { leader: next };
        if let Stage::Leading(proposing) = &self.stage {
            for command in proposing.under_way(consensus) {
                refuse(command, refusal.clone(), out);
            }
        }
        for command in self.waiting.iter() {
            refuse(command, refusal.clone(), out);
        }
        self.confirming.resign(&refusal, out);
        out.disarm(Timer::Beat);
        out.disarm(Timer::Flush);
    }
}

/// A peer that has not answered so many beats is sent nothing but beats.
const LAG_BEATS_MAX: u64 = 5;

/// Whom a leader speaks to.
fn audience<'a>(peers: &'a BTreeMap<NodeId, Peer>, config: &Config) -> impl Iterator<Item = &'a NodeId> {
    let count = if config.has(Flaw::BroadcastSubset) {
        config.quorum() - 1
    } else {
        peers.len()
    };
    peers.keys().take(count)
}

/// Who is sent proposals: whoever answers, and is not far behind with that. What is said to the others only waits somewhere on the way,
/// and makes them later still; they are told what they lack when they answer.
fn listeners(peers: &BTreeMap<NodeId, Peer>, beat: Beat, config: &Config) -> Vec<NodeId> {
    let listens = |peer: &&NodeId| {
        let peer = &peers[*peer];
        peer.heard.is_some() && beat.since(peer.answered) <= LAG_BEATS_MAX
    };
    audience(peers, config).filter(listens).copied().collect()
}

/// Answers the client whose command was applied.
fn answer(done: Done, out: &mut Outbox<Node>) {
    let Done { command, applied } = done;
    match applied {
        Applied::Now(answer) | Applied::Before(answer) => {
            let number = command.number;
            out.reply(command.client, Response::Answered { number, answer });
        }
        Applied::Stale => refuse(&command, Refusal::Stale, out),
        Applied::Expired => refuse(&command, Refusal::Expired, out),
    }
}

/// Answers a read from what has been applied.
pub(super) fn answer_read(command: &Command<Op>, consensus: &Consensus, out: &mut Outbox<Node>) {
    let answer = consensus
        .read(&command.op)
        .expect("only what reads waits to be confirmed");
    out.observe(Event::ReadAnswered {
        command: command_id(command),
        after: consensus.committed(),
    });
    let number = command.number;
    out.reply(command.client, Response::Answered { number, answer });
}

pub(super) const fn command_id(command: &Command<Op>) -> CommandId {
    CommandId {
        client: command.client,
        number: command.number,
    }
}

/// Tells the client of `command` why this copy of it was turned away.
pub(super) fn refuse(command: &Command<Op>, refusal: Refusal, out: &mut Outbox<Node>) {
    let number = command.number;
    out.reply(command.client, Response::Refused { number, refusal });
}
