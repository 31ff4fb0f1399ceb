//! The real world around one [`Replica`]: sockets, timers and a write-ahead file.
//!
//! One process runs one node in one thread. The engine owns the replica and works in turns: it takes what has arrived, steps the
//! replica, makes the records durable with one write and one fdatasync, and only then lets the messages and answers of
//! the turn leave. To everybody outside this looks as if the effects were carried out one by one in their order.
//!
//! Each node opens one connection to every other, and sends on that one only; clients open theirs. No peer can block the engine: what
//! waits for a slow connection waits in a bounded queue and is lost when that is full, as the replicas expect.
//!
//! Nothing here knows what the bytes mean, what is replicated, or that anybody tests it.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the real world: its clocks and its chance are the machine's"
)]

mod accept;
mod clock;
mod engine;
mod events;
mod link;
mod log;
mod peer;
mod queue;
mod receive;
mod socket;
mod timers;

pub mod client;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, LocalSet};
use tracing::debug;

pub use client::Client;
pub use engine::Wording;
pub use events::EventLine;
pub use log::LogError;

use crate::codec::{self, CodecError};
use crate::node_id::NodeId;
use crate::replica::{Boot, Incarnation, Replica};
use accept::Arrivals;
use engine::Engine;
use events::EventLog;
use log::Log;
use queue::Queue;

/// An incarnation fits into a double, so that no reader of the event log rounds it.
const INCARNATION_BITS: u32 = 53;

/// Batches of frames that have arrived and wait for the engine, of nodes and of clients each. Readers wait when there are more.
const ARRIVALS_MAX: usize = 256;

/// What a node is told about itself; the rest of [`Boot`] is drawn here.
#[derive(Debug, Clone, Copy)]
pub struct BootArgs {
    /// Its name.
    pub node: NodeId,
    /// Seed of all chance it may use; every life mixes its incarnation into it.
    pub seed: u64,
}

/// Where a node listens, and where the others do.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Its own address.
    pub address: SocketAddr,
    /// The addresses of all nodes it sends to or hears from; its own may be among them and is ignored.
    pub peers: BTreeMap<NodeId, SocketAddr>,
}

/// Why a node could not start or had to stop; completes the sentence "failed to ..".
#[derive(Debug)]
pub enum ServerError {
    /// The runtime, or the handler of SIGTERM, could not be set up.
    Runtime(io::Error),
    /// The address cannot be listened on.
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The write-ahead file cannot be used.
    Log(LogError),
    /// A record of the log is whole, but not of this system.
    Record {
        /// The log.
        path: PathBuf,
        /// Where the record begins, in bytes.
        position: u64,
        /// What was wrong with it.
        source: CodecError,
    },
    /// The event log cannot be used.
    Events {
        /// The event log.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Runs a node in this thread until SIGTERM.
///
/// `data` is the directory of its write-ahead file and belongs to it alone; `events` is the file its event log is appended to, one
/// [`EventLine`] per line.
///
/// # Errors
/// When it cannot start, or its disk fails it: a node that cannot keep its promises does not run on.
pub fn serve<R: Replica + 'static>(
    config: &R::Config,
    boot: BootArgs,
    listen: Listen,
    data: &Path,
    events: &Path,
) -> Result<(), ServerError> {
    let manner = Manner {
        wording: Wording::Json,
        lasts: None,
    };
    serve_in_manner::<R>(config, boot, listen, data, events, manner)
}

/// How a node is run.
#[derive(Debug, Clone, Copy)]
pub struct Manner<E> {
    /// How its events are written down.
    pub wording: Wording<E>,
    /// After how long it leaves by itself, if it does.
    pub lasts: Option<Duration>,
}

/// Runs a node in this thread like [`serve`], in another manner.
///
/// # Errors
/// As [`serve`].
pub fn serve_in_manner<R: Replica + 'static>(
    config: &R::Config,
    boot: BootArgs,
    listen: Listen,
    data: &Path,
    events: &Path,
    manner: Manner<R::Event>,
) -> Result<(), ServerError> {
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServerError::Runtime)?;
    LocalSet::new().block_on(&runtime, async {
        let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Runtime)?;
        let server = Server::<R>::open(config, boot, listen, data, events).await?;
        let server = Server {
            wording: manner.wording,
            ..server
        };
        let end = manner.lasts.map(|lasts| clock::now() + lasts);
        server
            .run(async move {
                tokio::select! {
                    _ = terminate.recv() => (),
                    () = clock::until(end) => (),
                }
            })
            .await
    })
}

/// A node that is ready to run: its address is taken, its records are read.
#[derive(Debug)]
pub struct Server<R: Replica> {
    boot: Boot,
    listener: TcpListener,
    peers: BTreeMap<NodeId, SocketAddr>,
    replica: R,
    log: Log,
    events: EventLog,
    wording: Wording<R::Event>,
}

impl<R: Replica + 'static> Server<R> {
    /// Takes the address and the data directory, and brings the node to life from its records.
    ///
    /// # Errors
    /// When the address or one of the files cannot be had, or the log is damaged.
    pub async fn open(
        config: &R::Config,
        args: BootArgs,
        listen: Listen,
        data: &Path,
        events: &Path,
    ) -> Result<Self, ServerError> {
        let BootArgs { node, seed } = args;
        let Listen { address, mut peers } = listen;
        peers.remove(&node);
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| ServerError::Bind { address, source })?;
        let incarnation = draw_incarnation()?;
        let boot = Boot {
            node,
            incarnation,
            seed: mix(seed, incarnation),
        };
        let (log, entries) = Log::open(data, node).map_err(ServerError::Log)?;
        let records = entries
            .iter()
            .map(|entry| {
                codec::decode(&entry.record).map_err(|source| {
                    let (path, position) = (log.path().to_owned(), entry.position.0);
                    ServerError::Record {
                        path,
                        position,
                        source,
                    }
                })
            })
            .collect::<Result<Vec<R::Record>, ServerError>>()?;
        let events = EventLog::open(events, node, incarnation).map_err(|source| ServerError::Events {
            path: events.to_owned(),
            source,
        })?;
        let replica = R::recover(config, boot, records);
        Ok(Self {
            boot,
            listener,
            peers,
            replica,
            log,
            events,
            wording: Wording::Json,
        })
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Who it is in this life.
    #[must_use]
    pub fn boot(&self) -> Boot {
        self.boot
    }

    /// Runs the node until `stop` is ready. Must be called in a [`LocalSet`]. Dropping the future stops it as well: what the replica
    /// was doing is then lost as in a crash, and all connections are closed.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
        let Self {
            boot,
            listener,
            peers,
            replica,
            log,
            events,
            wording,
        } = self;
        let (nodes, from_nodes) = mpsc::channel(ARRIVALS_MAX);
        let (clients, from_clients) = mpsc::channel(ARRIVALS_MAX);
        let known = peers.keys().copied().collect();
        let mut tasks = JoinSet::new();
        tasks.spawn_local(accept::accept(
            listener,
            Rc::new(accept::Doors {
                known,
                nodes,
                clients,
            }),
        ));
        let mut queues = BTreeMap::new();
        for (peer, address) in peers {
            let queue = Rc::new(Queue::new());
            tasks.spawn_local(peer::speak(boot.node, peer, address, Rc::clone(&queue)));
            queues.insert(peer, queue);
        }
        let engine = Engine::new(boot.node, replica, queues, log, events).in_words(wording);
        tokio::select! {
            ended = engine.run(Arrivals { nodes: from_nodes, clients: from_clients }) => ended,
            () = stop => Ok(()),
        }
    }
}

/// Allows the process as many file descriptors as it may allow itself: 1024, the usual number, are soon used up by connections of
/// which only one end has noticed that they are dead. Without it the node still runs, and accepts fewer.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    ) {
        debug!(%error, "failed to raise the limit of file descriptors");
    }
}

fn draw_incarnation() -> Result<Incarnation, ServerError> {
    let drawn = getrandom::u64().map_err(|error| ServerError::Runtime(io::Error::other(error)))?;
    Ok(Incarnation(drawn >> (u64::BITS - INCARNATION_BITS)))
}

/// A seed for this life: a bijective scrambling (the finalizer of `SplitMix64`) of the node's seed and its incarnation.
fn mix(seed: u64, incarnation: Incarnation) -> u64 {
    let mut z = seed.wrapping_add(incarnation.0.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runtime(source) => write!(f, "set up the node's runtime: {source}"),
            Self::Bind { address, source } => write!(f, "listen on {address}: {source}"),
            Self::Log(source) => write!(f, "{source}"),
            Self::Record {
                path,
                position,
                source,
            } => {
                write!(
                    f,
                    "read {}: the record at byte {position} is not of this system: {source}",
                    path.display()
                )
            }
            Self::Events { path, source } => write!(f, "append to {}: {source}", path.display()),
        }
    }
}

impl std::error::Error for ServerError {}
