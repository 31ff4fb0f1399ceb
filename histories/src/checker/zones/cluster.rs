//! The operations on one value, and where a value's are found.

use crate::values::Symbol;

/// The operations on one value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cluster {
    pub(super) value: Symbol,
    /// None for the value the register starts with.
    pub(super) writer: Link,
    /// The value that the writer replaced, if it is a compare-and-set.
    pub(super) parent: Link,
    /// The compare-and-set that took effect on it.
    pub(super) child: Link,
    /// Whether the writer is known to have taken effect.
    pub(super) effective: bool,
    /// How that is known of an indeterminate writer: an operation that saw its value, or one that follows from it.
    pub(super) seen_by: Link,
    /// The read that returned first, and the one that was called last.
    pub(super) first_read: Link,
    pub(super) last_read: Link,
    /// How many reads there are.
    pub(super) reads: u32,
}

impl Cluster {
    pub(super) const fn new(value: Symbol, writer: Link) -> Self {
        Self {
            value,
            writer,
            parent: Link::NONE,
            child: Link::NONE,
            effective: false,
            seen_by: Link::NONE,
            first_read: Link::NONE,
            last_read: Link::NONE,
            reads: 0,
        }
    }
}

/// The place of something that may be missing, in four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(u32);

impl Link {
    pub(super) const NONE: Self = Self(u32::MAX);

    pub(super) fn to(place: usize) -> Self {
        Self(u32::try_from(place).expect("events are limited to EVENTS_MAX"))
    }

    pub(super) fn get(self) -> Option<usize> {
        (self != Self::NONE).then_some(self.0 as usize)
    }
}

/// Which cluster a value has: open addressing with linear probing, in a table that is used again for the next register, so that it
/// stays in the cache.
#[derive(Debug, Default)]
pub(in crate::checker) struct Homes {
    /// Values by the places of their clusters; as many as a power of two, at least half of them empty.
    slots: Vec<(Symbol, Link)>,
}

/// The golden ratio's share of 2^32: its products spread numbers that lie close together (Knuth, volume 3, 6.4).
const SPREAD: u32 = 0x9e37_79b9;

impl Homes {
    /// Forgets everything; from now on there are at most `clusters_max` values.
    pub(super) fn clear(&mut self, clusters_max: usize) {
        self.slots.clear();
        let size = (clusters_max * 2).next_power_of_two().max(2);
        self.slots.resize(size, (Symbol::NULL, Link::NONE));
    }

    /// The place of the cluster of `value`.
    pub(super) fn find(&self, value: Symbol) -> Option<usize> {
        self.slots[self.slot(value)].1.get()
    }

    /// Notes that the cluster of `value` is in `place`; the one it was in before, if there was one.
    pub(super) fn set(&mut self, value: Symbol, place: usize) -> Option<usize> {
        let slot = self.slot(value);
        std::mem::replace(&mut self.slots[slot], (value, Link::to(place)))
            .1
            .get()
    }

    /// The slot of `value`, or the empty one where it belongs.
    fn slot(&self, value: Symbol) -> usize {
        let mask = self.slots.len() - 1;
        let bits = self.slots.len().trailing_zeros();
        let mut slot = (value.number().wrapping_mul(SPREAD) >> (32 - bits)) as usize;
        while self.slots[slot].1 != Link::NONE && self.slots[slot].0 != value {
            slot = (slot + 1) & mask;
        }
        slot
    }
}
