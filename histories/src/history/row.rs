//! How operations are kept: a row each, and tables of what many of them share.

use super::{FOREVER, Order, Time};
use crate::journal::Index;
use crate::names::Names;
use crate::op::{Function, Key, Process};
use crate::values::Item;

/// An operation. The keys, reasons and failures are in the [`Tables`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) call: Time,
    /// When it completed; nothing if it never did.
    pub(super) end: Time,
    pub(super) process: Process,
    pub(super) index: Index,
    pub(super) order: Order,
    /// [`NO_KEY`] where the history is about a single object.
    pub(super) key: u32,
    pub(super) value: Item,
    /// What [`Fate`] tells beside itself.
    told: u32,
    came: Came,
    pub(super) f: Function,
}

/// A [`Fate`] without what it tells: the two take eight bytes in one.
#[derive(Debug, Clone, Copy)]
enum Came {
    Ok,
    Fail,
    Info,
    Unfinished,
}

/// What came of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The answer.
    Ok(Item),
    /// Which failure.
    Fail(u32),
    /// Which reason.
    Info(u32),
    Unfinished,
}

/// The key of an operation that has none.
pub(super) const NO_KEY: u32 = u32::MAX;

/// What many operations share.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    pub(super) keys: Names,
    /// How many operations each key was asked, and how many have none.
    pub(super) asked: Vec<u32>,
    pub(super) keyless: u32,
    pub(super) reasons: Names,
    /// Each with its reason and what a compare-and-set saw instead.
    pub(super) failures: Vec<(u32, Option<Item>)>,
}

/// What is known of an operation when it is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) call: Time,
    pub(super) process: Process,
    pub(super) index: Index,
    pub(super) key: u32,
    pub(super) value: Item,
    pub(super) f: Function,
}

impl Row {
    /// An operation that has been asked and has no place among the events yet.
    pub(super) const fn new(asked: Asked) -> Self {
        let Asked {
            call,
            process,
            index,
            key,
            value,
            f,
        } = asked;
        let order = Order {
            call: FOREVER,
            ret: FOREVER,
        };
        Self {
            call,
            end: call,
            process,
            index,
            order,
            key,
            value,
            told: 0,
            came: Came::Unfinished,
            f,
        }
    }

    /// What came of it at `end`.
    pub(super) const fn complete(&mut self, end: Time, fate: Fate) {
        self.end = end;
        (self.came, self.told) = match fate {
            Fate::Ok(answer) => (Came::Ok, answer.number()),
            Fate::Fail(failure) => (Came::Fail, failure),
            Fate::Info(reason) => (Came::Info, reason),
            Fate::Unfinished => (Came::Unfinished, 0),
        };
    }

    /// What came of it.
    #[inline]
    pub(super) const fn fate(&self) -> Fate {
        match self.came {
            Came::Ok => Fate::Ok(Item::numbered(self.told)),
            Came::Fail => Fate::Fail(self.told),
            Came::Info => Fate::Info(self.told),
            Came::Unfinished => Fate::Unfinished,
        }
    }
}

impl Tables {
    /// The number of the key of an operation that is asked, or [`NO_KEY`].
    pub(super) fn ask(&mut self, key: Option<&Key>) -> u32 {
        let Some(key) = key else {
            self.keyless += 1;
            return NO_KEY;
        };
        let number = self.keys.number_of(key);
        self.asked.resize(self.keys.len(), 0);
        self.asked[number as usize] += 1;
        number
    }

    /// The number of the failure. Those that saw something are seldom alike, so that they are not looked for.
    pub(super) fn failure(&mut self, error: &str, saw: Option<Item>) -> u32 {
        let failure = (self.reasons.number(error), saw);
        let last = self.failures.len().saturating_sub(FAILURES_LOOKED_AT);
        if let Some(place) = self.failures[last..].iter().position(|known| *known == failure) {
            return number(last + place);
        }
        self.failures.push(failure);
        number(self.failures.len() - 1)
    }
}

/// So many of the latest failures may be referred to again.
const FAILURES_LOOKED_AT: usize = 8;

fn number(place: usize) -> u32 {
    u32::try_from(place).expect("events are limited to EVENTS_MAX")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_56_bytes() {
        assert_eq!(size_of::<Row>(), 56);
    }
}
