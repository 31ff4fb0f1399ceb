//! The ways on from a place, and the taking of one.

use std::hash::Hash;

use super::supply::NONE;
use super::{Config, Search};
use crate::checker::span::Duty;
use crate::model::{Model, Nature};

/// A way on from the return of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// The operation that returns was hidden, or never happened.
    Skip,
    /// The operation in this slot has its place now.
    Use(u16),
}

/// A choice, and the return at which it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) position: u32,
    pub(super) choice: Choice,
    /// The operation that was used, or [`NONE`].
    pub(super) span: u32,
}

impl<M: Model, const W: usize> Search<'_, M, W>
where
    M::State: Hash,
{
    /// Puts the ways on from here on the stack, the best one last.
    pub(super) fn offer(&mut self, config: &Config<M::State, W>) {
        let returning = self.returning();
        let due = |slot: &u16| self.spans[self.occupants[*slot as usize] as usize].ret;
        let is_unseen = self.is_unseen(config);
        let matters = |slot: u16| !is_unseen || slot == returning || self.blind.has(slot);
        let mut slots = std::mem::take(&mut self.candidates);
        slots.clear();
        slots.extend(
            config
                .usable
                .without(&self.pure)
                .slots()
                .filter(|&slot| matters(slot)),
        );
        slots.sort_unstable_by_key(due);
        self.offers += 1;
        let first = self.choices.len();
        if config.skip.has(returning) {
            self.choices.push(Choice::Skip);
        }
        for &slot in &slots {
            let class = self.plan.classes[self.occupants[slot as usize] as usize] as usize;
            let offered = &mut self.offered[class * 2 + usize::from(config.skip.has(slot))];
            if *offered != self.offers {
                *offered = self.offers;
                self.choices.push(Choice::Use(slot));
            }
        }
        self.choices[first..].reverse();
        self.candidates = slots;
    }

    /// Takes the next choice that is legal, at the latest place that has one left.
    pub(super) fn next_choice(&mut self) -> Option<Config<M::State, W>> {
        while let Some(frame) = self.frames.last() {
            let (position, config, first) = (frame.position, frame.config, frame.choices);
            let taken = frame.taken;
            let choice = if self.choices.len() > first {
                self.choices.pop()
            } else {
                None
            };
            if self.choices.len() == first {
                self.frames.pop();
            }
            let Some(choice) = choice else { continue };
            self.rewind(position);
            self.take_back(taken);
            if let Some(next) = self.follow(config, choice) {
                return Some(next);
            }
        }
        None
    }

    pub(super) fn follow(
        &mut self,
        config: Config<M::State, W>,
        choice: Choice,
    ) -> Option<Config<M::State, W>> {
        self.note_taken(choice);
        self.take(config, choice)
    }

    /// Whether there is but one way on, for the operation that returns must have its place and no other one can. It is neither offered
    /// nor remembered.
    pub(super) fn is_forced(&self, config: &Config<M::State, W>) -> bool {
        let returning = self.returning();
        !config.skip.has(returning) && config.usable.without(&self.pure).is_only(returning)
    }

    /// The slot of the operation that returns.
    pub(super) fn returning(&self) -> u16 {
        self.plan.events[self.position].slot
    }

    /// Forgets all choices but the first `kept`.
    pub(super) fn take_back(&mut self, kept: usize) {
        for taken in self.taken.drain(kept..) {
            if let Some(uses) = self.uses.get_mut(taken.span as usize) {
                *uses -= 1;
            }
        }
    }

    fn note_taken(&mut self, choice: Choice) {
        let position = u32::try_from(self.position).expect("events are limited to EVENTS_MAX");
        let span = match choice {
            Choice::Skip => NONE,
            Choice::Use(slot) => self.occupants[slot as usize],
        };
        if let Some(uses) = self.uses.get_mut(span as usize) {
            *uses += 1;
        }
        self.taken.push(Taken {
            position,
            choice,
            span,
        });
    }

    /// Whether an operation that stands for others is used more often than they were called.
    fn is_overused(&self, span: usize) -> bool {
        let Some(calls) = self.budget.counted.map(|calls| &calls[span]) else {
            return false;
        };
        let now = self.spans[self.plan.events[self.position].span as usize].ret;
        self.uses[span] as usize > calls.partition_point(|&call| call < now)
    }

    fn take(&mut self, mut config: Config<M::State, W>, choice: Choice) -> Option<Config<M::State, W>> {
        let returning = self.returning();
        match choice {
            Choice::Skip => {
                config.skip.remove(returning);
                config.usable.remove(returning);
                self.position += 1;
            }
            Choice::Use(slot) => {
                let state = self.model.step(config.state, self.op(slot))?;
                // Something else goes first only so that the operation which returns can have its place after it.
                config.skip.remove(returning);
                config.skip.add(slot);
                let span = self.occupants[slot as usize] as usize;
                match self.spans[span].duty {
                    Duty::Endless if self.is_overused(span) => {
                        self.used_up = true;
                        return None;
                    }
                    Duty::Endless => {}
                    Duty::Must | Duty::May => config.usable.remove(slot),
                }
                if self.nature(slot) == Nature::Blind {
                    config.skip = config.skip.or(&config.usable.and(&self.total));
                }
                config.state = state;
                for pure in config.usable.and(&self.pure).slots() {
                    self.settle(&mut config, pure);
                }
            }
        }
        Some(config)
    }
}
