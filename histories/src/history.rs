//! A history: the operations of a run, each with its interval; a journal that has been parsed, not validated.
//!
//! Whoever holds a [`History`] holds a well-formed one: every completion has its invocation, no process had two operations open at
//! a time, and time never ran backwards.
//!
//! Intervals are closed: of two events with the same time an invocation comes before a completion, so that operations which touch
//! overlap and neither is held to have come first. Otherwise the order of the file breaks ties.
//!
//! An operation is kept in a row of 56 bytes, its values in tables beside it ([`Values`]), so that ten million operations take little
//! more than half a gigabyte. Rows and not columns: the operations of one object lie far apart in a long history, and each is read as
//! a whole; a row is one line of the processor's cache, ten columns would be ten. What is handed out is a view, an [`Operation`].

pub mod builder;
pub mod error;
mod objects;
pub mod operation;
mod row;
mod time;

use std::collections::BTreeMap;
use std::io::BufRead;

use crate::journal::{Event, Header, Index, Nemesis, Reader};
use crate::op::Key;
use crate::values::Values;
use row::{Row, Tables};

pub(crate) use objects::Objects;

pub use builder::Builder;
pub use error::{Defect, HistoryError, Warning};
pub use operation::{Ending, Operation, Operations};
pub use time::{Clock, Time};

/// More events than this are refused.
pub const EVENTS_MAX: u64 = 1 << 31;

/// The operations of a run, in the order of their invocations.
#[derive(Debug, Clone)]
pub struct History {
    rows: Vec<Row>,
    tables: Tables,
    nemesis: Vec<(Index, Time, Nemesis)>,
    values: Values,
    clock: Clock,
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
    pub const fn operations(&self) -> Operations<'_> {
        Operations { history: self }
    }

    /// One operation.
    ///
    /// # Panics
    /// When `id` is of another history.
    #[must_use]
    #[inline(always)]
    pub fn operation(&self, id: OperationId) -> Operation<'_> {
        Operation::of(self, &self.rows[id.0 as usize])
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

    /// How many objects it is about.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.tables.keys.len() + usize::from(self.tables.keyless > 0)
    }

    /// The operations of each object, in the order of their invocations. Objects are independent: a history is linearizable if
    /// and only if it is for each object (Herlihy and Wing 1990, locality).
    #[must_use]
    pub fn by_key(&self) -> BTreeMap<Option<Key>, Vec<OperationId>> {
        let objects = self.objects();
        let object = |object| (objects.key(object).cloned(), objects.ids(object).to_vec());
        (0..objects.len()).map(object).collect()
    }

    /// Its objects, without a copy of their operations.
    pub(crate) fn objects(&self) -> Objects<'_> {
        Objects::of(self)
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
