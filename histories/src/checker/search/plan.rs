//! The events of an object in order, and a slot for each operation while it is open.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::supply::Supply;
use crate::checker::span::Span;
use crate::checker::timeline::{Edge, Timeline};
use crate::model::{Model, Nature};

/// What the search walks along.
#[derive(Debug)]
pub(super) struct Plan<S> {
    pub(super) events: Vec<Event>,
    /// How many slots are in use at once, at most.
    pub(super) slots: usize,
    /// Operations of the same class say the same; what is known of it is looked up once for all of them.
    pub(super) classes: Vec<u32>,
    pub(super) kinds: Vec<Kind>,
    /// Where the states come from that operations need.
    pub(super) supply: Supply<S>,
    /// From each event on the next call of a blind operation, and the next call and return of a pure one; the number of events if
    /// there is none. Empty for models that do not grow.
    pub(super) blind_call_from: Vec<u32>,
    pub(super) pure_call_from: Vec<u32>,
    pub(super) pure_return_from: Vec<u32>,
}

/// What is known of all operations that say the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) nature: Nature,
    /// The state they need and the one they give, by their numbers in the [`Supply`], or [`NONE`](super::supply::NONE).
    pub(super) needs: u32,
    pub(super) gives: u32,
}

/// An edge of an operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) span: u32,
    pub(super) slot: u16,
    pub(super) edge: Edge,
}

/// More operations than this cannot be open at a time.
pub(super) const SLOTS_MAX: usize = 1024;

/// The plan, or how many operations are open at a time if that is too many.
pub(super) fn plan<M: Model>(model: &M, spans: &[Span<M::Op>]) -> Result<Plan<M::State>, usize> {
    let (events, slots) = assign_slots(spans);
    if slots > SLOTS_MAX {
        return Err(slots);
    }
    let (classes, ops) = classify(spans);
    let (supply, kinds) = Supply::of(model, spans, &events, (&classes, &ops));
    let next = |edge, nature| {
        if M::GROWS {
            next(&events, edge, |span| {
                kinds[classes[span] as usize].nature == nature
            })
        } else {
            Vec::new()
        }
    };
    Ok(Plan {
        blind_call_from: next(Edge::Call, Nature::Blind),
        pure_call_from: next(Edge::Call, Nature::Pure),
        pure_return_from: next(Edge::Return, Nature::Pure),
        supply,
        events,
        slots,
        classes,
        kinds,
    })
}

impl<S> Plan<S> {
    /// What is known of an operation.
    pub(super) fn kind(&self, span: u32) -> &Kind {
        &self.kinds[self.classes[span as usize] as usize]
    }
}

/// For each event, and the end, the first from there on that is such an edge of such an operation.
fn next(events: &[Event], edge: Edge, is_such: impl Fn(usize) -> bool) -> Vec<u32> {
    let number = |position: usize| u32::try_from(position).expect("events are limited to EVENTS_MAX");
    let mut found = number(events.len());
    let mut all = vec![found; events.len() + 1];
    for (position, event) in events.iter().enumerate().rev() {
        if event.edge == edge && is_such(event.span as usize) {
            found = number(position);
        }
        all[position] = found;
    }
    all
}

/// Colours the intervals: an operation takes the lowest slot that is free.
fn assign_slots<Op>(spans: &[Span<Op>]) -> (Vec<Event>, usize) {
    let mut free: BinaryHeap<Reverse<u16>> = BinaryHeap::new();
    let mut slots = 0_usize;
    let mut slot_of = vec![0_u16; spans.len()];
    let mut events = Vec::with_capacity(spans.len() * 2);
    for (edge, span) in Timeline::of(spans) {
        let slot = match edge {
            Edge::Return => {
                free.push(Reverse(slot_of[span as usize]));
                slot_of[span as usize]
            }
            Edge::Call => match free.pop() {
                Some(Reverse(slot)) => slot,
                None => {
                    slots += 1;
                    // Too many slots are refused as a whole, so that their numbers do not matter.
                    u16::try_from(slots - 1).unwrap_or(u16::MAX)
                }
            },
        };
        slot_of[span as usize] = slot;
        events.push(Event { span, slot, edge });
    }
    (events, slots)
}

/// The class of each operation, and an operation of each class.
fn classify<Op: Copy + Eq + Hash>(spans: &[Span<Op>]) -> (Vec<u32>, Vec<Op>) {
    let hasher = BuildHasherDefault::<FxHasher>::default();
    let mut known: HashTable<u32> = HashTable::new();
    let mut ops: Vec<Op> = Vec::new();
    let mut classes = Vec::with_capacity(spans.len());
    for span in spans {
        let hash = hasher.hash_one(span.op);
        let found = known.find(hash, |&class| ops[class as usize] == span.op).copied();
        classes.push(found.unwrap_or_else(|| {
            let fresh = u32::try_from(ops.len()).expect("events are limited to EVENTS_MAX");
            ops.push(span.op);
            known.insert_unique(hash, fresh, |&class| hasher.hash_one(ops[class as usize]));
            fresh
        }));
    }
    (classes, ops)
}
