//! The real world: nodes are processes in the lab, clients speak TCP through its switch, time is the machine's.
#![expect(
    clippy::disallowed_methods,
    reason = "this is one of the three places that may read a clock and start a thread"
)]

pub mod clients;
pub mod event_log;
pub mod injuries;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use histories::{Completion, Invocation, Process};
use nemesis::lab::{Command, Lab, LabConfig, NodeState};
use nemesis::{Action, Cluster, FaultId, Link, Roster, Standing, Verification};
use rand::Rng;
use systems::NodeId;

use self::clients::ClientThread;
use self::event_log::EventLog;
use self::injuries::{Injuries, NodeWish};
use super::World;
use crate::adapter::{Addresses, Place, System, Witness};
use crate::chance::{Purpose, stream};
use crate::store::RunFolder;
use crate::test::Test;
use crate::testimony::Departure;

/// Every node listens here, each at an address of its own.
const PORT: u16 = 7000;

/// The longest a cluster may take to be formed after its processes have been started.
const FORMED_WITHIN: Duration = Duration::from_secs(20);

/// How often the event logs are read while the cluster forms.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A cluster of real processes, and its clients.
#[derive(Debug)]
pub struct RealWorld {
    start: Instant,
    // The clients go before the lab: they are connected through it.
    clients: ClientThread,
    cluster: RealCluster,
}

/// The processes and the packets between them.
#[derive(Debug)]
struct RealCluster {
    lab: Lab,
    roster: Roster,
    commands: BTreeMap<NodeId, Command>,
    injuries: Injuries,
    logs: BTreeMap<NodeId, EventLog>,
    witness: Box<dyn Witness>,
}

impl RealWorld {
    /// Hosts, switch, nodes and clients for `test`; returns when the cluster is formed.
    ///
    /// # Errors
    /// When the lab refuses, or the cluster is not formed within [`FORMED_WITHIN`].
    pub fn open(system: &dyn System, test: &Test, folder: &RunFolder) -> io::Result<Self> {
        let mut cluster = RealCluster::open(system, test, folder)?;
        let addresses = cluster.addresses();
        cluster.start_all()?;
        cluster.await_formed()?;
        let clients = ClientThread::start(system.clients(&addresses, test.concurrency))?;
        Ok(Self { start: Instant::now(), clients, cluster })
    }
}

impl World for RealWorld {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn invoke(&mut self, invocation: &Invocation) {
        self.clients.invoke(invocation.clone());
    }

    fn wait(&mut self, until: Duration) -> Vec<Completion> {
        self.clients.wait(until.saturating_sub(self.now()))
    }

    fn retire(&mut self, process: Process) {
        self.clients.retire(process);
    }

    fn cluster(&mut self) -> &mut dyn Cluster {
        &mut self.cluster
    }

    fn departures(&mut self) -> Vec<Departure> {
        let at = self.now();
        let left = self.cluster.lab.exits().into_iter();
        left.map(|exit| Departure { node: exit.node, status: exit.status.to_string(), at }).collect()
    }

    fn excuse(&mut self) -> Option<String> {
        self.cluster.read_logs();
        self.cluster.witness.excuse(&self.cluster.running())
    }
}

impl RealCluster {
    fn open(system: &dyn System, test: &Test, folder: &RunFolder) -> io::Result<Self> {
        let roster = system.roster(test.nodes);
        let nodes = members(&roster);
        let seed = stream(test.seed, Purpose::Packets).next_u64();
        let lab = Lab::open(&LabConfig { nodes: nodes.clone(), clients: roster.clients, seed }).map_err(io::Error::other)?;
        let mut cluster = Self {
            lab,
            commands: BTreeMap::new(),
            injuries: Injuries::default(),
            logs: nodes.iter().map(|node| (*node, EventLog::new(folder.node(*node).join("events.jsonl")))).collect(),
            witness: system.witness(&roster),
            roster,
        };
        cluster.commands = cluster.commands(system, test, folder)?;
        Ok(cluster)
    }

    fn addresses(&self) -> Addresses {
        let address = |node| SocketAddr::new(IpAddr::V4(self.lab.address(node)), PORT);
        Addresses(members(&self.roster).into_iter().map(|node| (node, address(node))).collect())
    }

    fn commands(&self, system: &dyn System, test: &Test, folder: &RunFolder) -> io::Result<BTreeMap<NodeId, Command>> {
        let program = std::env::current_exe()?;
        let mut chance = stream(test.seed, Purpose::Nodes);
        let mut commands = BTreeMap::new();
        for node in members(&self.roster) {
            let home = folder.node(node);
            let data = home.join("data");
            std::fs::create_dir_all(&data)?;
            let place = Place {
                addresses: self.addresses(),
                data,
                events: home.join("events.jsonl"),
                seed: chance.next_u64(),
                flaw: test.flaw.clone(),
            };
            let args = system.node_arguments(node, &place);
            let (stdout, stderr) = (home.join("stdout.log"), home.join("stderr.log"));
            commands.insert(node, Command { program: program.clone(), args, env: Vec::new(), cwd: home, stdout, stderr });
        }
        Ok(commands)
    }

    fn start_all(&mut self) -> io::Result<()> {
        for node in members(&self.roster) {
            self.start(node)?;
        }
        Ok(())
    }

    fn start(&mut self, node: NodeId) -> io::Result<()> {
        let command = self.commands.get(&node).expect("every member has a command");
        self.lab.start(node, command).map_err(io::Error::other)
    }

    fn await_formed(&mut self) -> io::Result<()> {
        let begin = Instant::now();
        while !self.witness.formed() {
            if let Some(exit) = self.lab.exits().first() {
                return Err(io::Error::other(format!("{} left while the cluster was forming: {}", exit.node, exit.status)));
            }
            if FORMED_WITHIN < begin.elapsed() {
                return Err(io::Error::other(format!("the cluster was not formed within {FORMED_WITHIN:?}")));
            }
            std::thread::sleep(LOOK_AGAIN);
            self.read_logs();
        }
        Ok(())
    }

    fn read_logs(&mut self) {
        for (node, log) in &mut self.logs {
            // A log that cannot be read tells nothing new; what depends on it then waits or gives up by its own bound.
            for line in log.fresh_lines().unwrap_or_default() {
                self.witness.note(*node, &line);
            }
        }
    }

    fn running(&self) -> BTreeSet<NodeId> {
        let up = |node: &NodeId| self.lab.state(*node) != NodeState::Gone;
        members(&self.roster).into_iter().filter(up).collect()
    }

    /// Makes `node` what the faults in force want it to be.
    fn fulfil(&mut self, node: NodeId) -> io::Result<()> {
        let (state, wish) = (self.lab.state(node), self.injuries.wish(node));
        match (state, wish) {
            (NodeState::Gone, NodeWish::Down)
            | (NodeState::Stopped, NodeWish::Paused)
            | (NodeState::Running, NodeWish::Up) => Ok(()),
            (NodeState::Running | NodeState::Stopped, NodeWish::Down) => self.lab.kill(node).map_err(io::Error::other),
            (NodeState::Running, NodeWish::Paused) => self.lab.pause(node).map_err(io::Error::other),
            (NodeState::Stopped, NodeWish::Up) => self.lab.resume(node).map_err(io::Error::other),
            (NodeState::Gone, NodeWish::Up) => self.start(node),
            (NodeState::Gone, NodeWish::Paused) => {
                self.start(node)?;
                self.lab.pause(node).map_err(io::Error::other)
            }
        }
    }

    fn apply(&mut self, action: &Action) -> io::Result<()> {
        match action {
            Action::Pause(nodes) | Action::Kill(nodes) => nodes.iter().try_for_each(|node| self.fulfil(*node)),
            Action::Cut(links) => {
                for link in links {
                    if self.injuries.is_cut(*link) { self.lab.cut(*link) } else { self.lab.mend(*link) }
                }
                Ok(())
            }
        }
    }

    fn look_at_link(&self, link: Link) -> Verification {
        let probe = self.lab.probe(link);
        if probe.is_dropped() {
            Verification::Holds
        } else {
            Verification::DoesNot(format!("a packet sent on {link} was not dropped"))
        }
    }

    fn look_at_node(&self, node: NodeId, wanted: NodeState) -> Verification {
        match self.lab.state(node) {
            state if state == wanted || state == NodeState::Gone => Verification::Holds,
            state => Verification::DoesNot(format!("{node} was {state:?} instead of {wanted:?}")),
        }
    }
}

impl Cluster for RealCluster {
    fn roster(&self) -> &Roster {
        &self.roster
    }

    fn standing(&mut self) -> Standing {
        self.read_logs();
        self.witness.standing(&self.running())
    }

    fn inject(&mut self, id: FaultId, action: &Action) -> io::Result<()> {
        self.injuries.add(id, action);
        self.apply(action)
    }

    fn verify(&mut self, _id: FaultId, action: &Action) -> Verification {
        let looks: Vec<Verification> = match action {
            Action::Cut(links) => links.iter().map(|link| self.look_at_link(*link)).collect(),
            Action::Pause(nodes) => nodes.iter().map(|node| self.look_at_node(*node, NodeState::Stopped)).collect(),
            Action::Kill(nodes) => nodes.iter().map(|node| self.look_at_node(*node, NodeState::Gone)).collect(),
        };
        let missed = looks.into_iter().find(|look| *look != Verification::Holds);
        missed.unwrap_or(Verification::Holds)
    }

    fn heal(&mut self, id: FaultId, action: &Action) -> io::Result<()> {
        self.injuries.remove(id, action);
        self.apply(action)
    }
}

/// Replicas and services: every node that is started.
fn members(roster: &Roster) -> Vec<NodeId> {
    roster.services.iter().chain(&roster.replicas).copied().collect()
}
