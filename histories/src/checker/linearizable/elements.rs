//! A set that is never read whole: each value of it is an object of its own, in it or not.
//!
//! An operation is about one value and says nothing of any other, so that the set is linearizable if and only if each of its values
//! is (Herlihy and Wing 1990, locality).

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::object::{Case, Decided};
use crate::checker::span::Span;
use crate::checker::watch::Watch;
use crate::history::OperationId;
use crate::model::member::{Member, MemberOp};
use crate::model::set::Set;
use crate::model::{Mismatch, Reading};
use crate::values::Symbol;

/// The operations on one value.
struct Element {
    value: Symbol,
    /// In the order of their calls.
    spans: Vec<Span<MemberOp>>,
    /// For each its place among the operations of the set.
    places: Vec<u32>,
}

/// Decides the set, if it is never read whole.
pub(super) fn decide(case: Case<'_>, ids: &[OperationId]) -> Result<Option<Decided>, Mismatch> {
    let watch = Watch::of(case.limits);
    let Some(elements) = split(case, ids, &watch)? else {
        return Ok(None);
    };
    // Each operation, with the last one that its order demands to have been called.
    let mut points: Vec<(u32, OperationId)> = Vec::with_capacity(ids.len());
    let mut unknown = None;
    for Element { value, spans, places } in watch.over(elements) {
        match case.searched(&mut Member { value }, &spans, |_| None) {
            Ok(order) => {
                let mut latest = 0;
                points.extend(order.into_iter().map(|at| {
                    latest = places[at].max(latest);
                    (latest, spans[at].id)
                }));
            }
            Err(Decided::Unknown(reason)) => unknown = Some(Decided::Unknown(reason)),
            Err(decided) => return Ok(Some(decided)),
        }
    }
    if watch.is_up() {
        unknown = Some(case.out_of_time());
    }
    Ok(Some(
        unknown.unwrap_or_else(|| Decided::Order(merged(&points, ids.len()))),
    ))
}

/// The operations in the order of their points, which are less than `count`; those with the same point as they stand.
fn merged(points: &[(u32, OperationId)], count: usize) -> Vec<OperationId> {
    let mut next = vec![0_u32; count + 1];
    for &(point, _) in points {
        next[point as usize + 1] += 1;
    }
    for point in 0..count {
        next[point + 1] += next[point];
    }
    let mut order = vec![OperationId(0); points.len()];
    for &(point, id) in points {
        let at = &mut next[point as usize];
        order[*at as usize] = id;
        *at += 1;
    }
    order
}

fn split(case: Case<'_>, ids: &[OperationId], watch: &Watch<'_>) -> Result<Option<Vec<Element>>, Mismatch> {
    let mut elements: Vec<Element> = Vec::new();
    let mut by_value: HashMap<Symbol, usize, FxBuildHasher> = HashMap::default();
    for (place, &id) in watch.over((0..).zip(ids)) {
        let operation = case.history.operation(id);
        let told = Set::told(&operation, case.history.values())?;
        let (Reading::Must(what) | Reading::May(what)) = told else {
            continue;
        };
        let Some((value, op)) = MemberOp::of(what) else {
            return Ok(None);
        };
        let element = *by_value.entry(value).or_insert_with(|| {
            elements.push(Element {
                value,
                spans: Vec::new(),
                places: Vec::new(),
            });
            elements.len() - 1
        });
        elements[element].places.push(place);
        let span = Span::of(told.map(|_| op), id, operation.order);
        elements[element].spans.extend(span);
    }
    Ok(Some(elements))
}
