//! The hall: it alone knows the other three rooms. The program `tribunal` is this library's [`cli`].
//!
//! A run is a [`test::Test`] in a [`world::World`]: the [`interpreter`] draws operations from a [`workload`]'s generator, journals
//! both edges, and lets the [`faults`] of a schedule happen; [`judge`] turns the journal into [`results`].

pub mod adapter;
pub mod case;
pub mod chance;
pub mod cli;
pub mod crew;
pub mod detection;
pub mod dossier;
pub mod failure;
pub mod faults;
pub mod generator;
pub mod interpreter;
pub mod judge;
pub mod mix;
pub mod oracle;
pub mod progress;
pub mod recipe;
pub mod results;
pub mod screen;
pub mod shrink;
pub mod store;
pub mod test;
pub mod testimony;
pub mod trial;
pub mod workload;
pub mod world;
