//! The operations on one value, and where a value's are found.

use crate::values::{Symbol, Values};

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
    pub(super) const fn new(value: Symbol, writer: Link, effective: bool) -> Self {
        Self {
            value,
            writer,
            parent: Link::NONE,
            child: Link::NONE,
            effective,
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

/// Which cluster a value has, by its number, so that nothing needs hashing. It is made once for all registers of a history and never
/// cleared: what it says of a value that no cluster at hand is about was left behind by another register (Briggs and Torczon 1993).
#[derive(Debug)]
pub(in crate::checker) struct Homes(Vec<u32>);

impl Homes {
    /// For registers that hold `values`.
    pub(in crate::checker) fn of(values: &Values) -> Self {
        Self(vec![0; values.len()])
    }

    /// The cluster among `clusters` that is about `value`.
    pub(super) fn find(&self, clusters: &[Cluster], value: Symbol) -> Option<usize> {
        let home = self.0[value.number() as usize] as usize;
        clusters
            .get(home)
            .is_some_and(|cluster| cluster.value == value)
            .then_some(home)
    }

    /// Notes that the cluster in `place` is about `value`.
    pub(super) fn set(&mut self, value: Symbol, place: usize) {
        self.0[value.number() as usize] = u32::try_from(place).expect("events are limited to EVENTS_MAX");
    }
}
