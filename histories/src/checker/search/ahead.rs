//! States that are known to lead nowhere, and orders that do not matter, before they are tried.

use std::hash::Hash;

use super::plan::Event;
use super::supply::NONE;
use super::{Config, Lookahead, Search};
use crate::checker::span::Span;
use crate::model::Model;

impl<M: Model, const W: usize> Search<'_, M, W>
where
    M::State: Hash,
{
    /// Whether nobody sees the state before a blind operation replaces it: then it does not matter in which order the operations
    /// before that one come, and only the one that returns need have its place.
    pub(super) fn is_unseen(&self, config: &Config<M::State, W>) -> bool {
        if !M::GROWS || self.budget.lookahead == Lookahead::Off {
            return false;
        }
        let leads = |span: u32| self.model.may_lead_to(config.state, self.spans[span as usize].op);
        // When the first of them has to return; by then the state has been replaced.
        let mut due = None;
        for slot in config.usable.and(&self.pure).slots() {
            let span = self.occupants[slot as usize];
            if leads(span) {
                return false;
            }
            due = due.into_iter().chain([self.spans[span as usize].ret]).min();
        }
        let mut position = self.plan.pure_call_from[self.position] as usize;
        while let Some(&Event { span, .. }) = self.plan.events.get(position) {
            let Span { call, ret, .. } = self.spans[span as usize];
            if due.is_some_and(|due| call > due) {
                return true;
            }
            if leads(span) {
                return false;
            }
            due = due.into_iter().chain([ret]).min();
            position = self.plan.pure_call_from[position + 1] as usize;
        }
        due.is_some()
    }

    /// The return of the next pure operation without a place, if nothing can lead there from the state.
    pub(super) fn leads_nowhere(&self, config: &Config<M::State, W>) -> Option<usize> {
        if !M::GROWS || self.budget.lookahead == Lookahead::Off || config.usable.meets(&self.blind) {
            return None;
        }
        let now = self.spans[self.plan.events[self.position].span as usize].ret;
        let until = self.plan.blind_call_from[self.position];
        let mut position = self.plan.pure_return_from[self.position];
        while position < until {
            let Event { span, slot, .. } = self.plan.events[position as usize];
            let span = self.spans[span as usize];
            let has_place = span.call < now && !config.usable.has(slot);
            if !has_place {
                let leads = self.model.may_lead_to(config.state, span.op);
                return (!leads).then_some(position as usize);
            }
            position = self.plan.pure_return_from[position as usize + 1];
        }
        None
    }

    /// The return of an operation that needs a state which nobody can give any more.
    pub(super) fn lacks_supply(&self, config: &Config<M::State, W>) -> Option<usize> {
        let supply = &self.plan.supply;
        if !supply.is_known() || self.budget.lookahead == Lookahead::Off {
            return None;
        }
        let is_there = |state: u32| supply.states[state as usize] == config.state;
        let required = supply.required_by[self.position];
        if required != NONE && !is_there(self.plan.kind(required).needs) {
            return Some(supply.return_of[required as usize] as usize);
        }
        let demanded = config.usable.without(&config.skip).and(&self.needing);
        demanded.slots().find_map(|slot| {
            let span = self.occupants[slot as usize];
            let (state, span) = (self.plan.kind(span).needs, span as usize);
            let is_served = is_there(state)
                || supply.called_until[span] as usize > self.position
                || config.usable.meets(&self.givers[state as usize]);
            (!is_served).then_some(supply.return_of[span] as usize)
        })
    }
}
