//! What must be true of every run: of the nodes' events, of the copies at the end, and of what the clients saw. What was chosen is
//! recounted from what acceptors did.

use std::collections::{BTreeMap, BTreeSet};

use systems::NodeId;
use systems::paxos::{Ballot, Event, Slot};
use systems::service::Digest;

use super::Paxos;
use crate::kv::not_linearizable;
use crate::world::{Logged, World};

/// Everything that must hold at any time.
pub(super) fn check(world: &World<Paxos>) {
    let found = violations(world);
    assert!(found.is_empty(), "{found:#?}\n{world:?}");
}

/// The same, as what is wrong.
pub(super) fn violations(world: &World<Paxos>) -> Vec<String> {
    let mut recount = Recount::new(world.config.members.len());
    for logged in &world.log {
        recount.note(logged);
    }
    let mut found = recount.found;
    found.extend(not_linearizable(&world.calls));
    found
}

/// The copies of all that run, once nothing goes on any more.
pub(super) fn unequal_copies(world: &World<Paxos>) -> Option<String> {
    (!world.agrees()).then(|| "the copies differ".to_owned())
}

/// Follows the events, believing acceptors what they did and nobody what he concluded.
#[derive(Debug)]
struct Recount {
    quorum: usize,
    found: Vec<String>,
    /// Who proposed at a ballot.
    proposers: BTreeMap<Ballot, NodeId>,
    /// The last promise of each node, over all its lives.
    promised: BTreeMap<NodeId, Ballot>,
    /// The value of a slot at a ballot, and who accepted it.
    accepted: BTreeMap<(Slot, Ballot), (Digest, BTreeSet<NodeId>)>,
    chosen: BTreeMap<Slot, Digest>,
    /// Through which slot each node has applied, in its present life.
    applied: BTreeMap<NodeId, Slot>,
    /// Of everything applied through a slot.
    states: BTreeMap<Slot, Digest>,
}

impl Recount {
    fn new(nodes: usize) -> Self {
        Self {
            quorum: nodes / 2 + 1,
            found: Vec::new(),
            proposers: BTreeMap::new(),
            promised: BTreeMap::new(),
            accepted: BTreeMap::new(),
            chosen: BTreeMap::new(),
            applied: BTreeMap::new(),
            states: BTreeMap::new(),
        }
    }

    fn note(&mut self, logged: &Logged<Event>) {
        let node = logged.node;
        match &logged.event {
            Event::Started {
                promised,
                committed,
                digest,
                ..
            } => {
                if *promised < self.promised.get(&node).copied() {
                    self.wrong(format!("I2: {node} came back having forgotten a promise"));
                }
                self.applied.insert(node, *committed);
                self.state(node, *committed, *digest);
            }
            Event::Promised { ballot, .. } => self.promise(node, *ballot),
            Event::Proposed {
                ballot,
                first,
                values,
            } => {
                if *self.proposers.entry(*ballot).or_insert(node) != node {
                    self.wrong(format!("I1: two nodes proposed at {ballot}"));
                }
                for (slot, value) in first.run(values.len()).zip(values) {
                    self.value(slot, *ballot, *value);
                }
            }
            Event::Accepted {
                ballot,
                first,
                values,
            } => {
                if self.promised.get(&node).is_some_and(|promised| ballot < promised) {
                    self.wrong(format!("I5: {node} accepted at {ballot} below its promise"));
                }
                for (slot, value) in first.run(values.len()).zip(values) {
                    self.accept(node, slot, *ballot, *value);
                }
            }
            Event::Applied {
                slot, value, digest, ..
            } => self.apply(node, *slot, *value, *digest),
            Event::Installed { through, digest, .. } => {
                self.applied.insert(node, *through);
                self.state(node, *through, *digest);
            }
            Event::Rotated { .. }
            | Event::Reading { .. }
            | Event::TookOver { .. }
            | Event::Learned { .. }
            | Event::Compacted { .. }
            | Event::SteppedDown { .. }
            | Event::ReadAsked { .. }
            | Event::ReadAnswered { .. }
            | Event::Ignored { .. }
            | Event::Halted => (),
        }
    }

    fn wrong(&mut self, what: String) {
        if self.found.len() < 5 {
            self.found.push(what);
        }
    }

    fn promise(&mut self, node: NodeId, ballot: Ballot) {
        if self
            .promised
            .insert(node, ballot)
            .is_some_and(|before| ballot <= before)
        {
            self.wrong(format!("I2: {node} promised {ballot} after a higher one"));
        }
    }

    fn value(&mut self, slot: Slot, ballot: Ballot, value: Digest) {
        let known = self
            .accepted
            .entry((slot, ballot))
            .or_insert((value, BTreeSet::new()));
        if known.0 != value {
            self.wrong(format!("I5: two values in slot {slot} at {ballot}"));
        }
    }

    fn accept(&mut self, node: NodeId, slot: Slot, ballot: Ballot, value: Digest) {
        self.value(slot, ballot, value);
        self.promised
            .entry(node)
            .and_modify(|known| *known = ballot.max(*known))
            .or_insert(ballot);
        let (_, voters) = self
            .accepted
            .get_mut(&(slot, ballot))
            .expect("it was entered just now");
        voters.insert(node);
        if self.quorum <= voters.len() && *self.chosen.entry(slot).or_insert(value) != value {
            self.wrong(format!("I5: two values were chosen in slot {slot}"));
        }
    }

    fn apply(&mut self, node: NodeId, slot: Slot, value: Digest, digest: Digest) {
        let before = self.applied.insert(node, slot).unwrap_or(Slot::ZERO);
        if before.next() != slot {
            self.wrong(format!("I12: {node} applied slot {slot} after {before}"));
        }
        match self.chosen.get(&slot) {
            None => self.wrong(format!(
                "I6: {node} committed slot {slot}, where nothing was chosen"
            )),
            Some(chosen) if *chosen != value => {
                self.wrong(format!("I3: {node} committed another value in slot {slot}"));
            }
            Some(_) => (),
        }
        self.state(node, slot, digest);
    }

    fn state(&mut self, node: NodeId, slot: Slot, digest: Digest) {
        if *self.states.entry(slot).or_insert(digest) != digest {
            self.wrong(format!("I8: {node} is in another state after slot {slot}"));
        }
    }
}
