//! Nodes and clients over real TCP on loopback, with a toy for a system.
#![expect(clippy::unwrap_used, reason = "what fails in a test's helpers fails the test")]

mod disk;
mod network;
mod node;
mod process;
mod requests;
mod toy;
