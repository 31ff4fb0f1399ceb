//! What a node knows of the log: what it promised and accepted, what is decided, and the state that follows from it.
//!
//! The acceptor's part is [`Consensus::promise`] and [`Consensus::accept`]; the learner's is [`Consensus::learn`] and
//! [`Consensus::commit`]. Both share one map of entries, because a slot is read, re-proposed and told to others from what stands there,
//! decided or not.
//!
//! Invariants:
//! * A promise or an acceptance is durable before the method that makes it returns, so before anybody is told.
//! * Nothing is accepted below the promise (the caller refuses it; [`Consensus::accept`] asserts it).
//! * The log is decided without a gap through [`Consensus::committed`], and the state is that of exactly these slots, in order. A slot
//!   beyond a hole waits.
//! * An entry at or before `committed` holds the chosen value. Whatever is accepted or learned there later can only repeat it.

use std::collections::BTreeMap;

use crate::group::Command;
use crate::node_id::NodeId;
use crate::paxos::ballot::{Ballot, Round, Slot};
use crate::paxos::event::{CommandId, Event, Outcome, Reason, Role};
use crate::paxos::message::{Entry, Placed, Record, Value};
use crate::paxos::{Config, Flaw, Node};
use crate::replica::Outbox;
use crate::service::digest::Digest;
use crate::service::kv::{Answer, KeyValue, Op};
use crate::service::{Applied, Machine};

mod durable;

/// A node's part of the log.
#[derive(Debug, Clone)]
pub(super) struct Consensus {
    promised: Option<Ballot>,
    /// What stands in the slots after `forgotten`, accepted or learned.
    entries: BTreeMap<Slot, Entry>,
    /// About how many bytes `entries` take.
    kept_bytes: usize,
    /// What stood in the slots through this one is not kept any more. At most `committed`.
    forgotten: Slot,
    committed: Slot,
    machine: Machine<KeyValue>,
    /// The length of the last snapshot that was made durable.
    snapshot_bytes: usize,
}

/// A command that was applied, and what came of it.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) command: Command<Op>,
    pub(super) applied: Applied<Answer>,
}

/// A piece of the answer to a read.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) entries: Vec<Placed>,
    pub(super) next: Option<Slot>,
}

/// Why a run of slots cannot be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unacceptable {
    /// It reaches further ahead of what is decided than a node keeps.
    TooFarAhead,
    /// Another value was accepted in one of the slots at the very same ballot.
    Contradiction,
}

impl Consensus {
    pub(super) fn empty(config: &Config) -> Self {
        Self {
            promised: None,
            entries: BTreeMap::new(),
            kept_bytes: 0,
            forgotten: Slot::ZERO,
            committed: Slot::ZERO,
            machine: Machine::new(config.clients_max),
            snapshot_bytes: 0,
        }
    }

    pub(super) const fn promised(&self) -> Option<Ballot> {
        self.promised
    }

    /// The round of its promise.
    pub(super) fn round(&self) -> Round {
        self.promised.map_or(Round::ZERO, |ballot| ballot.round)
    }

    pub(super) const fn committed(&self) -> Slot {
        self.committed
    }

    pub(super) const fn machine(&self) -> &Machine<KeyValue> {
        &self.machine
    }

    pub(super) fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(&slot)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (Slot, &Entry)> {
        self.entries.iter().map(|(slot, entry)| (*slot, entry))
    }

    /// How many slots are kept, and about how many bytes they take.
    pub(super) fn kept(&self) -> (usize, usize) {
        (self.entries.len(), self.kept_bytes)
    }

    /// Whether it has promised not to listen to `ballot` any more.
    pub(super) fn has_left(&self, ballot: Ballot) -> bool {
        self.promised.is_some_and(|promised| ballot < promised)
    }

    // The acceptor.

    /// Accepts nothing of an earlier ballot from now on, durably.
    pub(super) fn promise(&mut self, ballot: Ballot, durability: Durability, out: &mut Outbox<Node>) {
        if self.promised == Some(ballot) {
            return;
        }
        assert!(!self.has_left(ballot), "a promise is never taken back");
        self.promised = Some(ballot);
        match durability {
            Durability::Kept => out.persist(Record::Promised(ballot)),
            Durability::Lost => (),
        }
        let committed = self.committed;
        out.observe(Event::Promised { ballot, committed });
    }

    /// Accepts `values` in consecutive slots from `first` on, durably. Those that are forgotten are decided, so they need no record.
    pub(super) fn accept(
        &mut self,
        ballot: Ballot,
        first: Slot,
        values: Vec<Value>,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        assert!(
            !self.has_left(ballot) || config.has(Flaw::AcceptBelowPromise),
            "nothing is accepted below the promise"
        );
        let skipped = self.forgotten.next().since(first).min(values.len());
        let first = first.plus(skipped);
        let values: Vec<Value> = values.into_iter().skip(skipped).collect();
        if values.is_empty() {
            return;
        }

        let digests = values.iter().map(Value::digest).collect();
        if !self.holds(ballot, first, values.len()) {
            self.store(ballot, first, values, config, out);
        }
        // Said again with every answer: an earlier life may have died before it could say it.
        out.observe(Event::Accepted {
            ballot,
            first,
            values: digests,
        });
    }

    /// Whether `values` of `ballot` from `first` on can be accepted as far as memory and what was accepted before go.
    pub(super) fn check(
        &self,
        ballot: Ballot,
        first: Slot,
        values: &[Value],
        config: &Config,
    ) -> Result<(), Unacceptable> {
        let ahead = first.plus(values.len()).since(self.committed.next());
        let kept_bytes_max = config
            .kept_bytes_max
            .max(self.snapshot_bytes)
            .saturating_add(config.ahead_bytes_max);
        if config.ahead_slots_max < ahead || kept_bytes_max < self.kept_bytes {
            return Err(Unacceptable::TooFarAhead);
        }
        let differs = |(slot, value): (Slot, &Value)| {
            self.entry(slot)
                .is_some_and(|entry| entry.ballot == ballot && entry.value != *value)
        };
        if first.run(values.len()).zip(values).any(differs) {
            return Err(Unacceptable::Contradiction);
        }
        Ok(())
    }

    /// What was accepted in the slots that are not decided.
    pub(super) fn undecided(&self, config: &Config) -> BTreeMap<Slot, Entry> {
        if config.has(Flaw::GatherCommittedOnly) {
            return BTreeMap::new();
        }
        let undecided = self.entries.range(self.committed.next()..);
        undecided.map(|(slot, entry)| (*slot, entry.clone())).collect()
    }

    fn holds(&self, ballot: Ballot, first: Slot, count: usize) -> bool {
        first
            .run(count)
            .all(|slot| self.entry(slot).is_some_and(|entry| entry.ballot == ballot))
    }

    fn store(
        &mut self,
        ballot: Ballot,
        first: Slot,
        values: Vec<Value>,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        if !config.has(Flaw::AcceptNotDurable) {
            out.persist(Record::Accepted {
                ballot,
                first,
                values: values.clone(),
                committed: self.committed,
            });
        }
        self.promised = self.promised.max(Some(ballot));
        for (slot, value) in first.run(values.len()).zip(values) {
            self.put(slot, Entry { ballot, value });
        }
    }

    fn put(&mut self, slot: Slot, entry: Entry) {
        if slot <= self.forgotten {
            return;
        }
        self.kept_bytes += entry.value.bytes();
        if let Some(former) = self.entries.insert(slot, entry) {
            self.kept_bytes -= former.value.bytes();
        }
    }

    /// What was accepted from `from` on, after all that is decided, in at most about `bytes_max` bytes and at least one entry.
    pub(super) fn page(&self, from: Slot, config: &Config) -> Page {
        if config.has(Flaw::GatherCommittedOnly) {
            return Page {
                entries: Vec::new(),
                next: None,
            };
        }
        let whole_history = config.has(Flaw::SyncLongerThanTimeout);
        let begin = if whole_history {
            from
        } else {
            from.max(self.committed.next())
        };
        let mut bytes = 0;
        let mut page = Page {
            entries: Vec::new(),
            next: None,
        };
        for (&slot, entry) in self.entries.range(begin..) {
            if config.page_bytes_max <= bytes {
                page.next = Some(slot);
                break;
            }
            bytes += entry.value.bytes();
            let entry = entry.clone();
            page.entries.push(Placed { slot, entry });
        }
        page
    }

    // The learner.

    /// Hears from `from` that `entries` were chosen in consecutive slots from `first` on, and applies them. What does not continue the
    /// decided part is left.
    pub(super) fn learn(
        &mut self,
        from: NodeId,
        first: Slot,
        entries: Vec<Entry>,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        let next = self.committed.next();
        let known = next.since(first);
        if next < first || entries.len() <= known {
            return;
        }
        let entries: Vec<Entry> = entries.into_iter().skip(known).collect();
        let count = entries.len();
        if !config.has(Flaw::AcceptNotDurable) {
            let entries = entries.clone();
            out.persist(Record::Learned { first: next, entries });
        }
        out.observe(Event::Learned {
            from,
            first: next,
            values: entries.iter().map(|entry| entry.value.digest()).collect(),
        });
        self.place(next, entries);
        for _ in 0..count {
            self.commit(Role::Follower, config, out);
        }
    }

    /// Puts chosen values in their slots. What was accepted at a higher ballot is the same value; the higher ballot stays.
    fn place(&mut self, first: Slot, entries: Vec<Entry>) {
        for (slot, entry) in first.run(entries.len()).zip(entries) {
            let ballot = self.entry(slot).map(|held| held.ballot);
            let ballot = ballot.map_or(entry.ballot, |held| held.max(entry.ballot));
            self.put(slot, Entry { ballot, ..entry });
        }
    }

    /// Commits what it accepted at `ballot`, as far as its leader says that it is decided. It stops at the first slot where it holds
    /// nothing, or something of another ballot, which may be another value.
    pub(super) fn follow(&mut self, ballot: Ballot, through: Slot, config: &Config, out: &mut Outbox<Node>) {
        while self.committed < through {
            let next = self.committed.next();
            let held = self.entry(next).map(|entry| entry.ballot);
            let fits = held.is_some_and(|held| held == ballot || config.has(Flaw::CommitWithoutValue));
            if fits {
                self.commit(Role::Follower, config, out);
            } else if config.has(Flaw::HoleSkipped) {
                self.committed = next;
            } else {
                return;
            }
        }
    }

    /// The next slot is decided, and what stands there is its value: applies it.
    ///
    /// # Panics
    /// When nothing stands there.
    pub(super) fn commit(&mut self, role: Role, config: &Config, out: &mut Outbox<Node>) -> Option<Done> {
        let slot = self.committed.next();
        let entry = self
            .entries
            .get(&slot)
            .expect("a slot is decided by whoever holds its value");
        let (value, ballot) = (entry.value.digest(), entry.ballot);
        let command = match &entry.value {
            Value::Noop => None,
            Value::Command(command) => Some(command.clone()),
        };
        self.committed = slot;
        let done = command.map(|command| {
            let applied = apply(&mut self.machine, &command, config);
            Done { command, applied }
        });
        out.observe(Event::Applied {
            slot,
            value,
            ballot,
            role,
            command: done.as_ref().map(Done::id),
            outcome: done.as_ref().map(Done::outcome),
            digest: self.machine.digest(),
        });
        done
    }

    /// What was decided from `from` on, in about `bytes_max` bytes and at least one value; none when it is not kept any more.
    pub(super) fn chosen(&self, from: Slot, bytes_max: usize) -> Option<Vec<Entry>> {
        if from <= self.forgotten {
            return None;
        }
        let mut bytes = 0;
        let decided = self
            .entries
            .range(from..)
            .take_while(|(slot, _)| **slot <= self.committed);
        let within = decided.take_while(|(_, entry)| {
            let fits = bytes == 0 || bytes < bytes_max;
            bytes += entry.value.bytes();
            fits
        });
        Some(within.map(|(_, entry)| entry.clone()).collect())
    }

    /// The answer to `op`, which only reads, from what has been applied.
    pub(super) fn read(&self, op: &Op) -> Option<Answer> {
        self.machine.service().read(op)
    }

    /// Of everything applied so far.
    pub(super) fn digest(&self) -> Digest {
        self.machine.digest()
    }
}

/// Whether a promise is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// Yes.
    Kept,
    /// Only a flaw does without.
    Lost,
}

/// Carries out `command`, unless it was carried out in an earlier slot.
fn apply(machine: &mut Machine<KeyValue>, command: &Command<Op>, config: &Config) -> Applied<Answer> {
    let Command {
        client,
        number,
        ref op,
    } = *command;
    if config.has(Flaw::DuplicateCommand) {
        Applied::Now(machine.perform(client, number, op))
    } else {
        machine.apply(client, number, op)
    }
}

impl Done {
    fn id(&self) -> CommandId {
        let Command { client, number, .. } = self.command;
        CommandId { client, number }
    }

    fn outcome(&self) -> Outcome {
        match self.applied {
            Applied::Now(_) => Outcome::Now,
            Applied::Before(_) => Outcome::Before,
            Applied::Stale => Outcome::Stale,
            Applied::Expired => Outcome::Expired,
        }
    }
}

impl Unacceptable {
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::TooFarAhead => Reason::TooFarAhead,
            Self::Contradiction => Reason::Malformed,
        }
    }
}
