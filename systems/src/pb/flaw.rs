//! Known ways to be wrong, each at one named place of the protocol, and off unless asked for.
//!
//! They come from published courses, lecture notes and their solutions, and are there so that whoever tests these systems can
//! see that the tests would have found them.

use std::fmt;
use std::str::FromStr;

/// One way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// A get is answered from the primary's own store without asking the backup.
    GetLocalRead,
    /// The primary looks at whether the backup answered, not at what it answered.
    IgnoreBackupError,
    /// The client table is left out of what a new backup is sent.
    DedupNotSynced,
    /// Operations go on while the state is being sent to a new backup.
    SyncOutsideLock,
    /// A view is acknowledged when the synchronisation starts, not when it is confirmed.
    AckBeforeSync,
    /// A backup is synchronised only if its name is another than before.
    RestartedBackupNotResynced,
    /// A restarted primary without a live backup gets its view back and serves an empty store.
    SolePrimaryRestartServes,
    /// The view service promotes the backup of a view that was never acknowledged.
    PromoteWithoutAck,
    /// A server whose ping got no answer forgets its view and then pings as if it had been restarted.
    FailedPingZeroesView,
    /// Only appends are recognised as duplicates.
    PutNotDeduped,
    /// An append is recorded as done before it is, and stays recorded when it fails.
    AppendDedupNotAtomic,
    /// The primary carries operations out, and lets reads see them, before the backup confirmed.
    ExecuteBeforeBackup,
    /// The backup carries out whatever arrives, in the order it arrives.
    ForwardUnordered,
    /// The view service forgets its view when it restarts, and servers accept lower views.
    Volatile,
    /// The primary ends for good when a synchronisation does not succeed at once.
    ExitOnSyncFailure,
    /// A primary that waits for its peer answers nothing until the peer has answered.
    HandlerLockDeadlock,
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
    pub const ALL: [Self; 16] = [
        Self::GetLocalRead,
        Self::IgnoreBackupError,
        Self::DedupNotSynced,
        Self::SyncOutsideLock,
        Self::AckBeforeSync,
        Self::RestartedBackupNotResynced,
        Self::SolePrimaryRestartServes,
        Self::PromoteWithoutAck,
        Self::FailedPingZeroesView,
        Self::PutNotDeduped,
        Self::AppendDedupNotAtomic,
        Self::ExecuteBeforeBackup,
        Self::ForwardUnordered,
        Self::Volatile,
        Self::ExitOnSyncFailure,
        Self::HandlerLockDeadlock,
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
        flaw: Flaw::GetLocalRead,
        name: "pb-get-local-read",
        summary: "a get is answered from the primary's own store without asking the backup",
        source: "MIT 6.824 lab 2 solutions; test Partition1",
        anomaly: "stale read",
    },
    Description {
        flaw: Flaw::IgnoreBackupError,
        name: "pb-ignore-backup-error",
        summary: "the primary looks at whether the backup answered, not at what it answered",
        source: "MIT 6.824 lab 2 solutions",
        anomaly: "lost acknowledged write",
    },
    Description {
        flaw: Flaw::DedupNotSynced,
        name: "pb-dedup-not-synced",
        summary: "the client table is left out of what a new backup is sent",
        source: "MIT 6.824 lab 2 solutions",
        anomaly: "duplicate append",
    },
    Description {
        flaw: Flaw::SyncOutsideLock,
        name: "pb-sync-outside-lock",
        summary: "operations go on while the state is being sent to a new backup",
        source: "MIT 6.824 lab 2 solutions",
        anomaly: "lost acknowledged write",
    },
    Description {
        flaw: Flaw::AckBeforeSync,
        name: "pb-ack-before-sync",
        summary: "a view is acknowledged when the synchronisation starts, not when it is confirmed",
        source: "lecture notes on primary/backup as viewstamped replication, rule 7",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::RestartedBackupNotResynced,
        name: "pb-restarted-backup-not-resynced",
        summary: "a backup is synchronised only if its name is another than before",
        source: "MIT 6.824 lab 2 solutions",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::SolePrimaryRestartServes,
        name: "pb-sole-primary-restart-serves",
        summary: "a restarted primary without a live backup gets its view back and serves an empty store",
        source: "MIT 6.824 lab 2 solutions",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::PromoteWithoutAck,
        name: "vs-promote-without-ack",
        summary: "the view service promotes the backup of a view that was never acknowledged",
        source: "MIT 6.824 lab 2 solutions; dslabs lab 2 part 1, tests 08 and 10",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::FailedPingZeroesView,
        name: "pb-failed-ping-zeroes-view",
        summary: "a server whose ping got no answer forgets its view and then pings as if it had been restarted",
        source: "MIT 6.824 lab 2 solutions",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::PutNotDeduped,
        name: "pb-put-not-deduped",
        summary: "only appends are recognised as duplicates",
        source: "lecture notes on primary/backup as viewstamped replication, claim 16",
        anomaly: "lost write, stale read",
    },
    Description {
        flaw: Flaw::AppendDedupNotAtomic,
        name: "pb-append-dedup-not-atomic",
        summary: "an append is recorded as done before it is, and stays recorded when it fails",
        source: "lecture notes on primary/backup as viewstamped replication, rule 15",
        anomaly: "lost acknowledged append",
    },
    Description {
        flaw: Flaw::ExecuteBeforeBackup,
        name: "pb-execute-before-backup",
        summary: "the primary carries operations out, and lets reads see them, before the backup confirmed",
        source: "lecture notes on primary/backup as viewstamped replication, rules 2 and 6",
        anomaly: "a value that was read disappears",
    },
    Description {
        flaw: Flaw::ForwardUnordered,
        name: "pb-forward-unordered",
        summary: "the backup carries out whatever arrives, in the order it arrives",
        source: "dslabs lab 2 part 2, test 18",
        anomaly: "the value differs after a failover",
    },
    Description {
        flaw: Flaw::Volatile,
        name: "vs-volatile",
        summary: "the view service forgets its view when it restarts, and servers accept lower views",
        source: "MIT 6.824 lab 2 solutions",
        anomaly: "two primaries, lost writes",
    },
    Description {
        flaw: Flaw::ExitOnSyncFailure,
        name: "pb-exit-on-sync-failure",
        summary: "the primary ends for good when a synchronisation does not succeed at once",
        source: "MIT 6.824 lab 2 solutions",
        anomaly: "unavailable after the last fault was healed",
    },
    Description {
        flaw: Flaw::HandlerLockDeadlock,
        name: "pb-handler-lock-deadlock",
        summary: "a primary that waits for its peer answers nothing until the peer has answered",
        source: "MIT 6.824 lab 2 solutions",
        anomaly: "unavailable after the last fault was healed",
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
        write!(f, "primary/backup has no flaw named {:?}", self.0)
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
