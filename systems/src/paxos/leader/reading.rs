//! The first phase: asking everybody what they accepted, and finding out from a quorum's answers what must be imposed.
//!
//! Each answer tells how far its sender's log is decided, and lists everything accepted after that with the ballot. So for every slot
//! beyond what *any* of them knows to be decided, the leader knows what all of them accepted. If a value was chosen there at an
//! earlier ballot, one of the quorum accepted it, and no higher ballot proposed another: the value of the highest ballot is the one.
//! Where none of them accepted anything nothing was chosen, and a no-op may be put. What others know to be decided is fetched first.

use std::collections::{BTreeMap, VecDeque};

use super::queue::Queue;
use crate::node_id::NodeId;
use crate::paxos::ballot::Slot;
use crate::paxos::consensus::Consensus;
use crate::paxos::message::{Beat, Entry, Placed, Value};
use crate::paxos::{Config, Flaw};
use crate::time::Time;

/// A read that is under way.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    answers: BTreeMap<NodeId, Progress>,
    /// Of everything reported, per slot, the entry of the highest ballot.
    found: BTreeMap<Slot, Entry>,
    /// What this node held itself when it began.
    own: BTreeMap<Slot, Entry>,
    progressed: Time,
}

/// How far the answer of one node has come.
#[derive(Debug, Clone, Copy)]
enum Progress {
    /// The piece from this slot on was asked for, after that beat.
    Asked { from: Slot, after: Beat },
    /// It is complete, and the node's log is decided through this slot.
    Complete { committed: Slot },
}

/// A piece of an answer.
#[derive(Debug)]
pub(in crate::paxos) struct Answer {
    pub(in crate::paxos) from: Slot,
    pub(in crate::paxos) committed: Slot,
    pub(in crate::paxos) entries: Vec<Placed>,
    pub(in crate::paxos) next: Option<Slot>,
}

/// How far the leader's own log must be decided before it may impose anything, and who knows what it lacks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) node: NodeId,
    pub(super) committed: Slot,
}

impl Reading {
    /// Asks nobody yet but this node itself.
    pub(super) fn begin(now: Time, me: NodeId, consensus: &Consensus, config: &Config) -> Self {
        let committed = consensus.committed();
        let own = consensus.undecided(config);
        let asked = Progress::Asked {
            from: Slot::ZERO,
            after: Beat::default(),
        };
        let mut answers: BTreeMap<NodeId, Progress> = config.others(me).map(|peer| (peer, asked)).collect();
        answers.insert(me, Progress::Complete { committed });
        Self {
            answers,
            found: own.clone(),
            own,
            progressed: now,
        }
    }

    pub(super) fn note_progress(&mut self, now: Time) {
        self.progressed = now;
    }

    /// Since when nothing has come.
    pub(super) fn progressed(&self, began: Time, config: &Config) -> Time {
        if config.has(Flaw::SyncLongerThanTimeout) {
            began
        } else {
            self.progressed
        }
    }

    /// A node has heard of everything that was said before `beat`. If it was asked before that and has not answered, question or answer
    /// got lost: returns from which slot on it must be asked again.
    pub(super) fn lost(&mut self, peer: NodeId, beat: Beat, now: Beat) -> Option<Slot> {
        match self.answers.get_mut(&peer) {
            Some(Progress::Asked { from, after }) if *after < beat => {
                *after = now;
                Some(*from)
            }
            Some(Progress::Asked { .. } | Progress::Complete { .. }) | None => None,
        }
    }

    /// Takes a piece in. Returns where the next one begins, if there is one.
    pub(super) fn note(
        &mut self,
        now: Time,
        from: NodeId,
        answer: Answer,
        beat: Beat,
        config: &Config,
    ) -> Option<Slot> {
        match self.answers.get(&from) {
            Some(Progress::Asked { from: asked, .. }) if *asked == answer.from => (),
            // A copy, or not the piece that is wanted.
            Some(_) | None => return None,
        }
        self.progressed = now;
        for Placed { slot, entry } in answer.entries {
            self.find(slot, entry, config);
        }
        let next = answer.next.filter(|next| answer.from < *next);
        let progress = match next {
            Some(from) => Progress::Asked { from, after: beat },
            None => Progress::Complete {
                committed: answer.committed,
            },
        };
        self.answers.insert(from, progress);
        next
    }

    fn find(&mut self, slot: Slot, entry: Entry, config: &Config) {
        let higher = self
            .found
            .get(&slot)
            .is_none_or(|known| known.ballot < entry.ballot);
        if higher || config.has(Flaw::PreferRemote) {
            self.found.insert(slot, entry);
        }
    }

    /// Whose answers are complete.
    pub(super) fn quorum(&self) -> Vec<NodeId> {
        self.complete().map(|target| target.node).collect()
    }

    fn complete(&self) -> impl Iterator<Item = Target> {
        self.answers
            .iter()
            .filter_map(|(&node, progress)| match *progress {
                Progress::Complete { committed } => Some(Target { node, committed }),
                Progress::Asked { .. } => None,
            })
    }

    /// The one of a quorum whose log is decided furthest; none while the answers of a quorum are not complete.
    pub(super) fn target(&self, config: &Config) -> Option<Target> {
        if self.complete().count() < config.quorum() {
            return None;
        }
        self.complete().max_by_key(|target| target.committed)
    }

    /// The values to impose in consecutive slots after what is decided, and the last of these slots.
    pub(super) fn impose(
        &mut self,
        consensus: &Consensus,
        waiting: &mut Queue,
        config: &Config,
    ) -> (VecDeque<Value>, Slot) {
        let decided = consensus.committed();
        let last = self
            .found
            .keys()
            .next_back()
            .copied()
            .unwrap_or(decided)
            .max(decided);
        let found = if config.has(Flaw::NoopWithoutRead) {
            &mut self.own
        } else {
            &mut self.found
        };
        let mut value = |slot: Slot| {
            if config.has(Flaw::OwnValueFirst)
                && let Some(command) = waiting.pop()
            {
                return Value::Command(command);
            }
            found.remove(&slot).map_or(Value::Noop, |entry| entry.value)
        };
        let values = decided.next().run(last.since(decided)).map(&mut value).collect();
        (values, last)
    }
}
