//! A history: the operations of a run, each with its interval; a journal that has been parsed, not validated.
//!
//! Whoever holds a [`History`] holds a well-formed one: every completion has its invocation, no process had two operations open at
//! a time, and time never ran backwards.
//!
//! Intervals are closed: of two events with the same time an invocation comes before a completion, so that operations which touch
//! overlap and neither is held to have come first. Otherwise the order of the file breaks ties.

pub mod builder;
pub mod error;
mod time;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

use crate::journal::{Event, Header, Index, Nemesis, Reader};
use crate::op::{Function, Key, Process};
use crate::values::{Datum, Values};

pub use builder::Builder;
pub use error::{Defect, HistoryError, Warning};
pub use time::{Clock, Time};

/// More events than this are refused.
pub const EVENTS_MAX: u64 = 1 << 31;

/// The operations of a run, in the order of their invocations.
#[derive(Debug, Clone)]
pub struct History {
    pub(crate) operations: Vec<Operation>,
    pub(crate) nemesis: Vec<(Index, Time, Nemesis)>,
    pub(crate) values: Values,
    pub(crate) clock: Clock,
}

/// One operation: its two edges, paired.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The journal line of its invocation.
    pub index: Index,
    /// Who asked.
    pub process: Process,
    /// What was asked.
    pub f: Function,
    /// Of which object; none where the history is about a single one.
    pub key: Option<Key>,
    /// With what argument.
    pub value: Datum,
    /// When it was asked.
    pub call: Time,
    /// Until when it can have had its effect; none when that may be at any later time.
    pub ret: Option<Time>,
    /// When the process learned what came of it, or that nobody knows.
    pub completed: Option<Time>,
    /// What came of it.
    pub ending: Ending,
    pub(crate) order: Order,
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It took effect; the answer, or the argument again where there is none.
    Ok(Datum),
    /// It surely did not take effect.
    Fail {
        /// Why.
        error: Arc<str>,
        /// What a compare-and-set that did not match was answered with.
        saw: Option<Datum>,
    },
    /// Nobody knows, and the process was told so.
    Info {
        /// Why.
        error: Arc<str>,
    },
    /// It never completed.
    Unfinished,
}

/// Where the edges of an operation stand among all events: total, and free of ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) call: u32,
    /// [`FOREVER`] when it never returned.
    pub(crate) ret: u32,
}

/// The place of a return that never comes.
pub(crate) const FOREVER: u32 = u32::MAX;

/// The error of a compare-and-set that was evaluated and did not match: an observation, not a mere failure.
pub const PRECONDITION_FAILED: &str = "precondition-failed";

/// Which operation, by its place in [`History::operations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u32);

/// A history, and what was noticed while reading it.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The history.
    pub history: History,
    /// What was passed over.
    pub warnings: Vec<Warning>,
    /// The header of the journal, where there is one.
    pub header: Option<Header>,
}

impl History {
    /// Reads a journal, which sentences call `file_name`.
    ///
    /// # Errors
    /// The first defect, with its line. A torn last line is only a warning.
    pub fn parse(reader: impl BufRead, file_name: &str) -> Result<Parsed, HistoryError> {
        let mut reader = Reader::open(reader, file_name)?;
        let mut builder = Builder::new(Clock::Nanoseconds);
        while let Some(entry) = reader.next_entry()? {
            let line = entry.line;
            builder.entry(entry).map_err(|defect| HistoryError {
                file: file_name.to_owned(),
                line: Some(line),
                defect,
            })?;
        }
        let (header, warnings, values) = reader.into_parts();
        Ok(Parsed {
            history: builder.finish_with(values),
            warnings,
            header,
        })
    }

    /// An empty history to build upon.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new(Clock::Nanoseconds)
    }

    /// The operations, in the order of their invocations.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// One operation.
    ///
    /// # Panics
    /// When `id` is of another history.
    #[must_use]
    pub fn operation(&self, id: OperationId) -> &Operation {
        &self.operations[id.0 as usize]
    }

    /// What the nemesis did, uninterpreted.
    pub fn nemesis(&self) -> impl Iterator<Item = (Index, Time, &Nemesis)> {
        self.nemesis.iter().map(|(index, t, event)| (*index, *t, event))
    }

    /// The table that the values of the operations refer to.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// What its times mean.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// The operations of each object, in the order of their invocations. Objects are independent: a history is linearizable if
    /// and only if it is for each object (Herlihy and Wing 1990, locality).
    #[must_use]
    pub fn by_key(&self) -> BTreeMap<Option<Key>, Vec<OperationId>> {
        let mut keys: BTreeMap<Option<Key>, Vec<OperationId>> = BTreeMap::new();
        for (place, operation) in self.operations.iter().enumerate() {
            let id =
                OperationId(u32::try_from(place).expect("a history has fewer than EVENTS_MAX operations"));
            match keys.get_mut(&operation.key) {
                Some(ids) => ids.push(id),
                None => drop(keys.insert(operation.key.clone(), vec![id])),
            }
        }
        keys
    }
}

impl Operation {
    /// Whether it ended before the other began, so that it surely came first.
    #[must_use]
    pub const fn precedes(&self, other: &Self) -> bool {
        self.order.ret < other.order.call
    }

    /// Its answer, when it is known to have taken effect.
    #[must_use]
    pub const fn answer(&self) -> Option<&Datum> {
        match &self.ending {
            Ending::Ok(answer) => Some(answer),
            Ending::Fail { .. } | Ending::Info { .. } | Ending::Unfinished => None,
        }
    }

    /// Whether nobody knows if it took effect, or when it will.
    #[must_use]
    pub const fn is_indeterminate(&self) -> bool {
        matches!(self.ending, Ending::Info { .. } | Ending::Unfinished)
    }
}

impl Event {
    /// The client's half, if it is one.
    #[must_use]
    pub const fn client(&self) -> Option<&crate::journal::Client> {
        match self {
            Self::Client(client) => Some(client),
            Self::Nemesis(_) => None,
        }
    }
}
