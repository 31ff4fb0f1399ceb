//! The real world: nodes are processes in the lab, clients speak TCP through its switch, time is the machine's.
#![expect(
    clippy::disallowed_methods,
    reason = "this is one of the three places that may read a clock and start a thread"
)]

pub mod admin;
pub mod clients;
pub mod event_log;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use histories::{Completion, Invocation, Process};
use nemesis::lab::{Lab, LabConfig, LabError, NodeCommand, NodeState, Passage};
use nemesis::{Action, Cluster, FaultId, Link, Roster, Standing, Verification};
use rand::Rng;
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use systems::NodeId;

use self::admin::AdminThread;
use self::clients::ClientThread;
use self::event_log::EventLog;
use super::World;
use super::changes::Changes;
use super::injuries::{Injuries, NodeWish};
use crate::adapter::{Addresses, ClientsConfig, Health, Place, Reads, System, Witness};
use crate::chance::{Purpose, stream};
use crate::store::RunFolder;
use crate::test::Test;
use crate::testimony::Departure;
use crate::workload::Workload;

/// Every node listens here, each at an address of its own.
const PORT: u16 = 7000;

/// The longest a cluster may take to be formed after its processes have been started.
const FORMED_WITHIN: Duration = Duration::from_secs(20);

/// How often the event logs are read while the cluster forms.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Such faults are refused before a run; this is said should one get this far.
const NO_PACKET_FAULTS: &str = "the lab does no packet faults";

/// A cluster of real processes, and its clients.
#[derive(Debug)]
pub struct RealWorld {
    start: Instant,
    // The clients go before the lab: they are connected through it.
    clients: ClientThread,
    cluster: RealCluster,
    interrupted: Arc<AtomicBool>,
}

/// The processes and the packets between them.
#[derive(Debug)]
struct RealCluster {
    // It is connected through the lab, and goes before it.
    admin: Option<AdminThread>,
    lab: Lab,
    roster: Roster,
    commands: BTreeMap<NodeId, NodeCommand>,
    injuries: Injuries,
    changes: Changes,
    logs: BTreeMap<NodeId, EventLog>,
    witness: Box<dyn Witness>,
}

/// The time of the clock that all processes of this machine share, in whatever namespace.
#[must_use]
pub fn machine_time() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), nanos)
}

impl RealWorld {
    /// Hosts, switch, nodes and clients for `test`; returns when the cluster is formed.
    ///
    /// # Errors
    /// When the lab refuses, or the cluster is not formed within [`FORMED_WITHIN`]; [`io::ErrorKind::Interrupted`] when somebody wants
    /// it to end before.
    pub fn open(system: &dyn System, test: &Test, folder: &RunFolder) -> io::Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
        }
        let mut cluster = RealCluster::open(system, test, folder)?;
        let addresses = cluster.addresses()?;
        cluster.start_all()?;
        cluster.await_formed(&interrupted)?;
        let clients = ClientThread::start(system.clients(&cluster.roster, &addresses, clients_config(test)))?;
        let administration = system.administration(&cluster.roster, &addresses);
        cluster.admin = administration.map(AdminThread::start).transpose()?;
        Ok(Self {
            start: Instant::now(),
            clients,
            cluster,
            interrupted,
        })
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
        let left = self.cluster.lab.exits().try_iter();
        left.map(|exit| Departure {
            node: exit.node,
            status: words(exit.status),
            at,
        })
        .collect()
    }

    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn applied(&mut self) -> BTreeMap<NodeId, u64> {
        self.cluster.read_logs();
        self.cluster.witness.applied()
    }

    fn excuse(&mut self) -> Option<String> {
        self.cluster.read_logs();
        self.cluster.witness.excuse(&self.cluster.running())
    }
}

impl RealCluster {
    fn open(system: &dyn System, test: &Test, folder: &RunFolder) -> io::Result<Self> {
        let roster = system.cast(test.nodes, test.reserve);
        let nodes = roster.everybody();
        let seed = stream(test.seed, Purpose::Packets).next_u64();
        let config = LabConfig {
            nodes: nodes.clone(),
            clients: roster.clients,
            seed,
            tcp_rto_max: None,
        };
        let lab = Lab::open(&config).map_err(io::Error::other)?;
        let mut cluster = Self {
            admin: None,
            lab,
            commands: BTreeMap::new(),
            injuries: Injuries::default(),
            changes: Changes::default(),
            logs: nodes
                .iter()
                .map(|node| (*node, EventLog::new(folder.node(*node).join("events.jsonl"))))
                .collect(),
            witness: system.witness(&roster),
            roster,
        };
        cluster.commands = cluster.commands(system, test, folder)?;
        Ok(cluster)
    }

    fn addresses(&self) -> io::Result<Addresses> {
        let address = |node| {
            let address = self.lab.address(node).map_err(io::Error::other)?;
            Ok((node, SocketAddr::new(IpAddr::V4(address), PORT)))
        };
        self.roster
            .everybody()
            .into_iter()
            .map(address)
            .collect::<io::Result<_>>()
            .map(Addresses)
    }

    fn commands(
        &self,
        system: &dyn System,
        test: &Test,
        folder: &RunFolder,
    ) -> io::Result<BTreeMap<NodeId, NodeCommand>> {
        let program = std::env::current_exe()?;
        let addresses = self.addresses()?;
        let mut chance = stream(test.seed, Purpose::Nodes);
        let mut commands = BTreeMap::new();
        for node in self.roster.everybody() {
            let home = folder.node(node);
            let data = home.join("data");
            std::fs::create_dir_all(&data)?;
            let place = Place {
                addresses: addresses.clone(),
                reserve: self.roster.reserve.clone(),
                data,
                events: home.join("events.jsonl"),
                seed: chance.next_u64(),
                flaw: test.flaw.clone(),
                reads: test.reads.clone(),
            };
            let args = system.node_arguments(node, &place);
            let (stdout, stderr) = (home.join("stdout.log"), home.join("stderr.log"));
            let command = NodeCommand {
                program: program.clone(),
                args,
                env: Vec::new(),
                directory: home,
                stdout,
                stderr,
            };
            commands.insert(node, command);
        }
        Ok(commands)
    }

    fn start_all(&mut self) -> io::Result<()> {
        for node in self.roster.everybody() {
            self.start(node).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn start(&mut self, node: NodeId) -> Result<(), LabError> {
        let command = self.commands.get(&node).expect("everybody has a command");
        self.lab.start(node, command)
    }

    fn await_formed(&mut self, interrupted: &AtomicBool) -> io::Result<()> {
        let begin = Instant::now();
        while !self.witness.formed() {
            if let Ok(exit) = self.lab.exits().try_recv() {
                return Err(io::Error::other(format!(
                    "{} left while the cluster was forming: {}",
                    exit.node,
                    words(exit.status)
                )));
            }
            if interrupted.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if FORMED_WITHIN < begin.elapsed() {
                return Err(io::Error::other(format!(
                    "the cluster was not formed within {FORMED_WITHIN:?}"
                )));
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
        let is_up = |node: &NodeId| self.lab.state(*node).is_ok_and(|state| state != NodeState::Down);
        self.roster.everybody().into_iter().filter(is_up).collect()
    }

    fn health(&self) -> Health {
        let (running, now) = (self.running(), machine_time());
        let is_sound = |node: &NodeId| self.injuries.is_sound(*node, now, self.roster.clients);
        let sound = running.iter().copied().filter(is_sound).collect();
        Health { running, sound }
    }

    /// Makes `node` what the faults in force want it to be.
    fn fulfil(&mut self, node: NodeId) -> Result<(), LabError> {
        match (self.lab.state(node)?, self.injuries.wish(node)) {
            (NodeState::Down, NodeWish::Down)
            | (NodeState::Paused, NodeWish::Paused)
            | (NodeState::Running, NodeWish::Up) => Ok(()),
            (NodeState::Running | NodeState::Paused, NodeWish::Down) => self.kill(node),
            (NodeState::Running, NodeWish::Paused) => self.lab.pause(node),
            (NodeState::Paused, NodeWish::Up) => self.lab.resume(node),
            (NodeState::Down, NodeWish::Up) => self.start(node),
            (NodeState::Down, NodeWish::Paused) => self.start(node).and_then(|()| self.lab.pause(node)),
        }
    }

    fn kill(&mut self, node: NodeId) -> Result<(), LabError> {
        self.lab.kill(node)?;
        self.read_logs();
        self.witness.note_death(node);
        Ok(())
    }

    fn apply(&mut self, action: &Action) -> io::Result<()> {
        let done = match action {
            Action::Pause(nodes) | Action::Kill(nodes) => {
                nodes.iter().try_for_each(|node| self.fulfil(*node))
            }
            Action::Cut(links) => links
                .iter()
                .try_for_each(|link| match self.injuries.is_cut(*link) {
                    true => self.lab.cut(*link),
                    false => self.lab.mend(*link),
                }),
            Action::Disturb(_) => return Err(io::Error::other(NO_PACKET_FAULTS)),
            Action::Change(_) => {
                if let Some(admin) = &self.admin {
                    admin.want(self.changes.goal(&self.roster));
                }
                Ok(())
            }
        };
        done.map_err(io::Error::other)
    }

    fn look_at_link(&mut self, link: Link) -> Verification {
        match self.lab.probe(link) {
            Ok(Passage::Dropped) => Verification::Holds,
            Ok(passage @ (Passage::Arrived | Passage::Lost)) => Verification::DoesNot(
                format!("a packet sent on {link} was to be dropped and {passage:?}").to_lowercase(),
            ),
            Err(error) => Verification::DoesNot(format!("no packet could be sent on {link}: {error}")),
        }
    }

    fn look_at_group(&mut self, id: FaultId) -> Verification {
        self.read_logs();
        let group = self.witness.group().unwrap_or_default();
        self.changes.look(machine_time(), id, &group)
    }

    fn look_at_node(&self, node: NodeId, wanted: NodeState) -> Verification {
        match self.lab.settled(node, wanted) {
            // A node that another fault keeps down stands as still as one can.
            Ok(state) if state == wanted || state == NodeState::Down => Verification::Holds,
            Ok(state) => Verification::DoesNot(format!("{node} was {state} instead of {wanted}")),
            Err(error) => Verification::DoesNot(error.to_string()),
        }
    }
}

impl Cluster for RealCluster {
    fn roster(&self) -> &Roster {
        &self.roster
    }

    fn standing(&mut self) -> Standing {
        self.read_logs();
        let health = self.health();
        let standing = self.witness.standing(&health);
        match self.admin {
            Some(_) => self.changes.looked_at(standing, &self.roster, &health.sound),
            None => standing,
        }
    }

    fn inject(&mut self, id: FaultId, action: &Action) -> io::Result<()> {
        self.injuries.add(id, action);
        self.changes.add(machine_time(), id, action);
        self.apply(action)
    }

    fn verify(&mut self, id: FaultId, action: &Action) -> Verification {
        let looks: Vec<Verification> = match action {
            Action::Cut(links) => links.iter().map(|link| self.look_at_link(*link)).collect(),
            Action::Pause(nodes) => nodes
                .iter()
                .map(|node| self.look_at_node(*node, NodeState::Paused))
                .collect(),
            Action::Kill(nodes) => nodes
                .iter()
                .map(|node| self.look_at_node(*node, NodeState::Down))
                .collect(),
            Action::Disturb(_) => vec![Verification::DoesNot(NO_PACKET_FAULTS.to_owned())],
            Action::Change(_) => vec![self.look_at_group(id)],
        };
        let missed = looks.into_iter().find(|look| *look != Verification::Holds);
        missed.unwrap_or(Verification::Holds)
    }

    fn heal(&mut self, id: FaultId, action: &Action) -> io::Result<()> {
        self.injuries.remove(machine_time(), id, action);
        self.changes.remove(machine_time(), id);
        self.apply(action)
    }
}

fn clients_config(test: &Test) -> ClientsConfig {
    let reads = Workload::named(&test.workload).map_or(Reads::Scalar, Workload::reads);
    ClientsConfig {
        concurrency: test.concurrency,
        reads,
    }
}

/// How a node ended, in words.
fn words(status: Option<ExitStatus>) -> String {
    status.map_or_else(
        || "killed by another hand".to_owned(),
        |status| status.to_string(),
    )
}
