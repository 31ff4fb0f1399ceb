//! What policy needs of a world: who is there, who matters now, and hands to hurt and to heal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};
use systems::NodeId;

use crate::membership::Change;
use crate::mischief::Disturbance;

/// The number of a fault in its schedule, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FaultId(pub u64);

/// One direction between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
}

/// Who takes part in a run, fixed for its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// The replicas, in order; where members change, those of the first group.
    pub replicas: Vec<NodeId>,
    /// Nodes that run and may become members of the group of replicas.
    pub reserve: Vec<NodeId>,
    /// Nodes the replicas depend on and that replicate nothing themselves, such as a view service.
    pub services: Vec<NodeId>,
    /// The host all clients live on.
    pub clients: NodeId,
    /// How many replicas the others can do without, as the system claims.
    pub spares: usize,
}

/// Who matters at this moment, as far as the world can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The replicas that are members of the group now, or shall be as soon as the change under way is done; empty where members do not change.
    pub members: BTreeSet<NodeId>,
    /// Every node that takes itself for a primary, and in which words (`primary of view 3`).
    pub primaries: BTreeMap<NodeId, String>,
    /// The nodes any one of which may be killed now without exceeding what the system claims to survive.
    pub expendable: BTreeSet<NodeId>,
    /// How many of them may be killed in the same instant; 0 is read as 1, for any one of them may be.
    pub expendable_max: usize,
    /// The kinds of messages between members that the world can tell apart, by name; none where it cannot.
    pub kinds: Vec<&'static str>,
}

/// A fault whose target has been resolved: exactly what to do, and to undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// These links carry nothing; undone, they do.
    Cut(BTreeSet<Link>),
    /// These nodes stand still; undone, they go on.
    Pause(BTreeSet<NodeId>),
    /// These nodes are killed; undone, they are started again with the data they had.
    Kill(BTreeSet<NodeId>),
    /// Messages suffer this; undone, they do not, and what was held arrives.
    Disturb(Disturbance),
    /// The group is asked to change like this; undone, to change back.
    Change(Change),
}

/// What looking at a fault in force has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It holds.
    Holds,
    /// It does not, and this is what was seen instead.
    DoesNot(String),
    /// The system has been asked and has not done it yet, as it may, for this reason.
    NotYet(String),
}

/// A world that can be hurt. Faults overlap: a link is cut and a node is down for as long as at least one fault wants it so.
pub trait Cluster {
    /// Who takes part.
    fn roster(&self) -> &Roster;

    /// Who matters now.
    fn standing(&mut self) -> Standing;

    /// Makes `action` hold, as fault `id`.
    ///
    /// # Errors
    /// When the world refuses; that is a failure of the harness, not of the system.
    fn inject(&mut self, id: FaultId, action: &Action) -> io::Result<()>;

    /// Looks whether fault `id` really holds.
    fn verify(&mut self, id: FaultId, action: &Action) -> Verification;

    /// Undoes fault `id`.
    ///
    /// # Errors
    /// When the world refuses; that is a failure of the harness, not of the system.
    fn heal(&mut self, id: FaultId, action: &Action) -> io::Result<()>;
}

impl Roster {
    /// The nodes that make up the system: the replicas, then the services. The clients' host is not among them.
    #[must_use]
    pub fn members(&self) -> Vec<NodeId> {
        self.replicas.iter().chain(&self.services).copied().collect()
    }

    /// All nodes that run: the members, and those in reserve behind the replicas.
    #[must_use]
    pub fn everybody(&self) -> Vec<NodeId> {
        let nodes = self.replicas.iter().chain(&self.reserve).chain(&self.services);
        nodes.copied().collect()
    }
}

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from, self.to)
    }
}
