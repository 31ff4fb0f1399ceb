//! The objects of a history, and the operations of each.

use std::ops::Range;
use std::sync::OnceLock;

use super::row::{NO_KEY, Row};
use super::{History, Operation, OperationId};
use crate::op::Key;

/// The objects of a history in the order of their keys; the one without a key is the first. Objects are independent: a history is
/// linearizable if and only if it is for each object (Herlihy and Wing 1990, locality).
#[derive(Debug)]
pub(crate) struct Objects<'a> {
    history: &'a History,
    /// The numbers of their keys.
    keys: Vec<u32>,
    /// For each number of a key, and last for [`NO_KEY`], which object that is.
    places: Vec<u32>,
    /// Where the operations of each begin if they are put one object after the other, and the end.
    starts: Vec<u32>,
    /// All operations, one object after the other; made when somebody asks.
    ids: OnceLock<Vec<OperationId>>,
}

impl<'a> Objects<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let tables = &history.tables;
        let number = |place: usize| u32::try_from(place).expect("events are limited to EVENTS_MAX");
        let mut keys: Vec<u32> = (0..number(tables.keys.len())).collect();
        keys.sort_unstable_by_key(|&key| tables.keys.text(key));
        if tables.keyless > 0 {
            keys.insert(0, NO_KEY);
        }
        let mut places = vec![0; tables.keys.len() + 1];
        let mut starts = vec![0];
        for (place, &key) in keys.iter().enumerate() {
            places[tables.keys.len().min(key as usize)] = number(place);
            let count = tables.asked.get(key as usize).copied().unwrap_or(tables.keyless);
            starts.push(starts[place] + count);
        }
        Self {
            history,
            keys,
            places,
            starts,
            ids: OnceLock::new(),
        }
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key of an object, if it has one.
    pub(crate) fn key(&self, object: usize) -> Option<&'a Key> {
        let key = self.keys[object];
        (key != NO_KEY).then(|| self.history.tables.keys.get(key))
    }

    /// How many operations an object was asked.
    pub(crate) fn count(&self, object: usize) -> usize {
        self.range(object).len()
    }

    /// All operations of the history in the order of their invocations, each with its object.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (usize, OperationId, Operation<'a>)> {
        (0..).zip(&self.history.rows).map(|(place, row)| {
            let operation = Operation::of(self.history, row);
            (self.object(row), OperationId(place), operation)
        })
    }

    /// The operations of an object, in the order of their invocations.
    pub(crate) fn ids(&self, object: usize) -> &[OperationId] {
        &self.ids.get_or_init(|| self.sorted())[self.range(object)]
    }

    fn sorted(&self) -> Vec<OperationId> {
        let mut next = self.starts.clone();
        let mut ids = vec![OperationId(0); self.history.rows.len()];
        for (place, row) in (0..).zip(&self.history.rows) {
            let at = &mut next[self.object(row)];
            ids[*at as usize] = OperationId(place);
            *at += 1;
        }
        ids
    }

    fn range(&self, object: usize) -> Range<usize> {
        self.starts[object] as usize..self.starts[object + 1] as usize
    }

    fn object(&self, row: &Row) -> usize {
        self.places[(self.places.len() - 1).min(row.key as usize)] as usize
    }
}
