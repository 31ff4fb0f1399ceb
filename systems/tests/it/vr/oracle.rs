//! What must hold of every run: the invariants of Vanlightly's models, recounted from what the replicas said of themselves, and
//! answers that could be those of one store.

use std::collections::BTreeMap;

use systems::NodeId;
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

struct Recount {
    members: Members,
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
        Self {
            members: Members::new(world.config.members.iter().copied()),
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
            Event::Committed { op, .. } => self.recount(node, *op),
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

    /// AcknowledgedWritesExistOnMajority: what is called committed is in enough durable logs.
    fn recount(&mut self, node: NodeId, op: OpNumber) {
        let Some(prefix) = self.held[&node].prefixes.get(&op).copied() else {
            return;
        };
        let holders = self.held.values().filter(|held| held.has(op, prefix)).count();
        if holders < self.members.majority() {
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
        if role == Role::Primary && first != node && self.members.primary_of(view) != node {
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
