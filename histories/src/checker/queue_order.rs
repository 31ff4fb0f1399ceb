//! First-in-first-out queues whose values are unique, decided exactly in O(n log n).
//!
//! An enqueue may be taken to have ended by the end of the dequeue of its value, and a dequeue to have begun with the call of the
//! enqueue. Then the history is linearizable if and only if every dequeued value was enqueued, none was dequeued twice, there are no
//! two values of which one was enqueued before the other and the other dequeued before the one (or the one never), and each dequeue
//! that found nothing has an instant at which no value surely was inside, enqueued already and its dequeue not yet called
//! (Henzinger, Sezgin, Vafeiadis 2013; Bouajjani et al. 2015; in O(n log n) Lee and Mathur 2025). docs/checker-proofs.md has a proof that
//! also gives the order: between two such instants no value is left over, and of the values of one stretch there is always one that
//! none of the others has to be enqueued or dequeued before.
//!
//! An indeterminate enqueue whose value was dequeued did happen; else it is dropped. An indeterminate *dequeue* may have taken one of
//! the values that nobody else dequeued. If none of them need have happened, that is an order; if the history is broken even without
//! those values, it is broken. Else those that surely are gone are matched with the dequeues, the most pressing first; if that does
//! not explain everything, the search decides.

mod arrangement;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::narrator::{Narrator, Proof};
use super::span::Span;
use super::special::Special;
use super::watch::Watch;
use crate::history::{FOREVER, OperationId};
use crate::model::queue::QueueOp;
use crate::values::Symbol;
use crate::verdict::{Anomaly, AnomalyKind};
use arrangement::{Instant, NEVER, arrange};

/// An operation, by its place among the spans.
type Place = usize;

/// A value on its way through the queue.
#[derive(Debug, Clone, Copy)]
struct Item {
    enqueue: Place,
    dequeue: Option<Place>,
    /// When the enqueue was called, and until when it took effect.
    enter: [Instant; 2],
    /// The same of the dequeue; never if there is none.
    leave: [Instant; 2],
}

/// A dequeue that found nothing.
#[derive(Debug, Clone, Copy)]
struct Nothing {
    place: Place,
    call: Instant,
    ret: Instant,
}

/// What contradicts linearizability.
#[derive(Debug, Clone)]
enum Conflict {
    /// A dequeued value that nobody enqueued, or only later.
    Foreseen(Place, Option<Place>),
    /// Two dequeues of one value.
    Twice(Place, Place),
    /// The first was enqueued before the second, and the second dequeued before the first.
    Overtaken(Item, Item),
    /// The dequeue found nothing, though at each instant one of these was inside.
    NotEmpty(Place, Vec<Item>),
    /// The arrangement failed, which cannot be.
    Undecided,
}

/// All that was asked of a queue.
struct Book {
    items: Vec<Item>,
    nothings: Vec<Nothing>,
    /// Dequeues of unknown outcome, in the order of their calls.
    takes: Vec<(Instant, Place)>,
}

/// Decides the queue history `spans`, if it can.
pub(super) fn decide(spans: &[Span<QueueOp>], narrator: Narrator<'_>, watch: &Watch<'_>) -> Special {
    let book = match Book::of(spans, watch) {
        _ if watch.is_up() => return Special::NotApplicable,
        None => return Special::NotApplicable,
        Some(Err(conflict)) => return Special::Broken(tell(spans, narrator, &conflict)),
        Some(Ok(book)) => book,
    };
    let found = match arrange(&book.items, &book.nothings, watch) {
        Err(conflict) if book.takes.is_empty() => Err(conflict),
        Err(_) => match book.without_leftovers(watch) {
            Err(conflict) => Err(conflict),
            Ok(_) => match book.matched().map(|items| arrange(&items, &book.nothings, watch)) {
                Some(Ok(order)) => Ok(order),
                Some(Err(_)) | None => return Special::NotApplicable,
            },
        },
        Ok(order) => Ok(order),
    };
    match found {
        Ok(order) => Special::Order(order.into_iter().map(|place| spans[place].id).collect()),
        Err(Conflict::Undecided) => Special::NotApplicable,
        Err(conflict) => Special::Broken(tell(spans, narrator, &conflict)),
    }
}

/// Ranks are doubled, so that there are instants between them.
fn instant(rank: u32) -> Instant {
    if rank == FOREVER {
        NEVER
    } else {
        Instant::from(rank) * 2
    }
}

impl Book {
    /// None if a value is enqueued twice.
    fn of(spans: &[Span<QueueOp>], watch: &Watch<'_>) -> Option<Result<Self, Conflict>> {
        let mut book = Self {
            items: Vec::new(),
            nothings: Vec::new(),
            takes: Vec::new(),
        };
        let mut by_value: HashMap<Symbol, usize, FxBuildHasher> = HashMap::default();
        for (place, span) in watch.over(spans.iter().enumerate()) {
            let edges = [instant(span.call), instant(span.ret)];
            match span.op {
                QueueOp::Enqueue(value) => {
                    if by_value.insert(value, book.items.len()).is_some() {
                        return None;
                    }
                    book.items.push(Item {
                        enqueue: place,
                        dequeue: None,
                        enter: edges,
                        leave: [NEVER, NEVER],
                    });
                }
                QueueOp::Empty => book.nothings.push(Nothing {
                    place,
                    call: edges[0],
                    ret: edges[1],
                }),
                QueueOp::Take => book.takes.push((edges[0], place)),
                QueueOp::Dequeue(_) => {}
            }
        }
        if watch.look() {
            return None;
        }
        Some(book.take_dequeues(spans, &by_value).map(|()| book))
    }

    fn take_dequeues(
        &mut self,
        spans: &[Span<QueueOp>],
        by_value: &HashMap<Symbol, usize, FxBuildHasher>,
    ) -> Result<(), Conflict> {
        for (place, span) in spans.iter().enumerate() {
            let QueueOp::Dequeue(value) = span.op else {
                continue;
            };
            let Some(&number) = by_value.get(&value) else {
                return Err(Conflict::Foreseen(place, None));
            };
            let item = &mut self.items[number];
            if let Some(other) = item.dequeue {
                return Err(Conflict::Twice(other, place));
            }
            let (call, ret) = (instant(span.call), instant(span.ret));
            if ret < item.enter[0] {
                return Err(Conflict::Foreseen(place, Some(item.enqueue)));
            }
            item.dequeue = Some(place);
            item.leave = [call.max(item.enter[0]), ret];
            item.enter[1] = item.enter[1].min(ret);
        }
        // What may not have been enqueued, and was not dequeued, is dropped.
        self.items
            .retain(|item| item.dequeue.is_some() || !spans[item.enqueue].is_optional());
        Ok(())
    }

    /// The same if every value that nobody dequeued had never been there.
    fn without_leftovers(&self, watch: &Watch<'_>) -> Result<Vec<Place>, Conflict> {
        let dequeued: Vec<Item> = self
            .items
            .iter()
            .copied()
            .filter(|item| item.dequeue.is_some())
            .collect();
        arrange(&dequeued, &self.nothings, watch)
    }

    /// The items, with a dequeue of unknown outcome for each that surely is gone; none if there are not enough of them.
    fn matched(&self) -> Option<Vec<Item>> {
        let mut gone: Vec<(Instant, Instant, usize)> = Vec::new();
        for (number, item) in self
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.dequeue.is_none())
        {
            let by = self.gone_by(item);
            if by < NEVER {
                gone.push((by, item.enter[1], number));
            }
        }
        gone.sort_unstable();
        let mut items = self.items.clone();
        let mut takes = self.takes.iter();
        for (by, _, number) in gone {
            let &(call, place) = takes.next().filter(|&&(call, _)| call < by)?;
            let item = &mut items[number];
            item.dequeue = Some(place);
            item.leave = [call.max(item.enter[0]), NEVER - 1];
        }
        Some(items)
    }

    /// Until when a value must be gone that was enqueued before others which were dequeued, or before the queue was found empty.
    fn gone_by(&self, item: &Item) -> Instant {
        let overtaking = |other: &&Item| other.dequeue.is_some() && item.enter[1] < other.enter[0];
        let overtaken = self.items.iter().filter(overtaking).map(|other| other.leave[1]);
        let nothings = self
            .nothings
            .iter()
            .filter(|nothing| item.enter[1] < nothing.call);
        overtaken
            .chain(nothings.map(|nothing| nothing.ret))
            .min()
            .unwrap_or(NEVER)
    }
}

fn tell(spans: &[Span<QueueOp>], narrator: Narrator<'_>, conflict: &Conflict) -> Anomaly {
    let told = |place: Place| narrator.told(spans[place].id);
    let value = |item: &Item| match spans[item.enqueue].op {
        QueueOp::Enqueue(value) => narrator.value(value),
        QueueOp::Dequeue(_) | QueueOp::Empty | QueueOp::Take => String::new(),
    };
    let (kind, ops, sentence) = match conflict {
        Conflict::Foreseen(dequeue, None) => (
            AnomalyKind::Phantom,
            vec![*dequeue],
            format!("{} took what nobody enqueued", told(*dequeue)),
        ),
        Conflict::Foreseen(dequeue, Some(enqueue)) => (
            AnomalyKind::Phantom,
            vec![*dequeue, *enqueue],
            format!(
                "{} took what was enqueued only later: {}",
                told(*dequeue),
                told(*enqueue)
            ),
        ),
        Conflict::Twice(first, second) => (
            AnomalyKind::DuplicateDelivery,
            vec![*first, *second],
            format!(
                "{} and {} took the same value, which was enqueued once",
                told(*first),
                told(*second)
            ),
        ),
        Conflict::Overtaken(first, second) => {
            let ops = [
                Some(first.enqueue),
                first.dequeue,
                Some(second.enqueue),
                second.dequeue,
            ];
            let (kind, end) = match first.dequeue {
                Some(_) => (AnomalyKind::Reordered, "dequeued after it"),
                None => (AnomalyKind::LostElement, "never dequeued, though the second was"),
            };
            let sentence = format!("{} was enqueued before {} but {end}", value(first), value(second));
            (kind, ops.into_iter().flatten().collect(), sentence)
        }
        Conflict::NotEmpty(nothing, inside) => {
            let names: Vec<String> = inside.iter().map(value).collect();
            let sentence = match &names[..] {
                [name] => format!(
                    "{} found nothing although {name} was in it all the time",
                    told(*nothing)
                ),
                names => {
                    format!(
                        "{} found nothing although always one of {} was in it",
                        told(*nothing),
                        names.join(", ")
                    )
                }
            };
            let both = inside.iter().flat_map(|item| [Some(item.enqueue), item.dequeue]);
            (
                AnomalyKind::LostElement,
                both.flatten().chain([*nothing]).collect(),
                sentence,
            )
        }
        Conflict::Undecided => (AnomalyKind::NotLinearizable, Vec::new(), String::new()),
    };
    let ids: Vec<OperationId> = ops.iter().map(|&place| spans[place].id).collect();
    narrator.anomaly(Proof { kind, ops: &ids }, sentence)
}
