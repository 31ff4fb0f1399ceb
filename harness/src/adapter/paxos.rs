//! The Paxos log, as a key-value service.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::time::Duration;

use histories::{Invocation, Outcome, Process};
use nemesis::{Roster, Standing};
use systems::claims::{self, Claims};
use systems::group::{GroupSession, GroupSessionConfig};
use systems::paxos::{Config, Event, Flaw, Message, Node, Observer, Reads, Slot};
use systems::service::kv::{Answer, Op};
use systems::{Conclusion, NodeId};

use super::own::{self, KvClients};
use super::{Addresses, Clients, ClientsConfig, FlawNote, Health, Place, Setting, System, Witness, kv};
use crate::oracle::paxos::PaxosOracle;
use crate::oracle::{Examiner, FromLines};
use crate::world::sim::{Conditions, Nobody, Observing, Protocol, SimConfig, SimWorld, Simulation};

/// In a simulation a node keeps so many times the bytes of one transfer before it makes a snapshot, so that short runs see some.
const SIMULATED_KEPT_TRANSFERS: usize = 16;

/// A piece of a transfer is never shorter in a simulation, in bytes: a node that lags would never catch up.
const SIMULATED_PIECE_BYTES_MIN: usize = 512;

/// Of so many seeds one sends reads through the log.
const READS_DIVISOR: u64 = 3;

/// The Paxos log.
#[derive(Debug, Clone, Copy)]
pub struct Paxos;

/// The same in a simulated world.
#[derive(Debug)]
struct SimulatedPaxos {
    config: Config,
    clients: ClientsConfig,
    conditions: Conditions,
}

/// Who reads its event logs.
#[derive(Debug)]
struct PaxosWitness {
    observer: Observer,
    replicas: usize,
}

impl System for Paxos {
    fn name(&self) -> &'static str {
        claims::PAXOS.system
    }

    fn claims(&self) -> &'static Claims {
        &claims::PAXOS
    }

    fn flaws(&self) -> Vec<FlawNote> {
        let note = |flaw: Flaw| {
            let known = flaw.description();
            FlawNote {
                system: claims::PAXOS.system,
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
        Config::new(Vec::new()).patience
    }

    fn roster(&self, nodes: usize) -> Roster {
        Roster {
            replicas: (1..=nodes).map(NodeId::replica).collect(),
            reserve: Vec::new(),
            services: Vec::new(),
            clients: "clients".parse().expect("the clients' name is a node's name"),
            spares: self.claims().spares.of(nodes),
        }
    }

    fn node_arguments(&self, node: NodeId, place: &Place) -> Vec<OsString> {
        own::node_arguments(self.name(), node, place)
    }

    fn clients(&self, _: &Roster, addresses: &Addresses, config: ClientsConfig) -> Box<dyn Clients> {
        let members: Vec<NodeId> = addresses.0.keys().copied().collect();
        let session = move |process| session(process, &members, config, &Conditions::default());
        Box::new(KvClients::new(addresses, config, session))
    }

    fn witness(&self, roster: &Roster) -> Box<dyn Witness> {
        Box::new(PaxosWitness::new(roster))
    }

    fn examiner(&self, roster: &Roster) -> Option<Box<dyn Examiner>> {
        let oracle = PaxosOracle::new(&Config::new(roster.replicas.clone()));
        Some(Box::new(FromLines::<Node, PaxosOracle>::new(oracle)))
    }

    fn simulate(&self, setting: &Setting, sim: SimConfig) -> io::Result<Box<dyn Simulation>> {
        let conditions = sim.conditions;
        let usual = Config::new(self.roster(setting.nodes).replicas);
        let flaw = setting.flaw.as_deref().map(str::parse::<Flaw>).transpose();
        let asked = setting.reads.as_deref().map(str::parse::<Reads>).transpose();
        let transfer_bytes = (conditions.transfer_bytes_max as usize).max(SIMULATED_PIECE_BYTES_MIN);
        let config = Config {
            patience: conditions.timeout(usual.patience),
            patience_max: conditions.timeout(usual.patience_max),
            beat_interval: conditions.timeout(usual.beat_interval),
            resend_after: conditions.timeout(usual.resend_after),
            page_bytes_max: usual.page_bytes_max.min(transfer_bytes),
            piece_bytes_max: usual.piece_bytes_max.min(transfer_bytes),
            kept_bytes_max: usual
                .kept_bytes_max
                .min(transfer_bytes * SIMULATED_KEPT_TRANSFERS),
            reads: asked.map_err(io::Error::other)?.unwrap_or(drawn_reads(sim.seed)),
            flaw: flaw.map_err(io::Error::other)?,
            ..usual
        };
        let protocol = SimulatedPaxos {
            config,
            clients: setting.clients,
            conditions,
        };
        Ok(Box::new(SimWorld::open(protocol, sim)))
    }
}

/// Of three simulated clusters two have a quorum confirm their reads, unless they are told how to answer them.
const fn drawn_reads(seed: u64) -> Reads {
    if seed.is_multiple_of(READS_DIVISOR) {
        Reads::ThroughLog
    } else {
        Reads::Confirmed
    }
}

/// The session of the client of `process`. Sessions begin to ask at different nodes.
fn session(
    process: Process,
    members: &[NodeId],
    config: ClientsConfig,
    conditions: &Conditions,
) -> GroupSession<Node> {
    let patience = own::patience(process, config.concurrency, conditions);
    let mut members = members.to_vec();
    let count = members.len() as u64;
    members.rotate_left((process.0 % count) as usize);
    GroupSession::new(GroupSessionConfig::new(members, patience))
}

impl Protocol for SimulatedPaxos {
    type Replica = Node;
    type Admin = Nobody<Self::Replica>;
    type Session = GroupSession<Node>;
    type Witness = PaxosWitness;
    type Oracle = PaxosOracle;

    const KINDS: &'static [&'static str] = &[
        "Bump",
        "Read",
        "Gather",
        "Propose",
        "Ack",
        "Beat",
        "Alive",
        "Nack",
        "Confirm",
        "Confirmed",
        "Fetch",
        "Chosen",
        "Snapshot",
        "SnapshotProgress",
    ];

    fn kind(message: &Message) -> &'static str {
        match message {
            Message::Bump { .. } => "Bump",
            Message::Read { .. } => "Read",
            Message::Gather { .. } => "Gather",
            Message::Propose(_) => "Propose",
            Message::Ack { .. } => "Ack",
            Message::Beat(_) => "Beat",
            Message::Alive { .. } => "Alive",
            Message::Nack { .. } => "Nack",
            Message::Confirm { .. } => "Confirm",
            Message::Confirmed { .. } => "Confirmed",
            Message::Fetch(_) => "Fetch",
            Message::Chosen { .. } => "Chosen",
            Message::Snapshot { .. } => "Snapshot",
            Message::SnapshotProgress { .. } => "SnapshotProgress",
        }
    }

    fn roster(&self) -> Roster {
        Paxos.roster(self.config.members.len())
    }

    fn config(&self) -> &Config {
        &self.config
    }

    fn session(&self, process: Process) -> GroupSession<Node> {
        session(process, &self.config.members, self.clients, &self.conditions)
    }

    fn op(&self, invocation: &Invocation) -> Option<Op> {
        kv::op(invocation)
    }

    fn outcome(&self, invocation: &Invocation, conclusion: Conclusion<Answer>) -> Outcome {
        kv::outcome(invocation, self.clients.reads, conclusion)
    }

    fn witness(&self) -> PaxosWitness {
        PaxosWitness::new(&self.roster())
    }

    fn oracle(&self) -> PaxosOracle {
        PaxosOracle::new(&self.config)
    }
}

impl Observing<Event> for PaxosWitness {
    fn observe(&mut self, node: NodeId, event: &Event) {
        self.observer.note(node, event);
    }
}

impl Witness for PaxosWitness {
    fn note(&mut self, node: NodeId, line: &str) {
        if let Some(event) = own::event(line) {
            self.observer.note(node, &event);
        }
    }

    fn formed(&self) -> bool {
        !self.observer.leaders().is_empty()
    }

    fn standing(&self, health: &Health) -> Standing {
        let leaders = self.observer.leaders().iter();
        let alive = leaders.filter(|(node, _)| health.running.contains(node));
        Standing {
            primaries: alive
                .map(|(node, ballot)| (*node, format!("leader of ballot {ballot}")))
                .collect(),
            // Whoever dies comes back with all it had; and a minority may be away at a time.
            expendable: health.running.clone(),
            expendable_max: (self.replicas - 1) / 2,
            ..Standing::default()
        }
    }

    fn applied(&self) -> BTreeMap<NodeId, u64> {
        let applied = self.observer.applied().iter();
        applied.map(|(node, Slot(slot))| (*node, *slot)).collect()
    }

    fn excuse(&self, _: &BTreeSet<NodeId>) -> Option<String> {
        None
    }
}

impl PaxosWitness {
    fn new(roster: &Roster) -> Self {
        Self {
            observer: Observer::new(),
            replicas: roster.replicas.len(),
        }
    }
}

/// Under which options real processes show `flaw`.
const fn trial(flaw: Flaw) -> Option<&'static str> {
    match flaw {
        Flaw::LeaderLocalRead => Some("--workload register --nemesis primaries"),
        Flaw::AcceptNotDurable => Some("--workload append --nemesis kill-all"),
        Flaw::PromiseNotDurable => {
            Some("--workload append --nemesis kill,primaries --nemesis-interval 1s --time-limit 40s")
        }
        Flaw::GatherCommittedOnly | Flaw::NoopWithoutRead | Flaw::OwnValueFirst => {
            Some("--workload append --nemesis primaries,kill-primaries --time-limit 40s")
        }
        Flaw::CommitWithoutValue => {
            Some("--workload append --nemesis primaries,pause-primaries --time-limit 40s")
        }
        Flaw::DuplicateCommand => {
            Some("--workload append --nemesis partition,kill-primaries --time-limit 40s")
        }
        Flaw::QuorumTwoOfFive => Some("--workload append --nemesis majority --time-limit 40s"),
        Flaw::HoleSkipped | Flaw::BlockingSend | Flaw::BroadcastSubset => {
            Some("--workload append --nemesis partition,pause,kill --time-limit 40s")
        }
        Flaw::StartNeedsAllPeers => {
            Some("--workload append --nemesis one,kill --nemesis-interval 2s --time-limit 40s")
        }
        Flaw::PreferRemote
        | Flaw::AcceptBelowPromise
        | Flaw::StalePromiseCounted
        | Flaw::AckNotIdentified
        | Flaw::SyncLongerThanTimeout => None,
    }
}
