//! The lines between hosts: one per direction and pair, each with its rules and its counters.
//!
//! The controlling thread stores, the switch thread loads; nobody waits for anybody. A line is cut, or mended, by one atomic store
//! that holds for the next packet. A new [`Shape`] is several stores, so that a packet in between may meet parts of both.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::address::HostIndex;

/// How a line treats the packets it carries. Packets of one line never overtake each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How long each packet is held, in whole nanoseconds; 584 years at most.
    pub delay: Duration,
    /// Up to this much is added to the delay, drawn for each packet from the seed.
    pub jitter: Duration,
    /// Of a million packets, about this many are lost; which ones is drawn from the seed.
    pub loss_ppm: u32,
    /// The most bytes of IP a second; 0 for as many as can be. What would wait longer than
    /// [`QUEUE_DELAY_MAX`](super::QUEUE_DELAY_MAX) for its turn is dropped.
    pub bytes_per_second: u64,
}

impl Shape {
    /// A line that does nothing to its packets.
    pub const PLAIN: Self = Self {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        loss_ppm: 0,
        bytes_per_second: 0,
    };

    /// Whether the rules are about single packets, so that 64 KiB must not pass as one.
    pub(super) fn counts_packets(&self) -> bool {
        self.loss_ppm > 0 || self.bytes_per_second > 0
    }
}

/// What a line has done since the lab was opened, in packets. With segmentation offload one packet may hold 64 KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Handed to the receiver's kernel.
    pub forwarded: u64,
    /// Dropped: the line was cut, chance said so, or the queue of a limited line was full.
    pub dropped: u64,
}

/// One direction between two hosts, in a cache line of its own or two.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Line {
    cut: AtomicBool,
    shaped: AtomicBool,
    loss_ppm: AtomicU32,
    delay_ns: AtomicU64,
    jitter_ns: AtomicU64,
    bytes_per_second: AtomicU64,
    forwarded: AtomicU64,
    dropped: AtomicU64,
}

impl Line {
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    pub(super) fn mend(&self) {
        self.cut.store(false, Ordering::Release);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Makes `shape` hold for the packets that come from now on.
    pub(super) fn set_shape(&self, shape: &Shape) {
        self.delay_ns.store(nanoseconds(shape.delay), Ordering::Relaxed);
        self.jitter_ns.store(nanoseconds(shape.jitter), Ordering::Relaxed);
        self.loss_ppm.store(shape.loss_ppm, Ordering::Relaxed);
        self.bytes_per_second
            .store(shape.bytes_per_second, Ordering::Relaxed);
        self.shaped.store(*shape != Shape::PLAIN, Ordering::Release);
    }

    /// The shape in force; `None` for a plain line, which is told by one load.
    pub(super) fn shape(&self) -> Option<Shape> {
        self.shaped.load(Ordering::Acquire).then(|| Shape {
            delay: Duration::from_nanos(self.delay_ns.load(Ordering::Relaxed)),
            jitter: Duration::from_nanos(self.jitter_ns.load(Ordering::Relaxed)),
            loss_ppm: self.loss_ppm.load(Ordering::Relaxed),
            bytes_per_second: self.bytes_per_second.load(Ordering::Relaxed),
        })
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            forwarded: self.forwarded.load(Ordering::Acquire),
            dropped: self.dropped.load(Ordering::Acquire),
        }
    }

    /// For the switch thread alone: one more was handed over.
    pub(super) fn count_forwarded(&self) {
        add_one(&self.forwarded);
    }

    /// For the switch thread alone: one more was dropped.
    pub(super) fn count_dropped(&self) {
        add_one(&self.dropped);
    }

    /// For the switch thread alone: the last one counted as handed over was not taken.
    pub(super) fn count_forwarded_as_dropped(&self) {
        self.forwarded
            .store(self.forwarded.load(Ordering::Relaxed) - 1, Ordering::Release);
        add_one(&self.dropped);
    }
}

/// All lines of a lab, also those from a host to itself, which carry nothing: a host speaks to itself over its loopback.
#[derive(Debug)]
pub(super) struct Lines {
    hosts: usize,
    lines: Box<[Line]>,
}

impl Lines {
    /// The plain lines between this many hosts.
    pub(super) fn between(hosts: usize) -> Self {
        Self {
            hosts,
            lines: (0..hosts * hosts).map(|_| Line::default()).collect(),
        }
    }

    /// How many hosts they connect.
    pub(super) fn hosts(&self) -> usize {
        self.hosts
    }

    /// The number of a line, below [`Lines::count`].
    pub(super) fn number(&self, from: HostIndex, to: HostIndex) -> usize {
        from.0 * self.hosts + to.0
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }

    /// The line of this number.
    pub(super) fn line(&self, number: usize) -> &Line {
        &self.lines[number]
    }

    /// The lines that leave a host.
    pub(super) fn leaving(&self, from: HostIndex) -> &[Line] {
        &self.lines[from.0 * self.hosts..][..self.hosts]
    }
}

/// A counter with one writer needs no locked instruction.
fn add_one(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Release);
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{HostIndex, Lines, Shape};

    #[test]
    fn a_line_is_of_one_direction() {
        let lines = Lines::between(3);
        let there = lines.number(HostIndex(0), HostIndex(2));
        let back = lines.number(HostIndex(2), HostIndex(0));
        lines.line(there).cut();
        assert!(lines.line(there).is_cut());
        assert!(!lines.line(back).is_cut());
        lines.line(there).mend();
        assert!(!lines.line(there).is_cut());
    }

    #[test]
    fn a_shape_is_kept_and_taken_off() {
        let lines = Lines::between(2);
        let line = lines.line(1);
        assert_eq!(line.shape(), None);
        let shape = Shape {
            delay: Duration::from_millis(3),
            loss_ppm: 7,
            ..Shape::PLAIN
        };
        line.set_shape(&shape);
        assert_eq!(line.shape(), Some(shape));
        line.set_shape(&Shape::PLAIN);
        assert_eq!(line.shape(), None);
    }

    #[test]
    fn the_lines_that_leave_a_host_are_its_own() {
        let lines = Lines::between(3);
        lines.line(lines.number(HostIndex(1), HostIndex(0))).cut();
        assert!(lines.leaving(HostIndex(1))[0].is_cut());
        assert!(!lines.leaving(HostIndex(0)).iter().any(super::Line::is_cut));
    }
}
