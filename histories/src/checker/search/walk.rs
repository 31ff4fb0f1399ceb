//! The way along the events, and back: which operation is in which slot.

use std::hash::Hash;

use super::plan::Event;
use super::supply::NONE;
use super::{Config, Search};
use crate::checker::timeline::Edge;
use crate::model::{Model, Nature};

impl<M: Model, const W: usize> Search<'_, M, W>
where
    M::State: Hash,
{
    /// Goes on to the next return of an operation that has no place yet; false at the end.
    pub(super) fn advance(&mut self, config: &mut Config<M::State, W>) -> bool {
        while let Some(&Event { span, slot, edge }) = self.plan.events.get(self.position) {
            match edge {
                Edge::Return if config.usable.has(slot) => return true,
                Edge::Return => config.skip.remove(slot),
                Edge::Call => {
                    self.occupy(slot, span);
                    config.usable.add(slot);
                    if self.spans[span as usize].is_optional() {
                        config.skip.add(slot);
                    }
                    if self.pure.has(slot) {
                        self.settle(config, slot);
                    }
                }
            }
            self.position += 1;
        }
        false
    }

    /// Goes back to the event `position`.
    pub(super) fn rewind(&mut self, position: usize) {
        while self.position > position {
            self.position -= 1;
            let Event { span, slot, edge } = self.plan.events[self.position];
            match edge {
                Edge::Return => self.occupy(slot, span),
                Edge::Call => {}
            }
        }
    }

    fn occupy(&mut self, slot: u16, span: u32) {
        let before = std::mem::replace(&mut self.occupants[slot as usize], span);
        self.occupy_supply(slot, before, span);
        self.pure.remove(slot);
        self.total.remove(slot);
        self.blind.remove(slot);
        match self.nature(slot) {
            Nature::Pure => self.pure.add(slot),
            Nature::Blind => {
                self.total.add(slot);
                self.blind.add(slot);
            }
            Nature::Total => self.total.add(slot),
            Nature::Conditional => {}
        }
    }

    fn occupy_supply(&mut self, slot: u16, before: u32, after: u32) {
        if !self.plan.supply.is_known() {
            return;
        }
        if let Some(givers) = self.givers.get_mut(self.plan.kind(before).gives as usize) {
            givers.remove(slot);
        }
        let after = self.plan.kind(after);
        if let Some(givers) = self.givers.get_mut(after.gives as usize) {
            givers.add(slot);
        }
        if after.needs == NONE {
            self.needing.remove(slot);
        } else {
            self.needing.add(slot);
        }
    }
}
