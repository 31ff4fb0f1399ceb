//! Nodes that run in the test's own thread, and can be killed and started again.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use systems::server::{BootArgs, Client, EventLine, Listen, Server, ServerError};
use systems::{ClientId, Conclusion, NodeId};
use tempfile::TempDir;
use tokio::task::{JoinHandle, LocalSet};

use crate::toy::{Answer, Ask, Event, Toy, ToyConfig, ToySession};

/// How long any test waits for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

static TOWNS: AtomicU16 = AtomicU16::new(0);

/// Some nodes with addresses of their own.
pub(crate) struct Town {
    directory: TempDir,
    pub(crate) peers: BTreeMap<NodeId, SocketAddr>,
    members: Vec<NodeId>,
    running: BTreeMap<NodeId, JoinHandle<Result<(), ServerError>>>,
}

/// Runs a test with a limit, in one thread.
pub(crate) fn test(body: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limited = async { tokio::time::timeout(LIMIT, body).await };
    LocalSet::new()
        .block_on(&runtime, limited)
        .expect("the test is over in time");
}

/// Waits until `happened` is true.
pub(crate) async fn eventually(mut happened: impl FnMut() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(2));
    while !happened() {
        look.tick().await;
    }
}

pub(crate) fn node(number: usize) -> NodeId {
    NodeId::replica(number)
}

impl Town {
    /// So many nodes, none of which runs yet. All of 127/8 is this machine, so tests need not share addresses.
    pub(crate) fn new(nodes: usize) -> Self {
        let town = TOWNS.fetch_add(1, Ordering::Relaxed);
        let [high, low] = (process::id() as u16).to_be_bytes();
        let members: Vec<NodeId> = (1..=nodes).map(node).collect();
        let ip = |n: usize| Ipv4Addr::new(127, high, low, u8::try_from(n).unwrap());
        let address = |n: usize| SocketAddr::from((ip(n), 7000 + town));
        let peers = members.iter().copied().zip((1..=nodes).map(address)).collect();
        Self {
            directory: tempfile::tempdir().unwrap(),
            peers,
            members,
            running: BTreeMap::new(),
        }
    }

    pub(crate) async fn all_running(nodes: usize) -> Self {
        let mut town = Self::new(nodes);
        for number in 1..=nodes {
            town.start(node(number)).await;
        }
        town
    }

    /// Starts a node; waits until one that was killed has given up its address.
    pub(crate) async fn start(&mut self, node: NodeId) {
        loop {
            match self.open(node).await {
                Ok(server) => {
                    self.running
                        .insert(node, tokio::task::spawn_local(server.run(std::future::pending())));
                    return;
                }
                Err(ServerError::Bind { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("failed to {error}"),
            }
        }
    }

    pub(crate) async fn open(&self, node: NodeId) -> Result<Server<Toy>, ServerError> {
        let listen = Listen {
            address: self.peers[&node],
            peers: self.peers.clone(),
        };
        let (data, config) = (
            self.data(node),
            ToyConfig {
                members: self.members.clone(),
            },
        );
        Server::open(
            &config,
            BootArgs { node, seed: 1 },
            listen,
            &data,
            &self.events_path(node),
        )
        .await
    }

    /// Ends a node between two of its turns, without a word to anybody.
    pub(crate) async fn kill(&mut self, node: NodeId) {
        let running = self.running.remove(&node).unwrap();
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
    }

    /// Waits for a node to end by itself.
    pub(crate) async fn ended(&mut self, node: NodeId) -> Result<(), ServerError> {
        self.running.remove(&node).unwrap().await.unwrap()
    }

    pub(crate) fn client(&self, id: u64) -> Client<ToySession> {
        Client::new(ToySession::default(), ClientId(id), self.peers.clone())
    }

    pub(crate) fn data(&self, node: NodeId) -> PathBuf {
        self.directory.path().join(node.as_str())
    }

    pub(crate) fn events_path(&self, node: NodeId) -> PathBuf {
        self.directory.path().join(format!("{node}.events"))
    }

    pub(crate) fn events(&self, node: NodeId) -> Vec<EventLine<Event>> {
        read_events(&self.events_path(node))
    }

    /// How often a node has ticked in all its lives.
    pub(crate) fn ticks(&self, node: NodeId) -> usize {
        self.events(node)
            .iter()
            .filter(|line| matches!(line.event, Event::Ticked(_)))
            .count()
    }

    /// The last ping `to` has heard of `from`.
    pub(crate) fn last_ping(&self, from: NodeId, to: NodeId) -> u64 {
        let heard = self
            .events(to)
            .into_iter()
            .rev()
            .find_map(|line| match line.event {
                Event::Heard { from: sender, ping } if sender == from => Some(ping),
                Event::Heard { .. } | Event::Started { .. } | Event::Ticked(_) => None,
            });
        heard.unwrap_or(0)
    }
}

fn read_events(path: &Path) -> Vec<EventLine<Event>> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) async fn ask(client: &mut Client<ToySession>, node: NodeId, ask: Ask) -> Answer {
    match client.invoke((node, ask)).await {
        Conclusion::Answered(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}
