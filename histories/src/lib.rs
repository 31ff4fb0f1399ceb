//! What was asked, what was answered, what follows.
//!
//! The record of a run ([`journal`]), the history it amounts to ([`history`]), and the checkers that judge it ([`checker`]). This
//! crate knows nothing of faults, networks or protocols: a checker that cannot see the faults cannot excuse an anomaly by them.

pub mod check;
pub mod checker;
pub mod format;
pub mod history;
pub mod journal;
pub mod model;
pub mod op;
pub mod values;
pub mod verdict;

pub use checker::exactly_once::ExactlyOnce;
pub use checker::linearizable::Linearizable;
pub use checker::{Checker, Limits, Report};
pub use history::{History, HistoryError, Operation};
pub use model::ModelName;
pub use op::{Completion, Function, Invocation, Key, Outcome, Process};
pub use verdict::{Anomaly, AnomalyKind, Verdict};
