//! Locks, decided exactly in O(n log n).
//!
//! **Known holders**, each of whom asks for one thing at a time: its operations are acquire, release, acquire, and so on. From the
//! return of an acquire to the call of the release that follows it surely holds the lock; the history is linearizable if and only if
//! no two of these times overlap (Gibbons and Korach's forward zones; there are no others here). A holder that never gives back holds
//! for ever. An indeterminate acquire after which its holder asks nothing is dropped, and an indeterminate release after which it asks
//! nothing happened when it was asked: both hurt nobody.
//!
//! **Nobody says who**: acquires and releases take turns, and all of a kind are alike. Each has its place only when a return forces
//! it, of its kind the one that is due first; if what returns cannot be next, one of the other kind goes before it. An indeterminate
//! operation is due last, and need not happen.
//!
//! Refused operations, and holders that ask for more than one thing at a time, are left to the search.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::narrator::{Narrator, Proof};
use super::span::Span;
use super::special::Special;
use super::timeline::{Edge, Timeline};
use super::watch::Watch;
use crate::history::{FOREVER, OperationId};
use crate::model::lock::LockOp;
use crate::values::Symbol;
use crate::verdict::{Anomaly, AnomalyKind};

/// An operation, by its place among the spans.
type Place = usize;

/// A time during which one holder surely had the lock.
#[derive(Debug, Clone, Copy)]
struct Hold {
    acquire: Place,
    release: Option<Place>,
    from: u32,
    until: u32,
}

/// What contradicts linearizability.
enum Conflict {
    /// Two acquires of one holder, and no release between them.
    Twice(Place, Place),
    /// A release by one who did not hold it; before that it had given it back.
    NotHeld(Option<Place>, Place),
    /// Two held it at a time.
    Both(Hold, Hold),
    /// The holder asks for more than one thing at a time.
    Undecided,
}

/// Decides the lock history `spans`, if it can.
pub(super) fn decide(spans: &[Span<LockOp>], narrator: Narrator<'_>, watch: &Watch<'_>) -> Special {
    let mut by_holder: BTreeMap<Symbol, Vec<Place>> = BTreeMap::new();
    for (place, span) in watch.over(spans.iter().enumerate()) {
        match span.op {
            LockOp::Acquire(holder) | LockOp::Release(holder) => {
                by_holder.entry(holder).or_default().push(place)
            }
            LockOp::Busy | LockOp::NotHeldBy(_) => return Special::NotApplicable,
        }
    }
    if by_holder.len() <= 1 {
        return match Turns::new(spans).run(watch) {
            Ok(order) => Special::Order(order),
            Err(place) => Special::Stuck(place),
        };
    }
    if watch.look() {
        return Special::NotApplicable;
    }
    match holds(spans, by_holder.into_values()) {
        Ok(holds) => Special::Order(in_order(spans, &holds)),
        Err(Conflict::Undecided) => Special::NotApplicable,
        Err(conflict) => Special::Broken(tell(spans, narrator, &conflict)),
    }
}

/// All holds in the order of time.
fn holds(spans: &[Span<LockOp>], by_holder: impl Iterator<Item = Vec<Place>>) -> Result<Vec<Hold>, Conflict> {
    let mut holds = Vec::with_capacity(spans.len() / 2 + 1);
    let mut conflict = None;
    for places in by_holder {
        match holds_of(spans, &places, &mut holds) {
            Ok(()) => {}
            Err(Conflict::Undecided) => return Err(Conflict::Undecided),
            Err(found) => drop(conflict.get_or_insert(found)),
        }
    }
    if let Some(conflict) = conflict {
        return Err(conflict);
    }
    holds.sort_unstable_by_key(|hold| hold.from);
    match holds.windows(2).find(|pair| pair[1].from < pair[0].until) {
        Some(pair) => Err(Conflict::Both(pair[0], pair[1])),
        None => Ok(holds),
    }
}

/// Adds the holds of one holder, whose operations are `places`.
fn holds_of(spans: &[Span<LockOp>], places: &[Place], holds: &mut Vec<Hold>) -> Result<(), Conflict> {
    if places
        .windows(2)
        .any(|pair| spans[pair[1]].call < spans[pair[0]].ret)
    {
        return Err(Conflict::Undecided);
    }
    let (mut held, mut given_back) = (None, None);
    for &place in places {
        let span = &spans[place];
        match (span.op, held) {
            // Only the last can be one that never returned, and dropping it hurts nobody.
            (LockOp::Acquire(_), _) if span.is_optional() => {}
            (LockOp::Release(_), None) if span.is_optional() => {}
            (LockOp::Acquire(_), None) => held = Some(place),
            (LockOp::Acquire(_), Some(before)) => return Err(Conflict::Twice(before, place)),
            (LockOp::Release(_), Some(acquire)) => {
                holds.push(hold(spans, acquire, Some(place)));
                (held, given_back) = (None, Some(place));
            }
            (LockOp::Release(_), None) => return Err(Conflict::NotHeld(given_back, place)),
            (LockOp::Busy | LockOp::NotHeldBy(_), _) => {}
        }
    }
    holds.extend(held.map(|acquire| hold(spans, acquire, None)));
    Ok(())
}

fn hold(spans: &[Span<LockOp>], acquire: Place, release: Option<Place>) -> Hold {
    Hold {
        acquire,
        release,
        from: spans[acquire].ret,
        until: release.map_or(FOREVER, |release| spans[release].call),
    }
}

fn in_order(spans: &[Span<LockOp>], holds: &[Hold]) -> Vec<OperationId> {
    let mut order = Vec::with_capacity(holds.len() * 2);
    for hold in holds {
        order.push(spans[hold.acquire].id);
        order.extend(hold.release.map(|release| spans[release].id));
    }
    order
}

/// Acquires and releases that take turns.
struct Turns<'a> {
    spans: &'a [Span<LockOp>],
    done: Vec<bool>,
    /// Open operations without a place, by their returns.
    acquires: BinaryHeap<Reverse<(u32, Place)>>,
    releases: BinaryHeap<Reverse<(u32, Place)>>,
    order: Vec<OperationId>,
}

impl<'a> Turns<'a> {
    fn new(spans: &'a [Span<LockOp>]) -> Self {
        Self {
            spans,
            done: vec![false; spans.len()],
            acquires: BinaryHeap::new(),
            releases: BinaryHeap::new(),
            order: Vec::with_capacity(spans.len()),
        }
    }

    /// The order, or the operation that cannot have returned.
    fn run(mut self, watch: &Watch<'_>) -> Result<Vec<OperationId>, Place> {
        for (edge, place) in watch.over(Timeline::of(self.spans)) {
            let place = place as Place;
            match (edge, self.spans[place].op) {
                (Edge::Call, LockOp::Release(_)) => {
                    self.releases.push(Reverse((self.spans[place].ret, place)))
                }
                (Edge::Call, _) => self.acquires.push(Reverse((self.spans[place].ret, place))),
                // What returns is due first of its kind, so that it goes as soon as it is the turn of its kind.
                (Edge::Return, _) => {
                    while !self.done[place] {
                        self.next().ok_or(place)?;
                    }
                }
            }
        }
        Ok(self.order)
    }

    fn next(&mut self) -> Option<()> {
        let is_free = self.order.len().is_multiple_of(2);
        let turn = if is_free {
            &mut self.acquires
        } else {
            &mut self.releases
        };
        let Reverse((_, place)) = turn.pop()?;
        self.done[place] = true;
        self.order.push(self.spans[place].id);
        Some(())
    }
}

fn tell(spans: &[Span<LockOp>], narrator: Narrator<'_>, conflict: &Conflict) -> Anomaly {
    let told = |place: Place| narrator.told(spans[place].id);
    let (ops, sentence) = match *conflict {
        Conflict::Twice(first, second) => (
            vec![first, second],
            format!(
                "{} and {} both succeeded, and it was not given back in between",
                told(first),
                told(second)
            ),
        ),
        Conflict::NotHeld(before, release) => (
            before.into_iter().chain([release]).collect(),
            format!("{} gave back what its holder did not hold", told(release)),
        ),
        Conflict::Both(first, second) => (
            [
                Some(first.acquire),
                first.release,
                Some(second.acquire),
                second.release,
            ]
            .into_iter()
            .flatten()
            .collect(),
            format!(
                "{} and {} both held it: {}",
                told(first.acquire),
                told(second.acquire),
                given_back(spans, narrator, first, second)
            ),
        ),
        Conflict::Undecided => (Vec::new(), String::new()),
    };
    let ids: Vec<OperationId> = ops.iter().map(|&place| spans[place].id).collect();
    let kind = AnomalyKind::TwoHolders;
    narrator.anomaly(Proof { kind, ops: &ids }, sentence)
}

fn given_back(spans: &[Span<LockOp>], narrator: Narrator<'_>, first: Hold, second: Hold) -> String {
    let earlier = if first.until <= second.until {
        first
    } else {
        second
    };
    match earlier.release {
        Some(release) => {
            let called = narrator.called(spans[release].id);
            format!("the first of them to give it back did so at {called} at the earliest")
        }
        None => "neither gave it back".to_owned(),
    }
}
