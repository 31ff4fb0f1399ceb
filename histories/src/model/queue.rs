//! A first-in-first-out queue. It starts empty.
//!
//! A `dequeue` that is answered with null, or refused with `precondition-failed`, found nothing in it.

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

use super::{Mismatch, Model, ModelName, Nature, Reading, change, is_refusal};
use crate::history::Operation;
use crate::op::Function;
use crate::values::{Datum, Symbol, Values};

/// A queue. What it can hold is kept as a tree of sequences, so that each is one number.
#[derive(Debug, Clone)]
pub struct Queue {
    items: Vec<Node>,
    longer: HashTable<Items>,
}

/// What is in a queue, as all of it but the last value, and that value.
#[derive(Debug, Clone, Copy)]
struct Node {
    but_last: Items,
    last: Symbol,
    first: Symbol,
    /// All of it but the first, once that was asked for.
    but_first: Option<Items>,
}

/// What is in a queue, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Items(u32);

const EMPTY: Items = Items(0);

/// What was asked of a queue and what it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueOp {
    /// This is its last now.
    Enqueue(Symbol),
    /// This was its first, and is gone now.
    Dequeue(Symbol),
    /// A `dequeue` found nothing in it.
    Empty,
    /// A `dequeue` of unknown outcome: its first is gone now, if it had one.
    Take,
}

/// So many values of a queue stand in a sentence.
const SHOWN_MAX: usize = 6;

impl Default for Queue {
    fn default() -> Self {
        let empty = Node {
            but_last: EMPTY,
            last: Symbol::NULL,
            first: Symbol::NULL,
            but_first: Some(EMPTY),
        };
        Self {
            items: vec![empty],
            longer: HashTable::new(),
        }
    }
}

impl Queue {
    /// What `operation` says.
    fn told(operation: &Operation) -> Result<Reading<QueueOp>, Mismatch> {
        let wants = |what: &str| ModelName::Queue.mismatch(operation, format!("wants {what}"));
        match (operation.f, operation.value, operation.answer().copied()) {
            (Function::Enqueue, Datum::One(value), _) if value != Symbol::NULL => {
                Ok(change(operation, QueueOp::Enqueue(value)))
            }
            (Function::Enqueue, ..) => Err(wants("one value in an `enqueue`")),
            (Function::Dequeue, _, None) if is_refusal(operation) => Ok(Reading::Must(QueueOp::Empty)),
            (Function::Dequeue, _, None) => Ok(change(operation, QueueOp::Take)),
            (Function::Dequeue, _, Some(Datum::NULL)) => Ok(Reading::Must(QueueOp::Empty)),
            (Function::Dequeue, _, Some(Datum::One(value))) => Ok(Reading::Must(QueueOp::Dequeue(value))),
            (Function::Dequeue, _, Some(Datum::Many(_))) => Err(wants("one value from a `dequeue`")),
            _ => Err(ModelName::Queue.does_not_know(operation)),
        }
    }

    fn with(&mut self, but_last: Items, last: Symbol) -> Items {
        let hash = hash_of(but_last, last);
        let is_same = |items: &Items| {
            let node = self.node(*items);
            (node.but_last, node.last) == (but_last, last)
        };
        if let Some(&known) = self.longer.find(hash, is_same) {
            return known;
        }
        let number = u32::try_from(self.items.len()).expect("fewer than four billion queues fit in memory");
        let (first, but_first) = if but_last == EMPTY {
            (last, Some(EMPTY))
        } else {
            (self.node(but_last).first, None)
        };
        self.items.push(Node {
            but_last,
            last,
            first,
            but_first,
        });
        let items = &self.items;
        self.longer.insert_unique(hash, Items(number), |items_at| {
            let node = items[items_at.0 as usize];
            hash_of(node.but_last, node.last)
        });
        Items(number)
    }

    /// All of `items` but the first.
    fn without_first(&mut self, items: Items) -> Items {
        // Down to what is known, and up again.
        let mut unknown = Vec::new();
        let mut at = items;
        let mut rest = loop {
            match self.node(at).but_first {
                Some(rest) => break rest,
                None => unknown.push(at),
            }
            at = self.node(at).but_last;
        };
        for longer in unknown.into_iter().rev() {
            rest = self.with(rest, self.node(longer).last);
            self.items[longer.0 as usize].but_first = Some(rest);
        }
        rest
    }

    fn node(&self, items: Items) -> Node {
        self.items[items.0 as usize]
    }
}

impl Model for Queue {
    type State = Items;
    type Op = QueueOp;

    fn read(&mut self, operation: &Operation, _: &Values) -> Result<Reading<QueueOp>, Mismatch> {
        Self::told(operation)
    }

    fn init(&self) -> Items {
        EMPTY
    }

    fn step(&mut self, state: Items, op: QueueOp) -> Option<Items> {
        match op {
            QueueOp::Enqueue(value) => Some(self.with(state, value)),
            QueueOp::Dequeue(value) if state != EMPTY && self.node(state).first == value => {
                Some(self.without_first(state))
            }
            QueueOp::Dequeue(_) => None,
            QueueOp::Empty => (state == EMPTY).then_some(state),
            QueueOp::Take => Some(self.without_first(state)),
        }
    }

    fn nature(&self, op: QueueOp) -> Nature {
        match op {
            QueueOp::Enqueue(_) | QueueOp::Take => Nature::Total,
            QueueOp::Dequeue(_) => Nature::Conditional,
            QueueOp::Empty => Nature::Pure,
        }
    }

    /// Anything may have been in it.
    fn any_state(&mut self, _: &[QueueOp]) -> Option<Vec<Items>> {
        None
    }

    fn show(&self, state: Items, values: &Values) -> String {
        let mut shown = Vec::new();
        let mut at = state;
        while at != EMPTY {
            shown.push(values.show(self.node(at).last).to_string());
            at = self.node(at).but_last;
        }
        shown.reverse();
        let more = if shown.len() > SHOWN_MAX { " .." } else { "" };
        shown.truncate(SHOWN_MAX);
        format!("[{}{more}]", shown.join(" "))
    }

    fn memory_bytes(&self) -> u64 {
        (self.items.capacity() * size_of::<Node>() + self.longer.allocation_size()) as u64
    }
}

fn hash_of(items: Items, value: Symbol) -> u64 {
    let mut hasher = FxHasher::default();
    (items, value).hash(&mut hasher);
    hasher.finish()
}
