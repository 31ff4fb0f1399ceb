//! What is said: between the view service and servers, between primary and backup, and with clients; and what is kept on disk.

use serde::{Deserialize, Serialize};

use crate::pb::view::{View, ViewNumber};
use crate::replica::{ClientId, Incarnation};
use crate::service::client_table::RequestNumber;
use crate::service::kv::{Answer, Op};
use crate::transfer::Piece;

/// The position of an operation in its view, upwards from 1. Zero is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Sequence(pub u64);

/// What nodes send each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A server to the view service: I am alive.
    Ping {
        /// Which life of the server speaks.
        incarnation: Incarnation,
        /// The newest view it has taken up; [`ViewNumber::NONE`] after a restart. From its primary this is the acknowledgement
        /// of the view: the backup, if there is one, holds everything.
        acknowledged: ViewNumber,
        /// The last answer it got in this life. Only a ping with a recent echo is a sign of life: another may have been under
        /// way for long.
        echo: Option<Stamp>,
    },
    /// The view service to a server: the newest view, as the answer to a ping.
    Newest {
        /// Whose ping it answers. What was said to an earlier life is old.
        incarnation: Incarnation,
        /// The view, if there is one.
        view: Option<View>,
        /// Which answer this is.
        stamp: Stamp,
    },
    /// The primary to the backup: a piece of what you must hold to be the backup of this view. An empty piece asks how far it is.
    Sync(SyncPiece),
    /// The backup to the primary: so many bytes of it have come.
    SyncProgress {
        /// Of which view.
        view: ViewNumber,
        /// The offset of the piece that is answered.
        asked: u64,
        /// The bytes received without a gap; the primary goes on from there.
        bytes: u64,
    },
    /// The backup to the primary: I hold everything and am the backup of this view.
    Synchronised {
        /// Of which view.
        view: ViewNumber,
    },
    /// The primary to the backup: carry these out, in this order. None at all asks how far it is.
    Forward {
        /// In which view.
        view: ViewNumber,
        /// The position of the first of them.
        first: Sequence,
        /// The commands, consecutive.
        commands: Vec<Command>,
    },
    /// The backup's yes: everything up to and including this has been carried out.
    Executed {
        /// In which view.
        view: ViewNumber,
        /// The last one carried out.
        through: Sequence,
    },
    /// The backup's no: I am not your backup in that view, and nothing was done.
    Refused {
        /// The view that was refused.
        view: ViewNumber,
        /// The last position of what was refused; zero for a synchronisation.
        through: Sequence,
        /// The newest view the refusing server knows, so that an old primary learns that it is old.
        newest: Option<View>,
    },
}

/// Which answer of the view service: one that was given later in the same life of it has a larger number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// The life of the view service.
    pub service: Incarnation,
    /// When it answered, in nanoseconds of the time it has been awake in this life; different for each answer.
    pub at_ns: u64,
}

/// A client's operation as it is ordered and forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Whose it is.
    pub client: ClientId,
    /// Which one of the client's.
    pub request: RequestNumber,
    /// What is asked.
    pub op: Op,
}

/// A piece of the state a backup starts from: store and client table in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPiece {
    /// The view, for a backup that has not heard of it.
    pub view: View,
    /// The piece.
    pub piece: Piece,
}

/// What a client sends to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// To the view service: who is in charge?
    View,
    /// To the primary: do this.
    Do {
        /// Which one of the client's; a retry keeps the number.
        request: RequestNumber,
        /// What to do.
        op: Op,
    },
}

/// What a node answers to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// The newest view, if there is one.
    View(Option<View>),
    /// It is done, once and for all.
    Done {
        /// Which request.
        request: RequestNumber,
        /// The answer.
        answer: Answer,
    },
    /// This copy of the request was turned away.
    Refused {
        /// Which request.
        request: RequestNumber,
        /// Why.
        refusal: Refusal,
    },
}

/// Why a copy of a request was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The node is not the primary as far as it knows. It did not take this copy.
    NotPrimary,
    /// Too many operations wait already. It did not take this copy.
    Busy,
    /// The node had taken it, and then another became primary. The operation may have been carried out, or may yet be.
    Moved,
    /// A later request of the same client has been carried out.
    Stale,
    /// The client was forgotten; whether the operation was ever carried out cannot be told any more.
    Expired,
}

/// What the view service makes durable. Servers keep nothing on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// This is the newest view.
    Announced(View),
    /// The primary of the newest view has acknowledged it.
    Acknowledged(ViewNumber),
}

/// The timers of both kinds of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A server: the next ping is due.
    Ping,
    /// A primary: the backup has been silent; say it again.
    Resend,
    /// The view service: see who has fallen silent.
    Check,
}

impl Sequence {
    /// Before the first operation of a view.
    pub const ZERO: Self = Self(0);

    /// The position `count` further.
    #[must_use]
    pub fn plus(self, count: usize) -> Self {
        Self(self.0.saturating_add(count as u64))
    }

    /// How many positions lie between `earlier` and this; zero when it lies behind.
    #[must_use]
    pub fn since(self, earlier: Self) -> usize {
        usize::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(usize::MAX)
    }
}
