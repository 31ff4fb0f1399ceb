//! The systems on trial, as deterministic state machines that do not know they are tested.
//!
//! Every protocol is a [`Replica`]: one door in ([`Replica::step`]), one ordered list out ([`Outbox`]). The client's half is a
//! [`Session`] of the same kind. Time and chance are parameters, so the same core runs as a real process (`server`) and in
//! a simulation, step for step.
//!
//! This crate knows nothing of faults, histories or checkers, and opens sockets, clocks and threads in `server` only.

pub mod claims;
pub mod codec;
pub mod group;
pub mod node_id;
pub mod paxos;
pub mod pb;
pub mod quorum;
pub mod reads;
pub mod replica;
pub mod server;
pub mod service;
pub mod session;
pub mod time;
pub mod transfer;
pub mod vr;

pub use node_id::NodeId;
pub use replica::{Boot, ClientId, Effect, Incarnation, Input, Outbox, Replica};
pub use session::{Conclusion, Session, SessionEffect, SessionInput, SessionOutbox};
pub use time::Time;
