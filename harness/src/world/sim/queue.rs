//! What is due, in order: by time, and among what is due at the same time by who came first.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::moment::Moment;

/// Events to come.
#[derive(Debug)]
pub(super) struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    entered: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Moment,
    number: u64,
    event: E,
}

impl<E> Queue<E> {
    pub(super) fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            entered: 0,
        }
    }

    /// Lets `event` happen at `at`.
    pub(super) fn schedule(&mut self, at: Moment, event: E) {
        let number = self.entered;
        self.entered += 1;
        self.heap.push(Reverse(Entry { at, number, event }));
    }

    /// Takes the next event, if it is due at `until` or before.
    pub(super) fn take_due(&mut self, until: Moment) -> Option<(Moment, E)> {
        let Reverse(next) = self.heap.peek()?;
        if until < next.at {
            return None;
        }
        self.heap
            .pop()
            .map(|Reverse(Entry { at, event, .. })| (at, event))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_first_comes_first_and_at_the_same_time_what_was_entered_first() {
        let mut queue = Queue::new();
        for (at, name) in [(3, 'c'), (1, 'a'), (3, 'd'), (2, 'b')] {
            queue.schedule(Moment(at), name);
        }
        let taken: String = std::iter::from_fn(|| queue.take_due(Moment(3)).map(|(_, name)| name)).collect();
        assert_eq!(taken, "abcd");
        queue.schedule(Moment(4), 'e');
        assert_eq!(queue.take_due(Moment(3)), None);
    }
}
