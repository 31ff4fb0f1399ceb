//! The primary/backup service with its view service.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::time::Duration;

use histories::{Invocation, Outcome, Process};
use nemesis::{Roster, Standing};
use systems::claims::{self, Claims};
use systems::pb::{ClientSession, Config, Event, Flaw, Message, Node, Observer, SessionConfig};
use systems::service::kv::{Answer, Op};
use systems::{Conclusion, NodeId};

use super::own::{self, KvClients};
use super::{Addresses, Clients, ClientsConfig, FlawNote, Health, Place, Setting, System, Witness, kv};
use crate::oracle::pb::PbOracle;
use crate::oracle::{Examiner, FromLines};
use crate::world::sim::{Conditions, Nobody, Observing, Protocol, SimConfig, SimWorld, Simulation};

/// The name of the view service.
const SERVICE: &str = "vs";

/// The primary/backup service.
#[derive(Debug, Clone, Copy)]
pub struct Pb;

/// The same in a simulated world.
#[derive(Debug)]
struct SimulatedPb {
    config: Config,
    clients: ClientsConfig,
    conditions: Conditions,
}

/// Who reads its event logs.
#[derive(Debug)]
struct PbWitness {
    observer: Observer,
    replicas: Vec<NodeId>,
}

impl Pb {
    /// The view service's name.
    ///
    /// # Panics
    /// Never: the name is a constant.
    #[must_use]
    pub fn service() -> NodeId {
        SERVICE.parse().expect("the view service's name is a node's name")
    }
}

impl System for Pb {
    fn name(&self) -> &'static str {
        "pb"
    }

    fn claims(&self) -> &'static Claims {
        &claims::PB
    }

    fn flaws(&self) -> Vec<FlawNote> {
        let note = |flaw: Flaw| {
            let known = flaw.description();
            FlawNote {
                system: "pb",
                name: known.name,
                description: known.summary,
                source: known.source,
                anomaly: known.anomaly,
                trial: trial(flaw),
            }
        };
        Flaw::ALL.into_iter().map(note).collect()
    }

    fn detector(&self) -> Duration {
        Config::new(Self::service(), Vec::new()).dead_after()
    }

    fn roster(&self, nodes: usize) -> Roster {
        Roster {
            replicas: (1..=nodes).map(NodeId::replica).collect(),
            reserve: Vec::new(),
            services: vec![Self::service()],
            clients: "clients".parse().expect("the clients' name is a node's name"),
            spares: self.claims().spares.of(nodes),
        }
    }

    fn node_arguments(&self, node: NodeId, place: &Place) -> Vec<OsString> {
        own::node_arguments(self.name(), node, place)
    }

    fn clients(&self, _: &Roster, addresses: &Addresses, config: ClientsConfig) -> Box<dyn Clients> {
        let session = move |process| session(process, config, &Conditions::default());
        Box::new(KvClients::new(addresses, config, session))
    }

    fn witness(&self, roster: &Roster) -> Box<dyn Witness> {
        Box::new(PbWitness::new(roster))
    }

    fn examiner(&self, roster: &Roster) -> Option<Box<dyn Examiner>> {
        let config = Config::new(Self::service(), roster.replicas.clone());
        let oracle = PbOracle::new(&config);
        Some(Box::new(FromLines::<Node, PbOracle>::new(oracle)))
    }

    fn simulate(&self, setting: &Setting, sim: SimConfig) -> io::Result<Box<dyn Simulation>> {
        let conditions = sim.conditions;
        let usual = Config::new(Self::service(), self.roster(setting.nodes).replicas);
        let flaw = setting.flaw.as_deref().map(str::parse::<Flaw>).transpose();
        let config = Config {
            ping_interval: conditions.timeout(usual.ping_interval),
            resend_after: conditions.timeout(usual.resend_after),
            resend_after_max: conditions.timeout(usual.resend_after_max),
            sync_piece_bytes_max: usual
                .sync_piece_bytes_max
                .min(conditions.transfer_bytes_max as usize),
            flaw: flaw.map_err(io::Error::other)?,
            ..usual
        };
        let protocol = SimulatedPb {
            config,
            clients: setting.clients,
            conditions,
        };
        Ok(Box::new(SimWorld::open(protocol, sim)))
    }
}

/// The session of the client of `process`.
fn session(process: Process, config: ClientsConfig, conditions: &Conditions) -> ClientSession {
    let patience = own::patience(process, config.concurrency, conditions);
    ClientSession::new(SessionConfig::new(Pb::service(), patience))
}

impl Protocol for SimulatedPb {
    type Replica = Node;
    type Admin = Nobody<Self::Replica>;
    type Session = ClientSession;
    type Witness = PbWitness;
    type Oracle = PbOracle;

    const KINDS: &'static [&'static str] = &[
        "Ping",
        "Newest",
        "Sync",
        "SyncProgress",
        "Synchronised",
        "Forward",
        "Executed",
        "Refused",
    ];

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Ping { .. } => "Ping",
            Message::Newest { .. } => "Newest",
            Message::Sync(_) => "Sync",
            Message::SyncProgress { .. } => "SyncProgress",
            Message::Synchronised { .. } => "Synchronised",
            Message::Forward { .. } => "Forward",
            Message::Executed { .. } => "Executed",
            Message::Refused { .. } => "Refused",
        }
    }

    fn roster(&self) -> Roster {
        Pb.roster(self.config.servers.len())
    }

    fn config(&self) -> &Config {
        &self.config
    }

    fn session(&self, process: Process) -> ClientSession {
        session(process, self.clients, &self.conditions)
    }

    fn op(&self, invocation: &Invocation) -> Option<Op> {
        kv::op(invocation)
    }

    fn outcome(&self, invocation: &Invocation, conclusion: Conclusion<Answer>) -> Outcome {
        kv::outcome(invocation, self.clients.reads, conclusion)
    }

    fn witness(&self) -> PbWitness {
        PbWitness::new(&self.roster())
    }

    fn oracle(&self) -> PbOracle {
        PbOracle::new(&self.config)
    }
}

impl Observing<Event> for PbWitness {
    fn observe(&mut self, node: NodeId, event: &Event) {
        self.observer.note(node, event);
    }
}

impl Witness for PbWitness {
    fn note(&mut self, node: NodeId, line: &str) {
        if let Some(event) = own::event(line) {
            self.observer.note(node, &event);
        }
    }

    fn note_death(&mut self, node: NodeId) {
        self.observer.note_death(node);
    }

    fn formed(&self) -> bool {
        self.observer.formed() || self.is_alone()
    }

    fn standing(&self, health: &Health) -> Standing {
        let primaries = self.observer.primaries().iter();
        let alive = primaries.filter(|(node, _)| health.running.contains(node));
        Standing {
            primaries: alive
                .map(|(node, view)| (*node, format!("primary of view {view}")))
                .collect(),
            expendable: health
                .running
                .iter()
                .copied()
                .filter(|node| self.is_expendable(*node, health))
                .collect(),
            ..Standing::default()
        }
    }

    fn excuse(&self, running: &BTreeSet<NodeId>) -> Option<String> {
        self.observer.lost(running)
    }
}

/// Under which options real processes show `flaw`.
const fn trial(flaw: Flaw) -> Option<&'static str> {
    match flaw {
        Flaw::GetLocalRead => Some("--workload register --nemesis primaries"),
        Flaw::RestartedBackupNotResynced => Some("--workload append --nemesis kill --nemesis-interval 2s"),
        Flaw::SolePrimaryRestartServes => Some("--workload append --nemesis kill-all"),
        Flaw::Volatile => Some("--workload append --nemesis kill-service,partition"),
        Flaw::IgnoreBackupError
        | Flaw::DedupNotSynced
        | Flaw::SyncOutsideLock
        | Flaw::AckBeforeSync
        | Flaw::PromoteWithoutAck
        | Flaw::FailedPingZeroesView
        | Flaw::PutNotDeduped
        | Flaw::AppendDedupNotAtomic
        | Flaw::ExecuteBeforeBackup
        | Flaw::ForwardUnordered
        | Flaw::ExitOnSyncFailure
        | Flaw::HandlerLockDeadlock => None,
    }
}

impl PbWitness {
    fn new(roster: &Roster) -> Self {
        Self {
            observer: Observer::new(Pb::service()),
            replicas: roster.replicas.clone(),
        }
    }

    /// Whether the others are well enough to do without `node`, however it is itself. A view service that a fault has touched of late may
    /// yet take anybody for dead, so nobody is counted on to take over meanwhile.
    fn is_expendable(&self, node: NodeId, health: &Health) -> bool {
        let is_served = health.sound.contains(&Pb::service());
        let mut others = if is_served {
            health.sound.clone()
        } else {
            BTreeSet::new()
        };
        others.insert(node);
        self.observer.expendable(&others).contains(&node)
    }

    /// A single replica will never have a backup.
    fn is_alone(&self) -> bool {
        self.replicas.len() == 1 && !self.observer.primaries().is_empty()
    }
}
