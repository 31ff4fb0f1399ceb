//! Histories that come to rest: at a moment when no operation is open, everything before comes before everything after, and nothing
//! goes across but the state. So the stretches between such moments are decided one by one, each from every state that the ones
//! before can have led to; what has been tried in a stretch is forgotten behind it.
//!
//! Only histories all of whose stretches are short, and in which every operation is known to have been evaluated, are decided so.

use super::span::Span;
use super::watch::Watch;
use crate::model::Model;

/// More operations than this are not tried in every order.
const STRETCH_OPS_MAX: usize = 6;

/// More states than this are not followed at once.
const STATES_MAX: usize = 16;

/// What follows from all stretches.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rested {
    /// This order of places among the spans explains all answers.
    Order(Vec<usize>),
    /// No order does: the operation in this place is the last of a stretch that nothing explains.
    Stuck(usize),
}

/// A state in which a stretch can end.
#[derive(Debug, Clone, Copy)]
struct End<S> {
    state: S,
    /// In which of the ends the stretch began.
    before: u32,
    /// The operations of the stretch, by how far each is from its first.
    order: [u8; STRETCH_OPS_MAX],
}

/// Decides `spans`, which are in the order of their calls, if they come to rest often enough and time is left.
pub(super) fn decide<M: Model>(model: &mut M, spans: &[Span<M::Op>], watch: &Watch<'_>) -> Option<Rested> {
    let rests = rests(spans)?;
    let mut ends = Vec::with_capacity(rests.len());
    ends.push(End {
        state: model.init(),
        before: 0,
        order: [0; STRETCH_OPS_MAX],
    });
    let mut began = 0..1;
    for rest in watch.over(rests.windows(2)) {
        let stretch = &spans[rest[0]..rest[1]];
        let from = ends.len();
        for before in began {
            follow(model, stretch, before, from, &mut ends);
        }
        if ends.len() == from {
            let last = (rest[0]..rest[1]).max_by_key(|&place| spans[place].ret);
            return Some(Rested::Stuck(last.expect("a stretch has operations")));
        }
        if ends.len() - from > STATES_MAX {
            return None;
        }
        began = from..ends.len();
    }
    (!watch.is_up()).then(|| Rested::Order(order(&ends, began.start, &rests)))
}

/// Where each stretch begins, and the end, if all are short.
fn rests<Op>(spans: &[Span<Op>]) -> Option<Vec<usize>> {
    let mut rests = vec![0];
    let mut open_until = 0;
    for (place, span) in spans.iter().enumerate() {
        if open_until < span.call && 0 < place {
            rests.push(place);
        }
        if span.is_optional() || place - rests[rests.len() - 1] >= STRETCH_OPS_MAX {
            return None;
        }
        open_until = open_until.max(span.ret);
    }
    if !spans.is_empty() {
        rests.push(spans.len());
    }
    Some(rests)
}

/// Adds the ends that `stretch` can come to if it begins as `before` ended, but for states that stand among `ends` since `from`.
fn follow<M: Model>(
    model: &mut M,
    stretch: &[Span<M::Op>],
    before: usize,
    from: usize,
    ends: &mut Vec<End<M::State>>,
) {
    let start = End {
        state: ends[before].state,
        before: u32::try_from(before).expect("a history has fewer ends than bytes"),
        order: [0; STRETCH_OPS_MAX],
    };
    if let [only] = stretch {
        if let Some(state) = model.step(start.state, only.op) {
            add(End { state, ..start }, from, ends);
        }
        return;
    }
    let all = (1_u8 << stretch.len()) - 1;
    // What has its place, with the state that led to.
    let mut known = vec![(0, start.state)];
    let mut left = vec![(0_u8, start)];
    while let Some((done, end)) = left.pop() {
        if done == all {
            add(end, from, ends);
            continue;
        }
        // What was called first is tried first, which is what is taken last from what is left.
        for (at, span) in stretch.iter().enumerate().rev() {
            if done & 1 << at != 0 || !is_next(stretch, done, span) {
                continue;
            }
            let Some(state) = model.step(end.state, span.op) else {
                continue;
            };
            let next = (done | 1 << at, state);
            if !known.contains(&next) {
                known.push(next);
                let mut order = end.order;
                order[done.count_ones() as usize] = u8::try_from(at).expect("stretches are short");
                left.push((next.0, End { state, order, ..end }));
            }
        }
    }
}

/// Whether nothing that has no place yet returned before `span` was called.
fn is_next<Op>(stretch: &[Span<Op>], done: u8, span: &Span<Op>) -> bool {
    stretch
        .iter()
        .enumerate()
        .all(|(at, other)| done & 1 << at != 0 || span.call < other.ret)
}

fn add<S: Eq>(end: End<S>, from: usize, ends: &mut Vec<End<S>>) {
    if ends[from..].iter().all(|known| known.state != end.state) {
        ends.push(end);
    }
}

/// The order that led to the end in place `last`.
fn order<S>(ends: &[End<S>], mut last: usize, rests: &[usize]) -> Vec<usize> {
    let mut order = vec![0; rests[rests.len() - 1]];
    for rest in rests.windows(2).rev() {
        let end = &ends[last];
        for (at, place) in order[rest[0]..rest[1]].iter_mut().enumerate() {
            *place = rest[0] + usize::from(end.order[at]);
        }
        last = end.before as usize;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::Limits;
    use crate::checker::span::Duty;
    use crate::history::OperationId;
    use crate::model::member::{Member, MemberOp};
    use crate::values::Symbol;

    fn check(ops: &[(MemberOp, u32, u32)], expected: Option<Rested>) {
        let span = |&(op, call, ret)| Span {
            op,
            id: OperationId(0),
            call,
            ret,
            duty: Duty::Must,
        };
        let spans: Vec<_> = ops.iter().map(span).collect();
        let mut model = Member { value: Symbol::NULL };
        let limits = Limits::patient();
        assert_eq!(decide(&mut model, &spans, &Watch::of(&limits)), expected);
    }

    #[test]
    fn each_state_a_stretch_can_end_in_is_gone_on_from() {
        use MemberOp::{Add, Has, Lacks, Remove};
        check(&[], Some(Rested::Order(vec![])));
        let both = [(Add, 0, 2), (Remove, 1, 3)];
        let order = |places: &[usize]| Some(Rested::Order(places.to_vec()));
        check(&[both[0], both[1], (Has, 4, 5)], order(&[1, 0, 2]));
        check(
            &[(Add, 0, 4), (Lacks, 1, 2), (Has, 5, 6), (Has, 7, 8)],
            order(&[1, 0, 2, 3]),
        );
        check(&[both[0], both[1], (Lacks, 4, 5)], order(&[0, 1, 2]));
        check(
            &[both[0], both[1], (Lacks, 4, 5), (Has, 6, 7)],
            Some(Rested::Stuck(3)),
        );
    }

    #[test]
    fn a_history_that_does_not_come_to_rest_is_left_to_the_search() {
        let ops: Vec<_> = (0..7).map(|at| (MemberOp::Add, at, 10 + at)).collect();
        check(&ops, None);
        check(&ops[..6], Some(Rested::Order(vec![0, 1, 2, 3, 4, 5])));
    }
}
