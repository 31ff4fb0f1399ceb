//! Counters that are only ever increased by one, decided exactly in O(n log n).
//!
//! All increments are alike, so that a read of v says: at some instant of mine exactly v of them had taken effect. Going along the
//! events an increment is given its place only when it must be: when it returns, or when a read returns that wants more; and of those
//! open always the one that is due first. So at each event as few have taken effect as can have, and a read is placed as soon as the
//! number is its own. A read that was called when there were more already, or that returns when not enough were ever called, cannot
//! be explained. (That the one due first may go first is an exchange: in any order that explains the answers the two can change
//! places. docs/checker-proofs.md has the proof.)
//!
//! An indeterminate increment is one without an end: it is due last, and need not happen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::narrator::{Narrator, Proof};
use super::span::Span;
use super::special::Special;
use super::timeline::{Edge, Timeline};
use super::watch::Watch;
use crate::history::OperationId;
use crate::model::counter::CounterOp;
use crate::verdict::{Anomaly, AnomalyKind};

/// An operation, by its place among the spans.
type Place = usize;

/// Why a read has no place.
enum Misfit {
    /// More had been added before it was called, whatever the order.
    TooMany(Place),
    /// So many had been asked for when it returned, fewer than it saw.
    TooFew(Place, i64),
}

/// Decides the counter history `spans`, if it can.
pub(super) fn decide(spans: &[Span<CounterOp>], narrator: Narrator<'_>, watch: &Watch<'_>) -> Special {
    let is_unit = |span: &Span<CounterOp>| matches!(span.op, CounterOp::Inc(1) | CounterOp::Read(_));
    if !spans.iter().all(is_unit) {
        return Special::NotApplicable;
    }
    let mut count = Count {
        spans,
        done: vec![false; spans.len()],
        due: BinaryHeap::new(),
        waiting: BinaryHeap::new(),
        value: 0,
        order: Vec::with_capacity(spans.len()),
    };
    match count.run(watch) {
        Ok(()) => Special::Order(count.order),
        Err(misfit) => Special::Broken(tell(spans, narrator, misfit)),
    }
}

struct Count<'a> {
    spans: &'a [Span<CounterOp>],
    /// Whether it has its place.
    done: Vec<bool>,
    /// Open increments without a place, by their returns.
    due: BinaryHeap<Reverse<(u32, Place)>>,
    /// Open reads of more than there is, by what they saw.
    waiting: BinaryHeap<Reverse<(i64, Place)>>,
    value: i64,
    order: Vec<OperationId>,
}

impl Count<'_> {
    fn run(&mut self, watch: &Watch<'_>) -> Result<(), Misfit> {
        for (edge, place) in watch.over(Timeline::of(self.spans)) {
            let place = place as Place;
            match (edge, self.spans[place].op) {
                (Edge::Call, CounterOp::Inc(_)) => self.due.push(Reverse((self.spans[place].ret, place))),
                (Edge::Call, CounterOp::Read(value)) if value < self.value => {
                    return Err(Misfit::TooMany(place));
                }
                (Edge::Call, CounterOp::Read(value)) => {
                    self.waiting.push(Reverse((value, place)));
                    self.settle();
                }
                (Edge::Return, _) if self.done[place] => {}
                (Edge::Return, CounterOp::Inc(_)) => self.add(),
                (Edge::Return, CounterOp::Read(value)) => {
                    while !self.done[place] {
                        if self.due.is_empty() {
                            return Err(Misfit::TooFew(place, self.value));
                        }
                        self.add();
                    }
                    debug_assert_eq!(value, self.value, "it is placed as soon as the number is its own");
                }
            }
        }
        Ok(())
    }

    /// Gives the increment that is due first its place. What returns is due first of all.
    fn add(&mut self) {
        if let Some(Reverse((_, place))) = self.due.pop() {
            self.place(place);
            self.value += 1;
            self.settle();
        }
    }

    /// Places the reads that see what there is.
    fn settle(&mut self) {
        while let Some(&Reverse((value, place))) = self.waiting.peek()
            && value == self.value
        {
            self.waiting.pop();
            self.place(place);
        }
    }

    fn place(&mut self, place: Place) {
        self.done[place] = true;
        self.order.push(self.spans[place].id);
    }
}

fn tell(spans: &[Span<CounterOp>], narrator: Narrator<'_>, misfit: Misfit) -> Anomaly {
    match misfit {
        Misfit::TooFew(read, called) => {
            let sentence = format!(
                "{} although only {called} increments had been called by then",
                narrator.told(spans[read].id)
            );
            anomaly(spans, narrator, AnomalyKind::Phantom, &[read], sentence)
        }
        Misfit::TooMany(read) => too_many(spans, narrator, read),
    }
}

/// More had been added before `read` was called than it saw: since an earlier read that saw some of them, or since the start.
fn too_many(spans: &[Span<CounterOp>], narrator: Narrator<'_>, read: Place) -> Anomaly {
    let CounterOp::Read(seen) = spans[read].op else {
        unreachable!("only a read sees something");
    };
    let began = spans[read].call;
    let is_inc = |place: &Place| matches!(spans[*place].op, CounterOp::Inc(_));
    let before = || (0..read).filter(|&place| spans[place].ret < began);
    let incs: Vec<Place> = before().filter(is_inc).collect();
    // Of those that suffice the one from which the fewest increments are needed.
    let base = before()
        .filter_map(|place| match spans[place].op {
            CounterOp::Read(value) => Some((value, place)),
            CounterOp::Inc(_) => None,
        })
        .filter(|&(value, place)| {
            let since = incs.partition_point(|&inc| spans[inc].call < spans[place].ret);
            i64::try_from(incs.len() - since).is_ok_and(|more| value.saturating_add(more) > seen)
        })
        .max();
    let (from, first) = base.map_or((0, 0), |(value, place)| {
        (
            value,
            incs.partition_point(|&inc| spans[inc].call < spans[place].ret),
        )
    });
    let needed = usize::try_from(seen.saturating_sub(from).saturating_add(1)).unwrap_or(0);
    let ops: Vec<Place> = [read]
        .into_iter()
        .chain(base.map(|(_, place)| place))
        .chain(incs[first..].iter().copied().take(needed))
        .collect();
    let [called] = [narrator.called(spans[read].id)];
    let why = match base {
        Some((value, place)) if needed == 0 => {
            let [returned, _] = narrator.returned_called(spans[place].id, spans[read].id);
            format!("a read that returned at {returned} had seen {value} already")
        }
        Some((value, _)) => {
            format!(
                "an earlier read had seen {value}, and {needed} increments were called after it and acknowledged"
            )
        }
        None => format!("{} increments had been acknowledged", incs.len()),
    };
    let sentence = format!("read returned {seen} although {why} before it was called at {called}");
    anomaly(spans, narrator, AnomalyKind::StaleRead, &ops, sentence)
}

fn anomaly(
    spans: &[Span<CounterOp>],
    narrator: Narrator<'_>,
    kind: AnomalyKind,
    ops: &[Place],
    sentence: String,
) -> Anomaly {
    let ids: Vec<OperationId> = ops.iter().map(|&place| spans[place].id).collect();
    narrator.anomaly(Proof { kind, ops: &ids }, sentence)
}
