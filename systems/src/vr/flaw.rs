//! Known ways to be wrong, each at one named place of the protocol, and off unless asked for.
//!
//! They come from the published protocol itself, from notes on it and from systems built after it. Those about recovery come back with
//! nothing after a restart, as published, because what is wrong with them shows only then.

use std::fmt;
use std::str::FromStr;

/// One way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// A new primary takes up the longest log, whichever view it is of.
    DvcLongestLog,
    /// A new primary takes up the log whose last entry has the latest stamp.
    DvcLastEntryViewstamp,
    /// A replica that comes back with nothing goes by the first primary that answers.
    RecoverySingleResponse,
    /// A replica that comes back with nothing goes by answers to an earlier attempt.
    RecoveryNoNonce,
    /// A replica comes back with nothing, not even the views it has left.
    RecoveryForgetsView,
    /// A replica that comes back with nothing takes part before it knows anything.
    RecoveringParticipates,
    /// A replica cuts its log and is normal in a later view before it has that view's log.
    StateTransferTruncates,
    /// A backup confirms an entry though it lacks earlier ones.
    PrepareGapAccepted,
    /// A replica that has left a view still confirms entries of it.
    OldViewPrepare,
    /// A primary counts itself among the f others.
    QuorumCountsSelfTwice,
    /// Only a primary remembers what clients were answered.
    ClientTablePrimaryOnly,
    /// A primary answers reads from what it holds, whoever may lead by now.
    ReadWithoutLease,
    /// A primary trusts its lease for longer than the others keep it.
    LeaseIgnoresNewView,
    /// A replica that misses its primary leaves the view alone and takes the others along.
    NoSvcQuorum,
    /// A replica that comes back with nothing is answered from later views only.
    RecoveryStrictlyGreater,
    /// A replica goes back to an older view when told late that it has begun.
    StartViewOlderView,
    /// A new member takes part in its epoch before it holds what came before.
    EpochWithoutTransfer,
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
    pub const ALL: [Self; 17] = [
        Self::DvcLongestLog,
        Self::DvcLastEntryViewstamp,
        Self::RecoverySingleResponse,
        Self::RecoveryNoNonce,
        Self::RecoveryForgetsView,
        Self::RecoveringParticipates,
        Self::StateTransferTruncates,
        Self::PrepareGapAccepted,
        Self::OldViewPrepare,
        Self::QuorumCountsSelfTwice,
        Self::ClientTablePrimaryOnly,
        Self::ReadWithoutLease,
        Self::LeaseIgnoresNewView,
        Self::NoSvcQuorum,
        Self::RecoveryStrictlyGreater,
        Self::StartViewOlderView,
        Self::EpochWithoutTransfer,
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
        flaw: Flaw::DvcLongestLog,
        name: "vr-dvc-longest-log",
        summary: "a new primary takes up the longest log, whichever view it is of",
        source: "notes on viewstamped replication whose entries carry no view",
        anomaly: "lost acknowledged append",
    },
    Description {
        flaw: Flaw::DvcLastEntryViewstamp,
        name: "vr-dvc-last-entry-viewstamp",
        summary: "a new primary takes up the log whose last entry has the latest stamp",
        source: "notes on viewstamped replication; Raft, figure 8",
        anomaly: "lost acknowledged append",
    },
    Description {
        flaw: Flaw::RecoverySingleResponse,
        name: "vr-recovery-single-response",
        summary: "a replica that comes back with nothing goes by the first primary that answers",
        source: "notes on viewstamped replication",
        anomaly: "divergent logs, lost acknowledged writes",
    },
    Description {
        flaw: Flaw::RecoveryNoNonce,
        name: "vr-recovery-no-nonce",
        summary: "a replica that comes back with nothing goes by answers to an earlier attempt",
        source: "notes on viewstamped replication",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::RecoveryForgetsView,
        name: "vr-recovery-forgets-view",
        summary: "a replica comes back with nothing, not even the views it has left",
        source: "Viewstamped Replication Revisited, 4.3; Michael et al., DISC 2017",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::RecoveringParticipates,
        name: "vr-recovering-participates",
        summary: "a replica that comes back with nothing takes part before it knows anything",
        source: "omission in notes on viewstamped replication",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::StateTransferTruncates,
        name: "vr-state-transfer-truncates",
        summary: "a replica cuts its log and is normal in a later view before it has that view's log",
        source: "Viewstamped Replication Revisited, 5.2; Vanlightly 2022; Kafka KIP-101",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::PrepareGapAccepted,
        name: "vr-prepare-gap-accepted",
        summary: "a backup confirms an entry though it lacks earlier ones",
        source: "notes on viewstamped replication, step 3",
        anomaly: "lost acknowledged writes, divergent logs",
    },
    Description {
        flaw: Flaw::OldViewPrepare,
        name: "vr-old-view-prepare",
        summary: "a replica that has left a view still confirms entries of it",
        source: "notes on viewstamped replication, step 7",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::QuorumCountsSelfTwice,
        name: "vr-quorum-counts-self-twice",
        summary: "a primary counts itself among the f others",
        source: "notes on viewstamped replication, the quorum's wording",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::ClientTablePrimaryOnly,
        name: "vr-client-table-primary-only",
        summary: "only a primary remembers what clients were answered",
        source: "omission in notes on viewstamped replication; dslabs, dropped reply and failed leader",
        anomaly: "duplicate append",
    },
    Description {
        flaw: Flaw::ReadWithoutLease,
        name: "vr-read-without-lease",
        summary: "a primary answers reads from what it holds, whoever may lead by now",
        source: "Viewstamped Replication Revisited, 6.3; Consul and etcd 2014",
        anomaly: "stale read",
    },
    Description {
        flaw: Flaw::LeaseIgnoresNewView,
        name: "vr-lease-ignores-new-view",
        summary: "a primary trusts its lease for longer than the others keep it",
        source: "Viewstamped Replication Revisited, 6.3; tikv #964, sofa-jraft #34",
        anomaly: "stale read",
    },
    Description {
        flaw: Flaw::NoSvcQuorum,
        name: "vr-no-svc-quorum",
        summary: "a replica that misses its primary leaves the view alone and takes the others along",
        source: "notes on viewstamped replication; Cloudflare 2020",
        anomaly: "view after view while a majority is well",
    },
    Description {
        flaw: Flaw::RecoveryStrictlyGreater,
        name: "vr-recovery-strictly-greater",
        summary: "a replica that comes back with nothing is answered from later views only",
        source: "notes on viewstamped replication, recovery",
        anomaly: "unavailable after the last fault was healed",
    },
    Description {
        flaw: Flaw::StartViewOlderView,
        name: "vr-startview-older-view",
        summary: "a replica goes back to an older view when told late that it has begun",
        source: "omission in notes on viewstamped replication and in a published model",
        anomaly: "lost acknowledged writes",
    },
    Description {
        flaw: Flaw::EpochWithoutTransfer,
        name: "vr-epoch-without-transfer",
        summary: "a new member takes part in its epoch before it holds what came before",
        source: "what Viewstamped Replication Revisited, 7.1, forbids a new replica",
        anomaly: "lost acknowledged writes",
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
        write!(f, "viewstamped replication has no flaw named {:?}", self.0)
    }
}

impl std::error::Error for UnknownFlaw {}

#[cfg(test)]
mod tests {
    use super::Flaw;

    #[test]
    fn every_flaw_has_its_own_description_and_is_found_by_its_name() {
        for flaw in Flaw::ALL {
            assert_eq!(flaw.description().flaw, flaw);
            assert_eq!(flaw.to_string().parse(), Ok(flaw));
        }
    }
}
