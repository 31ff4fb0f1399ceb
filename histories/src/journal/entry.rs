//! What the lines of a journal tell.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Index;
use crate::history::Time;
use crate::op::{Function, Key, Process};
use crate::values::Item;

/// The first line of a journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The seed of the run, where it has one.
    pub seed: Option<u64>,
    /// How the run is described.
    pub test: Value,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its `i`; where it has none, how many entries there were before.
    pub index: Index,
    /// When it happened.
    pub t: Time,
    /// Its line in the file, from 1.
    pub line: u64,
    /// What happened.
    pub event: Event,
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An edge of a client's operation.
    Client(Client),
    /// Something the nemesis did.
    Nemesis(Nemesis),
}

/// Which edge of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edge {
    /// It was asked.
    Invoke,
    /// It took effect.
    Ok,
    /// It surely did not take effect.
    Fail,
    /// Nobody knows.
    Info,
}

/// An edge of a client's operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// Who asked.
    pub process: Process,
    /// Which edge.
    pub edge: Edge,
    /// What was asked.
    pub f: Function,
    /// Of which object; none where the history is about a single one.
    pub key: Option<Key>,
    /// The argument, or in an `ok` the answer.
    pub value: Item,
    /// Why it is not ok.
    pub error: Option<String>,
    /// What a compare-and-set that did not match was answered with.
    pub saw: Option<Item>,
    /// The node asked, where that is recorded.
    pub node: Option<Arc<str>>,
}

/// Something the nemesis did; what it means is not this crate's business.
#[derive(Debug, Clone, PartialEq)]
pub struct Nemesis {
    /// The event's name.
    pub f: String,
    /// The whole line, its `f` included.
    pub fields: Map<String, Value>,
}

impl Edge {
    /// The edge of that name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Invoke, Self::Ok, Self::Fail, Self::Info]
            .into_iter()
            .find(|edge| edge.name() == name)
    }

    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}
