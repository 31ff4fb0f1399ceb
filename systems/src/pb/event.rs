//! What a node says of itself in its event log: enough to check afterwards, from the logs alone, who was in charge when, and
//! that every copy did the same.

use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;
use crate::pb::message::Sequence;
use crate::pb::view::{Role, View, ViewNumber};
use crate::replica::{ClientId, Incarnation};
use crate::service::client_table::RequestNumber;
use crate::service::digest::Digest;

/// One thing that happened at a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The node came to life.
    Started {
        /// Its name.
        node: NodeId,
        /// This life.
        incarnation: Incarnation,
    },
    /// View service: what it found on disk when it came to life.
    ViewRecovered {
        /// The newest view.
        view: View,
        /// Whether its primary had acknowledged it.
        acknowledgement: Acknowledgement,
    },
    /// View service: a new view is decided, and as soon as it is durable it is told to everybody.
    ViewAnnounced {
        /// The view.
        view: View,
    },
    /// View service: the primary of the newest view has acknowledged it, and that is durable.
    ViewAcknowledged {
        /// The view.
        view: ViewNumber,
    },
    /// View service: it stood still itself, so it blames nobody for the silence.
    StoodStill {
        /// For how long, in milliseconds.
        ms: u64,
    },
    /// Server: it goes by this view from now on.
    ViewInstalled {
        /// The view.
        view: View,
        /// Its own part in it.
        role: Role,
    },
    /// Server: it is named primary but holds nothing to be primary of, and does not act.
    Unfit {
        /// In which view.
        view: ViewNumber,
    },
    /// Primary: its backup, if the view has one, holds everything; from now on it carries out operations.
    TookOffice {
        /// In which view.
        view: ViewNumber,
        /// Of everything carried out so far, over all views.
        digest: Digest,
    },
    /// Backup: it holds everything the primary held when the view began.
    Synchronised {
        /// In which view.
        view: ViewNumber,
        /// From whom.
        from: NodeId,
        /// Of store and client table, as sent.
        snapshot: Digest,
        /// Of everything carried out so far, over all views.
        digest: Digest,
    },
    /// Server: it carried out an operation.
    Executed {
        /// In which view.
        view: ViewNumber,
        /// At which position of the view.
        sequence: Sequence,
        /// As what.
        role: Role,
        /// Whose operation.
        client: ClientId,
        /// Which one of the client's.
        request: RequestNumber,
        /// What came of it.
        outcome: Outcome,
        /// Of everything carried out so far, this included, over all views.
        digest: Digest,
    },
    /// Something that came was put aside without any effect.
    Ignored {
        /// From whom.
        from: NodeId,
        /// Why.
        reason: Reason,
    },
    /// The node stopped for good without leaving; only a [`crate::pb::Flaw`] does that.
    Halted,
}

/// Whether a view has been acknowledged by its primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acknowledgement {
    /// Not yet; its backup may hold nothing.
    Pending,
    /// Yes; its backup holds everything.
    Given,
}

/// What came of an operation that was carried out in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took effect (or was read) now.
    Now,
    /// It had taken effect before; the recorded answer was given again.
    Before,
    /// It came after a later one of its client and had no effect.
    Stale,
    /// Its client had been forgotten, and it had no effect.
    Expired,
}

/// Why something was put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The sender is not of this cluster, or not the one to say such a thing.
    Stranger,
    /// It is meant for another kind of node.
    Misdirected,
    /// It is about a view that is not, or not any more, the receiver's.
    OtherView,
    /// It was meant for an earlier life of the receiver.
    OtherLife,
    /// The receiver's part in the view is another, or it is past that stage.
    OtherStage,
    /// It contradicts itself or a limit.
    Malformed,
}
