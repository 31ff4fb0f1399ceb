//! A node: takes in what comes, keeps the count of rounds, and hands everything to the leader or the follower in it, whichever is
//! active. It is one or the other: while a node leads nobody else's proposals reach its log, and while it follows it proposes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::group::{Epoch, Member, Refusal, Request, Response};
use crate::node_id::NodeId;
use crate::paxos::Config;
use crate::paxos::ballot::{Ballot, Round, Slot};
use crate::paxos::catch_up::CatchUp;
use crate::paxos::consensus::Consensus;
use crate::paxos::event::{Cause, Event, Reason};
use crate::paxos::leader::{Leader, refuse};
use crate::paxos::message::{Entry, Message, Record, Timer, Value};
use crate::paxos::rotation::{Rotation, Wait};
use crate::replica::{Boot, ClientId, Incarnation, Input, Outbox, Replica};
use crate::service::kv::{Answer, KeyValue, Op};
use crate::service::{Machine, Service};
use crate::time::Time;
use crate::transfer::Piece;

mod flawed;
mod following;
mod leading;

use flawed::StartUp;

/// A node of the cluster.
#[derive(Debug, Clone)]
pub struct Node {
    config: Config,
    me: NodeId,
    incarnation: Incarnation,
    rotation: Rotation,
    consensus: Consensus,
    catch_up: CatchUp,
    part: Part,
    /// When each peer was last heard of.
    heard: BTreeMap<NodeId, Time>,
    /// Whom it waits for since it came to life. Only a flaw waits.
    start_up: Option<StartUp>,
}

/// Its part in the present round.
#[derive(Debug, Clone)]
enum Part {
    Follower(Follower),
    Leader(Box<Leader>),
    /// It has stopped for good.
    Halted,
}

/// A node that follows.
#[derive(Debug, Clone, Default)]
struct Follower {
    /// When the leader of this round was last heard of.
    heard: Option<Time>,
}

impl Node {
    fn on_start(&mut self, out: &mut Outbox<Self>) {
        out.observe(Event::Started {
            node: self.me,
            incarnation: self.incarnation,
            promised: self.consensus.promised(),
            committed: self.consensus.committed(),
            digest: self.consensus.digest(),
        });
        if let Part::Halted = self.part {
            return out.observe(Event::Halted);
        }
        self.wait_for_sign(Wait::NextSign, out);
        self.await_all_peers(out);
    }

    fn on_message(&mut self, now: Time, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        if from == self.me || !self.config.members.contains(&from) {
            return ignore(from, Reason::Stranger, out);
        }
        if self.awaits_peers(from, &message) {
            return;
        }
        self.hear(now, from, out);
        match message {
            Message::Bump { round } => self.on_bump(now, from, round, out),
            Message::Nack { ballot, round } => self.on_nack(now, from, ballot, round, out),
            Message::Read { ballot, from: slot } => self.on_read(now, from, ballot, slot, out),
            Message::Propose(proposal) => self.on_propose(now, from, proposal, out),
            Message::Beat(heartbeat) => self.on_beat(now, from, heartbeat, out),
            Message::Confirm { ballot, question } => self.on_confirm(now, from, ballot, question, out),
            Message::Gather { .. }
            | Message::Ack { .. }
            | Message::Alive { .. }
            | Message::Confirmed { .. } => {
                self.on_answer(now, from, message, out);
            }
            Message::Fetch(wanted) => {
                let (consensus, config) = (&self.consensus, &self.config);
                self.catch_up.on_fetch(now, from, wanted, consensus, config, out);
            }
            Message::Chosen {
                first,
                entries,
                committed,
            } => self.on_chosen(now, from, first, entries, committed, out),
            Message::Snapshot { through, piece } => self.on_snapshot(now, from, through, &piece, out),
            Message::SnapshotProgress { through, bytes } => {
                self.catch_up
                    .on_progress(now, from, through, bytes, &self.config, out);
            }
        }
    }

    /// A peer speaks. After a long silence that is news: how long it was worth waiting for leaders while they could not be reached does not hold any more.
    fn hear(&mut self, now: Time, from: NodeId, out: &mut Outbox<Self>) {
        let before = self.heard.insert(from, now);
        let was_heard = before.is_some_and(|before| now.since(before) < self.config.patience_max);
        if was_heard || self.hears_leader(now) || !self.rotation.has_grown_patient(&self.config) {
            return;
        }
        self.rotation.begin_anew();
        if let Part::Follower(_) = &self.part {
            self.wait_for_sign(Wait::FirstSign, out);
        }
    }

    fn on_request(&mut self, from: ClientId, request: Request<Op>, out: &mut Outbox<Self>) {
        let command = request.of(from);
        if let Some(answer) = KeyValue::refuse(&command.op) {
            let number = command.number;
            return out.reply(from, Response::Answered { number, answer });
        }
        if self.answers_alone(&command, out) {
            return;
        }
        match &mut self.part {
            Part::Leader(leader) => leader.on_command(command, &self.config, out),
            Part::Follower(_) => {
                let leader = self.leader();
                refuse(&command, Refusal::Redirect { leader }, out);
            }
            Part::Halted => (),
        }
    }

    fn on_timeout(&mut self, now: Time, timer: Timer, out: &mut Outbox<Self>) {
        match (timer, &self.part) {
            (Timer::Patience, Part::Follower(_)) => self.on_silence(now, out),
            (Timer::Beat, Part::Leader(_)) => self.on_beat_due(now, out),
            (Timer::Flush, Part::Leader(_)) => self.on_flush(out),
            (Timer::Patience | Timer::Beat | Timer::Flush, _) => (),
        }
    }

    // The count of rounds.

    /// The leader has been silent for too long: it is somebody else's turn.
    fn on_silence(&mut self, now: Time, out: &mut Outbox<Self>) {
        if !self.endures(out) {
            self.rotate(now, Cause::Timeout, out);
        }
    }

    /// Moves on to the next round, and tells everybody.
    fn rotate(&mut self, now: Time, cause: Cause, out: &mut Outbox<Self>) {
        let round = self.rotation.round().next();
        // Whoever leads that round hears of it by what it reads.
        if round.leader(&self.config.members) != self.me {
            self.announce(round, out);
        }
        self.adopt(now, round, cause, out);
    }

    fn announce(&self, round: Round, out: &mut Outbox<Self>) {
        for peer in self.config.others(self.me) {
            out.send(peer, Message::Bump { round });
        }
    }

    /// Another node's count is larger, or smaller. Nobody is believed that a leader is gone while that leader can be heard, but for the
    /// leader itself.
    fn on_bump(&mut self, now: Time, from: NodeId, round: Round, out: &mut Outbox<Self>) {
        let mine = self.rotation.round();
        if round < mine {
            return out.send(from, Message::Bump { round: mine });
        }
        if round == mine {
            return;
        }
        if self.hears_leader(now) && self.leader() != Some(from) {
            return ignore(from, Reason::LeaderHeard, out);
        }
        self.adopt(now, round, Cause::Larger, out);
    }

    /// A node refuses this leader because it is in a later round. It can never accept anything of this one, so this turn is over.
    fn on_nack(&mut self, now: Time, from: NodeId, ballot: Ballot, round: Round, out: &mut Outbox<Self>) {
        match &self.part {
            Part::Leader(leader) if leader.ballot() == ballot && self.rotation.round() < round => {
                if round.leader(&self.config.members) != self.me {
                    self.announce(round, out);
                }
                self.adopt(now, round, Cause::Larger, out);
            }
            Part::Leader(_) | Part::Follower(_) | Part::Halted => ignore(from, Reason::OldBallot, out),
        }
    }

    /// Is in `round` from now on, which is later than the one before, and leads it if it is its own.
    fn adopt(&mut self, now: Time, round: Round, cause: Cause, out: &mut Outbox<Self>) {
        self.rotation.move_to(round);
        let leader = round.leader(&self.config.members);
        let former = std::mem::replace(&mut self.part, Part::Follower(Follower::default()));
        if let Part::Leader(former) = former {
            let ballot = former.ballot();
            out.observe(Event::SteppedDown { ballot, cause });
            let next = Some(leader).filter(|&next| next != self.me);
            former.resign(next, &self.consensus, out);
        }
        out.observe(Event::Rotated { round, leader, cause });
        if leader == self.me {
            self.lead(now, out);
        } else {
            self.wait_for_sign(Wait::FirstSign, out);
        }
    }

    fn wait_for_sign(&mut self, wait: Wait, out: &mut Outbox<Self>) {
        let patience = self.rotation.patience(wait, &self.config);
        out.arm(Timer::Patience, patience);
    }

    /// Whether the leader of this round has given a sign of life of late. Leading itself, whether a quorum has.
    fn hears_leader(&self, now: Time) -> bool {
        let span: Duration = self.config.loyalty();
        match &self.part {
            Part::Follower(follower) => follower.heard.is_some_and(|heard| now.since(heard) < span),
            Part::Leader(leader) => leader.hears_quorum(now, span, &self.config),
            Part::Halted => true,
        }
    }

    /// Whose turn it is, if it is another's.
    fn leader(&self) -> Option<NodeId> {
        let leader = self.rotation.round().leader(&self.config.members);
        Some(leader).filter(|&leader| leader != self.me)
    }

    // Catching up.

    /// A node tells what was decided.
    fn on_chosen(
        &mut self,
        now: Time,
        from: NodeId,
        first: Slot,
        entries: Vec<Entry>,
        committed: Slot,
        out: &mut Outbox<Self>,
    ) {
        if self.is_leading() {
            return ignore(from, Reason::OtherStage, out);
        }
        let before = self.consensus.committed();
        self.consensus.learn(from, first, entries, &self.config, out);
        if self.consensus.committed() == before {
            return;
        }
        self.note_progress(now);
        self.catch_up.answered(&self.config);
        self.consensus.compact_when_long(&self.config, out);
        if self.consensus.committed() < committed {
            let next = self.consensus.committed().next();
            self.catch_up.ask(now, from, next, &self.config, out);
        } else {
            self.catch_up.rest();
        }
        self.read_on(now, out);
    }

    fn on_snapshot(&mut self, now: Time, from: NodeId, through: Slot, piece: &Piece, out: &mut Outbox<Self>) {
        if self.is_leading() || through <= self.consensus.committed() {
            return ignore(from, Reason::OtherStage, out);
        }
        self.note_progress(now);
        let config = &self.config;
        let arrived = self.catch_up.on_piece(now, from, through, piece, config, out);
        if let Some(arrived) = arrived {
            self.catch_up.answered(&self.config);
            self.consensus
                .install(from, arrived.through, &arrived.snapshot, config, out);
        }
        self.read_on(now, out);
    }

    // What can be seen from outside.

    fn is_leading(&self) -> bool {
        match &self.part {
            Part::Leader(leader) => leader.is_leading(),
            Part::Follower(_) | Part::Halted => false,
        }
    }

    /// The ballot at which it leads now, having read.
    #[must_use]
    pub fn leading(&self) -> Option<Ballot> {
        match &self.part {
            Part::Leader(leader) if leader.is_leading() => Some(leader.ballot()),
            Part::Leader(_) | Part::Follower(_) | Part::Halted => None,
        }
    }

    /// The log is decided and applied through this slot, as far as it knows.
    #[must_use]
    pub const fn committed(&self) -> Slot {
        self.consensus.committed()
    }

    /// The state that follows from the decided slots.
    #[must_use]
    pub const fn machine(&self) -> &Machine<KeyValue> {
        self.consensus.machine()
    }

    /// What stands in `slot`, if that is kept: the decided value where it is decided, what it accepted last otherwise.
    #[must_use]
    pub fn value(&self, slot: Slot) -> Option<&Value> {
        self.consensus.entry(slot).map(|entry| &entry.value)
    }

    /// Everything that is kept, by slot.
    pub fn held(&self) -> impl Iterator<Item = (Slot, &Value)> {
        self.consensus.entries().map(|(slot, entry)| (slot, &entry.value))
    }

    /// How many slots it keeps in memory, and about how many bytes they take.
    #[must_use]
    pub fn kept(&self) -> (usize, usize) {
        self.consensus.kept()
    }
}

impl Replica for Node {
    type Config = Config;
    type Message = Message;
    type Request = Request<Op>;
    type Response = Response<Answer>;
    type Timer = Timer;
    type Record = Record;
    type Event = Event;

    fn recover(config: &Config, boot: Boot, records: Vec<Record>) -> Self {
        let (consensus, part) = match Consensus::recover(config, records) {
            Ok(consensus) => (consensus, Part::Follower(Follower::default())),
            // It must not go on as if it had promised nothing.
            Err(_) => (Consensus::empty(config), Part::Halted),
        };
        Self {
            config: config.clone(),
            me: boot.node,
            incarnation: boot.incarnation,
            // An earlier life may have led the round of the promise, so no life leads it again: whoever leads moves on first.
            rotation: Rotation::new(consensus.round(), boot.seed),
            consensus,
            catch_up: CatchUp::default(),
            part,
            heard: BTreeMap::new(),
            start_up: None,
        }
    }

    fn step(&mut self, now: Time, input: Input<Self>, out: &mut Outbox<Self>) {
        if let (Part::Halted, false) = (&self.part, matches!(input, Input::Start)) {
            return;
        }
        match input {
            Input::Start => self.on_start(out),
            Input::Message { from, message } => self.on_message(now, from, message, out),
            Input::Request { from, request } => self.on_request(from, request, out),
            Input::Timeout(timer) => self.on_timeout(now, timer, out),
        }
    }
}

impl Member for Node {
    type Service = KeyValue;

    fn ask(_: Epoch, request: Request<Op>) -> Request<Op> {
        request
    }
}

fn ignore(from: NodeId, reason: Reason, out: &mut Outbox<Node>) {
    out.observe(Event::Ignored { from, reason });
}
