//! A set that is never read whole: each value of it is an object of its own, in it or not.
//!
//! An operation is about one value and says nothing of any other, so that the set is linearizable if and only if each of its values
//! is (Herlihy and Wing 1990, locality).

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::object::{Case, Decided};
use crate::checker::span::{Duty, Span};
use crate::history::{FOREVER, OperationId};
use crate::model::member::{Member, MemberOp};
use crate::model::set::{Set, Told};
use crate::model::{Mismatch, Reading};
use crate::values::Symbol;

/// The operations on each value, in the order of their calls.
type Elements = Vec<(Symbol, Vec<Span<MemberOp>>)>;

/// Decides the set, if it is never read whole.
pub(super) fn decide(case: Case<'_>, ids: &[OperationId]) -> Result<Option<Decided>, Mismatch> {
    let Some(elements) = split(case, ids)? else {
        return Ok(None);
    };
    // Each operation with the earliest instant that its order leaves it.
    let mut points: Vec<(u32, OperationId)> = Vec::with_capacity(ids.len());
    let mut unknown = None;
    for (value, spans) in elements {
        match case.searched(&mut Member { value }, &spans, |_| None) {
            Ok(order) => {
                let mut latest = 0;
                points.extend(order.into_iter().map(|place| {
                    latest = spans[place].call.max(latest);
                    (latest, spans[place].id)
                }));
            }
            Err(Decided::Unknown(reason)) => unknown = Some(Decided::Unknown(reason)),
            Err(decided) => return Ok(Some(decided)),
        }
    }
    points.sort_by_key(|&(point, _)| point);
    let order = points.into_iter().map(|(_, id)| id).collect();
    Ok(Some(unknown.unwrap_or(Decided::Order(order))))
}

fn split(case: Case<'_>, ids: &[OperationId]) -> Result<Option<Elements>, Mismatch> {
    let mut elements: Elements = Vec::new();
    let mut by_value: HashMap<Symbol, usize, FxBuildHasher> = HashMap::default();
    for &id in ids {
        let operation = case.history.operation(id);
        let (told, duty, ret) = match Set::told(&operation, case.history.values())? {
            Reading::Must(Told::Read(_)) | Reading::May(Told::Read(_)) => return Ok(None),
            Reading::Must(told) => (told, Duty::Must, operation.order.ret),
            Reading::May(told) => (told, Duty::May, FOREVER),
            Reading::Nothing => continue,
        };
        let Some((value, op)) = MemberOp::of(told) else {
            return Ok(None);
        };
        let place = *by_value.entry(value).or_insert_with(|| {
            elements.push((value, Vec::new()));
            elements.len() - 1
        });
        let call = operation.order.call;
        elements[place].1.push(Span {
            op,
            id,
            call,
            ret,
            duty,
        });
    }
    for (_, spans) in &mut elements {
        spans.sort_unstable_by_key(|span| span.call);
    }
    Ok(Some(elements))
}
