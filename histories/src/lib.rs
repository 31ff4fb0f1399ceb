//! What was asked, what was answered, what follows.
//!
//! The record of a run ([`journal`]), the history it amounts to, and the checkers that judge it. This crate knows nothing of
//! faults, networks or protocols: a checker that cannot see the faults cannot excuse an anomaly by them.

pub mod journal;
pub mod op;
pub mod verdict;

pub use op::{Completion, Function, Invocation, Key, Outcome, Process};
pub use verdict::{Anomaly, AnomalyKind, Verdict};
