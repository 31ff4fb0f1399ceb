//! Nodes: started, stepped, paused, and killed between any two effects.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use systems::{Boot, Effect, Incarnation, Input, NodeId, Outbox, Replica, Time};

use super::filter::Filter;
use super::{Body, Logged, Packet, Place, Sight, System, World};

/// Where a node runs, or does not.
pub(super) struct Host<R: Replica> {
    pub(super) node: Option<R>,
    disk: Vec<R::Record>,
    pub(super) timers: BTreeMap<R::Timer, Time>,
    pub(super) paused: bool,
    /// What arrived while it was paused.
    backlog: VecDeque<Packet<R>>,
}

/// When a doomed node dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    BeforeEffect,
    AfterEffect,
}

/// That a node dies with a certain effect.
pub(super) struct Doom<R: Replica> {
    node: NodeId,
    moment: Moment,
    matches: Filter<Effect<R>>,
}

impl<S: System> World<S> {
    pub(crate) fn start(&mut self, node: NodeId) {
        self.lives += 1;
        let boot = Boot {
            node,
            incarnation: Incarnation(self.lives * 1000 + self.rng.u64(0..1000)),
            seed: self.rng.u64(..),
        };
        let host = self.hosts.get_mut(&node).unwrap();
        assert!(host.node.is_none(), "{node} runs already");
        host.node = Some(S::Replica::recover(&self.config, boot, host.disk.clone()));
        self.step(node, Input::Start);
    }

    pub(crate) fn kill(&mut self, node: NodeId) {
        let host = self.hosts.get_mut(&node).unwrap();
        *host = Host {
            disk: std::mem::take(&mut host.disk),
            ..Host::empty()
        };
    }

    pub(crate) fn restart(&mut self, node: NodeId) {
        self.kill(node);
        self.start(node);
    }

    /// Everything `node` had made durable is gone.
    pub(crate) fn lose_disk(&mut self, node: NodeId) {
        self.hosts.get_mut(&node).unwrap().disk.clear();
    }

    /// `node` dies at the first effect that matches: a send, a record made durable, an event.
    pub(crate) fn doom(
        &mut self,
        node: NodeId,
        moment: Moment,
        matches: impl Fn(&Effect<S::Replica>) -> bool + 'static,
    ) {
        self.dooms.push(Doom {
            node,
            moment,
            matches: Filter::new(matches),
        });
    }

    pub(crate) fn pause(&mut self, node: NodeId) {
        self.hosts.get_mut(&node).unwrap().paused = true;
    }

    pub(crate) fn resume(&mut self, node: NodeId) {
        let host = self.hosts.get_mut(&node).unwrap();
        host.paused = false;
        for packet in std::mem::take(&mut host.backlog) {
            self.put_on_wire(packet, Duration::ZERO);
        }
    }

    pub(crate) fn is_paused(&self, node: NodeId) -> bool {
        self.hosts[&node].paused
    }

    pub(super) fn deliver_to_node(&mut self, node: NodeId, packet: Packet<S::Replica>) {
        let host = self.hosts.get_mut(&node).unwrap();
        if host.paused {
            return host.backlog.push_back(packet);
        }
        if host.node.is_none() {
            if let Place::Client(_) = packet.from {
                self.send(Packet {
                    from: packet.to,
                    to: packet.from,
                    body: Body::Unreachable(node),
                });
            }
            return;
        }
        let input = match (packet.from, packet.body) {
            (Place::Node(from), Body::Message(message)) => Input::Message { from, message },
            (Place::Client(from), Body::Request(request)) => Input::Request { from, request },
            (from, body) => panic!("{from:?} cannot send {body:?} to a node"),
        };
        self.step(node, input);
    }

    pub(super) fn step(&mut self, node: NodeId, input: Input<S::Replica>) {
        let mut out = Outbox::new();
        let Some(core) = self.hosts.get_mut(&node).and_then(|host| host.node.as_mut()) else {
            return;
        };
        core.step(self.now, input, &mut out);
        for effect in out.drain().collect::<Vec<_>>() {
            let doom = self.doom_of(node, &effect);
            if doom != Some(Moment::BeforeEffect) {
                self.carry_out(node, effect);
            }
            if doom.is_some() || self.dies_by_chance(node) {
                self.crashed.push(node);
                self.sees(|| Sight::Died { node });
                return self.kill(node);
            }
        }
    }

    fn dies_by_chance(&mut self, node: NodeId) -> bool {
        self.happens(self.chances.crash) && S::expendable(&self.observer, &self.running()).contains(&node)
    }

    /// When `node` dies of `effect`; a doom is over with that.
    fn doom_of(&mut self, node: NodeId, effect: &Effect<S::Replica>) -> Option<Moment> {
        let mut dooms = self.dooms.iter();
        let index = dooms.position(|doom| doom.node == node && doom.matches.matches(effect))?;
        Some(self.dooms.remove(index).moment)
    }

    fn carry_out(&mut self, node: NodeId, effect: Effect<S::Replica>) {
        let from = Place::Node(node);
        let host = self.hosts.get_mut(&node).unwrap();
        match effect {
            Effect::Send { to, message } => self.send(Packet {
                from,
                to: Place::Node(to),
                body: Body::Message(message),
            }),
            Effect::Reply { to, response } => self.send(Packet {
                from,
                to: Place::Client(to),
                body: Body::Response(response),
            }),
            Effect::Observe(event) => {
                S::note(&mut self.observer, node, &event);
                self.sees(|| Sight::Event {
                    node,
                    event: event.clone(),
                });
                let at = self.now;
                self.log.push(Logged { at, node, event });
            }
            Effect::Arm { timer, after } => {
                host.timers.insert(timer, self.now + after);
            }
            Effect::Disarm(timer) => {
                host.timers.remove(&timer);
            }
            Effect::Persist(record) => host.disk.push(record),
            Effect::Compact(records) => host.disk = records,
        }
    }
}

impl<R: Replica> Host<R> {
    pub(super) fn empty() -> Self {
        Self {
            node: None,
            disk: Vec::new(),
            timers: BTreeMap::new(),
            paused: false,
            backlog: VecDeque::new(),
        }
    }
}
