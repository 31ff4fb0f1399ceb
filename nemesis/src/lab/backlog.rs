//! The packets on their way: held by the switch until they are due.
//!
//! Buffers are used again and again, so that a packet costs no allocation once the backlog has had its usual size.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::address::HostIndex;

/// The most bytes held at once over all lines; beyond it packets are dropped.
pub(super) const BACKLOG_BYTES_MAX: usize = 256 << 20;

/// Nanoseconds since the switch was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Instant(pub(super) u64);

/// A held frame.
#[derive(Debug)]
pub(super) struct Held {
    /// The line it came by.
    pub(super) line: usize,
    /// The host it is for.
    pub(super) to: HostIndex,
    /// The frame.
    pub(super) frame: Vec<u8>,
}

/// When a frame is due, and which: frames due at the same time leave in the order they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    sequence: u64,
    slot: usize,
}

/// All held frames, the first due on top.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    order: BinaryHeap<Reverse<Due>>,
    slots: Vec<Held>,
    free: Vec<usize>,
    sequence: u64,
    bytes: usize,
}

impl Backlog {
    /// Whether a frame of this length may still be held.
    pub(super) fn has_room(&self, length: usize) -> bool {
        self.bytes + length <= BACKLOG_BYTES_MAX
    }

    /// Holds a copy of `frame` until `at`.
    pub(super) fn hold(&mut self, at: Instant, line: usize, to: HostIndex, frame: &[u8]) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Held {
                line,
                to,
                frame: Vec::new(),
            });
            self.slots.len() - 1
        });
        let held = &mut self.slots[slot];
        held.line = line;
        held.to = to;
        held.frame.clear();
        held.frame.extend_from_slice(frame);
        self.bytes += frame.len();
        self.order.push(Reverse(Due {
            at,
            sequence: self.sequence,
            slot,
        }));
        self.sequence += 1;
    }

    /// When the first frame is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.order.peek().map(|Reverse(due)| due.at)
    }

    /// Takes the first frame that is due at `now`; valid until the next is held.
    pub(super) fn release(&mut self, now: Instant) -> Option<&Held> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(due) = self.order.pop()?;
        self.free.push(due.slot);
        let held = &self.slots[due.slot];
        self.bytes -= held.frame.len();
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::{BACKLOG_BYTES_MAX, Backlog, HostIndex, Instant};

    fn released(backlog: &mut Backlog, now: u64) -> Vec<u8> {
        let mut frames = Vec::new();
        while let Some(held) = backlog.release(Instant(now)) {
            frames.push(held.frame[0]);
        }
        frames
    }

    #[test]
    fn frames_leave_when_due_and_in_order() {
        let mut backlog = Backlog::default();
        for (at, mark) in [(30, 3), (10, 1), (20, 2), (20, 4)] {
            backlog.hold(Instant(at), 0, HostIndex(0), &[mark]);
        }
        assert_eq!(backlog.next_due(), Some(Instant(10)));
        assert_eq!(released(&mut backlog, 9), Vec::<u8>::new());
        assert_eq!(released(&mut backlog, 20), [1, 2, 4]);
        assert_eq!(released(&mut backlog, 99), [3]);
        assert_eq!(backlog.next_due(), None);
    }

    #[test]
    fn a_buffer_is_used_again() {
        let mut backlog = Backlog::default();
        for round in 0..100 {
            backlog.hold(Instant(round), 0, HostIndex(0), &[7; 1500]);
            assert_eq!(released(&mut backlog, round), [7]);
        }
        assert_eq!(backlog.slots.len(), 1);
    }

    #[test]
    fn what_was_released_makes_room() {
        let mut backlog = Backlog::default();
        backlog.hold(Instant(0), 0, HostIndex(0), &[0; 1500]);
        assert!(!backlog.has_room(BACKLOG_BYTES_MAX));
        released(&mut backlog, 0);
        assert!(backlog.has_room(BACKLOG_BYTES_MAX));
    }
}
