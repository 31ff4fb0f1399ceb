//! Primary/backup replication of a key-value store under a view service.
//!
//! One [`ViewService`] decides who is in charge, as a sequence of numbered [`View`]s of a primary and at most one backup. The
//! primary gives every operation, reads included, its place in an order, has the backup carry it out first, and only then carries
//! it out and answers. So whatever a client was told is at both, and the backup can take over at any time.
//!
//! `docs/pb.md` describes the protocol as a whole. What is where: [`view`] (who is in charge), `succession` (which view follows
//! which), [`ViewService`] (hears pings, announces views), [`Server`] (installs views; `server/` has its parts as primary
//! and as backup), [`ClientSession`] (the client's half), [`event`] and [`Observer`] (what can be seen from outside), [`Flaw`].
//!
//! Invariants, each kept at the place named:
//! * Only a server that holds everything acts as primary: the first view's, or one that was primary or synchronised backup in
//!   the view it held before (`Server::install`).
//! * A view is acknowledged only when its backup has confirmed that it holds everything (`Server::acknowledge`).
//! * A primary with a backup carries an operation out only after the backup's yes for it, in order (`Primary::on_yes`).
//! * A backup carries out forwards of its own view only, in sequence, after its synchronisation (`Backup::on_forward`).
//! * Views are installed in increasing order, and nothing but hearing of a newer one changes a server's view.
//!
//! What it deliberately does not do: it does not survive the loss of all copies (servers keep nothing on disk; then the cluster is
//! unavailable, never empty), nor replace a dead server while the view service is down, nor go around a cut between
//! primary and backup that both can still reach the view service across.

use std::time::Duration;

use crate::node_id::NodeId;
use crate::replica::{Boot, Input, Outbox, Replica};
use crate::service::Machine;
use crate::service::kv::KeyValue;
use crate::time::Time;

mod awake_clock;
pub mod event;
pub mod flaw;
pub mod message;
pub mod observer;
mod reminder;
pub mod server;
pub mod session;
mod succession;
mod transfer;
pub mod view;
pub mod view_service;

pub use crate::session::{Patience, Persistence};
pub use event::{Acknowledgement, Event, Outcome};
pub use flaw::Flaw;
pub use message::{Command, Message, Record, Refusal, Request, Response, Sequence, Stamp, SyncPiece, Timer};
pub use observer::Observer;
pub use server::Server;
pub use session::{ClientSession, SessionConfig, SessionTimer};
pub use view::{Member, Role, View, ViewNumber};
pub use view_service::ViewService;

/// How often a server pings the view service.
pub const PING_INTERVAL: Duration = Duration::from_millis(100);
/// After how many ping intervals of silence a server is taken for dead.
pub const DEAD_AFTER_PINGS: u32 = 5;
/// The age of the answer a ping may echo, in times of silence after which a server is taken for dead: room for slow links.
pub const ECHO_AGE_SILENCES: u32 = 4;
/// How long a primary waits for its backup before it asks whether a thing has come, at first.
pub const RESEND_AFTER: Duration = Duration::from_millis(200);
/// How long it waits at most; it waits twice as long after every time.
pub const RESEND_AFTER_MAX: Duration = Duration::from_secs(2);
/// The longest piece of a store sent at once, in bytes.
pub const SYNC_PIECE_BYTES_MAX: usize = 256 << 10;
/// The most operations that wait at a primary; beyond it clients are told that it is busy.
pub const QUEUE_OPS_MAX: usize = 1024;
/// The most operations in one message to the backup.
pub const FORWARD_OPS_MAX: usize = 128;
/// The most bytes of arguments in one message to the backup, unless a single operation has more.
pub const FORWARD_BYTES_MAX: usize = 256 << 10;
/// The most clients whose last answer is remembered.
pub const CLIENTS_MAX: usize = 4096;

/// What every node of a cluster is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The view service.
    pub service: NodeId,
    /// All servers there may ever be.
    pub servers: Vec<NodeId>,
    /// How often a server pings the view service.
    pub ping_interval: Duration,
    /// After how many intervals of silence a server is taken for dead.
    pub dead_after_pings: u32,
    /// How long a primary waits for its backup before it says a thing again, at first.
    pub resend_after: Duration,
    /// How long it waits at most.
    pub resend_after_max: Duration,
    /// The longest piece of a store sent at once, in bytes; at least 1.
    pub sync_piece_bytes_max: usize,
    /// The most operations that wait at a primary.
    pub queue_ops_max: usize,
    /// The most clients whose last answer is remembered; at least 1.
    pub clients_max: usize,
    /// The way in which this cluster is wrong, if it shall be.
    pub flaw: Option<Flaw>,
}

/// A node of the cluster: the view service, or one of the servers.
#[derive(Debug, Clone)]
pub enum Node {
    /// Says who is in charge.
    ViewService(Box<ViewService>),
    /// Holds the data.
    Server(Box<Server>),
}

impl Config {
    /// The usual times and limits, nothing wrong.
    #[must_use]
    pub fn new(service: NodeId, servers: Vec<NodeId>) -> Self {
        Self {
            service,
            servers,
            ping_interval: PING_INTERVAL,
            dead_after_pings: DEAD_AFTER_PINGS,
            resend_after: RESEND_AFTER,
            resend_after_max: RESEND_AFTER_MAX,
            sync_piece_bytes_max: SYNC_PIECE_BYTES_MAX,
            queue_ops_max: QUEUE_OPS_MAX,
            clients_max: CLIENTS_MAX,
            flaw: None,
        }
    }

    /// How old the answer may be that a ping echoes; a ping that echoes an older one was late in the network.
    #[must_use]
    pub fn echo_age_max(&self) -> Duration {
        self.dead_after() * ECHO_AGE_SILENCES
    }

    /// How long a server may be silent before it is taken for dead.
    #[must_use]
    pub fn dead_after(&self) -> Duration {
        self.ping_interval * self.dead_after_pings
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}

impl Node {
    /// The newest view this node knows.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        match self {
            Self::ViewService(service) => service.view(),
            Self::Server(server) => server.view(),
        }
    }

    /// What this node holds, if it is a server that holds everything.
    #[must_use]
    pub fn machine(&self) -> Option<&Machine<KeyValue>> {
        match self {
            Self::ViewService(_) => None,
            Self::Server(server) => server.machine(),
        }
    }
}

impl Replica for Node {
    type Config = Config;
    type Message = Message;
    type Request = Request;
    type Response = Response;
    type Timer = Timer;
    type Record = Record;
    type Event = Event;

    fn recover(config: &Config, boot: Boot, records: Vec<Record>) -> Self {
        if boot.node == config.service {
            Self::ViewService(Box::new(ViewService::recover(config, boot, records)))
        } else {
            Self::Server(Box::new(Server::new(config, boot)))
        }
    }

    fn step(&mut self, now: Time, input: Input<Self>, out: &mut Outbox<Self>) {
        match self {
            Self::ViewService(service) => service.step(now, input, out),
            Self::Server(server) => server.step(input, out),
        }
    }
}
