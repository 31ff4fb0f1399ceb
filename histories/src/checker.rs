//! Judges: each looks at a whole history and says what follows from it.

mod append_order;
pub mod availability;
pub mod certificate;
mod count_order;
pub mod exactly_once;
pub mod executor;
mod growth_order;
mod hold_order;
pub mod linearizable;
pub(crate) mod narrator;
pub mod progress;
mod proof;
mod queue_order;
mod rests;
mod search;
mod span;
mod special;
mod supply;
mod timeline;
mod tokens;
mod watch;
mod zones;

use std::fmt;

use certificate::Certificate;
use executor::{Alone, Executor};

use crate::history::History;
use crate::verdict::Verdict;

/// The memory a checker may use unless told otherwise, in bytes.
pub const MEMORY_BYTES_MAX: u64 = 1 << 30;

/// A judge of histories.
pub trait Checker {
    /// Its name in results.
    fn name(&self) -> &'static str;

    /// What follows from `history`; [`Verdict::Unknown`] when that cannot be found out within `limits`.
    fn check(&self, history: &History, limits: &Limits<'_>) -> Report;
}

/// How much a checker may use. Clocks are behind the wall, so that time is asked for.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Bytes of memory for what it remembers, beside the history itself.
    pub memory_bytes_max: u64,
    /// Whether it may go on; asked some thousand times a second.
    pub may_go_on: &'a (dyn Fn() -> bool + Sync),
    /// Who does what can be done at the same time. The memory is shared between them.
    pub executor: &'a dyn Executor,
}

/// What a checker found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The checker's name.
    pub name: &'static str,
    /// What it found.
    pub verdict: Verdict,
    /// How many objects were decided.
    pub checked_keys: u64,
    /// For each object that is linearizable an order that shows it, in the order of the keys. None from other checkers.
    pub certificates: Vec<Certificate>,
}

/// So many reasons are told when many objects could not be decided.
const REASONS_MAX: usize = 3;

/// The verdict over all objects; nothing to judge is never valid.
fn verdict_of(verdicts: Vec<Verdict>) -> Verdict {
    if verdicts.is_empty() {
        return Verdict::Unknown("vacuous: the history holds no operation".to_owned());
    }
    let mut anomalies = Vec::new();
    let mut reasons = Vec::new();
    for verdict in verdicts {
        match verdict {
            Verdict::Valid => {}
            Verdict::Invalid(found) => anomalies.extend(found),
            Verdict::Unknown(reason) => reasons.push(reason),
        }
    }
    if !anomalies.is_empty() {
        return Verdict::Invalid(anomalies);
    }
    let more = reasons.len().saturating_sub(REASONS_MAX);
    if more > 0 {
        reasons.truncate(REASONS_MAX);
        reasons.push(format!("and {more} more keys were not decided"));
    }
    if reasons.is_empty() {
        Verdict::Valid
    } else {
        Verdict::Unknown(reasons.join("; "))
    }
}

impl Limits<'static> {
    /// No end of time, [`MEMORY_BYTES_MAX`], and no threads.
    #[must_use]
    pub const fn patient() -> Self {
        Self {
            memory_bytes_max: MEMORY_BYTES_MAX,
            may_go_on: &|| true,
            executor: &Alone,
        }
    }
}

impl fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("memory_bytes_max", &self.memory_bytes_max)
            .finish_non_exhaustive()
    }
}
