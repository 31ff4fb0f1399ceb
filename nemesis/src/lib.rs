//! What may go wrong, and the tools to do it.
//!
//! Policy (faults, grudges, targets, profiles, schedules) is pure: seeded, printable, storable, without a clock. Mechanism
//! (`lab`) does it on one Linux machine, and heals whatever it broke. This crate knows the names of nodes, never a protocol.

pub mod agenda;
pub mod cluster;
pub mod fault;
pub mod grudge;
pub mod lab;
pub mod membership;
pub mod mischief;
pub mod profile;
pub mod resolution;
pub mod schedule;
pub mod target;
pub mod unknown;

pub use agenda::{Agenda, Edge};
pub use cluster::{Action, Cluster, FaultId, Link, Roster, Standing, Verification};
pub use fault::{Family, Fault, Phase, Shape};
pub use grudge::Grudge;
pub use membership::{Change, Reshape};
pub use mischief::{Disturbance, Fate, Mischief, Release};
pub use profile::{Nemesis, Profile, Selection, TURNS, catalogue};
pub use resolution::{Resolution, resolve};
pub use schedule::{Episode, Schedule};
pub use target::Target;
pub use unknown::UnknownName;
