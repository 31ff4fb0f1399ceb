//! What may go wrong, and the tools to do it.
//!
//! Policy (faults, grudges, targets, profiles, schedules) is pure: seeded, printable, storable, without a clock. Mechanism
//! (`lab`) does it on one Linux machine, and heals whatever it broke. This crate knows the names of nodes, never a protocol.

pub mod cluster;
pub mod lab;

pub use cluster::{Action, Cluster, FaultId, Link, Roster, Standing, Verification};
