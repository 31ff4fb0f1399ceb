//! What can be done to messages on their way, beside carrying none at all: the names of it, and what is decided when it is due.
//!
//! A [`Mischief`] is a fault of the family `packet`; a [`Disturbance`] is what one comes to: on which links, with which kinds of
//! messages, and with what [`Fate`]. The kinds are words of the world; nothing here knows what they mean.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cluster::Link;

/// What is done to messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mischief {
    /// Some are lost.
    Loss,
    /// All are late, in their order.
    Delay,
    /// Some come twice, the second time later.
    Duplicate,
    /// Some are overtaken by later ones.
    Reorder,
    /// All are kept until the fault is over, and come then: over restarts and changes of who is in charge.
    Hold,
    /// What the target answers to clients is lost; what they ask arrives.
    ReplyLoss,
    /// So few bytes a second pass that anything long takes long.
    Slow,
}

/// A mischief of which everything has been decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Disturbance {
    /// On these links,
    pub links: BTreeSet<Link>,
    /// messages of these kinds, or of every kind when there is none here,
    pub kinds: BTreeSet<String>,
    /// suffer this.
    pub fate: Fate,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// So many of a hundred never arrive.
    Lost {
        /// From 1 to 100.
        percent: u32,
    },
    /// Each takes up to this much longer, and none overtakes another.
    Delayed {
        /// In milliseconds.
        ms_max: u64,
    },
    /// So many of a hundred arrive a second time, up to this much later.
    Doubled {
        /// From 1 to 100.
        percent: u32,
        /// In milliseconds.
        ms_max: u64,
    },
    /// So many of a hundred take up to this much longer, and others overtake them.
    Overtaken {
        /// From 1 to 100.
        percent: u32,
        /// In milliseconds.
        ms_max: u64,
    },
    /// None arrives before the fault is over; then all do.
    Held {
        /// In which order.
        release: Release,
    },
    /// They share so many bytes a second.
    Slowed {
        /// At least 1.
        bytes_per_second: u64,
    },
}

/// In which order messages that were held arrive in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Release {
    /// As they were sent.
    InOrder,
    /// The last one first.
    Reversed,
}

impl Mischief {
    /// Every mischief.
    pub const ALL: [Self; 7] = [
        Self::Loss,
        Self::Delay,
        Self::Duplicate,
        Self::Reorder,
        Self::Hold,
        Self::ReplyLoss,
        Self::Slow,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Delay => "delay",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Hold => "hold",
            Self::ReplyLoss => "reply-loss",
            Self::Slow => "slow",
        }
    }

    /// One line for the list.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Loss => "some messages are lost",
            Self::Delay => "messages are late, in their order",
            Self::Duplicate => "some messages come twice, the second time later",
            Self::Reorder => "some messages are overtaken by later ones",
            Self::Hold => {
                "messages are kept until the fault is over, across restarts and changes of who is in charge"
            }
            Self::ReplyLoss => "what a node answers to clients is lost; what they ask arrives",
            Self::Slow => "few bytes a second pass, so that anything long takes long",
        }
    }
}

impl Disturbance {
    /// Whether a message of this `kind` on `link` suffers from it.
    #[must_use]
    pub fn concerns(&self, link: Link, kind: &str) -> bool {
        self.links.contains(&link) && (self.kinds.is_empty() || self.kinds.contains(kind))
    }
}

impl fmt::Display for Fate {
    /// `40 % are lost`, to follow the messages it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { percent: 100 } => f.write_str("all are lost"),
            Self::Lost { percent } => write!(f, "{percent} % are lost"),
            Self::Delayed { ms_max } => write!(f, "each is up to {ms_max} ms late, in order"),
            Self::Doubled { percent, ms_max } => {
                write!(f, "{percent} % come again up to {ms_max} ms later")
            }
            Self::Overtaken { percent, ms_max } => {
                write!(f, "{percent} % are up to {ms_max} ms late and overtaken")
            }
            Self::Held {
                release: Release::InOrder,
            } => f.write_str("all are held and then come in order"),
            Self::Held {
                release: Release::Reversed,
            } => f.write_str("all are held and then come in reverse order"),
            Self::Slowed { bytes_per_second } => {
                write!(f, "they share {bytes_per_second} bytes a second")
            }
        }
    }
}
