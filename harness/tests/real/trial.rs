//! A primary/backup cluster in the lab, hurt by hand: what a scenario is written in.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nemesis::Link;
use nemesis::lab::{Lab, LabConfig, NodeCommand, NodeState, Shape};
use systems::NodeId;
use systems::pb::{Event, Observer, View};
use systems::server::EventLine;
use tribunal::adapter::pb::Pb;
use tribunal::adapter::{Addresses, Place, System};
use tribunal::world::real::event_log::EventLog;

use crate::clients::{Client, Direct};
use crate::scenario::scratch;
use crate::wait::await_that;

/// Every node listens here.
const PORT: u16 = 7000;

/// The longest anything may take that has to happen.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A cluster, its logs, and everything that can be done to it.
pub(crate) struct Trial {
    lab: Lab,
    commands: BTreeMap<NodeId, NodeCommand>,
    addresses: Addresses,
    logs: BTreeMap<NodeId, EventLog>,
    observer: Observer,
    clients_opened: u64,
}

/// How a cluster is to be.
pub(crate) struct Cast {
    /// How many servers there may be; each is called by its number.
    pub(crate) servers: usize,
    /// How many of them are started at once.
    pub(crate) started: usize,
    /// The way in which they are wrong.
    pub(crate) flaw: Option<&'static str>,
}

impl Trial {
    /// Makes the hosts, and starts the view service and the servers.
    pub(crate) fn open(cast: &Cast) -> Self {
        let roster = Pb.roster(cast.servers);
        let nodes = roster.members();
        let config = LabConfig {
            nodes: nodes.clone(),
            clients: roster.clients,
            seed: 7,
            tcp_rto_max: None,
        };
        let lab = Lab::open(&config).expect("the doctor said that a lab can be had");
        let address = |node: &NodeId| {
            let address = lab.address(*node).expect("it is one of the hosts");
            (*node, SocketAddr::new(IpAddr::V4(address), PORT))
        };
        let addresses = Addresses(nodes.iter().map(address).collect());
        let commands = nodes
            .iter()
            .map(|node| (*node, command(*node, &addresses, cast)))
            .collect();
        let logs = nodes
            .iter()
            .map(|node| (*node, EventLog::new(events(*node))))
            .collect();
        let observer = Observer::new(Pb::service());
        let mut trial = Self {
            lab,
            commands,
            addresses,
            logs,
            observer,
            clients_opened: 0,
        };
        trial.start(Pb::service());
        for number in 1..=cast.started {
            trial.start(NodeId::replica(number));
        }
        trial
    }

    /// Starts a node, or starts it again with the data it had.
    pub(crate) fn start(&mut self, node: NodeId) {
        let command = self.commands.get(&node).expect("it is one of the nodes");
        self.lab
            .start(node, command)
            .unwrap_or_else(|error| panic!("{node} is not started: {error}"));
    }

    /// Kills a node.
    pub(crate) fn kill(&mut self, node: NodeId) {
        self.lab
            .kill(node)
            .unwrap_or_else(|error| panic!("{node} is not killed: {error}"));
        self.read_logs();
        self.observer.note_death(node);
    }

    /// Stops a node where it stands.
    pub(crate) fn pause(&mut self, node: NodeId) {
        self.lab
            .pause(node)
            .unwrap_or_else(|error| panic!("{node} is not paused: {error}"));
    }

    /// Lets a node go on.
    pub(crate) fn resume(&mut self, node: NodeId) {
        self.lab
            .resume(node)
            .unwrap_or_else(|error| panic!("{node} does not go on: {error}"));
    }

    /// Cuts both directions between two hosts.
    pub(crate) fn cut(&self, one: NodeId, other: NodeId) {
        for link in both(one, other) {
            self.lab.cut(link).expect("there is such a link");
        }
    }

    /// Undoes [`Trial::cut`].
    pub(crate) fn mend(&self, one: NodeId, other: NodeId) {
        for link in both(one, other) {
            self.lab.mend(link).expect("there is such a link");
        }
    }

    /// Gives the way from the clients to a node another shape.
    pub(crate) fn shape_requests(&self, node: NodeId, shape: &Shape) {
        self.lab
            .set_shape(self.requests(node), shape)
            .expect("there is such a link");
    }

    /// Gives every link another shape, those of the clients included.
    pub(crate) fn shape_all(&self, shape: &Shape) {
        let hosts: Vec<NodeId> = self.addresses.0.keys().copied().chain([clients()]).collect();
        for from in &hosts {
            for to in hosts.iter().filter(|to| *to != from) {
                self.lab
                    .set_shape(Link { from: *from, to: *to }, shape)
                    .expect("there is such a link");
            }
        }
    }

    /// How many packets of the clients have reached a node's kernel.
    pub(crate) fn requests_arrived(&self, node: NodeId) -> u64 {
        self.lab
            .counters(self.requests(node))
            .expect("there is such a link")
            .forwarded
    }

    /// The servers that run, as the lab sees them.
    pub(crate) fn running(&self) -> Vec<NodeId> {
        let is_up = |node: &NodeId| self.lab.state(*node).is_ok_and(|state| state != NodeState::Down);
        self.commands.keys().copied().filter(is_up).collect()
    }

    /// Waits for a view with a primary and a backup that holds everything.
    pub(crate) fn await_pair(&mut self) -> Pair {
        self.await_pair_that("there is one", |_| true)
    }

    /// Waits for a pair that is as told.
    pub(crate) fn await_pair_that(&mut self, told: &str, is: impl Fn(Pair) -> bool) -> Pair {
        self.await_logs(&format!("a pair: {told}"), |observer| {
            let pair = observer
                .formed()
                .then(|| observer.newest().and_then(Pair::of))
                .flatten();
            pair.filter(|pair| is(*pair))
        })
    }

    /// Waits until `node` is the primary of the newest view.
    pub(crate) fn await_primary(&mut self, node: NodeId) {
        self.await_logs(&format!("{node} as primary"), |observer| {
            let view = observer.newest()?;
            (view.primary.node == node && observer.primaries().get(&node) == Some(&view.number)).then_some(())
        });
    }

    /// Waits until `node` has begun this many lives.
    pub(crate) fn await_lives(&mut self, node: NodeId, count: usize) {
        let path = events(node);
        let lives = || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            text.lines().filter(|line| line.contains("\"started\"")).count()
        };
        assert!(
            await_that(LIMIT, || count <= lives()),
            "{node} has not begun {count} lives"
        );
    }

    /// The nodes any one of which may be killed now without exceeding the claim.
    pub(crate) fn expendable(&mut self) -> Vec<NodeId> {
        self.read_logs();
        self.observer
            .expendable(&self.running().into_iter().collect())
            .into_iter()
            .collect()
    }

    /// Whether the newest view has a backup that holds everything.
    pub(crate) fn is_formed(&mut self) -> bool {
        self.read_logs();
        self.observer.formed()
    }

    /// Why the cluster will never answer again, by its own claim.
    pub(crate) fn lost(&mut self) -> Option<String> {
        self.read_logs();
        self.observer.lost(&self.running().into_iter().collect())
    }

    /// A fresh client that insists for at most `limit`.
    pub(crate) fn client_for(&mut self, limit: Duration) -> Client {
        self.clients_opened += 1;
        Client::new(self.clients_opened, &self.addresses, limit)
    }

    /// A fresh client that insists as long as anything may take.
    pub(crate) fn client(&mut self) -> Client {
        self.client_for(LIMIT)
    }

    /// A client that speaks to `node` and to nobody else.
    pub(crate) fn direct(&mut self, node: NodeId) -> Direct {
        self.clients_opened += 1;
        Direct::new(self.clients_opened, &self.addresses, node)
    }

    fn requests(&self, node: NodeId) -> Link {
        Link {
            from: clients(),
            to: node,
        }
    }

    fn await_logs<T>(&mut self, what: &str, see: impl Fn(&Observer) -> Option<T>) -> T {
        let mut seen = None;
        await_that(LIMIT, || {
            self.read_logs();
            seen = see(&self.observer);
            seen.is_some()
        });
        seen.unwrap_or_else(|| panic!("{what} did not come about: {:?}", self.observer))
    }

    fn read_logs(&mut self) {
        for (node, log) in &mut self.logs {
            for line in log.fresh_lines().expect("a log can be read") {
                if let Ok(line) = serde_json::from_str::<EventLine<Event>>(&line) {
                    self.observer.note(*node, &line.event);
                }
            }
        }
    }
}

/// A primary and its backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) primary: NodeId,
    pub(crate) backup: NodeId,
}

impl Pair {
    fn of(view: &View) -> Option<Self> {
        view.backup.map(|backup| Self {
            primary: view.primary.node,
            backup: backup.node,
        })
    }
}

fn clients() -> NodeId {
    Pb.roster(1).clients
}

fn both(one: NodeId, other: NodeId) -> [Link; 2] {
    [Link { from: one, to: other }, Link { from: other, to: one }]
}

fn events(node: NodeId) -> std::path::PathBuf {
    scratch().join(node.as_str()).join("events.jsonl")
}

fn command(node: NodeId, addresses: &Addresses, cast: &Cast) -> NodeCommand {
    let home = scratch().join(node.as_str());
    let data = home.join("data");
    fs::create_dir_all(&data).expect("a scenario may write where it was told to");
    let flaw = cast.flaw.map(str::to_owned);
    let place = Place {
        addresses: addresses.clone(),
        reserve: Vec::new(),
        data,
        events: events(node),
        seed: 7,
        flaw,
        reads: None,
    };
    NodeCommand {
        program: env!("CARGO_BIN_EXE_tribunal").into(),
        args: Pb.node_arguments(node, &place),
        env: Vec::new(),
        stdout: home.join("stdout.log"),
        stderr: home.join("stderr.log"),
        directory: home,
    }
}
