//! What a replica says of itself in its event log: enough to recount afterwards, from the logs alone, who held what when, and so
//! whether what was called committed was.
//!
//! An event that tells of something durable is noted after that is durable. So a log may lack the last thing its life did, and never
//! tells of something that a restart can undo. Places up to [`Event::Started`]'s `op` were durable before that life.

use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;
use crate::replica::{ClientId, Incarnation};
use crate::service::client_table::RequestNumber;
use crate::service::digest::Digest;
use crate::vr::log::Base;
use crate::vr::message::{Nonce, Report, Role};
use crate::vr::view::{OpNumber, View};

/// One thing that happened at a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// It came to life, with what it found on its disk.
    Started {
        /// Its name.
        node: NodeId,
        /// This life.
        incarnation: Incarnation,
        /// v: the view it was in; a life that never was is in the first.
        view: View,
        /// v': the last view in which it was normal.
        log_view: View,
        /// n: the last place of its log.
        op: OpNumber,
        /// Of its log up to there.
        prefix: Digest,
        /// Where its snapshot stands; everything up to there was committed.
        snapshot: OpNumber,
        /// Of everything carried out up to there.
        digest: Digest,
    },
    /// It asks the others where they are, and takes part in nothing until it knows or has waited long enough.
    Recovering {
        /// The attempt.
        nonce: Nonce,
    },
    /// Its recovery is over; what it does next is told by the events that follow.
    Recovered {
        /// In which view it is.
        view: View,
        /// Whose word it went by.
        by: Recovery,
        /// The attempt whose answers it went by.
        nonce: Nonce,
    },
    /// It has heard too little of the others and wishes for another view. It stays where it is.
    Suspected {
        /// The view it wishes for.
        view: View,
    },
    /// It left its view: it will not take part in any before this one, and that is durable (v = this, v' stays). It is in none until
    /// [`Event::Normal`].
    ViewEntered {
        /// v from now on.
        view: View,
    },
    /// It told the primary of a view to come what it has (DOVIEWCHANGE). Noted once for each view.
    Reported {
        /// The view to come.
        view: View,
        /// What it has.
        report: Report,
    },
    /// Primary of a view to come: enough have reported, and this is whose log the view begins with.
    LogChosen {
        /// The view to come.
        view: View,
        /// All reports it went by, its own included.
        reports: Vec<(NodeId, Report)>,
        /// Whose log.
        from: NodeId,
    },
    /// It fetches what it lacks of a view that others are in. Its log stays as it is meanwhile, and so does v'.
    Transferring {
        /// Which view.
        view: View,
        /// From whom.
        from: NodeId,
        /// What follows this place.
        after: OpNumber,
    },
    /// It holds the log of this view (v = v' = this), durably: what followed `after` was replaced by `entries`.
    Installed {
        /// Which view.
        view: View,
        /// Its part in it.
        role: Role,
        /// Everything up to here stayed, or was replaced by a snapshot.
        after: OpNumber,
        /// What follows now.
        entries: Vec<Logged>,
    },
    /// Its status is normal from now on, in v = v' = this view: after [`Event::Installed`], or after a restart from its disk.
    Normal {
        /// Which view.
        view: View,
        /// Its part in it.
        role: Role,
    },
    /// What it holds was replaced by another's snapshot; [`Event::Installed`] follows.
    SnapshotInstalled {
        /// Where it stands in the log, and the digest of the log up to there.
        base: Base,
        /// Of everything carried out up to there.
        digest: Digest,
    },
    /// It is in another epoch than the first, durably, and holds everything up to where that began: noted when it enters it, and in every
    /// life after that. What it does there is told by the events that follow.
    EpochBegan {
        /// The view of it whose log it holds.
        view: View,
        /// The members of the epoch.
        members: Vec<NodeId>,
        /// The members of the epoch before.
        former: Vec<NodeId>,
        /// The last place of the epoch before.
        op: OpNumber,
        /// Of the log up to there.
        prefix: Digest,
    },
    /// It is not a member of its epoch, and takes part in nothing.
    Outside {
        /// The view in which the epoch began, or one of which it has the log.
        view: View,
    },
    /// A member of the epoch before: it knows that more than half of the new members have begun, and leaves the rest to them.
    HandedOver {
        /// The view in which the epoch began.
        view: View,
    },
    /// Its log goes on, durably.
    Appended {
        /// In which view.
        view: View,
        /// After this place.
        after: OpNumber,
        /// With these.
        entries: Vec<Logged>,
    },
    /// Backup: it has told the primary that everything up to here is in its log, durably (PREPAREOK). Noted when it says more than
    /// before in this view and life.
    Prepared {
        /// In which view.
        view: View,
        /// Up to here.
        through: OpNumber,
    },
    /// Primary: so much is in the logs of enough replicas.
    Committed {
        /// In which view.
        view: View,
        /// Everything up to here.
        op: OpNumber,
    },
    /// It carried out the command at a place of its log.
    Executed {
        /// In which view.
        view: View,
        /// At which place.
        op: OpNumber,
        /// As what; a primary answers the client as well.
        role: Role,
        /// Whose command.
        client: ClientId,
        /// Which one of the client's.
        number: RequestNumber,
        /// What came of it.
        outcome: Outcome,
        /// Of everything carried out so far, this included.
        digest: Digest,
    },
    /// Primary: it answered a read from what it holds, without a place in the log.
    ReadLocally {
        /// In which view.
        view: View,
        /// After which place.
        op: OpNumber,
        /// Whose read.
        client: ClientId,
        /// Which one of the client's.
        number: RequestNumber,
    },
    /// It keeps a snapshot, durably, and of its log only the end.
    Checkpointed {
        /// Where the snapshot stands.
        op: OpNumber,
        /// Of everything carried out up to there.
        digest: Digest,
        /// The log begins after this place now.
        base: OpNumber,
    },
    /// Primary: it has heard too few others for too long, and gives commands no more places until it does.
    FellSilent {
        /// In which view.
        view: View,
    },
    /// Something that came was put aside without any effect.
    Ignored {
        /// From whom.
        from: NodeId,
        /// Why.
        reason: Reason,
    },
    /// What is on its disk contradicts itself. It does nothing any more.
    Halted,
}

/// An entry of a log, for whoever compares logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// The view in which it was given its place.
    pub stamp: View,
    /// Whose command.
    pub client: ClientId,
    /// Which one of the client's.
    pub number: RequestNumber,
    /// Of the log up to here, this included.
    pub prefix: Digest,
}

/// Whose word a recovery went by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recovery {
    /// Enough others answered, the primary of the newest view among them.
    Peers,
    /// Too few answered; it goes on from what is on its disk, which holds all it ever promised.
    Disk,
}

/// What came of a command that was carried out in its turn.
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
    /// The sender is not of this group, or not the one to say such a thing.
    Stranger,
    /// It is of a view the receiver has left.
    OldView,
    /// It is of an epoch that is over.
    OldEpoch,
    /// It is of an epoch the receiver is not in yet.
    LaterEpoch,
    /// It is of a view the receiver is not in yet.
    OtherView,
    /// It answers another attempt at recovering.
    OtherNonce,
    /// The receiver is recovering and takes part in nothing.
    Recovering,
    /// The receiver's status is another.
    OtherStatus,
    /// It contradicts itself or a limit, or what the receiver has.
    Malformed,
}
