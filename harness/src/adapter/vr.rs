//! Viewstamped replication of a key-value store.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use histories::{Invocation, Outcome, Process};
use nemesis::{Roster, Standing};
use systems::claims::{self, Claims};
use systems::group::{GroupSession, GroupSessionConfig};
use systems::server::Client as Connection;
use systems::service::kv::{Answer, KeyValue, Op};
use systems::vr::{
    Admin, AdminConfig, Batching, Config, Event, Flaw, LEASE, Members, Message, Node, Observer, Reads,
};
use systems::{ClientId, Conclusion, NodeId};

use super::own::{self, KvClients};
use super::{
    Addresses, Administration, Administrator, Clients, ClientsConfig, FlawNote, Group, Health, Place,
    Setting, System, Witness, kv,
};
use crate::oracle::vr::VrOracle;
use crate::oracle::{Examiner, FromLines};
use crate::world::sim::{Conditions, Observing, Protocol, SimConfig, SimWorld, Simulation};

/// Viewstamped replication.
#[derive(Debug, Clone, Copy)]
pub struct Vr;

/// The same in a simulated world.
#[derive(Debug)]
struct SimulatedVr {
    config: Config,
    clients: ClientsConfig,
    conditions: Conditions,
}

/// Who reads its event logs.
#[derive(Debug)]
struct VrWitness(Observer);

impl System for Vr {
    fn name(&self) -> &'static str {
        "vr"
    }

    fn claims(&self) -> &'static Claims {
        &claims::VR
    }

    fn flaws(&self) -> Vec<FlawNote> {
        let note = |flaw: Flaw| {
            let known = flaw.description();
            FlawNote {
                system: "vr",
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
        Config::new(Vec::new()).suspect_after()
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

    fn clients(&self, roster: &Roster, addresses: &Addresses, config: ClientsConfig) -> Box<dyn Clients> {
        let replicas = roster.replicas.clone();
        let session = move |process| session(process, &replicas, config, &Conditions::default());
        Box::new(KvClients::new(addresses, config, session))
    }

    fn administration(&self, roster: &Roster, addresses: &Addresses) -> Option<Box<dyn Administration>> {
        let (nodes, addresses) = (roster.everybody(), addresses.clone());
        let admin = !roster.reserve.is_empty();
        admin.then(|| -> Box<dyn Administration> { Box::new(VrAdministration { nodes, addresses }) })
    }

    fn witness(&self, roster: &Roster) -> Box<dyn Witness> {
        Box::new(VrWitness::new(roster))
    }

    fn examiner(&self, roster: &Roster) -> Option<Box<dyn Examiner>> {
        let oracle = VrOracle::new(&config(roster));
        Some(Box::new(FromLines::<Node<KeyValue>, VrOracle>::new(oracle)))
    }

    fn simulate(&self, setting: &Setting, sim: SimConfig) -> io::Result<Box<dyn Simulation>> {
        let conditions = sim.conditions;
        let usual = config(&self.cast(setting.nodes, setting.reserve));
        let flaw = setting.flaw.as_deref().map(str::parse::<Flaw>).transpose();
        let asked = setting.reads.as_deref().map(str::parse::<Reads>).transpose();
        let transfer_bytes_max = conditions.transfer_bytes_max as usize;
        let config = Config {
            beat_interval: conditions.timeout(usual.beat_interval),
            piece_bytes_max: usual.piece_bytes_max.min(transfer_bytes_max),
            entries_bytes_max: usual.entries_bytes_max.min(transfer_bytes_max),
            checkpoint_ops: if conditions.transfer_bytes_max < OFTEN_BELOW_BYTES {
                CHECKPOINT_OPS_OFTEN
            } else {
                usual.checkpoint_ops
            },
            batching: batching(sim.seed),
            reads: scaled(
                asked.map_err(io::Error::other)?.unwrap_or(drawn_reads(sim.seed)),
                &conditions,
            ),
            flaw: flaw.map_err(io::Error::other)?,
            ..usual
        };
        let protocol = SimulatedVr {
            config,
            clients: setting.clients,
            conditions,
        };
        Ok(Box::new(SimWorld::open(protocol, sim)))
    }
}

/// The usual configuration of the nodes of `roster`.
fn config(roster: &Roster) -> Config {
    Config {
        reserve: roster.reserve.clone(),
        ..Config::new(roster.replicas.clone())
    }
}

/// Where so little goes into a message, a simulation takes snapshots often, so that they are met in a short run.
const OFTEN_BELOW_BYTES: u32 = 100 << 10;

/// As often as that.
const CHECKPOINT_OPS_OFTEN: usize = 20;

/// Every other simulated group gives its commands their places one by one, so that both ways are met.
const fn batching(seed: u64) -> Batching {
    match seed % 2 {
        0 => Batching::On,
        _ => Batching::Off,
    }
}

/// One simulated group in four answers reads by lease, unless it is told how.
const fn drawn_reads(seed: u64) -> Reads {
    match seed % 8 {
        2 | 5 => Reads::Leased(LEASE),
        _ => Reads::ThroughLog,
    }
}

/// `reads` with the time-outs of a group under `conditions`.
fn scaled(reads: Reads, conditions: &Conditions) -> Reads {
    match reads {
        Reads::ThroughLog => Reads::ThroughLog,
        Reads::Leased(lease) => Reads::Leased(conditions.timeout(lease)),
    }
}

/// The session of the client of `process`. They begin with different replicas.
fn session(
    process: Process,
    replicas: &[NodeId],
    config: ClientsConfig,
    conditions: &Conditions,
) -> GroupSession<Node<KeyValue>> {
    let patience = own::patience(process, config.concurrency, conditions);
    let mut replicas = replicas.to_vec();
    let first = (process.0 % replicas.len() as u64) as usize;
    replicas.rotate_left(first);
    GroupSession::new(GroupSessionConfig::new(replicas, patience))
}

/// After so long without an answer another node is asked for the change.
const ADMIN_RESENDS_AFTER: Duration = Duration::from_millis(300);

/// How long one request for a change lasts; after that it is made anew.
const ADMIN_GIVES_UP_AFTER: Duration = Duration::from_secs(3);

fn admin_config(nodes: Vec<NodeId>, conditions: &Conditions) -> AdminConfig {
    let resend_after = conditions.patience(ADMIN_RESENDS_AFTER);
    AdminConfig::new(nodes, resend_after, conditions.patience(ADMIN_GIVES_UP_AFTER))
}

/// Where the administrators of real groups come from.
struct VrAdministration {
    nodes: Vec<NodeId>,
    addresses: Addresses,
}

struct VrAdministrator(Connection<Admin<KeyValue>>);

impl Administration for VrAdministration {
    fn open(&self) -> Box<dyn Administrator> {
        let session = Admin::new(admin_config(self.nodes.clone(), &Conditions::default()));
        // No process has this number.
        let connection = Connection::new(session, ClientId(u64::MAX), self.addresses.0.clone());
        Box::new(VrAdministrator(connection))
    }
}

impl Administrator for VrAdministrator {
    fn reshape<'a>(&'a mut self, members: &'a BTreeSet<NodeId>) -> Pin<Box<dyn Future<Output = bool> + 'a>> {
        Box::pin(async move {
            let Some(goal) = Members::of(members.iter().copied()) else {
                return true;
            };
            match self.0.invoke(goal).await {
                Conclusion::Answered(now) => members.iter().eq(&now.members),
                // What no group can be is not asked for twice.
                Conclusion::NeverSent => true,
                Conclusion::Unknown => false,
            }
        })
    }
}

impl Protocol for SimulatedVr {
    type Replica = Node<KeyValue>;
    type Session = GroupSession<Node<KeyValue>>;
    type Admin = Admin<KeyValue>;
    type Witness = VrWitness;
    type Oracle = VrOracle;

    const KINDS: &'static [&'static str] = &[
        "Prepare",
        "PrepareOk",
        "Commit",
        "Compacted",
        "StartViewChange",
        "DoViewChange",
        "StartView",
        "Recovery",
        "RecoveryResponse",
        "GetState",
        "NewState",
        "NewSnapshot",
        "StartEpoch",
        "EpochStarted",
        "CheckEpoch",
    ];

    fn kind(message: &Message<Op>) -> &'static str {
        match message {
            Message::Prepare { .. } => "Prepare",
            Message::PrepareOk { .. } => "PrepareOk",
            Message::Commit { .. } => "Commit",
            Message::Compacted { .. } => "Compacted",
            Message::StartViewChange { .. } => "StartViewChange",
            Message::DoViewChange { .. } => "DoViewChange",
            Message::StartView { .. } => "StartView",
            Message::Recovery { .. } => "Recovery",
            Message::RecoveryResponse { .. } => "RecoveryResponse",
            Message::GetState { .. } => "GetState",
            Message::NewState { .. } => "NewState",
            Message::NewSnapshot { .. } => "NewSnapshot",
            Message::StartEpoch { .. } => "StartEpoch",
            Message::EpochStarted { .. } => "EpochStarted",
            Message::CheckEpoch { .. } => "CheckEpoch",
        }
    }

    fn roster(&self) -> Roster {
        Vr.cast(self.config.members.len(), self.config.reserve.len())
    }

    fn config(&self) -> &Config {
        &self.config
    }

    fn session(&self, process: Process) -> GroupSession<Node<KeyValue>> {
        session(process, &self.config.members, self.clients, &self.conditions)
    }

    fn admin(&self) -> Option<Admin<KeyValue>> {
        let nodes = self.roster().everybody();
        let admin = !self.config.reserve.is_empty();
        admin.then(|| Admin::new(admin_config(nodes, &self.conditions)))
    }

    fn op(&self, invocation: &Invocation) -> Option<Op> {
        kv::op(invocation)
    }

    fn outcome(&self, invocation: &Invocation, conclusion: Conclusion<Answer>) -> Outcome {
        kv::outcome(invocation, self.clients.reads, conclusion)
    }

    fn witness(&self) -> VrWitness {
        VrWitness::new(&self.roster())
    }

    fn oracle(&self) -> VrOracle {
        VrOracle::new(&self.config)
    }
}

impl Observing<Event> for VrWitness {
    fn observe(&mut self, node: NodeId, event: &Event) {
        self.0.note(node, event);
    }
}

impl Witness for VrWitness {
    fn note(&mut self, node: NodeId, line: &str) {
        if let Some(event) = own::event(line) {
            self.0.note(node, &event);
        }
    }

    fn note_death(&mut self, node: NodeId) {
        self.0.note_death(node);
    }

    fn formed(&self) -> bool {
        self.0.formed()
    }

    fn standing(&self, health: &Health) -> Standing {
        let primaries = self.0.primaries().into_iter();
        let alive = primaries.filter(|(node, _)| health.running.contains(node));
        let spare = |node: &NodeId| self.0.goes_on_with(&without(&health.sound, *node));
        Standing {
            primaries: alive
                .map(|(node, view)| (node, format!("primary of view {view}")))
                .collect(),
            expendable: health.running.iter().copied().filter(spare).collect(),
            ..Standing::default()
        }
    }

    fn group(&self) -> Option<Group> {
        Some(Group {
            members: self.0.members().iter().collect(),
            begun: self.0.has_begun(),
        })
    }

    fn excuse(&self, running: &BTreeSet<NodeId>) -> Option<String> {
        let serves = self.0.goes_on_with(running);
        (!serves).then(|| "no more than half of the members run".to_owned())
    }
}

impl VrWitness {
    fn new(roster: &Roster) -> Self {
        Self(Observer::new(roster.replicas.iter().copied()))
    }
}

fn without(nodes: &BTreeSet<NodeId>, node: NodeId) -> BTreeSet<NodeId> {
    nodes.iter().copied().filter(|&other| other != node).collect()
}

/// Under which options real processes show `flaw`.
const fn trial(flaw: Flaw) -> Option<&'static str> {
    match flaw {
        Flaw::ReadWithoutLease | Flaw::LeaseIgnoresNewView => Some("--workload register --nemesis primaries"),
        Flaw::QuorumCountsSelfTwice | Flaw::NoSvcQuorum => Some("--workload append --nemesis primaries"),
        Flaw::ClientTablePrimaryOnly => {
            Some("--workload append --nemesis client-to-node,kill-primaries --nemesis-interval 1s")
        }
        Flaw::DvcLongestLog | Flaw::DvcLastEntryViewstamp => {
            Some("--workload append --nemesis turns --nemesis-interval 2s")
        }
        Flaw::OldViewPrepare => {
            Some("--workload append --nemesis pause-primaries,partition --nemesis-interval 1s")
        }
        Flaw::PrepareGapAccepted
        | Flaw::RecoverySingleResponse
        | Flaw::RecoveryNoNonce
        | Flaw::RecoveryForgetsView => {
            Some("--workload append --nemesis kill,partition --nemesis-interval 1s")
        }
        Flaw::RecoveringParticipates | Flaw::RecoveryStrictlyGreater => {
            Some("--workload append --nemesis kill --nemesis-interval 2s")
        }
        Flaw::EpochWithoutTransfer => Some("--workload append --nemesis membership"),
        Flaw::StateTransferTruncates | Flaw::StartViewOlderView => None,
    }
}
