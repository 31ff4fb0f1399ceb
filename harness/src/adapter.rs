//! How a system is started, watched and spoken to. A system that is not ours needs nothing more than this.

pub mod kv;
mod own;
pub mod paxos;
pub mod pb;
pub mod vr;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;

use histories::{Invocation, Outcome, Process};
use nemesis::{Roster, Standing};
use serde::Serialize;
use systems::NodeId;
use systems::claims::{Claims, Misfortune};

pub use kv::Reads;

use crate::oracle::Examiner;
use crate::world::sim::{SimConfig, Simulation};

/// A system that can be put on trial.
pub trait System: std::fmt::Debug + Send + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What it promises, what it survives and what it needs.
    fn claims(&self) -> &'static Claims;

    /// The ways it can be told to be wrong.
    fn flaws(&self) -> Vec<FlawNote>;

    /// How long its nodes wait before they take another for dead.
    fn detector(&self) -> std::time::Duration;

    /// Who takes part when there are `nodes` replicas.
    fn roster(&self, nodes: usize) -> Roster;

    /// Who takes part when there are `nodes` replicas and `reserve` nodes more that may become replicas.
    fn cast(&self, nodes: usize, reserve: usize) -> Roster {
        Roster {
            reserve: (nodes + 1..=nodes + reserve).map(NodeId::replica).collect(),
            ..self.roster(nodes)
        }
    }

    /// Whether its replicas can be others while it works.
    fn can_change_members(&self) -> bool {
        self.claims().survives(Misfortune::Membership)
    }

    /// The arguments that make this program one of its nodes.
    fn node_arguments(&self, node: NodeId, place: &Place) -> Vec<OsString>;

    /// Where its clients come from.
    fn clients(&self, roster: &Roster, addresses: &Addresses, config: ClientsConfig) -> Box<dyn Clients>;

    /// Who asks for other members. Only a system whose members can change has somebody.
    fn administration(&self, roster: &Roster, addresses: &Addresses) -> Option<Box<dyn Administration>> {
        let _ = (roster, addresses);
        None
    }

    /// Somebody who reads its nodes' event logs.
    fn witness(&self, roster: &Roster) -> Box<dyn Witness>;

    /// Somebody who looks for what went wrong inside, from the nodes' event logs of a whole run. Only a system of ours has one.
    fn examiner(&self, roster: &Roster) -> Option<Box<dyn Examiner>> {
        let _ = roster;
        None
    }

    /// A simulated cluster of `setting`. Only a system of ours has one.
    ///
    /// # Errors
    /// When it has none, or the setting makes no sense.
    fn simulate(&self, setting: &Setting, config: SimConfig) -> io::Result<Box<dyn Simulation>> {
        let _ = (setting, config);
        Err(io::Error::other(format!("{} cannot be simulated", self.name())))
    }
}

/// What a cluster and its clients are like.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Replicas.
    pub nodes: usize,
    /// Nodes that run beside them and may become replicas.
    pub reserve: usize,
    /// What all clients have in common.
    pub clients: ClientsConfig,
    /// The deviation the nodes are told to have.
    pub flaw: Option<String>,
    /// How the nodes are told to answer reads, by the name of one of the system's ways; none when the seed decides.
    pub reads: Option<String>,
}

/// Where every node listens.
#[derive(Debug, Clone)]
pub struct Addresses(pub BTreeMap<NodeId, SocketAddr>);

/// Where a node lives.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where every node listens, this one included.
    pub addresses: Addresses,
    /// Those of them that are no replicas yet.
    pub reserve: Vec<NodeId>,
    /// The folder that survives its deaths.
    pub data: PathBuf,
    /// Its event log.
    pub events: PathBuf,
    /// The source of its chance.
    pub seed: u64,
    /// The deviation it is told to have.
    pub flaw: Option<String>,
    /// How it is told to answer reads, by the name of one of the system's ways; none for the usual way.
    pub reads: Option<String>,
}

/// What all clients of a run have in common.
#[derive(Debug, Clone, Copy)]
pub struct ClientsConfig {
    /// How many there are at a time.
    pub concurrency: u64,
    /// What a read string means to the workload.
    pub reads: Reads,
}

/// A known way for a system to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FlawNote {
    /// The system it belongs to.
    pub system: &'static str,
    /// Its name on the command line.
    pub name: &'static str,
    /// What is wrong, in a line.
    pub description: &'static str,
    /// Where it was seen.
    pub source: &'static str,
    /// The anomaly it leads to.
    pub anomaly: &'static str,
    /// The options of `tribunal run` under which real processes show it within a minute; none where chance alone decides.
    pub trial: Option<&'static str>,
}

/// Opens clients; lives on the clients' thread.
pub trait Clients: Send {
    /// A fresh client for `process`.
    fn open(&self, process: Process) -> Box<dyn Client>;
}

/// Finds administrators; handed to the thread on which one works.
pub trait Administration: Send {
    /// An administrator.
    fn open(&self) -> Box<dyn Administrator>;
}

/// Asks for other members.
pub trait Administrator {
    /// Asks that the group have these `members`; whether it has them then. Ends within a time of its own.
    fn reshape<'a>(&'a mut self, members: &'a BTreeSet<NodeId>) -> Pin<Box<dyn Future<Output = bool> + 'a>>;
}

/// Who the replicas of a system are whose members change, by what they say of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// The members, as of the last change that anybody took up.
    pub members: BTreeSet<NodeId>,
    /// Whether more than half of them have taken it up.
    pub begun: bool,
}

/// One sequential client.
pub trait Client {
    /// Carries out `invocation`, and says what came of it. Ends within a time of its own.
    fn invoke<'a>(&'a mut self, invocation: &'a Invocation) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;
}

/// What the nodes say of themselves, put together.
pub trait Witness: std::fmt::Debug {
    /// Reads one line of a node's event log.
    fn note(&mut self, node: NodeId, line: &str);

    /// Hears that `node` was killed, after all that it had said. What it was told of the life that ended does not hold for the next one,
    /// which may be running already and not have said anything. Nothing to do where a node is the same in every life.
    fn note_death(&mut self, node: NodeId) {
        let _ = node;
    }

    /// Whether the cluster is complete and serves.
    fn formed(&self) -> bool;

    /// Who matters now.
    fn standing(&self, health: &Health) -> Standing;

    /// Who the replicas are, if that can change.
    fn group(&self) -> Option<Group> {
        None
    }

    /// How many positions of its log each node has applied, as far as it has said; none where nodes say nothing of the kind.
    fn applied(&self) -> BTreeMap<NodeId, u64> {
        BTreeMap::new()
    }

    /// Why the system, by its own claims, need not answer any more.
    fn excuse(&self, running: &BTreeSet<NodeId>) -> Option<String>;
}

/// How the nodes are, as far as the faults in force can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// The nodes that have not been killed.
    pub running: BTreeSet<NodeId>,
    /// Those of them that no fault touches, nor has touched of late: only they can be counted on to take over.
    pub sound: BTreeSet<NodeId>,
}

/// So many nodes are held in reserve where members are to change.
pub const RESERVE: usize = 2;

/// Every system this program can put on trial.
#[must_use]
pub fn systems() -> Vec<Box<dyn System>> {
    vec![Box::new(pb::Pb), Box::new(vr::Vr), Box::new(paxos::Paxos)]
}

/// The system called `name`, if there is one.
#[must_use]
pub fn system(name: &str) -> Option<Box<dyn System>> {
    systems().into_iter().find(|system| system.name() == name)
}
