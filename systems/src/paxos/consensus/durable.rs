//! The part of the log that is on disk: reading it back, and replacing it by a snapshot when it has grown too long.
//!
//! How far the log was decided is not written down for itself but with every acceptance, so a restarted node may know a little less
//! than it did; it never takes anything for decided that was not.

use std::collections::BTreeMap;

use crate::node_id::NodeId;
use crate::paxos::ballot::Slot;
use crate::paxos::consensus::{Consensus, Durability};
use crate::paxos::event::{Event, Role};
use crate::paxos::message::{Entry, Record, Value};
use crate::paxos::{Config, Flaw, Node, SNAPSHOT_RECORD_BYTES_MAX};
use crate::replica::Outbox;
use crate::service::Machine;
use crate::transfer::{Arrival, Incoming, Whole};

/// The disk holds a snapshot that cannot be read; the node must not go on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::paxos) struct Unreadable;

impl Consensus {
    /// What `records` say.
    ///
    /// # Errors
    /// When a snapshot among them is none.
    pub(in crate::paxos) fn recover(config: &Config, records: Vec<Record>) -> Result<Self, Unreadable> {
        let mut recovered = Self::empty(config);
        let mut incoming = Incoming::default();
        let mut decided = Slot::ZERO;
        for record in records {
            match record {
                Record::Promised(ballot) => recovered.promised = recovered.promised.max(Some(ballot)),
                Record::Accepted {
                    ballot,
                    first,
                    values,
                    committed,
                } => {
                    recovered.promised = recovered.promised.max(Some(ballot));
                    for (slot, value) in first.run(values.len()).zip(values) {
                        recovered.put(slot, Entry { ballot, value });
                    }
                    decided = decided.max(committed);
                }
                Record::Learned { first, entries } => {
                    decided = decided.max(Slot(first.plus(entries.len()).0.saturating_sub(1)));
                    recovered.place(first, entries);
                }
                Record::Snapshot { through, piece } => match incoming.accept(&piece) {
                    Arrival::Partial => (),
                    Arrival::Whole(bytes) => recovered.begin_at(through, &bytes)?,
                    Arrival::Broken => return Err(Unreadable),
                },
            }
        }
        recovered.replay(decided, config);
        Ok(recovered)
    }

    /// Takes the state of `snapshot` for its own, and forgets the slots that led to it.
    fn begin_at(&mut self, through: Slot, snapshot: &[u8]) -> Result<(), Unreadable> {
        let machine = Machine::restore(snapshot).map_err(|_| Unreadable)?;
        self.machine = machine;
        self.snapshot_bytes = snapshot.len();
        self.committed = through;
        self.forget(through);
        Ok(())
    }

    /// Applies what was decided, silently: an earlier life has said so.
    fn replay(&mut self, decided: Slot, config: &Config) {
        let mut unheard = Outbox::new();
        while self.committed < decided && self.entry(self.committed.next()).is_some() {
            self.commit(Role::Follower, config, &mut unheard);
        }
    }

    fn forget(&mut self, through: Slot) {
        let kept = self.entries.split_off(&through.next());
        self.entries = kept;
        self.forgotten = through;
        self.kept_bytes = self.entries.values().map(|entry| entry.value.bytes()).sum();
    }

    /// Makes a snapshot durable in the place of the slots that led to it, if they have become too many. The last of them are kept in
    /// memory for nodes that lag a little.
    pub(in crate::paxos) fn compact_when_long(&mut self, config: &Config, out: &mut Outbox<Node>) {
        // Writing a snapshot costs its length, so a large one is worth as much of the log.
        let limit = config.kept_bytes_max.max(self.snapshot_bytes);
        if self.kept_bytes <= limit || self.committed <= self.forgotten {
            return;
        }
        let tail = self.tail(limit / 4);
        if tail <= self.forgotten {
            return;
        }
        self.forget(tail);
        self.compact(config, out);
    }

    /// The slot through which everything can be forgotten if `bytes` of decided values shall be kept.
    fn tail(&self, bytes: usize) -> Slot {
        let mut kept = 0;
        let decided = self.entries.range(..=self.committed).rev();
        decided
            .take_while(|(_, entry)| {
                kept += entry.value.bytes();
                kept <= bytes
            })
            .last()
            .map_or(self.committed, |(slot, _)| Slot(slot.0 - 1))
    }

    /// Replaces everything on disk by the state as it is, the promise, and what was accepted after it.
    fn compact(&mut self, config: &Config, out: &mut Outbox<Node>) {
        let whole = Whole::new(self.machine.snapshot());
        self.snapshot_bytes = whole.bytes().len();
        let through = self.committed;
        let pieces = whole.pieces(SNAPSHOT_RECORD_BYTES_MAX);
        let snapshot = pieces.map(|piece| Record::Snapshot { through, piece });
        let promise = self.promised.map(Record::Promised);
        let rest = self.undecided_records(config);
        out.compact(snapshot.chain(promise).chain(rest).collect());
        let (kept, kept_bytes) = self.kept();
        out.observe(Event::Compacted {
            through,
            forgotten: self.forgotten,
            kept: kept as u64,
            kept_bytes: kept_bytes as u64,
        });
    }

    fn undecided_records(&self, config: &Config) -> Vec<Record> {
        if config.has(Flaw::AcceptNotDurable) {
            return Vec::new();
        }
        let undecided: BTreeMap<Slot, &Entry> = self
            .entries
            .range(self.committed.next()..)
            .map(|(slot, entry)| (*slot, entry))
            .collect();
        let record = |(first, entry): (Slot, &Entry)| Record::Accepted {
            ballot: entry.ballot,
            first,
            values: Vec::<Value>::from([entry.value.clone()]),
            committed: self.committed,
        };
        undecided.into_iter().map(record).collect()
    }

    /// Takes over the state of another node that is further ahead, durably. Nothing happens when it is not, or no state.
    pub(in crate::paxos) fn install(
        &mut self,
        from: NodeId,
        through: Slot,
        snapshot: &[u8],
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        if through <= self.committed || self.begin_at(through, snapshot).is_err() {
            return;
        }
        let digest = self.digest();
        self.compact(config, out);
        out.observe(Event::Installed {
            from,
            through,
            digest,
        });
    }

    /// What its promises are worth.
    pub(in crate::paxos) fn durability(config: &Config) -> Durability {
        if config.has(Flaw::PromiseNotDurable) {
            Durability::Lost
        } else {
            Durability::Kept
        }
    }
}
