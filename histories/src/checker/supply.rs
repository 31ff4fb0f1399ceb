//! Operations of unknown outcome that say the same, taken together.
//!
//! Many of them make a search exponential in their number. So at first each sort of them may be used any number of times once the
//! first was called (*endless*): then it does not matter how many there are. If even that explains nothing, nothing does. While
//! looking for an order uses are counted, and no more allowed than there are operations called by then: what is found so is an order,
//! but as the count is not remembered with the places that lead nowhere, not every order is found. Only if the counted search finds
//! none, and the endless one does, have the operations to be told apart.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::span::{Duty, Span};
use crate::model::Model;

/// Fewer operations than this are not worth it.
const WORTH_FROM: usize = 4;

/// The operations of an object, with one for all that say the same and of which nobody knows.
pub(super) struct Pooled<Op> {
    pub(super) spans: Vec<Span<Op>>,
    /// For each of `spans` its places among all: more than one only where it stands for others.
    members: Vec<Vec<usize>>,
    /// For each of `spans` the calls of those.
    pub(super) calls: Vec<Vec<u32>>,
}

/// The same operations pooled, if that makes them fewer and the states are finitely many all the same.
pub(super) fn pooled<M: Model>(spans: &[Span<M::Op>]) -> Option<Pooled<M::Op>> {
    let unknown = spans.iter().filter(|span| span.is_indeterminate()).count();
    if !M::FINITE || unknown < WORTH_FROM {
        return None;
    }
    let mut pooled = Pooled {
        spans: Vec::with_capacity(spans.len()),
        members: Vec::with_capacity(spans.len()),
        calls: Vec::new(),
    };
    let mut pools: HashMap<M::Op, usize, FxBuildHasher> = HashMap::default();
    for (place, span) in spans.iter().enumerate() {
        if !span.is_indeterminate() {
            pooled.spans.push(*span);
            pooled.members.push(vec![place]);
            continue;
        }
        let pool = *pools.entry(span.op).or_insert_with(|| {
            pooled.spans.push(Span {
                duty: Duty::Endless,
                ..*span
            });
            pooled.members.push(Vec::new());
            pooled.spans.len() - 1
        });
        pooled.members[pool].push(place);
    }
    let call = |places: &Vec<usize>| places.iter().map(|&place| spans[place].call).collect();
    pooled.calls = pooled.members.iter().map(call).collect();
    (pools.len() < unknown).then_some(pooled)
}

impl<Op> Pooled<Op> {
    /// The order among all operations `spans` that `order` among the pooled ones amounts to, if there are enough of each.
    pub(super) fn unpooled(&self, spans: &[Span<Op>], order: &[usize]) -> Option<Vec<usize>> {
        let mut used = vec![0_usize; self.spans.len()];
        let mut latest_call = 0;
        order
            .iter()
            .map(|&pool| {
                let place = *self.members[pool].get(used[pool])?;
                used[pool] += 1;
                latest_call = spans[place].call.max(latest_call);
                (latest_call <= spans[place].ret).then_some(place)
            })
            .collect()
    }
}
