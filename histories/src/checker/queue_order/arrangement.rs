//! Puts the values of a queue into an order in which they can have passed through it.

use super::{Conflict, Item, Nothing, Place};
use crate::checker::watch::Watch;

/// A point in time: an even number for each edge of an operation, odd ones between them.
pub(super) type Instant = u64;

/// The instant that does not come.
pub(super) const NEVER: Instant = u64::MAX;

/// The operations in an order that explains all answers, or what makes that impossible; undecided when time is up.
pub(super) fn arrange(
    items: &[Item],
    nothings: &[Nothing],
    watch: &Watch<'_>,
) -> Result<Vec<Place>, Conflict> {
    let in_time = || {
        if watch.look() {
            Err(Conflict::Undecided)
        } else {
            Ok(())
        }
    };
    in_time()?;
    overtaking(items)?;
    in_time()?;
    let empties = empties(items, nothings)?;
    let clipped = clipped(items, &empties);
    in_time()?;
    let order = passage(&clipped, watch).ok_or(Conflict::Undecided)?;
    Ok(merged(&clipped, &order, &empties))
}

/// No value is enqueued before another and dequeued after it.
fn overtaking(items: &[Item]) -> Result<(), Conflict> {
    let entered = sorted(items, |item| item.enter[1]);
    let entering = sorted(items, |item| item.enter[0]);
    let mut before = entered.into_iter().peekable();
    // Of the values that surely entered before: the one whose dequeue was called last.
    let mut last: Option<&Item> = None;
    for number in entering {
        let item = &items[number];
        while let Some(other) = before.next_if(|&other| items[other].enter[1] < item.enter[0]) {
            last = last
                .into_iter()
                .chain([&items[other]])
                .max_by_key(|item| item.leave[0]);
        }
        if let Some(last) = last
            && item.leave[1] < last.leave[0]
        {
            return Err(Conflict::Overtaken(*last, *item));
        }
    }
    Ok(())
}

/// For each dequeue that found nothing an instant at which no value surely was inside, in the order of time.
fn empties(items: &[Item], nothings: &[Nothing]) -> Result<Vec<(Instant, Place)>, Conflict> {
    if nothings.is_empty() {
        return Ok(Vec::new());
    }
    let full = full(items);
    let mut empties = Vec::with_capacity(nothings.len());
    for nothing in nothings {
        let mut at = nothing.call + 1;
        let next = full.partition_point(|&(from, _)| from < at);
        if let Some(&(_, until)) = full[..next].last()
            && at < until
        {
            at = until.saturating_add(1);
        }
        if at > nothing.ret {
            return Err(Conflict::NotEmpty(nothing.place, inside(items, nothing)));
        }
        empties.push((at, nothing.place));
    }
    empties.sort_unstable();
    Ok(empties)
}

/// The times during which some value surely was inside, from and until, apart from each other.
fn full(items: &[Item]) -> Vec<(Instant, Instant)> {
    let mut full: Vec<(Instant, Instant)> = Vec::new();
    for number in sorted(items, |item| item.enter[1]) {
        let (from, until) = (items[number].enter[1], items[number].leave[0]);
        match full.last_mut() {
            _ if until <= from => {}
            Some(last) if from < last.1 => last.1 = last.1.max(until),
            _ => full.push((from, until)),
        }
    }
    full
}

/// A few values of which always one was inside from the call to the return of `nothing`.
fn inside(items: &[Item], nothing: &Nothing) -> Vec<Item> {
    let mut chosen = Vec::new();
    let mut at = nothing.call;
    while at < nothing.ret {
        let is_inside = |item: &&Item| item.enter[1] <= at.saturating_add(1) && at < item.leave[0];
        let Some(longest) = items.iter().filter(is_inside).max_by_key(|item| item.leave[0]) else {
            break;
        };
        chosen.push(*longest);
        at = longest.leave[0];
    }
    chosen
}

/// Each value stays on its side of every instant at which the queue was empty.
fn clipped(items: &[Item], empties: &[(Instant, Place)]) -> Vec<Item> {
    let clip = |item: &Item| {
        let later = empties.partition_point(|&(at, _)| at < item.enter[1]);
        let from = later.checked_sub(1).map_or(0, |before| empties[before].0);
        let until = empties.get(later).map_or(NEVER, |&(at, _)| at);
        let mut item = *item;
        item.enter[0] = item.enter[0].max(from);
        item.leave[0] = item.leave[0].max(from);
        item.leave[1] = item.leave[1].min(until);
        item
    };
    items.iter().map(clip).collect()
}

/// One after the other a value that none of those left has to enter or to leave before.
fn passage(items: &[Item], watch: &Watch<'_>) -> Option<Vec<usize>> {
    let mut gates = [
        Gate::new(items, |item| item.enter),
        Gate::new(items, |item| item.leave),
    ];
    let mut open = vec![0_u8; items.len()];
    let mut ready = Vec::new();
    let mut gone = vec![false; items.len()];
    let mut order = Vec::with_capacity(items.len());
    for _ in watch.over(0..) {
        for gate in &mut gates {
            gate.admit(&gone, |number| {
                open[number] += 1;
                if open[number] == 2 {
                    ready.push(number);
                }
            });
        }
        let Some(number) = ready.pop() else { break };
        gone[number] = true;
        order.push(number);
    }
    (order.len() == items.len()).then_some(order)
}

/// Lets through what is called before anything that is left must have ended.
struct Gate {
    by_call: Vec<(Instant, usize)>,
    by_end: Vec<(Instant, usize)>,
    next_call: usize,
    next_end: usize,
}

impl Gate {
    fn new(items: &[Item], edges: impl Fn(&Item) -> [Instant; 2]) -> Self {
        let sorted = |edge: usize| {
            let mut sorted: Vec<(Instant, usize)> = items
                .iter()
                .enumerate()
                .map(|(number, item)| (edges(item)[edge], number))
                .collect();
            sorted.sort_unstable();
            sorted
        };
        Self {
            by_call: sorted(0),
            by_end: sorted(1),
            next_call: 0,
            next_end: 0,
        }
    }

    fn admit(&mut self, gone: &[bool], mut through: impl FnMut(usize)) {
        while let Some(&(_, number)) = self.by_end.get(self.next_end)
            && gone[number]
        {
            self.next_end += 1;
        }
        let end = self.by_end.get(self.next_end).map_or(NEVER, |&(end, _)| end);
        while let Some(&(call, number)) = self.by_call.get(self.next_call)
            && call <= end
        {
            through(number);
            self.next_call += 1;
        }
    }
}

/// Enqueues and dequeues in the order of the values, each as early as can be, and what found nothing between them.
fn merged(items: &[Item], order: &[usize], empties: &[(Instant, Place)]) -> Vec<Place> {
    let (mut entered, mut left) = (0, 0);
    let mut points = Vec::with_capacity(items.len() * 2 + empties.len());
    for &number in order {
        let item = &items[number];
        entered = item.enter[0].max(entered);
        points.push((entered, Turn::Enter, item.enqueue));
        if let Some(dequeue) = item.dequeue {
            left = item.leave[0].max(left).max(entered);
            points.push((left, Turn::Leave, dequeue));
        }
    }
    points.extend(empties.iter().map(|&(at, place)| (at, Turn::Nothing, place)));
    points.sort_by_key(|&(at, turn, _)| (at, turn));
    points.into_iter().map(|(_, _, place)| place).collect()
}

/// What comes first at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Nothing,
    Enter,
    Leave,
}

fn sorted(items: &[Item], key: impl Fn(&Item) -> Instant) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..items.len()).collect();
    numbers.sort_unstable_by_key(|&number| key(&items[number]));
    numbers
}
