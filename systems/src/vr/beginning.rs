//! How an epoch began: with which members, after whose, and after which place of the log.

use serde::{Deserialize, Serialize};

use crate::group::{Configuration, Epoch};
use crate::node_id::NodeId;
use crate::service::digest::Digest;
use crate::vr::members::Members;
use crate::vr::view::{OpNumber, View};

/// The beginning of an epoch. Everything through `op` was committed by the members of the epoch before, and whoever is in this one holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    /// Of which epoch.
    pub epoch: Epoch,
    /// Its members.
    pub members: Members,
    /// Those of the epoch before. The first epoch has its own.
    pub former: Members,
    /// The place of the change of members, the last of the epoch before; before the first place in the first epoch.
    pub op: OpNumber,
    /// Of the log up to there.
    pub prefix: Digest,
}

impl Beginning {
    /// The beginning of a group of `members`.
    #[must_use]
    pub fn first(members: Members) -> Self {
        Self {
            epoch: Epoch::FIRST,
            former: members.clone(),
            members,
            op: OpNumber::ZERO,
            prefix: Digest::default(),
        }
    }

    /// The beginning of the epoch after this one.
    #[must_use]
    pub fn next(&self, members: Members, op: OpNumber, prefix: Digest) -> Self {
        Self {
            epoch: self.epoch.next(),
            members,
            former: self.members.clone(),
            op,
            prefix,
        }
    }

    /// The view it begins in.
    #[must_use]
    pub const fn view(&self) -> View {
        View::first_of(self.epoch)
    }

    /// What clients are told.
    #[must_use]
    pub fn configuration(&self) -> Configuration {
        Configuration {
            epoch: self.epoch,
            members: self.members.iter().collect(),
        }
    }

    /// Everybody it concerns, once each: the members, and those of the epoch before.
    pub fn concerned(&self) -> impl Iterator<Item = NodeId> {
        let replaced = self.former.iter().filter(|node| !self.members.contains(*node));
        self.members.iter().chain(replaced)
    }
}
