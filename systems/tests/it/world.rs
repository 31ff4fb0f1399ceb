//! A small deterministic world for one cluster of any system and its clients: virtual time, a network that can lose, delay, double,
//! reorder and hold messages, and nodes that can be paused, killed between any two effects, and started again with what they had
//! made durable.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use systems::{ClientId, NodeId, Replica, Time};

mod call;
mod clients;
mod filter;
mod nodes;
mod packet;
mod rules;
mod sight;
mod system;
mod timeline;

use clients::Client;
use nodes::{Doom, Host};
use rules::{Counter, Rule};
use sight::Onlooker;

pub(crate) use call::{Call, CallId};
pub(crate) use nodes::Moment;
pub(crate) use packet::{Body, Packet, Place};
pub(crate) use rules::RuleId;
pub(crate) use sight::{Sight, Way};
pub(crate) use system::System;

/// How long a message takes when nothing is wrong.
pub(crate) const LATENCY: Duration = Duration::from_millis(1);

/// What chance does to every packet; probabilities from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chances {
    pub(crate) lose: f64,
    pub(crate) double: f64,
    /// Delayed by up to [`Chances::LATE_MAX`], so that later ones overtake it.
    pub(crate) late: f64,
    /// That a node dies after an effect, if the system claims to survive that.
    pub(crate) crash: f64,
}

impl Chances {
    pub(crate) const LATE_MAX: Duration = Duration::from_millis(900);
    /// 80 % delivery, everything else possible too.
    pub(crate) const UNRELIABLE: Self = Self {
        lose: 0.2,
        double: 0.1,
        late: 0.05,
        crash: 0.0,
    };
}

/// What a node said of itself.
#[derive(Debug, Clone)]
pub(crate) struct Logged<E> {
    pub(crate) at: Time,
    pub(crate) node: NodeId,
    pub(crate) event: E,
}

pub(crate) struct World<S: System> {
    pub(crate) config: <S::Replica as Replica>::Config,
    pub(crate) now: Time,
    pub(crate) rng: Rng,
    pub(crate) chances: Chances,
    pub(crate) log: Vec<Logged<<S::Replica as Replica>::Event>>,
    pub(crate) calls: Vec<Call<S::Session>>,
    pub(crate) observer: S::Observer,
    /// What was answered to those that have no session.
    pub(crate) letters: Vec<(ClientId, NodeId, <S::Replica as Replica>::Response)>,
    /// Who was killed by chance or by a doom, and not started again yet.
    pub(crate) crashed: Vec<NodeId>,
    hosts: BTreeMap<NodeId, Host<S::Replica>>,
    clients: BTreeMap<ClientId, Client<S::Session>>,
    wire: BTreeMap<(Time, u64), Packet<S::Replica>>,
    sent: u64,
    rules: Vec<Rule<S::Replica>>,
    held: Vec<(RuleId, Packet<S::Replica>)>,
    dooms: Vec<Doom<S::Replica>>,
    lives: u64,
    rules_made: usize,
    counters: Vec<Counter<S::Replica>>,
    /// Until when a slow line is busy with what was sent on it.
    busy: BTreeMap<(Place, Place), Time>,
    onlooker: Option<Onlooker<S>>,
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The `number`-th server.
pub(crate) fn n(number: usize) -> NodeId {
    NodeId::replica(number)
}

impl<S: System> World<S> {
    /// The nodes of `config`, none of them started, and no client.
    pub(crate) fn of(seed: u64, config: <S::Replica as Replica>::Config) -> Self {
        let hosts = S::nodes(&config).into_iter().map(|node| (node, Host::empty()));
        Self {
            hosts: hosts.collect(),
            observer: S::observer(&config),
            config,
            now: Time::ZERO + ms(1),
            rng: Rng::with_seed(seed),
            chances: Chances::default(),
            log: Vec::new(),
            calls: Vec::new(),
            letters: Vec::new(),
            crashed: Vec::new(),
            clients: BTreeMap::new(),
            wire: BTreeMap::new(),
            sent: 0,
            rules: Vec::new(),
            held: Vec::new(),
            dooms: Vec::new(),
            lives: 0,
            rules_made: 0,
            counters: Vec::new(),
            busy: BTreeMap::new(),
            onlooker: None,
        }
    }

    pub(crate) fn running(&self) -> BTreeSet<NodeId> {
        let running = self.hosts.iter().filter(|(_, host)| host.node.is_some());
        running.map(|(&node, _)| node).collect()
    }

    /// The core that runs as `node`, if one does.
    pub(crate) fn node(&self, node: NodeId) -> Option<&S::Replica> {
        self.hosts[&node].node.as_ref()
    }

    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.rng.f64() < probability
    }
}

/// What happened lately, for failing tests.
impl<S: System> fmt::Debug for World<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "at {:?}, {}, the last events:",
            self.now,
            S::shown(&self.observer)
        )?;
        for Logged { at, node, event } in self.log.iter().rev().take(40).rev() {
            writeln!(f, "{:>10.3} ms {node:>3} {event:?}", at.as_nanos() as f64 / 1e6)?;
        }
        Ok(())
    }
}
