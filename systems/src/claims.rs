//! What each system promises, under which misfortunes, and what it needs for that: plain data, for people and for whoever judges
//! a run.
//!
//! A broken promise is a violation whatever happened. Not answering is none while a misfortune lasts that the system does not
//! claim to serve through, nor for ever after one that it does not claim to survive.

use std::time::Duration;

use crate::paxos;
use crate::quorum;
use crate::reads::ReadPath;
use crate::vr;

/// What a system claims of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// The system's short name.
    pub system: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// What always holds, whatever happens to the system.
    pub promises: &'static [Promise],
    /// What it goes on serving through, or serves again after it is over.
    pub survives: &'static [Survival],
    /// When it does not answer, and is right not to.
    pub unavailable: &'static [Unavailability],
    /// How it can be told to answer reads, the usual way first; empty when there is one way only.
    pub reads: &'static [ReadPath],
    /// What it needs on disk.
    pub disk: &'static [DiskNeed],
    /// The fewest servers it works with, those that replicate nothing not counted.
    pub servers_min: usize,
    /// How many servers the others can do without.
    pub spares: Spares,
    /// How many servers it has if nobody says otherwise.
    pub servers_default: usize,
    /// After the last misfortune it survives is over, it answers again within this time.
    pub recovers_within: Duration,
}

/// How many servers the others can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spares {
    /// All but one, if they go one after the other.
    AllButOne,
    /// Fewer than half.
    Minority,
}

/// A promise about answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// The answers are those of one copy that does one operation at a time, between its call and its return.
    Linearizable,
    /// An operation that was answered took effect exactly once; one that was not, at most once.
    ExactlyOnce,
}

/// A kind of misfortune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfortune {
    /// Messages are lost, late, doubled or out of order.
    Packets,
    /// Some nodes cannot reach some others, in one direction or both.
    Partition,
    /// Nodes stand still and go on later.
    Pause,
    /// Nodes die and are started again with what was durable.
    Kill,
    /// The group is asked to have other members while it works.
    Membership,
}

/// How far a system survives a misfortune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survival {
    /// Which misfortune.
    pub misfortune: Misfortune,
    /// How much of it.
    pub extent: &'static str,
}

/// A situation in which a system rightly does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailability {
    /// The situation.
    pub when: &'static str,
    /// How it ends.
    pub until: End,
}

/// How an unavailability ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// When the misfortune does.
    Healed,
    /// Never: the data is gone, and an empty answer would be a wrong one.
    Never,
}

/// What a kind of node must find again on its disk after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskNeed {
    /// Which nodes.
    pub nodes: &'static str,
    /// What they keep there; none if they keep nothing.
    pub keeps: Option<&'static str>,
}

/// Primary/backup under a view service.
pub const PB: Claims = Claims {
    system: "pb",
    summary: "primary/backup key-value store under a view service",
    promises: &[Promise::Linearizable, Promise::ExactlyOnce],
    survives: &[
        Survival {
            misfortune: Misfortune::Packets,
            extent: "on any link",
        },
        Survival {
            misfortune: Misfortune::Partition,
            extent: "of any shape; it serves again when healed",
        },
        Survival {
            misfortune: Misfortune::Pause,
            extent: "of any nodes, for any time",
        },
        Survival {
            misfortune: Misfortune::Kill,
            extent: "of the view service at any time; of any server while another one holds everything",
        },
    ],
    unavailable: &[
        Unavailability {
            when: "a server of the view is silent and the view service is down",
            until: End::Healed,
        },
        Unavailability {
            when: "primary and backup cannot reach each other, but both reach the view service",
            until: End::Healed,
        },
        Unavailability {
            when: "primary and backup are both cut off from the view service or paused",
            until: End::Healed,
        },
        Unavailability {
            when: "a primary died that was alone",
            until: End::Never,
        },
        Unavailability {
            when: "a primary died before its new backup held everything",
            until: End::Never,
        },
        Unavailability {
            when: "primary and backup died before another server held everything",
            until: End::Never,
        },
    ],
    reads: &[],
    disk: &[
        DiskNeed {
            nodes: "view service",
            keeps: Some("the newest view, and whether it was acknowledged"),
        },
        DiskNeed {
            nodes: "servers",
            keeps: None,
        },
    ],
    servers_min: 1,
    spares: Spares::AllButOne,
    servers_default: 3,
    recovers_within: Duration::from_secs(5),
};

/// Viewstamped replication.
pub const VR: Claims = Claims {
    system: "vr",
    summary: "key-value store replicated by a group that agrees on a log (viewstamped replication)",
    promises: &[Promise::Linearizable, Promise::ExactlyOnce],
    survives: &[
        Survival {
            misfortune: Misfortune::Packets,
            extent: "on any link",
        },
        Survival {
            misfortune: Misfortune::Partition,
            extent: "of any shape; it serves while more than half are connected, and again when healed",
        },
        Survival {
            misfortune: Misfortune::Pause,
            extent: "of any nodes, for any time; it serves while more than half go on",
        },
        Survival {
            misfortune: Misfortune::Kill,
            extent: "of any nodes, all at once too; it serves while more than half run",
        },
        Survival {
            misfortune: Misfortune::Membership,
            extent: "to any group of known nodes; it takes place while more than half of the members before and of those after run and reach each other",
        },
    ],
    unavailable: &[
        Unavailability {
            when: "no more than half of the members run and reach each other",
            until: End::Healed,
        },
        Unavailability {
            when: "clients cannot reach the primary, and the others can",
            until: End::Healed,
        },
    ],
    reads: &[vr::Reads::ThroughLog.path(), vr::Reads::Leased(vr::LEASE).path()],
    disk: &[DiskNeed {
        nodes: "replicas",
        keeps: Some(
            "the epoch and its members, the view, the last view in which it was normal, the log, and a snapshot of what came before",
        ),
    }],
    servers_min: 1,
    spares: Spares::Minority,
    servers_default: 3,
    recovers_within: Duration::from_secs(5),
};

/// A replicated log with rotating leaders.
pub const PAXOS: Claims = Claims {
    system: "paxos",
    summary: "key-value store over a Paxos log with rotating leaders",
    promises: &[Promise::Linearizable, Promise::ExactlyOnce],
    survives: &[
        Survival {
            misfortune: Misfortune::Packets,
            extent: "on any link",
        },
        Survival {
            misfortune: Misfortune::Partition,
            extent: "of any shape; it serves where a majority can reach each other, and again when healed",
        },
        Survival {
            misfortune: Misfortune::Pause,
            extent: "of any nodes, for any time; it serves while a majority is awake",
        },
        Survival {
            misfortune: Misfortune::Kill,
            extent: "of any nodes, even all, at any time; it serves while a majority runs",
        },
    ],
    unavailable: &[
        Unavailability {
            when: "no majority of the nodes is up, awake and able to reach each other",
            until: End::Healed,
        },
        Unavailability {
            when: "clients cannot reach the leader, and the others can",
            until: End::Healed,
        },
    ],
    reads: &[paxos::Reads::ThroughLog.path(), paxos::Reads::Confirmed.path()],
    disk: &[DiskNeed {
        nodes: "all nodes",
        keeps: Some("what they promised and accepted"),
    }],
    servers_min: 1,
    spares: Spares::Minority,
    servers_default: 5,
    recovers_within: Duration::from_secs(3),
};

/// The claims of all systems.
pub const ALL: [&Claims; 3] = [&PB, &VR, &PAXOS];

impl Spares {
    /// How many of so many `servers`.
    #[must_use]
    pub const fn of(self, servers: usize) -> usize {
        match self {
            Self::AllButOne => servers.saturating_sub(1),
            Self::Minority => quorum::missing_max(servers),
        }
    }
}

/// The claims of the system named `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Claims> {
    ALL.into_iter().find(|claims| claims.system == name)
}

impl Claims {
    /// Whether it survives `misfortune`, to whatever extent.
    #[must_use]
    pub fn survives(&self, misfortune: Misfortune) -> bool {
        self.survives
            .iter()
            .any(|survival| survival.misfortune == misfortune)
    }

    /// So many of so many `servers` answer as long as they run, are awake, and can reach each other, whatever becomes of the others, if clients can
    /// reach everybody; none where that is not enough.
    #[must_use]
    pub const fn enough(&self, servers: usize) -> Option<usize> {
        match self.spares {
            Spares::AllButOne => None,
            Spares::Minority => Some(quorum::majority(servers)),
        }
    }

    /// The claims as sentences, for people.
    pub fn sentences(&self) -> impl Iterator<Item = String> {
        let promises = self
            .promises
            .iter()
            .map(|promise| format!("promises: {}", promise.words()));
        let survives = self
            .survives
            .iter()
            .map(|survival| format!("survives {}: {}", survival.misfortune.name(), survival.extent));
        let silent = self.unavailable.iter().map(|silence| match silence.until {
            End::Healed => format!("does not answer until healed when {}", silence.when),
            End::Never => format!("never answers again when {}", silence.when),
        });
        let disk = self
            .disk
            .iter()
            .map(|need| format!("on disk, {}: {}", need.nodes, need.keeps.unwrap_or("nothing")));
        let reads = self
            .reads
            .iter()
            .map(|path| format!("answers reads with --reads {path}"));
        promises.chain(survives).chain(silent).chain(disk).chain(reads)
    }
}

impl Promise {
    /// What it says.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Linearizable => "answers are linearizable",
            Self::ExactlyOnce => "an answered operation took effect exactly once, any other at most once",
        }
    }
}

impl Misfortune {
    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packets => "packet faults",
            Self::Partition => "partitions",
            Self::Pause => "pauses",
            Self::Kill => "kills",
            Self::Membership => "changes of members",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, find};

    #[test]
    fn claims_are_found_by_the_system_s_name() {
        for claims in ALL {
            assert_eq!(find(claims.system), Some(claims));
        }
        assert_eq!(find("none"), None);
    }
}
