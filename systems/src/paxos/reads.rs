//! How a cluster answers reads.

use std::str::FromStr;

use crate::reads::{self, ReadPath, UnknownReads};

/// How reads are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// They get a slot like all other commands.
    ThroughLog,
    /// By the leader from what it has applied, once a quorum has confirmed, after the read came, that it still leads.
    Confirmed,
}

impl Reads {
    /// Every way, the usual one first.
    pub const ALL: [Self; 2] = [Self::ThroughLog, Self::Confirmed];

    /// What it is called, and what it rests on.
    #[must_use]
    pub const fn path(self) -> ReadPath {
        match self {
            Self::ThroughLog => ReadPath {
                name: "log",
                summary: "reads get a slot in the log like all other commands",
                assumes: None,
            },
            Self::Confirmed => ReadPath {
                name: "quorum",
                summary: "a leader answers reads from what it has applied, once a quorum has confirmed that it still leads",
                assumes: None,
            },
        }
    }
}

impl FromStr for Reads {
    type Err = UnknownReads;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        reads::find(&Self::ALL, Self::path, name)
    }
}

#[cfg(test)]
mod tests {
    use super::Reads;

    #[test]
    fn each_way_is_found_by_its_name() {
        for reads in Reads::ALL {
            assert_eq!(reads.path().name.parse(), Ok(reads));
        }
    }
}
