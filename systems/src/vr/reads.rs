//! How a group answers reads.

use std::str::FromStr;
use std::time::Duration;

use crate::reads::{self, ReadPath, UnknownReads};
use crate::vr::LEASE;

/// How reads are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// They get a place in the log like all other commands.
    ThroughLog,
    /// By a primary alone while f backups have promised to stay with it for so long. This holds while no clock runs faster than another by
    /// more than what [`LEASE_TRUSTED_PERCENT`](crate::vr::LEASE_TRUSTED_PERCENT) leaves.
    Leased(Duration),
}

impl Reads {
    /// Every way that can be asked for by name, with the usual times; the usual way first.
    pub const ALL: [Self; 2] = [Self::ThroughLog, Self::Leased(LEASE)];

    /// What it is called, and what it rests on.
    #[must_use]
    pub const fn path(self) -> ReadPath {
        match self {
            Self::ThroughLog => ReadPath {
                name: "log",
                summary: "reads get a place in the log like all other commands",
                assumes: None,
            },
            Self::Leased(_) => ReadPath {
                name: "lease",
                summary: "a primary answers reads alone while f backups have promised to stay with it",
                assumes: Some("clocks of which none runs more than 25 % faster than another"),
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
    fn each_way_is_found_by_its_name_and_others_are_refused_with_what_there_is() {
        for reads in Reads::ALL {
            assert_eq!(reads.path().name.parse(), Ok(reads));
        }
        let refusal = "quorum".parse::<Reads>().unwrap_err().to_string();
        assert_eq!(
            refusal,
            "does not answer reads by \"quorum\", but by log or lease"
        );
    }
}
