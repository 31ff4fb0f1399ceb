//! Viewstamped Replication: a group of 2f + 1 replicas agrees on a log of commands and goes on while f of them are missing.
//!
//! After Liskov and Cowling, *Viewstamped Replication Revisited* (MIT-CSAIL-TR-2012-021), correct where the published protocol is not.
//! In each [`View`] one replica is primary. It gives every command a place in the log, tells the backups, and carries it out and answers when
//! f backups have it. When it falls silent the group goes to the next view, whose primary takes up the log of the last one.
//!
//! `docs/vr.md` describes the protocol as a whole. What is where: [`view`] and [`Members`] (whose turn it is), [`log`], [`Node`] (a replica;
//! `node/` has its parts, one phase of the protocol each), [`message`] (what is said and what is kept), [`event`] and [`Observer`] (what can
//! be seen from outside), [`Reads`], [`Flaw`], [`Admin`] (who asks for other members). Clients speak to it as [`crate::group`] says.
//!
//! Where this departs from the paper, and why:
//! * **Views, the last normal view and the log are durable.** Diskless recovery as published loses acknowledged operations: a replica that
//!   comes back has forgotten which views it had promised to leave, and helps the old view once more while its old promise still
//!   travels. Here recovery asks the others only to learn where they are ([`Flaw::RecoveryForgetsView`] is the published rule).
//! * **State transfer gives nothing up before it has what is newer.** The paper cuts the log to the commit number first; a replica that then
//!   reports to the next view change is believed to be up to date ([`Flaw::StateTransferTruncates`]).
//! * **Nobody leaves a view alone.** A replica that misses the primary says so and stays; f + 1 that say so leave. So one bad link moves
//!   nobody ([`Flaw::NoSvcQuorum`]). Whoever has left takes the others along.
//! * **Nobody enters an epoch before it holds what came before.** Until then a new member answers nothing, and an old one stays where it was, on
//!   disk, and can be counted there ([`Flaw::EpochWithoutTransfer`]).
//! * **A primary that hears too few others falls silent**, so that a link that carries its beats but not their answers does not keep the
//!   group waiting for it.
//!
//! Invariants, each kept at the place named:
//! * v' <= v, and v never decreases, also over restarts (`Node::enter`, `Node::install`). Both are of one epoch (`Node::end_epoch`, `Node::join`).
//! * Who is in an epoch holds everything up to where it began (the same). A view is of one epoch, and its quorums are counted among the
//!   members of that (`Node::admits`).
//! * Nothing follows a change of members in the log of an epoch (`Node::give_places`).
//! * What is told to be in the log is durable there first (`Node::append`, `Backup`).
//! * Of a log only what is not known to be committed is ever replaced, and all of it at once (`Node::install`).
//! * Commands are carried out in the order of the log without a gap, each once it is committed (`Node::commit_through`).
//! * A replica that recovers says nothing that others count (`Node::takes_part`).
//!
//! What it deliberately does not do: a replica that has lost its disk must not be started under its old name.

use std::time::Duration;

use crate::node_id::NodeId;

pub mod admin;
pub mod beginning;
pub mod event;
pub mod flaw;
pub mod log;
pub mod members;
pub mod message;
pub mod node;
pub mod notes;
pub mod observer;
pub mod reads;
pub mod request;
pub mod view;

pub use admin::{Admin, AdminConfig, AdminTimer};
pub use beginning::Beginning;
pub use event::{Event, Outcome};
pub use flaw::Flaw;
pub use log::{Base, Entry, Log};
pub use members::Members;
pub use message::{Beat, Message, Nonce, Record, Report, Role, Stance};
pub use node::{Node, Timer};
pub use notes::NotesRule;
pub use observer::Observer;
pub use reads::Reads;
pub use request::{Ask, Request};
pub use view::{OpNumber, View};

/// How often a primary gives a sign of life, and everybody looks whether it has.
pub const BEAT_INTERVAL: Duration = Duration::from_millis(50);
/// After so many beats without a sign of life another view is wished for.
pub const SUSPECT_AFTER_BEATS: u32 = 10;
/// The age of the echo that a primary's beat may have, in silences after which another view is wished for: room for slow links.
pub const ECHO_AGE_SILENCES: u32 = 4;
/// The patience with a change of view doubles with each one that failed, at most so many times.
pub const PATIENCE_DOUBLINGS_MAX: u32 = 4;
/// The most commands that a primary has taken and not yet committed; beyond it clients are told that it is busy.
pub const COMMANDS_MAX: usize = 1024;
/// The most commands in one batch.
pub const BATCH_OPS_MAX: usize = 128;
/// The most bytes of entries in one message or record, unless a single entry has more.
pub const ENTRIES_BYTES_MAX: usize = 256 << 10;
/// The longest piece of a snapshot in one message or record, in bytes.
pub const PIECE_BYTES_MAX: usize = 256 << 10;
/// A snapshot is taken after so many commands at the earliest.
pub const CHECKPOINT_OPS: usize = 4096;
/// A snapshot is taken after so many bytes of entries though there were fewer commands.
pub const CHECKPOINT_BYTES: usize = 64 << 20;
/// Of the log before a snapshot so many bytes are kept at most, for replicas that lack only a little.
pub const KEPT_BYTES_MAX: usize = 16 << 20;
/// The most clients whose last answer is remembered.
pub const CLIENTS_MAX: usize = 4096;
/// How long a backup that has heard a primary's beat stays with it, if reads go by leases; shorter than the silence after which it would leave.
pub const LEASE: Duration = Duration::from_millis(400);
/// A primary counts on so many percent of a lease only: by so much clocks may run apart.
pub const LEASE_TRUSTED_PERCENT: u32 = 80;

/// The most members a group can be changed to have.
pub const MEMBERS_MAX: usize = 15;

/// What every replica of a group is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The members of the first epoch.
    pub members: Vec<NodeId>,
    /// Other nodes that may become members later.
    pub reserve: Vec<NodeId>,
    /// How often a primary gives a sign of life.
    pub beat_interval: Duration,
    /// After so many beats without one another view is wished for; at least 1.
    pub suspect_after_beats: u32,
    /// Whether commands wait for each other.
    pub batching: Batching,
    /// How reads are answered.
    pub reads: Reads,
    /// The longest piece of a snapshot in one message, in bytes; at least 1.
    pub piece_bytes_max: usize,
    /// The most bytes of entries in one message.
    pub entries_bytes_max: usize,
    /// A snapshot is taken after so many commands at the earliest; at least 1. As many are kept before it.
    pub checkpoint_ops: usize,
    /// The most clients whose last answer is remembered; at least 1.
    pub clients_max: usize,
    /// The way in which this group is wrong, if it shall be.
    pub flaw: Option<Flaw>,
    /// The rule of published notes that it goes by, if it shall; for tests.
    pub notes: Option<NotesRule>,
}

/// Whether commands wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batching {
    /// Each gets its place as it comes.
    Off,
    /// While some are on their way to the backups those that come wait, and go together.
    On,
}

impl Config {
    /// A group of `members` with the usual times and limits, nothing wrong.
    #[must_use]
    pub const fn new(members: Vec<NodeId>) -> Self {
        Self {
            members,
            reserve: Vec::new(),
            beat_interval: BEAT_INTERVAL,
            suspect_after_beats: SUSPECT_AFTER_BEATS,
            batching: Batching::On,
            reads: Reads::ThroughLog,
            piece_bytes_max: PIECE_BYTES_MAX,
            entries_bytes_max: ENTRIES_BYTES_MAX,
            checkpoint_ops: CHECKPOINT_OPS,
            clients_max: CLIENTS_MAX,
            flaw: None,
            notes: None,
        }
    }

    /// How long a primary may be silent before another view is wished for.
    #[must_use]
    pub fn suspect_after(&self) -> Duration {
        self.beat_interval * self.suspect_after_beats
    }

    pub(crate) fn knows(&self, node: NodeId) -> bool {
        self.members.contains(&node) || self.reserve.contains(&node)
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    pub(crate) fn goes_by(&self, rule: NotesRule) -> bool {
        self.notes == Some(rule)
    }
}
