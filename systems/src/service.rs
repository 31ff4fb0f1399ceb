//! What the protocols replicate: a deterministic [`Service`], wrapped into a [`Machine`] that applies each client's request at
//! most once.
//!
//! Recognising duplicates belongs here, in the application, and not in the transport: a retry comes over another connection, to
//! another node, after a view change. So the record of what was answered is part of the replicated state, changes in the same
//! step as the service itself, and travels in every snapshot.
//!
//! Nothing here knows how many replicas there are, or of time.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub mod client_table;
pub mod digest;
pub mod kv;
pub mod machine;

pub use client_table::{ClientTable, RequestNumber};
pub use digest::Digest;
pub use machine::{Applied, Machine};

/// A deterministic service: the same operations in the same order give the same answers and the same state, on any node.
pub trait Service: Clone + Debug + Default + Serialize + DeserializeOwned {
    /// What is asked of it.
    type Op: Clone + Debug + Serialize + DeserializeOwned;
    /// What it answers.
    type Answer: Clone + Debug + PartialEq + Serialize + DeserializeOwned;

    /// The answer to an operation that is wrong whatever the state is; such an operation never reaches [`Service::apply`].
    fn refuse(op: &Self::Op) -> Option<Self::Answer>;

    /// Whether `op` leaves anything behind.
    fn footprint(op: &Self::Op) -> Footprint;

    /// Carries out `op`. Never panics, whatever the operation says.
    fn apply(&mut self, op: &Self::Op) -> Self::Answer;
}

/// What an operation leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footprint {
    /// Nothing: doing it twice is doing it once, and no record is kept of it.
    Reads,
    /// It may change the state, so it is done at most once.
    Writes,
}
