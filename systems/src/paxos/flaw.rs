//! Known ways to be wrong, each at one named place of the protocol, and off unless asked for.
//!
//! They come from published lectures, papers, and programs, and are there so that whoever tests this system can see that the tests
//! would have found them.

use std::fmt;
use std::str::FromStr;

/// One way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// The answer to a read tells what was committed, not what was accepted.
    GatherCommittedOnly,
    /// Of several values reported for a slot the last one that arrived is imposed.
    PreferRemote,
    /// A new leader proposes commands of its own in slots that its read showed to be taken.
    OwnValueFirst,
    /// A promise is kept in memory only.
    PromiseNotDurable,
    /// What was accepted is lost when the node restarts.
    AcceptNotDurable,
    /// An acceptor does not compare the ballot of a proposal with its promise.
    AcceptBelowPromise,
    /// Answers to an earlier read of the same leader are counted for the present one.
    StalePromiseCounted,
    /// Acknowledgements are counted without looking whose they are.
    AckNotIdentified,
    /// A follower commits whatever it holds in a slot, at whatever ballot.
    CommitWithoutValue,
    /// A follower that misses a slot applies the next one.
    HoleSkipped,
    /// A new leader fills what it does not hold itself with no-ops, whatever its read showed.
    NoopWithoutRead,
    /// A command that comes to stand in two slots is carried out twice.
    DuplicateCommand,
    /// A leader answers reads from its own state.
    LeaderLocalRead,
    /// Half of the nodes, rounded down, count as a quorum.
    QuorumTwoOfFive,
    /// A leader speaks to as few others as make up a quorum.
    BroadcastSubset,
    /// A leader waits for every peer's answer before it sends anything else.
    BlockingSend,
    /// The whole history is read within one fixed time-out.
    SyncLongerThanTimeout,
    /// A node that does not reach every peer when it starts gives up for good.
    StartNeedsAllPeers,
}

/// What a flaw is called and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Which flaw.
    pub flaw: Flaw,
    /// Its name on the command line.
    pub name: &'static str,
    /// What is wrong, in one line.
    pub summary: &'static str,
    /// Where it was seen.
    pub source: &'static str,
    /// What clients of such a system come to see.
    pub anomaly: &'static str,
}

/// A name that no flaw has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFlaw(String);

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::GatherCommittedOnly,
        Self::PreferRemote,
        Self::OwnValueFirst,
        Self::PromiseNotDurable,
        Self::AcceptNotDurable,
        Self::AcceptBelowPromise,
        Self::StalePromiseCounted,
        Self::AckNotIdentified,
        Self::CommitWithoutValue,
        Self::HoleSkipped,
        Self::NoopWithoutRead,
        Self::DuplicateCommand,
        Self::LeaderLocalRead,
        Self::QuorumTwoOfFive,
        Self::BroadcastSubset,
        Self::BlockingSend,
        Self::SyncLongerThanTimeout,
        Self::StartNeedsAllPeers,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.description().name
    }

    /// What is known of it.
    #[must_use]
    pub const fn description(self) -> &'static Description {
        &DESCRIPTIONS[self as usize]
    }
}

/// In the order of [`Flaw::ALL`].
static DESCRIPTIONS: [Description; Flaw::ALL.len()] = [
    Description {
        flaw: Flaw::GatherCommittedOnly,
        name: "px-gather-committed-only",
        summary: "the answer to a read tells what was committed, not what was accepted",
        source: "YASP, LoadHistory: why its third log rule fails",
        anomaly: "lost acknowledged writes, divergent logs",
    },
    Description {
        flaw: Flaw::PreferRemote,
        name: "px-prefer-remote",
        summary: "of several values reported for a slot the last one that arrived is imposed",
        source: "YASP, Sync",
        anomaly: "lost acknowledged writes, divergent logs",
    },
    Description {
        flaw: Flaw::OwnValueFirst,
        name: "px-own-value-first",
        summary: "a new leader proposes commands of its own in slots that its read showed to be taken",
        source: "Paxos Made Simple, condition P2c; MIT 6.824 paxos, minority proposal ignored",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::PromiseNotDurable,
        name: "px-promise-not-durable",
        summary: "a promise is kept in memory only",
        source: "Paxos Made Simple, section 2.5",
        anomaly: "two values chosen in one slot",
    },
    Description {
        flaw: Flaw::AcceptNotDurable,
        name: "px-accept-not-durable",
        summary: "what was accepted is lost when the node restarts",
        source: "YASP opens its log with O_TRUNC",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::AcceptBelowPromise,
        name: "px-accept-below-promise",
        summary: "an acceptor does not compare the ballot of a proposal with its promise",
        source: "Paxos Made Simple, condition P1a",
        anomaly: "two values chosen in one slot",
    },
    Description {
        flaw: Flaw::StalePromiseCounted,
        name: "px-stale-promise-counted",
        summary: "answers to an earlier read of the same leader are counted for the present one",
        source: "luohaha/MyPaxos, issue 18",
        anomaly: "two values chosen in one slot",
    },
    Description {
        flaw: Flaw::AckNotIdentified,
        name: "px-ack-not-identified",
        summary: "acknowledgements are counted without looking whose they are",
        source: "YASP, leader.go",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::CommitWithoutValue,
        name: "px-commit-without-value",
        summary: "a follower commits whatever it holds in a slot, at whatever ballot",
        source: "YASP, Commit",
        anomaly: "divergent logs",
    },
    Description {
        flaw: Flaw::HoleSkipped,
        name: "px-hole-skipped",
        summary: "a follower that misses a slot applies the next one",
        source: "MIT 6.824 kvpaxos, tolerates holes in paxos sequence",
        anomaly: "lost acknowledged writes, divergent states",
    },
    Description {
        flaw: Flaw::NoopWithoutRead,
        name: "px-noop-without-read",
        summary: "a new leader fills what it does not hold itself with no-ops, whatever its read showed",
        source: "Paxos Made Simple, section 3",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::DuplicateCommand,
        name: "px-duplicate-command",
        summary: "a command that comes to stand in two slots is carried out twice",
        source: "Paxos Made Live; lab notes",
        anomaly: "duplicate append",
    },
    Description {
        flaw: Flaw::LeaderLocalRead,
        name: "px-leader-local-read",
        summary: "a leader answers reads from its own state",
        source: "Paxos Made Live, section 5.2",
        anomaly: "stale read",
    },
    Description {
        flaw: Flaw::QuorumTwoOfFive,
        name: "px-quorum-two-of-five",
        summary: "half of the nodes, rounded down, count as a quorum",
        source: "lab notes",
        anomaly: "two values chosen in one slot",
    },
    Description {
        flaw: Flaw::BroadcastSubset,
        name: "px-broadcast-subset",
        summary: "a leader speaks to as few others as make up a quorum",
        source: "YASP, genconfig.py: bcpeers",
        anomaly: "unavailable with a majority up, nodes that lag for ever",
    },
    Description {
        flaw: Flaw::BlockingSend,
        name: "px-blocking-send",
        summary: "a leader waits for every peer's answer before it sends anything else",
        source: "YASP, synchronous Call",
        anomaly: "unavailable with a majority up",
    },
    Description {
        flaw: Flaw::SyncLongerThanTimeout,
        name: "px-sync-longer-than-timeout",
        summary: "the whole history is read within one fixed time-out",
        source: "YASP, Sync",
        anomaly: "unavailable for ever once the log is long",
    },
    Description {
        flaw: Flaw::StartNeedsAllPeers,
        name: "px-start-needs-all-peers",
        summary: "a node that does not reach every peer when it starts gives up for good",
        source: "YASP, start-up",
        anomaly: "unavailable with a majority up",
    },
];

impl FromStr for Flaw {
    type Err = UnknownFlaw;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|flaw| flaw.name() == name);
        found.ok_or_else(|| UnknownFlaw(name.to_owned()))
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for UnknownFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Paxos log has no flaw named {:?}", self.0)
    }
}

impl std::error::Error for UnknownFlaw {}

#[cfg(test)]
mod tests {
    use super::Flaw;

    #[test]
    fn every_flaw_has_its_own_description() {
        for flaw in Flaw::ALL {
            assert_eq!(flaw.description().flaw, flaw);
        }
    }

    #[test]
    fn every_flaw_is_found_by_its_name() {
        for flaw in Flaw::ALL {
            assert_eq!(flaw.to_string().parse(), Ok(flaw));
        }
    }
}
