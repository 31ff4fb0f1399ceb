//! Who makes up a group, and since which change of that.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;

/// The time between two changes of a group's members, upwards from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Epoch(pub u64);

/// The members of a group in an epoch, for its clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Which epoch.
    pub epoch: Epoch,
    /// Who its members are, in order.
    pub members: Vec<NodeId>,
}

impl Epoch {
    /// The epoch every group begins in.
    pub const FIRST: Self = Self(0);

    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
