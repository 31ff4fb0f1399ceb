//! The clients of a simulated cluster: one session a process, all on one host.

use std::collections::{BTreeMap, BTreeSet};

use histories::{Invocation, Process};
use systems::{NodeId, Session};

use super::timers::Timers;

/// One process's client.
#[derive(Debug)]
pub(super) struct Client<S: Session> {
    pub(super) session: S,
    pub(super) timers: Timers<S::Timer>,
    /// What it was asked for and has not concluded.
    pub(super) invocation: Option<Invocation>,
    /// The nodes it has a connection to.
    pub(super) connected: BTreeSet<NodeId>,
}

/// All clients that may still ask for something.
#[derive(Debug)]
pub(super) struct Clients<S: Session>(BTreeMap<Process, Client<S>>);

impl<S: Session> Clients<S> {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The client of `process`, made by `open` if there is none.
    pub(super) fn open(&mut self, process: Process, open: impl FnOnce() -> S) -> &mut Client<S> {
        self.0.entry(process).or_insert_with(|| Client {
            session: open(),
            timers: Timers::new(),
            invocation: None,
            connected: BTreeSet::new(),
        })
    }

    /// The client of `process`, unless it has retired.
    pub(super) fn get(&mut self, process: Process) -> Option<&mut Client<S>> {
        self.0.get_mut(&process)
    }

    pub(super) fn retire(&mut self, process: Process) {
        self.0.remove(&process);
    }

    /// Breaks all connections to `node`; whose they were.
    pub(super) fn disconnect(&mut self, node: NodeId) -> Vec<Process> {
        let broken = self
            .0
            .iter_mut()
            .filter_map(|(process, client)| client.connected.remove(&node).then_some(*process));
        broken.collect()
    }
}
