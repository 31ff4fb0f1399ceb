//! A test: everything needed to run a trial again.

use std::time::Duration;

use nemesis::Family;
use serde::{Deserialize, Serialize};

use systems::claims::Claims;

use crate::adapter::System;
use crate::interpreter::{Recovered, Recovery};
use crate::workload::Workload;
use crate::world::sim::Conditions;

/// The version of this program, as recorded in every run.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit this program was built from, `unknown` outside a checkout.
pub const COMMIT: &str = env!("TRIBUNAL_COMMIT");

/// Everything needed to run a trial again; `test.toml` of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Test {
    /// The system on trial.
    pub system: String,
    /// What its clients do.
    pub workload: String,
    /// What is done to it.
    pub nemesis: Vec<String>,
    /// The deviation it was told to have, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flaw: Option<String>,
    /// How it answers reads, by the name of one of its ways; none for its usual way, or in a simulation for whichever the seed draws.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reads: Option<String>,
    /// Where it runs.
    pub world: WorldKind,
    /// Replicas.
    pub nodes: usize,
    /// Nodes that run beside them and may become replicas.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub reserve: usize,
    /// Clients at a time.
    pub concurrency: u64,
    /// Operations a second, all clients together.
    pub rate: f64,
    /// How long the load lasts, in seconds.
    pub time_limit_s: f64,
    /// The mean time between the beginnings of two faults of a family, in seconds.
    pub nemesis_interval_s: f64,
    /// How long the system may take to recover after everything is healed, in seconds.
    pub recovery_s: f64,
    /// Objects in use at a time.
    pub keys: usize,
    /// Operations on an object before a fresh one takes its place.
    pub ops_per_key: u64,
    /// The source of all chance.
    pub seed: u64,
    /// The version of the program.
    pub version: String,
    /// The commit it was built from.
    pub commit: String,
    /// What a simulated run happens under beside its faults.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub conditions: Option<Conditions>,
}

/// Where a trial takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum WorldKind {
    /// Processes and packets on this machine.
    Real,
    /// The same cores and sessions in one thread, under virtual time.
    Sim,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl WorldKind {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Sim => "sim",
        }
    }

    /// The families of faults it can do.
    #[must_use]
    pub const fn families(self) -> &'static [Family] {
        match self {
            Self::Real => &Family::OF_PROCESSES,
            Self::Sim => &Family::ALL,
        }
    }

    /// The families of faults it can do to `system`.
    #[must_use]
    pub fn families_on(self, system: &dyn System) -> Vec<Family> {
        let can = |family: &Family| *family != Family::Membership || system.can_change_members();
        self.families().iter().copied().filter(can).collect()
    }
}

impl Test {
    /// How long the load lasts.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs_f64(self.time_limit_s)
    }

    /// The mean time between the beginnings of two faults of a family.
    #[must_use]
    pub fn nemesis_interval(&self) -> Duration {
        Duration::from_secs_f64(self.nemesis_interval_s)
    }

    /// What has to be seen after everything has been healed, and how soon.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        Recovery {
            within: Duration::from_secs_f64(self.recovery_s),
            until: Workload::named(&self.workload).map_or(Recovered::Readable, Workload::recovered),
        }
    }

    /// How long a system of these `claims` may be silent while nothing keeps it from answering: longer where everybody is told to wait longer.
    #[must_use]
    pub fn answers_within(&self, claims: &Claims) -> Duration {
        let conditions = self.conditions.unwrap_or_default();
        conditions.answers_within(claims.recovers_within)
    }

    /// The name runs of this kind share: system, workload and nemesis.
    #[must_use]
    pub fn name(&self) -> String {
        let nemesis = if self.nemesis.is_empty() {
            "none".to_owned()
        } else {
            self.nemesis.join("+")
        };
        format!("{}-{}-{nemesis}", self.system, self.workload)
    }

    /// The command line that runs this test again from the schedule kept in its folder.
    #[must_use]
    pub fn command(&self) -> String {
        let nemesis = if self.nemesis.is_empty() {
            "none".to_owned()
        } else {
            self.nemesis.join(",")
        };
        let mut line = format!(
            "tribunal run --system {} --workload {} --nemesis {nemesis} --time-limit {}s --seed {}",
            self.system, self.workload, self.time_limit_s, self.seed
        );
        if let Some(flaw) = &self.flaw {
            line.push_str(&format!(" --flaw {flaw}"));
        }
        if let Some(reads) = &self.reads {
            line.push_str(&format!(" --reads {reads}"));
        }
        line
    }
}
