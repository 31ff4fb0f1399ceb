//! The order that the choices of a search amount to.

use super::choice::{Choice, Taken};
use super::plan::{Event, Plan};
use crate::checker::span::{Duty, Span};
use crate::checker::timeline::Edge;
use crate::model::{Model, Nature};

/// Follows the choices once more.
struct Witness<'a, M: Model> {
    model: &'a mut M,
    spans: &'a [Span<M::Op>],
    state: M::State,
    /// The operation in each slot that is open and has no place yet.
    open: Vec<Option<usize>>,
    /// For each slot the place of a blind operation that can hide the one in the slot.
    hides: Vec<usize>,
    /// The operations so far. What is hidden behind the one at place p has the rank 2p, that one itself 2p + 1.
    ranked: Vec<(usize, usize)>,
    places: usize,
}

/// The operations of `spans`, by their places, in the order that `taken` leads to from `start`.
pub(super) fn order<M: Model>(
    model: &mut M,
    spans: &[Span<M::Op>],
    plan: &Plan<M::State>,
    start: M::State,
    taken: &[Taken],
) -> Vec<usize> {
    let mut witness = Witness {
        model,
        spans,
        state: start,
        open: vec![None; plan.slots],
        hides: vec![0; plan.slots],
        ranked: Vec::with_capacity(spans.len()),
        places: 0,
    };
    let mut taken = taken.iter().peekable();
    for (position, event) in plan.events.iter().enumerate() {
        while let Some(next) = taken.next_if(|next| next.position as usize == position) {
            witness.follow(next.choice, event.slot);
        }
        witness.pass(*event);
    }
    let mut ranked = witness.ranked;
    if !ranked.is_sorted_by_key(|&(rank, _)| rank) {
        ranked.sort_by_key(|&(rank, _)| rank);
    }
    ranked.into_iter().map(|(_, span)| span).collect()
}

impl<M: Model> Witness<'_, M> {
    fn pass(&mut self, event: Event) {
        let slot = event.slot as usize;
        match event.edge {
            Edge::Call => {
                self.open[slot] = Some(event.span as usize);
                self.settle(slot);
            }
            Edge::Return => self.open[slot] = None,
        }
    }

    fn follow(&mut self, choice: Choice, returning: u16) {
        match choice {
            Choice::Skip => {
                let slot = returning as usize;
                if let Some(span) = self.open[slot].take()
                    && !self.spans[span].is_optional()
                {
                    self.ranked.push((self.hides[slot] * 2, span));
                }
            }
            Choice::Use(slot) => self.use_now(slot as usize),
        }
    }

    fn use_now(&mut self, slot: usize) {
        let span = self.open[slot].expect("what is used is open");
        if self.spans[span].duty != Duty::Endless {
            self.open[slot] = None;
        }
        let op = self.spans[span].op;
        self.state = self
            .model
            .step(self.state, op)
            .expect("the search found it legal");
        self.give_place(span);
        if self.model.nature(op) == Nature::Blind {
            self.hides.fill(self.places - 1);
        }
        for slot in 0..self.open.len() {
            self.settle(slot);
        }
    }

    /// Gives a pure operation its place, if it is legal now.
    fn settle(&mut self, slot: usize) {
        if let Some(span) = self.open[slot]
            && let op = self.spans[span].op
            && self.model.nature(op) == Nature::Pure
            && self.model.step(self.state, op).is_some()
        {
            self.open[slot] = None;
            self.give_place(span);
        }
    }

    fn give_place(&mut self, span: usize) {
        self.ranked.push((self.places * 2 + 1, span));
        self.places += 1;
    }
}
