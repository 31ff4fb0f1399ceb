//! What must hold of every run: the invariants of Vanlightly's models, recounted from what the replicas said of themselves, and
//! answers that could be those of one store.

use std::collections::BTreeMap;

use systems::NodeId;
use systems::group::Epoch;
use systems::service::Digest;
use systems::vr::{Event, Members, OpNumber, Role, View};

use super::Vr;
use crate::kv::not_linearizable;
use crate::world::World;

/// Everything that must hold holds.
pub(super) fn check(world: &World<Vr>) {
    let found = violations(world);
    assert!(found.is_empty(), "{found:#?}\n{world:?}");
}

/// What is wrong with the run so far.
pub(super) fn violations(world: &World<Vr>) -> Vec<String> {
    let mut recount = Recount::new(world);
    for logged in &world.log {
        recount.note(logged.node, &logged.event);
    }
    for node in world.running() {
        recount.look_at(node, world);
    }
    recount.found.extend(not_linearizable(&world.calls));
    recount.found
}

/// The durable log of one replica, as far as its events tell: the digest of everything up to each place.
#[derive(Default)]
struct Held {
    prefixes: BTreeMap<OpNumber, Digest>,
    /// Everything up to here is in a snapshot.
    snapshot: OpNumber,
    view: View,
    log_view: View,
}

/// An epoch, as the first that entered it says.
#[derive(Clone, PartialEq, Eq)]
struct Era {
    members: Members,
    op: OpNumber,
    prefix: Digest,
}

struct Recount {
    /// Who counts in each epoch.
    epochs: BTreeMap<Epoch, Era>,
    held: BTreeMap<NodeId, Held>,
    primaries: BTreeMap<View, NodeId>,
    /// NoAppStateDivergence: what everybody has made of the commands up to each place.
    states: BTreeMap<OpNumber, Digest>,
    /// NoLogDivergence: the digest of the committed log up to each place.
    committed: BTreeMap<OpNumber, Digest>,
    found: Vec<String>,
}

impl Recount {
    fn new(world: &World<Vr>) -> Self {
        let first = Era {
            members: Members::new(world.config.members.iter().copied()),
            op: OpNumber::ZERO,
            prefix: Digest::default(),
        };
        Self {
            epochs: BTreeMap::from([(Epoch::FIRST, first)]),
            held: BTreeMap::new(),
            primaries: BTreeMap::new(),
            states: BTreeMap::new(),
            committed: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    fn note(&mut self, node: NodeId, event: &Event) {
        let held = self.held.entry(node).or_default();
        match event {
            Event::Started {
                view,
                log_view,
                op,
                prefix,
                snapshot,
                ..
            } => {
                held.prefixes.retain(|place, _| place <= op);
                held.prefixes.insert(*op, *prefix);
                held.snapshot = held.snapshot.max(*snapshot);
                self.see_views(node, *view, *log_view);
            }
            Event::ViewEntered { view } => {
                let log_view = held.log_view;
                self.see_views(node, *view, log_view);
            }
            Event::SnapshotInstalled { base, .. } => {
                held.prefixes = BTreeMap::from([(base.op, base.prefix)]);
                held.snapshot = base.op;
            }
            Event::Installed {
                view, after, entries, ..
            } => {
                held.prefixes.retain(|place, _| place <= after);
                held.extend(*after, entries.iter().map(|entry| entry.prefix));
                self.see_views(node, *view, *view);
            }
            Event::Appended { after, entries, .. } => {
                held.extend(*after, entries.iter().map(|entry| entry.prefix));
            }
            Event::EpochBegan {
                view,
                members,
                op,
                prefix,
                ..
            } => {
                let era = Era {
                    members: Members::new(members.iter().copied()),
                    op: *op,
                    prefix: *prefix,
                };
                self.see_epoch(node, view.epoch, era);
            }
            Event::Committed { view, op } => self.recount(node, *view, *op),
            Event::Executed {
                view,
                op,
                role,
                digest,
                ..
            } => self.see_execution(node, *view, *op, *role, *digest),
            _ => (),
        }
    }

    /// v' <= v, and neither decreases, also over restarts.
    fn see_views(&mut self, node: NodeId, view: View, log_view: View) {
        let held = self.held.entry(node).or_default();
        if view < held.view || log_view < held.log_view || view < log_view {
            let (before, log_before) = (held.view, held.log_view);
            self.found.push(format!(
                "{node} went from views {before}, {log_before} to {view}, {log_view}"
            ));
        }
        (held.view, held.log_view) = (view, log_view);
    }

    /// An epoch begins once, where the one before ended: when more than half of the members it had hold the change.
    fn see_epoch(&mut self, node: NodeId, epoch: Epoch, era: Era) {
        let former = self.epochs.get(&Epoch(epoch.0 - 1)).map(|former| &former.members);
        let Some(former) = former else {
            return self.found.push(format!(
                "{node} is in epoch {epoch}, and nobody was in the one before"
            ));
        };
        let known = self.epochs.get(&epoch);
        if known.is_some_and(|known| *known != era) {
            self.found
                .push(format!("{node} has another beginning of epoch {epoch}"));
        }
        if known.is_none() && self.holders(former, era.op, era.prefix) < former.majority() {
            self.found.push(format!(
                "{node} began epoch {epoch} before place {} was committed",
                era.op
            ));
        }
        self.epochs.insert(epoch, era);
    }

    /// How many of `members` hold the log up to `op`.
    fn holders(&self, members: &Members, op: OpNumber, prefix: Digest) -> usize {
        let held = members.iter().filter_map(|node| self.held.get(&node));
        held.filter(|held| held.has(op, prefix)).count()
    }

    /// AcknowledgedWritesExistOnMajority: what is called committed is in enough durable logs of the epoch's members.
    fn recount(&mut self, node: NodeId, view: View, op: OpNumber) {
        let Some(prefix) = self.held[&node].prefixes.get(&op).copied() else {
            return;
        };
        let Some(Era { members, .. }) = self.epochs.get(&view.epoch) else {
            return self
                .found
                .push(format!("{node} acts in epoch {}, which nobody began", view.epoch));
        };
        let holders = self.holders(members, op, prefix);
        if holders < members.majority() {
            self.found
                .push(format!("{node} committed {op}, which only {holders} have"));
        }
        if *self.committed.entry(op).or_insert(prefix) != prefix {
            self.found
                .push(format!("two logs were committed up to {op}, one by {node}"));
        }
    }

    fn see_execution(&mut self, node: NodeId, view: View, op: OpNumber, role: Role, digest: Digest) {
        if *self.states.entry(op).or_insert(digest) != digest {
            self.found
                .push(format!("{node} made something else of the commands up to {op}"));
        }
        let first = *self.primaries.entry(view).or_insert(node);
        let members = self.epochs.get(&view.epoch).map(|era| &era.members);
        let has_turn = members.is_some_and(|members| members.primary_of(view) == node);
        if role == Role::Primary && first != node && !has_turn {
            self.found.push(format!("{node} acted as primary of view {view}"));
        }
    }

    /// CommitNumberNeverHigherThanOpNumber.
    fn look_at(&mut self, node: NodeId, world: &World<Vr>) {
        let replica = world.replica(node);
        let (commit, op) = (replica.commit(), replica.log().op());
        if op < commit {
            self.found
                .push(format!("{node} has carried out {commit} of {op} commands"));
        }
    }
}

impl Held {
    fn extend(&mut self, after: OpNumber, prefixes: impl Iterator<Item = Digest>) {
        for (place, prefix) in prefixes.enumerate() {
            self.prefixes.insert(after.plus(place + 1), prefix);
        }
    }

    fn has(&self, op: OpNumber, prefix: Digest) -> bool {
        op < self.snapshot || self.prefixes.get(&op) == Some(&prefix)
    }
}
