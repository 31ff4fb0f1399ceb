//! How much a search may use, and how it keeps to that.

use std::hash::Hash;

use super::choice::{Choice, Taken};
use super::found::{GaveUp, Stuck};
use super::{Frame, Search};
use crate::model::Model;

/// How much a search may use.
#[derive(Clone, Copy)]
pub(crate) struct Budget<'a> {
    pub(crate) memory_bytes_max: u64,
    pub(crate) steps_max: u64,
    /// Steps without getting further than ever before, for each operation that is open at most, after which it is asked whether it is
    /// worth going on.
    pub(crate) stall_max: u64,
    pub(crate) forgets: Forgets,
    pub(crate) lookahead: Lookahead,
    /// For each operation that stands for others when those were called: then no more of them are used than there are. Where that kept
    /// it from going on it refutes nothing, for what was tried before is not tried again with fewer uses.
    pub(crate) counted: Option<&'a [Vec<u32>]>,
    pub(crate) may_go_on: &'a (dyn Fn() -> bool + Sync),
}

/// When it forgets where it has been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgets {
    WhenFull,
    /// Every few steps, however much room there is.
    Often,
}

/// Whether a state is given up as soon as it is known to lead nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookahead {
    On,
    /// Only where an operation has to return: then the states it could not return in are known.
    Off,
}

/// Whether it is known by now, from how far a search has come, that it looks for something that there is not.
pub(crate) type Stalled<'a, M> = dyn FnMut(&mut M, &Stuck<<M as Model>::State>) -> bool + 'a;

/// How much longer a search goes on before it asks again.
const STALL_FACTOR: u64 = 4;

/// So often the memo is thinned without getting further.
const FORGET_MAX: u32 = 2;

/// One that forgets often does every so many steps.
const STEPS_BETWEEN_FORGETTING: u64 = 4;

/// Time and memory are looked at every so many steps.
const STEPS_BETWEEN_LOOKS: u64 = 1024;

impl<M: Model, const W: usize> Search<'_, M, W>
where
    M::State: Hash,
{
    pub(super) fn look_at_budget(&mut self, stalled: &mut Stalled<'_, M>) -> Result<(), GaveUp> {
        self.steps += 1;
        if self.steps > self.budget.steps_max {
            return Err(GaveUp::Steps);
        }
        if self.steps - self.steps_to_furthest > self.stall_max {
            self.stall_max = self.stall_max.max(1).saturating_mul(STALL_FACTOR);
            if let Some((_, stuck)) = &self.furthest
                && stalled(self.model, stuck)
            {
                return Err(GaveUp::Steps);
            }
        }
        if self.budget.forgets == Forgets::Often && self.steps.is_multiple_of(STEPS_BETWEEN_FORGETTING) {
            self.memo.forget();
        }
        if self.steps % STEPS_BETWEEN_LOOKS != 1 {
            return Ok(());
        }
        if !(self.budget.may_go_on)() {
            return Err(GaveUp::Time);
        }
        self.look_at_memory()
    }

    /// Where the memo would take more than is left beside what cannot be spared, it forgets the places furthest back; that only makes
    /// the search do some things again. When that does not bring it further it gives up.
    fn look_at_memory(&mut self) -> Result<(), GaveUp> {
        let stacks = self.frames.capacity() * size_of::<Frame<M::State, W>>()
            + self.choices.capacity() * size_of::<Choice>()
            + self.taken.capacity() * size_of::<Taken>();
        let spared = self.model.memory_bytes().saturating_add(stacks as u64);
        let left = self.budget.memory_bytes_max.saturating_sub(spared);
        if self.memo.bytes_soon(STEPS_BETWEEN_LOOKS) <= left {
            return Ok(());
        }
        let at = self.furthest.as_ref().map_or(0, |&(position, _)| position);
        self.forgot = match self.forgot {
            Some((before, times)) if before == at => Some((at, times + 1)),
            Some(_) | None => Some((at, 1)),
        };
        if self.forgot.is_some_and(|(_, times)| times > FORGET_MAX) {
            return Err(GaveUp::Memory);
        }
        self.memo.forget();
        if self.memo.bytes_soon(STEPS_BETWEEN_LOOKS) <= left {
            Ok(())
        } else {
            Err(GaveUp::Memory)
        }
    }
}
