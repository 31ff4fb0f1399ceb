//! Compare-and-sets that did not match and do not say what they saw, beside an order of all others.

use super::{Clusters, Conflict, INITIAL, Place};
use crate::checker::span::Span;
use crate::model::register::RegisterOp;
use crate::values::Symbol;

impl Clusters<'_> {
    /// No refused compare-and-set lies wholly inside a time at which the register surely held what it was to match.
    pub(super) fn refusals_fit(&self) -> Result<(), Conflict> {
        if self.refusals == 0 {
            return Ok(());
        }
        for (refused, span, value) in self.refused() {
            let Some(cluster) = self.of(value) else {
                continue;
            };
            let &super::Cluster { writer, child, .. } = &self.all[cluster];
            if !self.all[cluster].effective {
                continue;
            }
            let replaced = child.get().and_then(|child| self.all[child].writer.get());
            let first = self.first_return(cluster);
            let last = self.all[cluster]
                .last_read
                .get()
                .into_iter()
                .chain(replaced)
                .max_by_key(|&place| self.spans[place].call);
            let is_there = match first {
                _ if cluster == INITIAL => true,
                Some(first) => self.spans[first].ret < span.call,
                None => false,
            };
            if let Some(last) = last
                && is_there
                && span.ret < self.spans[last].call
            {
                let first = writer.get().and(first);
                return Err(Conflict::Refused { first, last, refused });
            }
        }
        Ok(())
    }

    fn refused(&self) -> impl Iterator<Item = (Place, &Span<RegisterOp>, Symbol)> {
        self.spans
            .iter()
            .enumerate()
            .filter_map(|(place, span)| match span.op {
                RegisterOp::Differs(value) => Some((place, span, value)),
                RegisterOp::Read(_)
                | RegisterOp::Write(_)
                | RegisterOp::Cas { .. }
                | RegisterOp::Contradiction => None,
            })
    }

    /// The order with the refused compare-and-sets in it. None if one finds no place in that order, which does not mean that it has
    /// none in another.
    pub(super) fn with_refusals(&self, order: &[u32]) -> Option<Vec<u32>> {
        let order: Vec<(Place, usize)> = order
            .iter()
            .map(|&place| (place as Place, self.home(place as Place)))
            .collect();
        let points = self.points(&order);
        let mut refusals: Vec<(usize, u32, Place)> = Vec::new();
        for (place, span, value) in self.refused() {
            refusals.push((self.place_for(&order, &points, span, value)?, span.call, place));
        }
        refusals.sort_unstable();
        let mut all = Vec::with_capacity(self.spans.len());
        let number = |place: Place| u32::try_from(place).expect("events are limited to EVENTS_MAX");
        let mut refusals = refusals.into_iter().peekable();
        for (at, (place, _)) in order.into_iter().enumerate() {
            while let Some((_, _, refusal)) = refusals.next_if(|&(before, ..)| before == at) {
                all.push(number(refusal));
            }
            all.push(number(place));
        }
        all.extend(refusals.map(|(_, _, refusal)| number(refusal)));
        self.is_in_time(&all).then_some(all)
    }

    /// The cluster of an operation that stands in the order.
    fn home(&self, place: Place) -> usize {
        match self.spans[place].op {
            RegisterOp::Read(value) | RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. } => {
                self.of(value).expect("what stands in the order has a cluster")
            }
            RegisterOp::Differs(_) | RegisterOp::Contradiction => INITIAL,
        }
    }

    /// The earliest instant that the order leaves to each operation in it.
    fn points(&self, order: &[(Place, usize)]) -> Vec<u32> {
        let mut latest_call = 0;
        let point = |&(place, _): &(Place, usize)| {
            latest_call = self.spans[place].call.max(latest_call);
            latest_call
        };
        order.iter().map(point).collect()
    }

    /// Before which operation of the order a compare-and-set can have found something else than `value`: where it was called, or, if
    /// the register holds the value there, after the next write if that can come before it returns, or before the write of the value
    /// if everything since can wait.
    fn place_for(
        &self,
        order: &[(Place, usize)],
        points: &[u32],
        span: &Span<RegisterOp>,
        value: Symbol,
    ) -> Option<usize> {
        let called = points.partition_point(|&point| point < span.call);
        let Some(cluster) = self.of(value) else {
            return Some(called);
        };
        let held = called.checked_sub(1).map_or(INITIAL, |before| order[before].1);
        if held != cluster {
            return Some(called);
        }
        let next = order[called..].iter().position(|&(_, other)| other != cluster);
        if let Some(next) = next.map(|next| called + next)
            && points[next] < span.ret
        {
            return Some(next + 1);
        }
        let first = order[..called].iter().rposition(|&(_, other)| other != cluster)? + 1;
        let can_wait = |&(place, _): &(Place, usize)| self.spans[place].ret > span.call;
        order[first..called].iter().all(can_wait).then_some(first)
    }

    /// Whether nothing in `order` returned before something that stands earlier was called.
    fn is_in_time(&self, order: &[u32]) -> bool {
        let mut latest_call = 0;
        order.iter().all(|&place| {
            let span = &self.spans[place as usize];
            latest_call = span.call.max(latest_call);
            latest_call <= span.ret
        })
    }
}
