//! What replicas say to each other, and what each keeps on disk.
//!
//! The names are those of the papers. A log never travels whole: whoever needs what another has asks for it piece by piece.

use serde::{Deserialize, Serialize};

use crate::replica::Incarnation;
use crate::transfer::Piece;
use crate::vr::beginning::Beginning;
use crate::vr::log::{Base, Entry};
use crate::vr::view::{OpNumber, View};

/// What replicas send each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message<O> {
    /// The primary to a backup: these are the next entries.
    Prepare {
        /// In which view.
        view: View,
        /// They follow this place.
        after: OpNumber,
        /// The entries, consecutive.
        entries: Vec<Entry<O>>,
        /// Everything up to here is committed.
        commit: OpNumber,
    },
    /// A backup to the primary: everything up to here is in my log, durably.
    PrepareOk {
        /// In which view.
        view: View,
        /// The last place without a gap.
        through: OpNumber,
        /// The last beat it has heard in this view.
        beat: Beat,
        /// The beat of its own at which it says so.
        at: Beat,
    },
    /// The primary to a backup, at each of its beats: I am here, and everything up to there is committed.
    Commit {
        /// In which view.
        view: View,
        /// Everything up to here is committed.
        commit: OpNumber,
        /// Which beat.
        beat: Beat,
        /// The receiver's own beat that was in what was last heard of it. Only with a recent one this is a sign of life: it may have
        /// been under way for long.
        echo: Option<Beat>,
    },
    /// The primary to a backup: what you lack is not in my log any more; ask for it.
    Compacted {
        /// In which view.
        view: View,
    },
    /// To everybody: let us go to this view.
    StartViewChange {
        /// To which.
        view: View,
        /// Whether the sender has left its former view already.
        stance: Stance,
    },
    /// To the primary of the view to come: what I have.
    DoViewChange {
        /// The view to come.
        view: View,
        /// What the sender has.
        report: Report,
    },
    /// The new primary to everybody: the view has begun, with this log.
    StartView {
        /// Which view.
        view: View,
        /// The entries follow this place.
        after: OpNumber,
        /// The end of the log, as far as it goes into one message.
        entries: Vec<Entry<O>>,
        /// The last place of the log.
        op: OpNumber,
        /// Everything up to here is committed.
        commit: OpNumber,
    },
    /// A restarted replica to everybody: where are we?
    Recovery {
        /// Which attempt asks.
        nonce: Nonce,
        /// The view it was in, as far as it knows. Nothing depends on it, but for a flaw.
        view: View,
    },
    /// The answer of a replica whose status is normal.
    RecoveryResponse {
        /// Which attempt is answered.
        nonce: Nonce,
        /// The view of the one that answers.
        view: View,
        /// From the primary of that view: that it is.
        role: Role,
    },
    /// To whoever has it: what follows this place in the log of this view?
    GetState {
        /// Of which view.
        view: View,
        /// What follows this place.
        after: OpNumber,
        /// If that is not in the log any more: what of this snapshot follows this byte; of the newest if it is not there.
        snapshot: OpNumber,
        /// How many bytes of it have come.
        offset: u64,
    },
    /// The answer, from the log.
    NewState {
        /// Of which view.
        view: View,
        /// The entries follow this place.
        after: OpNumber,
        /// Some of them.
        entries: Vec<Entry<O>>,
        /// The last place of the log.
        op: OpNumber,
        /// Everything up to here is committed.
        commit: OpNumber,
    },
    /// The answer when the log begins later: a piece of a snapshot, after which it begins.
    NewSnapshot {
        /// Of which view.
        view: View,
        /// Where the snapshot stands in the log.
        base: Base,
        /// The piece.
        piece: Piece,
    },
    /// To whom it concerns: an epoch has begun.
    StartEpoch {
        /// A view of it, of which the sender has a log.
        view: View,
        /// The epoch.
        beginning: Beginning,
    },
    /// To the members of the epoch before: I hold everything up to where this epoch began, durably.
    EpochStarted {
        /// The view that the sender is in.
        view: View,
    },
    /// To whoever speaks of a later epoch: how did it begin?
    CheckEpoch {
        /// The view that the sender is in.
        view: View,
    },
}

/// Which of its own beats a replica speaks of. They rise within a life; those of two lives are far apart. Zero is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Beat(pub u64);

/// How somebody stands towards a change of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stance {
    /// It would rather go, and is still where it was. Alone it moves nobody.
    Wishes,
    /// It has left, because enough wished it.
    Left,
}

/// What a replica has when a view changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// v': the last view in which its status was normal.
    pub log_view: View,
    /// The stamp of the last entry of its log. Nothing depends on it, but for a flaw.
    pub last_stamp: View,
    /// n: the last place of its log.
    pub op: OpNumber,
    /// k: everything up to here is committed, as far as it knows.
    pub commit: OpNumber,
}

/// Which attempt at recovering: no two are the same, in whatever life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nonce {
    /// The life.
    pub incarnation: Incarnation,
    /// Which attempt in it.
    pub attempt: u64,
}

/// A replica's part in its view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It gives commands their places.
    Primary,
    /// It follows.
    Backup,
}

/// What a replica makes durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record<O> {
    /// A piece of a snapshot, with which what is kept begins.
    Snapshot {
        /// Where it stands in the log.
        base: Base,
        /// The piece.
        piece: Piece,
    },
    /// The log begins after this; an older part of it is not kept.
    Begins(Base),
    /// It has left all views before this one.
    View(View),
    /// It is normal in this view: of the log what follows a place is replaced.
    Installed {
        /// Which view; from now on the last one in which it was normal.
        view: View,
        /// Everything up to here stays.
        after: OpNumber,
        /// What follows now.
        entries: Vec<Entry<O>>,
    },
    /// An epoch has begun with the end of the log as it is: it has left all views before, and is normal in this one's first.
    Epoch(Beginning),
    /// The log goes on.
    Appended {
        /// After this place, its last one so far.
        after: OpNumber,
        /// With these.
        entries: Vec<Entry<O>>,
    },
}

impl<O> Message<O> {
    /// Of which view it speaks, and so of which epoch.
    #[must_use]
    pub const fn view(&self) -> View {
        match self {
            Self::Prepare { view, .. }
            | Self::PrepareOk { view, .. }
            | Self::Commit { view, .. }
            | Self::Compacted { view }
            | Self::StartViewChange { view, .. }
            | Self::DoViewChange { view, .. }
            | Self::StartView { view, .. }
            | Self::Recovery { view, .. }
            | Self::RecoveryResponse { view, .. }
            | Self::GetState { view, .. }
            | Self::NewState { view, .. }
            | Self::NewSnapshot { view, .. }
            | Self::StartEpoch { view, .. }
            | Self::EpochStarted { view }
            | Self::CheckEpoch { view } => *view,
        }
    }
}

impl Beat {
    /// Before the first.
    pub const ZERO: Self = Self(0);

    /// The first one of a life.
    #[must_use]
    pub const fn first_of(life: Incarnation) -> Self {
        Self((life.0 & 0xffff_ffff) << 24 | 1)
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Whether it was one of the last `count` up to `now`.
    #[must_use]
    pub const fn is_recent(self, now: Self, count: u32) -> bool {
        self.0 <= now.0 && now.0 - self.0 <= count as u64
    }
}
