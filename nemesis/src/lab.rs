//! The lab: hosts, lines and processes on one Linux machine, to be hurt and healed.
//!
//! Each node is a host with an address, a network card and processes of its own; so is the clients' side. One switch carries all
//! packets and obeys rules per directed link. Nothing of it is seen outside, nothing needs privileges beyond user namespaces and
//! /dev/net/tun, and nothing is left behind, whichever process is killed at whatever moment (see [`confine`]).
//!
//! The lab does what it is told and shows what is; it does not decide whom to hurt, and it does not count overlapping faults.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use nemesis::lab::{self, EngineCommand, Lab, LabConfig};
//! use systems::NodeId;
//!
//! fn main() -> ExitCode {
//!     // First of all: is this process one of the lab's own?
//!     if let Some(code) = lab::entry() {
//!         return code;
//!     }
//!     if std::env::args().nth(1).as_deref() == Some("engine") {
//!         return engine().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
//!     }
//!     // While there is one thread only: the rest happens inside.
//!     let engine = EngineCommand { args: vec!["engine".into()], env: Vec::new() };
//!     lab::confine(&engine).map_or(ExitCode::FAILURE, ExitCode::from)
//! }
//!
//! fn engine() -> Result<(), lab::LabError> {
//!     let nodes = (1..=3).map(NodeId::replica).collect();
//!     let clients = "clients".parse().expect("a good name");
//!     let mut lab = Lab::open(&LabConfig { nodes, clients, seed: 7, tcp_rto_max: None })?;
//!     lab.cut(lab::Link { from: NodeId::replica(1), to: NodeId::replica(2) })?;
//!     Ok(())
//! }
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "the lab is the mechanism: it has threads, clocks and processes, and nothing above it is decided by them"
)]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use systems::NodeId;

mod address;
mod backlog;
mod chance;
mod confine;
mod doctor;
mod error;
mod gate;
mod host;
mod idmap;
mod init;
mod keeper;
mod leash;
mod line;
mod netdevice;
mod node;
mod packet;
mod passage;
mod privilege;
mod reaper;
mod remedy;
mod role;
mod signals;
mod state;
mod switch;
mod talk;
mod tun;

pub use crate::cluster::Link;
pub use address::HOSTS_MAX;
pub use confine::{EngineCommand, confine};
pub use doctor::{Missing, Outcome, Part, Probe, check, examine};
pub use error::LabError;
pub use line::{Counters, Shape};
pub use node::{NodeCommand, NodeExit};
pub use passage::Passage;
pub use role::entry;
pub use state::NodeState;
pub use switch::QUEUE_DELAY_MAX;

use address::HostIndex;
use host::{Host, make_hosts};
use line::{Line, Lines};
use node::{KILL_LIMIT, Node, Surroundings};
use switch::Switch;
use tun::Offload;

/// What a lab consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabConfig {
    /// The nodes, in the order of their addresses.
    pub nodes: Vec<NodeId>,
    /// The clients' host: the engine's own side of the network.
    pub clients: NodeId,
    /// What decides which packets are lost and how long they are held.
    pub seed: u64,
    /// The longest TCP waits before it tries again, where the kernel can be told (Linux 6.15); `None` leaves it at the kernel's two
    /// minutes, as in life. A second makes connections recover within about a second of a heal instead of half the fault's length.
    pub tcp_rto_max: Option<Duration>,
}

/// An open lab. Dropped, it kills all nodes and takes the network away.
#[derive(Debug)]
pub struct Lab {
    // Fields are dropped in this order: first who uses the network, then who carries it, then the network.
    nodes: BTreeMap<NodeId, Node>,
    exits: (Sender<NodeExit>, Receiver<NodeExit>),
    _switch: Switch,
    lines: Arc<Lines>,
    hosts: Vec<Host>,
    probes_sent: u64,
}

impl Lab {
    /// Makes the hosts and connects them. Must be called inside of [`confine`], by a thread that is in the engine's own network.
    ///
    /// # Errors
    /// When called outside, when there are more hosts than [`HOSTS_MAX`], two of a name, or the machine refuses a device or a namespace.
    pub fn open(config: &LabConfig) -> Result<Self, LabError> {
        if !role::is_inside() {
            return Err(LabError::Outside);
        }
        check_names(config)?;
        let hosts = make_hosts(&config.nodes, config.clients, config.tcp_rto_max)?;
        let lines = Arc::new(Lines::between(hosts.len()));
        let tuns = hosts.iter().map(|host| Arc::clone(&host.tun)).collect();
        let switch = Switch::start(tuns, Arc::clone(&lines), config.seed);
        let switch = switch.map_err(LabError::os("start the switch"))?;
        Ok(Self {
            nodes: BTreeMap::new(),
            exits: channel(),
            _switch: switch,
            lines,
            hosts,
            probes_sent: 0,
        })
    }

    /// A host's address. The clients' is that of the engine.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn address(&self, host: NodeId) -> Result<Ipv4Addr, LabError> {
        Ok(self.host(host)?.address)
    }

    /// Starts a program on a node and returns when it is executed.
    ///
    /// # Errors
    /// When the node runs already, is the clients' host, or the program cannot be executed.
    pub fn start(&mut self, node: NodeId, command: &NodeCommand) -> Result<(), LabError> {
        if self.nodes.get(&node).is_some_and(|node| !node.is_gone()) {
            return Err(LabError::Runs(node));
        }
        let network = Arc::clone(&self.host(node)?.network);
        let around = Surroundings {
            network,
            exits: self.exits.0.clone(),
        };
        self.nodes.insert(node, Node::start(node, command, around)?);
        Ok(())
    }

    /// Stops every process of a node, and returns when all have stopped.
    ///
    /// # Errors
    /// When the node is down, or does not stop within 2 s.
    pub fn pause(&mut self, node: NodeId) -> Result<(), LabError> {
        self.running(node)?.pause()
    }

    /// Lets the processes of a node go on.
    ///
    /// # Errors
    /// When the node is down, or does not go on within 2 s.
    pub fn resume(&mut self, node: NodeId) -> Result<(), LabError> {
        self.running(node)?.resume()
    }

    /// Kills every process of a node, paused or not, and returns when all are gone.
    ///
    /// # Errors
    /// When the node is down, or is not gone within 5 s.
    pub fn kill(&mut self, node: NodeId) -> Result<(), LabError> {
        self.running(node)?.order_kill();
        let limit = Instant::now() + KILL_LIMIT;
        self.nodes
            .get_mut(&node)
            .map_or(Ok(()), |node| node.await_end(limit))
    }

    /// How a node is, by looking at its processes.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn state(&self, node: NodeId) -> Result<NodeState, LabError> {
        self.host(node)?;
        Ok(self.nodes.get(&node).map_or(NodeState::Down, Node::state))
    }

    /// How a node is, looked at for up to a second until it is as `wanted`: one that was seen to stand still may have a last bit of the way to go.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn settled(&self, node: NodeId, wanted: NodeState) -> Result<NodeState, LabError> {
        self.host(node)?;
        let settled = |node: &Node| node.settled(wanted);
        Ok(self.nodes.get(&node).map_or(NodeState::Down, settled))
    }

    /// Where nodes are told of that leave without having been told to.
    #[must_use]
    pub fn exits(&self) -> &Receiver<NodeExit> {
        &self.exits.1
    }

    /// Lets a link carry nothing, what is on its way included, from the next packet on.
    ///
    /// # Errors
    /// When there is no such link.
    pub fn cut(&self, link: Link) -> Result<(), LabError> {
        self.line(link).map(Line::cut)
    }

    /// Undoes [`Lab::cut`].
    ///
    /// # Errors
    /// When there is no such link.
    pub fn mend(&self, link: Link) -> Result<(), LabError> {
        self.line(link).map(Line::mend)
    }

    /// Whether a link is told to carry nothing.
    ///
    /// # Errors
    /// When there is no such link.
    pub fn is_cut(&self, link: Link) -> Result<bool, LabError> {
        self.line(link).map(Line::is_cut)
    }

    /// Gives a link another shape; [`Shape::PLAIN`] takes it off. Independent of cutting and mending.
    ///
    /// # Errors
    /// When there is no such link, or the sender's device refuses.
    pub fn set_shape(&self, link: Link, shape: &Shape) -> Result<(), LabError> {
        let line = self.line(link)?;
        let sender = self.index(link.from)?;
        if shape.counts_packets() {
            self.set_offload(sender, Offload::Nothing)?;
        }
        line.set_shape(shape);
        let counts = |line: &Line| line.shape().is_some_and(|shape| shape.counts_packets());
        if self.lines.leaving(sender).iter().any(counts) {
            return Ok(());
        }
        self.set_offload(sender, Offload::Segmentation)
    }

    /// The shape of a link.
    ///
    /// # Errors
    /// When there is no such link.
    pub fn shape(&self, link: Link) -> Result<Shape, LabError> {
        Ok(self.line(link)?.shape().unwrap_or(Shape::PLAIN))
    }

    /// What a link has done so far.
    ///
    /// # Errors
    /// When there is no such link.
    pub fn counters(&self, link: Link) -> Result<Counters, LabError> {
        self.line(link).map(Line::counters)
    }

    /// Sends a datagram over a link and tells what became of it: at once as a rule; after a second, and the link's delay, if it is lost
    /// again and again.
    ///
    /// # Errors
    /// When there is no such link, or the datagram cannot be sent.
    pub fn probe(&mut self, link: Link) -> Result<Passage, LabError> {
        self.probes_sent += 1;
        let (from, to) = (self.host(link.from)?, self.host(link.to)?);
        let passage = passage::probe(from, to, self.line(link)?, self.probes_sent);
        passage.map_err(LabError::os("send a probe"))
    }

    fn set_offload(&self, host: HostIndex, offload: Offload) -> Result<(), LabError> {
        let set = self.hosts[host.0].tun.set_offload(offload);
        set.map_err(LabError::os("set the offload of a TUN device"))
    }

    fn running(&self, node: NodeId) -> Result<&Node, LabError> {
        self.host(node)?;
        self.nodes
            .get(&node)
            .filter(|node| !node.is_gone())
            .ok_or(LabError::Down(node))
    }

    fn line(&self, link: Link) -> Result<&Line, LabError> {
        let number = self.lines.number(self.index(link.from)?, self.index(link.to)?);
        Ok(self.lines.line(number))
    }

    fn host(&self, name: NodeId) -> Result<&Host, LabError> {
        Ok(&self.hosts[self.index(name)?.0])
    }

    fn index(&self, name: NodeId) -> Result<HostIndex, LabError> {
        let index = self.hosts.iter().position(|host| host.name == name);
        index.map(HostIndex).ok_or(LabError::Unknown(name))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // All at once, then one after the other; a node that clings to life ends with the engine.
        self.nodes.values().for_each(Node::order_kill);
        let limit = Instant::now() + KILL_LIMIT;
        for node in self.nodes.values_mut() {
            let _ = node.await_end(limit);
        }
    }
}

fn check_names(config: &LabConfig) -> Result<(), LabError> {
    let mut names: Vec<NodeId> = config.nodes.iter().copied().chain([config.clients]).collect();
    if names.len() > HOSTS_MAX {
        return Err(LabError::Hosts(names.len(), HOSTS_MAX));
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(LabError::Twice(pair[0])),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Lab, LabConfig, LabError, NodeId};

    #[test]
    fn a_lab_may_be_moved_to_the_thread_that_controls_it() {
        fn moved_to_a_thread<T: Send>() {}
        moved_to_a_thread::<Lab>();
    }

    #[test]
    fn a_lab_is_not_opened_on_the_machine_itself() {
        let clients = NodeId::replica(1);
        let config = LabConfig {
            nodes: Vec::new(),
            clients,
            seed: 1,
            tcp_rto_max: None,
        };
        assert!(matches!(Lab::open(&config), Err(LabError::Outside)));
    }
}
