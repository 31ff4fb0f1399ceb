//! The second phase: values under way to the acceptors, and the votes for them.
//!
//! Every slot is proposed once in a turn and keeps its value; it is said again only to nodes that did not hear of it. Slots are
//! chosen in any order and committed without a gap.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Peer;
use super::queue::Queue;
use super::votes::Votes;
use crate::group::Command;
use crate::node_id::NodeId;
use crate::paxos::ballot::{Ballot, Slot};
use crate::paxos::consensus::{Consensus, Done};
use crate::paxos::event::{Event, Role};
use crate::paxos::message::{Beat, Message, Proposal, Value};
use crate::paxos::{BATCH_BYTES_MAX, BATCH_SLOTS_MAX, Config, Flaw, Node};
use crate::replica::Outbox;
use crate::service::kv::Op;

/// What a leader has under way.
#[derive(Debug, Clone)]
pub(super) struct Proposing {
    /// Through this slot earlier ballots may have committed something.
    covered: Slot,
    /// The slot of the next value.
    next: Slot,
    /// What the read showed, in the order of slots; it goes before anything that clients ask for.
    imposed: VecDeque<Value>,
    /// The slots that are proposed and not committed.
    flights: BTreeMap<Slot, Flight>,
    /// About how many bytes those take.
    flying_bytes: usize,
    /// How many commands of clients were proposed in this turn.
    commands: u64,
    /// Who has not answered the last proposal. Nothing depends on it, but for a flaw.
    unanswered: BTreeSet<NodeId>,
}

/// A slot that is proposed and not committed.
#[derive(Debug, Clone)]
struct Flight {
    votes: Votes,
    /// The last beat before it was first said.
    beat: Beat,
    bytes: usize,
}

/// Values for consecutive slots.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) first: Slot,
    pub(super) values: Vec<Value>,
}

impl Proposing {
    pub(super) fn begin(next: Slot, imposed: VecDeque<Value>) -> Self {
        Self {
            covered: Slot(next.plus(imposed.len()).0.saturating_sub(1)),
            next,
            imposed,
            flights: BTreeMap::new(),
            flying_bytes: 0,
            commands: 0,
            unanswered: BTreeSet::new(),
        }
    }

    /// The next values to propose, as many as one message may hold and as may be under way; none when there is nothing to do.
    pub(super) fn next_batch(
        &mut self,
        consensus: &Consensus,
        waiting: &mut Queue,
        config: &Config,
    ) -> Option<Batch> {
        if self.is_blocked(config) {
            return None;
        }
        let ahead = self.next.since(consensus.committed());
        let room = config
            .window_slots
            .saturating_sub(ahead.saturating_sub(1))
            .min(BATCH_SLOTS_MAX);
        let room_bytes = config
            .window_bytes
            .saturating_sub(self.flying_bytes)
            .min(BATCH_BYTES_MAX);
        let (mut values, mut bytes) = (Vec::new(), 0);
        while values.len() < room && bytes < room_bytes {
            let Some(value) = self.next_value(waiting, config) else {
                break;
            };
            bytes += value.bytes();
            values.push(value);
        }
        let first = self.next;
        self.next = first.plus(values.len());
        (!values.is_empty()).then_some(Batch { first, values })
    }

    /// Whether everything is applied that earlier ballots may have committed.
    pub(super) fn has_covered(&self, consensus: &Consensus) -> bool {
        self.covered <= consensus.committed()
    }

    /// Whether something waits and may go.
    pub(super) fn has_work(&self, waiting: &Queue) -> bool {
        !self.imposed.is_empty() || !waiting.is_empty()
    }

    fn next_value(&mut self, waiting: &mut Queue, config: &Config) -> Option<Value> {
        if let Some(value) = self.imposed.pop_front() {
            return Some(value);
        }
        if config.turn.is_some_and(|turn| turn.commands_max <= self.commands) {
            return None;
        }
        let command = waiting.pop()?;
        self.commands += 1;
        Some(Value::Command(command))
    }

    /// `batch` is under way since `beat`; the leader itself accepts it.
    pub(super) fn send(&mut self, batch: &Batch, me: NodeId, beat: Beat, peers: &BTreeMap<NodeId, Peer>) {
        for (slot, value) in batch.first.run(batch.values.len()).zip(&batch.values) {
            let (mut votes, bytes) = (Votes::default(), value.bytes());
            votes.add(me);
            self.flying_bytes += bytes;
            self.flights.insert(slot, Flight { votes, beat, bytes });
        }
        self.unanswered = peers.keys().copied().collect();
    }

    /// `voter` has accepted `count` slots from `first` on.
    pub(super) fn vote(&mut self, voter: NodeId, first: Slot, count: u64) {
        let end = Slot(first.0.saturating_add(count));
        if first < end {
            for (_, flight) in self.flights.range_mut(first..end) {
                flight.votes.add(voter);
            }
        }
        self.unanswered.remove(&voter);
    }

    /// Commits the slots that a quorum has accepted, as far as there is no gap.
    pub(super) fn commit(
        &mut self,
        consensus: &mut Consensus,
        config: &Config,
        out: &mut Outbox<Node>,
    ) -> Vec<Done> {
        let mut done = Vec::new();
        while let Some(flight) = self.flights.first_entry()
            && flight.get().votes.are_quorum(config)
        {
            assert_eq!(
                *flight.key(),
                consensus.committed().next(),
                "a leader has every slot after the decided ones under way"
            );
            self.flying_bytes -= flight.remove().bytes;
            done.extend(consensus.commit(Role::Leader, config, out));
        }
        done
    }

    /// What was said before `beat` and not accepted by `peer`, in messages of bounded length.
    pub(super) fn unheard_of(&self, peer: NodeId, beat: Beat, consensus: &Consensus) -> Vec<Batch> {
        let mut batches: Vec<Batch> = Vec::new();
        let mut bytes = 0;
        let lost = self
            .flights
            .iter()
            .filter(|(_, flight)| flight.beat < beat && !flight.votes.has(peer));
        for (&slot, flight) in lost {
            let Some(entry) = consensus.entry(slot) else {
                continue;
            };
            match batches.last_mut() {
                Some(batch) if batch.end() == slot && bytes < BATCH_BYTES_MAX => {
                    batch.values.push(entry.value.clone())
                }
                Some(_) | None => {
                    bytes = 0;
                    batches.push(Batch {
                        first: slot,
                        values: vec![entry.value.clone()],
                    });
                }
            }
            bytes += flight.bytes;
        }
        batches
    }

    /// The clients' commands that are under way.
    pub(super) fn under_way<'a>(&'a self, consensus: &'a Consensus) -> impl Iterator<Item = &'a Command<Op>> {
        let values = self.flights.keys().filter_map(|&slot| consensus.entry(slot));
        values.filter_map(|entry| match &entry.value {
            Value::Noop => None,
            Value::Command(command) => Some(command),
        })
    }

    /// Only with a flaw: somebody has not answered yet, and nothing else is sent before he has.
    pub(super) fn is_blocked(&self, config: &Config) -> bool {
        config.has(Flaw::BlockingSend) && !self.unanswered.is_empty()
    }
}

impl Batch {
    fn end(&self) -> Slot {
        self.first.plus(self.values.len())
    }

    pub(super) fn message(&self, ballot: Ballot, committed: Slot) -> Message {
        Message::Propose(Proposal {
            ballot,
            first: self.first,
            values: self.values.clone(),
            committed,
        })
    }

    pub(super) fn event(&self, ballot: Ballot) -> Event {
        Event::Proposed {
            ballot,
            first: self.first,
            values: self.values.iter().map(Value::digest).collect(),
        }
    }
}
