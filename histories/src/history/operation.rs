//! Views of the operations of a history.

use super::row::{Fate, NO_KEY, Row};
use super::{History, Order, Time};
use crate::journal::Index;
use crate::op::{Function, Key, Process};
use crate::values::Datum;

/// One operation: its two edges, paired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation<'a> {
    /// The journal line of its invocation.
    pub index: Index,
    /// Who asked.
    pub process: Process,
    /// What was asked.
    pub f: Function,
    /// Of which object; none where the history is about a single one.
    pub key: Option<&'a Key>,
    /// With what argument.
    pub value: Datum<'a>,
    /// When it was asked.
    pub call: Time,
    /// Until when it can have had its effect; none when that may be at any later time.
    pub ret: Option<Time>,
    /// When the process learned what came of it, or that nobody knows.
    pub completed: Option<Time>,
    /// What came of it.
    pub ending: Ending<'a>,
    pub(crate) order: Order,
}

/// What came of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending<'a> {
    /// It took effect; the answer, or the argument again where there is none.
    Ok(Datum<'a>),
    /// It surely did not take effect.
    Fail {
        /// Why.
        error: &'a str,
        /// What a compare-and-set that did not match was answered with.
        saw: Option<Datum<'a>>,
    },
    /// Nobody knows, and the process was told so.
    Info {
        /// Why.
        error: &'a str,
    },
    /// It never completed.
    Unfinished,
}

/// The operations of a history, in the order of their invocations.
#[derive(Debug, Clone, Copy)]
pub struct Operations<'a> {
    pub(super) history: &'a History,
}

impl<'a> Operations<'a> {
    /// How many there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.history.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.history.rows.is_empty()
    }

    /// Each of them.
    #[must_use]
    pub fn iter(self) -> Iter<'a> {
        self.into_iter()
    }

    /// The one in that place, if there are so many.
    #[must_use]
    pub fn get(self, place: usize) -> Option<Operation<'a>> {
        self.history
            .rows
            .get(place)
            .map(|row| Operation::of(self.history, row))
    }

    /// How many were asked at `time` or before.
    #[must_use]
    pub fn asked_until(self, time: Time) -> usize {
        self.history.rows.partition_point(|row| row.call <= time)
    }
}

impl<'a> Operation<'a> {
    // Whoever asks for one looks at a few of its fields; the others are then never fetched.
    #[inline(always)]
    pub(super) fn of(history: &'a History, row: &Row) -> Self {
        let (tables, values) = (&history.tables, &history.values);
        let (is_over, ending) = match row.fate() {
            Fate::Ok(answer) => (true, Ending::Ok(values.datum(answer))),
            Fate::Fail(failure) => {
                let (why, saw) = tables.failures[failure as usize];
                let (error, saw) = (tables.reasons.text(why), saw.map(|saw| values.datum(saw)));
                (true, Ending::Fail { error, saw })
            }
            Fate::Info(why) => (
                false,
                Ending::Info {
                    error: tables.reasons.text(why),
                },
            ),
            Fate::Unfinished => (false, Ending::Unfinished),
        };
        Self {
            index: row.index,
            process: row.process,
            f: row.f,
            key: if row.key == NO_KEY {
                None
            } else {
                Some(tables.keys.get(row.key))
            },
            value: values.datum(row.value),
            call: row.call,
            ret: is_over.then_some(row.end),
            completed: if row.fate() == Fate::Unfinished {
                None
            } else {
                Some(row.end)
            },
            ending,
            order: row.order,
        }
    }

    /// Whether it ended before the other began, so that it surely came first.
    #[must_use]
    pub const fn precedes(&self, other: &Self) -> bool {
        self.order.ret < other.order.call
    }

    /// Its answer, when it is known to have taken effect.
    #[must_use]
    pub const fn answer(&self) -> Option<&Datum<'a>> {
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

impl<'a> IntoIterator for Operations<'a> {
    type Item = Operation<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        Iter {
            history: self.history,
            rows: self.history.rows.iter(),
        }
    }
}

/// Goes along the operations of a history.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    history: &'a History,
    rows: std::slice::Iter<'a, Row>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Operation<'a>;

    fn next(&mut self) -> Option<Operation<'a>> {
        self.rows.next().map(|row| Operation::of(self.history, row))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.rows.next_back().map(|row| Operation::of(self.history, row))
    }
}

impl ExactSizeIterator for Iter<'_> {}
