//! Who is in charge: a numbered view of one primary and at most one backup.
//!
//! A view names *lives* of nodes. A process that was restarted has nothing of what its predecessor held, so it is another
//! member, and no view that names the predecessor means it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;
use crate::replica::Incarnation;

/// The number of a view, upwards from 1; [`ViewNumber::NONE`] is that of no view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct ViewNumber(pub u64);

/// One life of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    /// Whose life.
    pub node: NodeId,
    /// Which life.
    pub incarnation: Incarnation,
}

/// A primary, its backup if it has one, and a number no other view has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its number.
    pub number: ViewNumber,
    /// Who orders and answers.
    pub primary: Member,
    /// Who holds a copy of everything the primary has answered.
    pub backup: Option<Member>,
}

/// A server's part in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It orders and answers.
    Primary,
    /// It holds a copy.
    Backup,
    /// None.
    Idle,
}

impl ViewNumber {
    /// What a server names that has not taken up any view.
    pub const NONE: Self = Self(0);
    /// The only view whose primary may start from an empty store.
    pub const FIRST: Self = Self(1);

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl View {
    /// The part of `member` in this view.
    #[must_use]
    pub fn role_of(&self, member: Member) -> Role {
        if self.primary == member {
            Role::Primary
        } else if self.backup == Some(member) {
            Role::Backup
        } else {
            Role::Idle
        }
    }

    /// Its one or two members.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        std::iter::once(self.primary).chain(self.backup)
    }
}

impl fmt::Display for ViewNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}, ", self.number, self.primary.node)?;
        match self.backup {
            Some(backup) => write!(f, "{})", backup.node),
            None => f.write_str("-)"),
        }
    }
}
