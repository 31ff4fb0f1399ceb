//! A view service and the pings that reach it, one by one. Time stands still between calls of [`Office::wait`].

use std::collections::BTreeMap;

use systems::pb::event::Acknowledgement;
use systems::pb::{Config, Event, Message, Node, Record, Request, Response, Stamp, Timer, View, ViewNumber};
use systems::{Boot, ClientId, Effect, Incarnation, Input, NodeId, Outbox, Replica, Time};

use super::cluster::vs;
use crate::world::n;

mod script;

pub(super) struct Office {
    node: Node,
    config: Config,
    now: Time,
    /// What is durable, oldest first.
    pub(super) disk: Vec<Record>,
    /// Which life of every server pings; the first is 0.
    lives: BTreeMap<NodeId, u64>,
    /// The last answer to each life of each server.
    echoes: BTreeMap<(NodeId, u64), Stamp>,
    pub(super) events: Vec<Event>,
}

/// A ping as it arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ping {
    pub(super) node: NodeId,
    pub(super) life: u64,
    pub(super) acknowledged: u64,
    pub(super) echo: Option<Stamp>,
}

impl Office {
    pub(super) fn open() -> Self {
        let config = Config::new(vs(), (1..=4).map(n).collect());
        let mut office = Self {
            node: Node::recover(&config, boot(1), Vec::new()),
            config,
            now: Time::from_nanos(1),
            disk: Vec::new(),
            lives: BTreeMap::new(),
            echoes: BTreeMap::new(),
            events: Vec::new(),
        };
        office.step(Input::Start);
        office
    }

    /// The view service dies and comes back with its disk.
    pub(super) fn restart(&mut self) {
        self.node = Node::recover(&self.config, boot(2), self.disk.clone());
        self.echoes.clear();
        self.step(Input::Start);
    }

    /// From now on `node` pings as another life.
    pub(super) fn reborn(&mut self, node: NodeId) {
        *self.lives.entry(node).or_default() += 1;
    }

    pub(super) fn life(&self, node: NodeId) -> u64 {
        self.lives.get(&node).copied().unwrap_or_default()
    }

    /// The last answer to this life of `node`, if there was one.
    pub(super) fn echo(&self, node: NodeId, life: u64) -> Option<Stamp> {
        self.echoes.get(&(node, life)).copied()
    }

    /// `node` pings; the view it is told of. A life that has no answer to echo yet pings again at once, as servers do.
    pub(super) fn ping(&mut self, node: NodeId, acknowledged: u64) -> Option<Option<View>> {
        let life = self.life(node);
        let ping = |echo| Ping {
            node,
            life,
            acknowledged,
            echo,
        };
        if self.echo(node, life).is_none() {
            self.ping_once(ping(None));
        }
        self.ping_once(ping(self.echo(node, life)))
    }

    /// The view that is told in answer; none at all without an answer.
    pub(super) fn ping_once(&mut self, ping: Ping) -> Option<Option<View>> {
        let Ping {
            node,
            life,
            acknowledged,
            echo,
        } = ping;
        let message = Message::Ping {
            incarnation: Incarnation(life),
            acknowledged: ViewNumber(acknowledged),
            echo,
        };
        let mut told = None;
        for effect in self.step(Input::Message { from: node, message }) {
            let Effect::Send { to, message } = effect else {
                continue;
            };
            let Message::Newest {
                incarnation,
                view,
                stamp,
            } = message
            else {
                panic!("a view service says {message:?}");
            };
            assert_eq!((to, incarnation), (node, Incarnation(life)));
            self.echoes.insert((node, life), stamp);
            told = Some(view);
        }
        told
    }

    /// An interval goes by, at the end of which these servers ping with these numbers.
    pub(super) fn wait(&mut self, pings: &[(NodeId, u64)]) {
        self.now = self.now + self.config.ping_interval;
        self.look();
        for &(node, acknowledged) in pings {
            self.ping(node, acknowledged);
        }
    }

    /// So many intervals go by in which the view service itself stands still.
    pub(super) fn stand_still(&mut self, intervals: u32) {
        self.now = self.now + self.config.ping_interval * intervals;
    }

    /// The view service looks who has fallen silent.
    pub(super) fn look(&mut self) {
        self.step(Input::Timeout(Timer::Check));
    }

    /// What a client is told.
    pub(super) fn view(&mut self) -> Option<View> {
        let effects = self.step(Input::Request {
            from: ClientId(1),
            request: Request::View,
        });
        match &effects[..] {
            [
                Effect::Reply {
                    response: Response::View(view),
                    ..
                },
            ] => view.clone(),
            other => panic!("a client was told {other:?}"),
        }
    }

    pub(super) fn acknowledgement(&self) -> Option<Acknowledgement> {
        match &self.node {
            Node::ViewService(service) => service.acknowledgement(),
            Node::Server(_) => None,
        }
    }

    fn step(&mut self, input: Input<Node>) -> Vec<Effect<Node>> {
        let mut out = Outbox::new();
        self.node.step(self.now, input, &mut out);
        let effects: Vec<_> = out.drain().collect();
        for effect in &effects {
            self.carry_out(effect);
        }
        effects
    }

    fn carry_out(&mut self, effect: &Effect<Node>) {
        match effect {
            Effect::Persist(record) => self.disk.push(record.clone()),
            Effect::Compact(records) => self.disk.clone_from(records),
            Effect::Observe(event) => self.events.push(event.clone()),
            Effect::Send {
                message: Message::Newest { view: Some(view), .. },
                ..
            }
            | Effect::Reply {
                response: Response::View(Some(view)),
                ..
            } => assert!(self.is_durable(view), "{view} is told before it is durable"),
            Effect::Send { .. } | Effect::Reply { .. } | Effect::Arm { .. } | Effect::Disarm(_) => {}
        }
    }

    fn is_durable(&self, view: &View) -> bool {
        self.disk.contains(&Record::Announced(view.clone()))
    }
}

fn boot(life: u64) -> Boot {
    Boot {
        node: vs(),
        incarnation: Incarnation(life),
        seed: 0,
    }
}
