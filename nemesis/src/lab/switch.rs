//! The switch: one thread that holds the other end of every host's card and carries packets as the lines' rules say.
//!
//! It takes no lock, and for a packet of a plain line it allocates nothing, copies nothing and asks no clock: one read, one write.
//! Packets of one line never overtake each other; jitter lengthens a queue and does not shuffle it.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::address::HostIndex;
use super::backlog::{Backlog, Instant};
use super::chance::{Chance, Question};
use super::line::{Line, Lines, Shape};
use super::packet::{FRAME_BYTES_MAX, VNET_HEADER_BYTES, destination};
use super::tun::Tun;

/// The longest a packet waits for its turn on a line of limited bandwidth; one that would wait longer is dropped.
pub const QUEUE_DELAY_MAX: Duration = Duration::from_millis(250);

/// So many packets of one host are carried before the others have their turn.
const BURST_PACKETS_MAX: usize = 64;

/// So many hosts that have something to send are told by one look.
const EVENTS_MAX: usize = 64;

/// What is told by the epoll instance besides the hosts, which are told by their index.
const TOKEN_STOP: u64 = u64::MAX;
const TOKEN_TIMER: u64 = u64::MAX - 1;

/// A running switch; dropped, it stops.
#[derive(Debug)]
pub(super) struct Switch {
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl Switch {
    /// Starts to carry packets between `tuns`, which are in the order of their hosts.
    pub(super) fn start(tuns: Vec<Arc<Tun>>, lines: Arc<Lines>, seed: u64) -> io::Result<Self> {
        let stop = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC)?);
        let fabric = Fabric::new(tuns, lines, seed, Arc::clone(&stop))?;
        let thread = thread::Builder::new()
            .name("lab-switch".to_owned())
            .spawn(move || fabric.run())?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // The counter of a fresh eventfd has room for one.
        let _ = self.stop.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What becomes of a packet.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Forward,
    Drop,
    Hold(Instant),
}

/// What the switch remembers of a line.
#[derive(Debug)]
struct Lane {
    chance: Chance,
    /// How many packets have come by this line.
    packets: u64,
    /// How many of them are held.
    held: usize,
    /// When the last held one is due; none that comes later may be due earlier.
    last_due: Instant,
    /// When a line of limited bandwidth has sent what it was given so far.
    free_at: Instant,
}

/// The switch thread's world.
struct Fabric {
    tuns: Vec<Arc<Tun>>,
    lines: Arc<Lines>,
    lanes: Box<[Lane]>,
    backlog: Backlog,
    epoll: Epoll,
    /// Kept because closing it would take it off the epoll instance.
    _stop: Arc<EventFd>,
    timer: TimerFd,
    armed_for: Option<Instant>,
    started: std::time::Instant,
    frame: Box<[u8]>,
}

impl Fabric {
    fn new(tuns: Vec<Arc<Tun>>, lines: Arc<Lines>, seed: u64, stop: Arc<EventFd>) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK,
        )?;
        epoll.add(stop.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, TOKEN_STOP))?;
        // Edge-triggered: an expiration is told once and need not be read away.
        epoll.add(
            timer.as_fd(),
            EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, TOKEN_TIMER),
        )?;
        for (index, tun) in tuns.iter().enumerate() {
            epoll.add(tun.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        }
        Ok(Self {
            lanes: (0..lines.count())
                .map(|number| Lane::new(Chance::of_link(seed, number)))
                .collect(),
            tuns,
            lines,
            backlog: Backlog::default(),
            epoll,
            _stop: stop,
            timer,
            armed_for: None,
            started: std::time::Instant::now(),
            frame: vec![0; FRAME_BYTES_MAX].into_boxed_slice(),
        })
    }

    fn run(mut self) {
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        loop {
            // Only a signal handler of the harness can interrupt this, and then there is nothing to do yet.
            let count = self.epoll.wait(&mut events, EpollTimeout::NONE).unwrap_or(0);
            for event in &events[..count] {
                match event.data() {
                    TOKEN_STOP => return,
                    TOKEN_TIMER => {}
                    index => self.carry_from(HostIndex(index as usize)),
                }
            }
            self.release_due();
        }
    }

    fn carry_from(&mut self, from: HostIndex) {
        for _ in 0..BURST_PACKETS_MAX {
            // Nothing more to read, or an interface that its host has taken down.
            let Ok(length) = self.tuns[from.0].receive(&mut self.frame) else {
                return;
            };
            self.carry(from, length);
        }
    }

    /// Decides over the frame just received, and carries it out.
    fn carry(&mut self, from: HostIndex, length: usize) {
        let frame = &self.frame[..length];
        let hosts = self.lines.hosts();
        let Some(to) = destination(frame).and_then(|address| HostIndex::at(address, hosts)) else {
            return;
        };
        let number = self.lines.number(from, to);
        let line = self.lines.line(number);
        let lane = &mut self.lanes[number];
        match lane.decide(line, length, self.started) {
            Fate::Forward => hand_over(line, &self.tuns[to.0], frame),
            Fate::Hold(due) if self.backlog.has_room(length) => {
                lane.held += 1;
                lane.last_due = due;
                self.backlog.hold(due, number, to, frame);
            }
            Fate::Hold(_) | Fate::Drop => line.count_dropped(),
        }
    }

    /// Hands over what is due, but nothing that is on a line that has been cut meanwhile.
    fn release_due(&mut self) {
        if self.backlog.next_due().is_none() {
            return;
        }
        let now = instant_since(self.started);
        while let Some(held) = self.backlog.release(now) {
            self.lanes[held.line].held -= 1;
            let line = self.lines.line(held.line);
            if line.is_cut() {
                line.count_dropped();
            } else {
                hand_over(line, &self.tuns[held.to.0], &held.frame);
            }
        }
        self.arm(now);
    }

    fn arm(&mut self, now: Instant) {
        let next = self.backlog.next_due();
        if next == self.armed_for {
            return;
        }
        self.armed_for = next;
        if let Some(due) = next {
            let wait = TimeSpec::from_duration(Duration::from_nanos(due.0.saturating_sub(now.0).max(1)));
            let set = self
                .timer
                .set(Expiration::OneShot(wait), TimerSetTimeFlags::empty());
            set.expect("a timer of this thread takes any positive time");
        }
    }
}

impl Lane {
    fn new(chance: Chance) -> Self {
        Self {
            chance,
            packets: 0,
            held: 0,
            last_due: Instant(0),
            free_at: Instant(0),
        }
    }

    /// What becomes of the next packet. A plain line needs no clock.
    fn decide(&mut self, line: &Line, frame_bytes: usize, started: std::time::Instant) -> Fate {
        self.packets += 1;
        if line.is_cut() {
            return Fate::Drop;
        }
        match line.shape() {
            None if self.held == 0 => Fate::Forward,
            shape => self.fate(
                &shape.unwrap_or(Shape::PLAIN),
                frame_bytes,
                instant_since(started),
            ),
        }
    }

    /// What becomes of the packet just counted, on a line that is not cut.
    fn fate(&mut self, shape: &Shape, frame_bytes: usize, now: Instant) -> Fate {
        if self.chance.below(1_000_000, self.packets, Question::Loss) < u64::from(shape.loss_ppm) {
            return Fate::Drop;
        }
        let Some(sent_at) = self.transmit(shape.bytes_per_second, frame_bytes, now) else {
            return Fate::Drop;
        };
        let jitter = self.chance.below(
            whole_ns(shape.jitter).saturating_add(1),
            self.packets,
            Question::Jitter,
        );
        let due = sent_at
            .0
            .saturating_add(whole_ns(shape.delay))
            .saturating_add(jitter);
        let due = if self.held > 0 {
            due.max(self.last_due.0)
        } else {
            due
        };
        if due <= now.0 {
            Fate::Forward
        } else {
            Fate::Hold(Instant(due))
        }
    }

    /// When the last byte has left on a line of this bandwidth; `None` when the queue before it is full.
    fn transmit(&mut self, bytes_per_second: u64, frame_bytes: usize, now: Instant) -> Option<Instant> {
        if bytes_per_second == 0 {
            return Some(now);
        }
        let begins = self.free_at.max(now);
        if begins.0 - now.0 > whole_ns(QUEUE_DELAY_MAX) {
            return None;
        }
        let bytes = (frame_bytes - VNET_HEADER_BYTES) as u128;
        let lasts = bytes * 1_000_000_000 / u128::from(bytes_per_second);
        self.free_at = Instant(begins.0.saturating_add(u64::try_from(lasts).unwrap_or(u64::MAX)));
        Some(self.free_at)
    }
}

/// Counts before handing over, so that whoever has received a packet finds it counted.
fn hand_over(line: &Line, to: &Tun, frame: &[u8]) {
    line.count_forwarded();
    if to.send(frame).is_err() {
        // The receiver has taken its interface down.
        line.count_forwarded_as_dropped();
    }
}

fn instant_since(started: std::time::Instant) -> Instant {
    Instant(whole_ns(started.elapsed()))
}

fn whole_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Chance, Fate, Instant, Lane, Shape, VNET_HEADER_BYTES};

    fn lane() -> Lane {
        Lane::new(Chance::of_link(1, 0))
    }

    fn fate_of_next(lane: &mut Lane, shape: &Shape, bytes: usize, now: u64) -> Fate {
        lane.packets += 1;
        let fate = lane.fate(shape, VNET_HEADER_BYTES + bytes, Instant(now));
        if let Fate::Hold(due) = fate {
            lane.held += 1;
            lane.last_due = due;
        }
        fate
    }

    #[test]
    fn a_plain_line_forwards_at_once() {
        assert_eq!(fate_of_next(&mut lane(), &Shape::PLAIN, 1500, 5), Fate::Forward);
    }

    #[test]
    fn a_delay_holds_each_packet_as_long() {
        let shape = Shape {
            delay: Duration::from_nanos(100),
            ..Shape::PLAIN
        };
        let mut lane = lane();
        assert_eq!(fate_of_next(&mut lane, &shape, 1, 5), Fate::Hold(Instant(105)));
        assert_eq!(fate_of_next(&mut lane, &shape, 1, 7), Fate::Hold(Instant(107)));
    }

    #[test]
    fn no_packet_overtakes_another_when_the_delay_shrinks() {
        let slow = Shape {
            delay: Duration::from_nanos(100),
            ..Shape::PLAIN
        };
        let mut lane = lane();
        assert_eq!(fate_of_next(&mut lane, &slow, 1, 0), Fate::Hold(Instant(100)));
        assert_eq!(
            fate_of_next(&mut lane, &Shape::PLAIN, 1, 10),
            Fate::Hold(Instant(100))
        );
    }

    #[test]
    fn jitter_keeps_the_order_and_the_bounds() {
        let shape = Shape {
            delay: Duration::from_nanos(100),
            jitter: Duration::from_nanos(50),
            ..Shape::PLAIN
        };
        let mut lane = lane();
        let mut last = 0;
        for now in 0..1000 {
            let Fate::Hold(Instant(due)) = fate_of_next(&mut lane, &shape, 1, now) else {
                panic!("not held")
            };
            assert!((now + 100..=now + 150).contains(&due) || due == last);
            assert!(due >= last, "{due} after {last}");
            last = due;
        }
    }

    #[test]
    fn a_limited_line_sends_one_packet_after_the_other() {
        let shape = Shape {
            bytes_per_second: 1_000_000_000,
            ..Shape::PLAIN
        };
        let mut lane = lane();
        assert_eq!(
            fate_of_next(&mut lane, &shape, 1000, 0),
            Fate::Hold(Instant(1000))
        );
        assert_eq!(
            fate_of_next(&mut lane, &shape, 1000, 0),
            Fate::Hold(Instant(2000))
        );
        assert_eq!(
            fate_of_next(&mut lane, &shape, 1000, 5000),
            Fate::Hold(Instant(6000))
        );
    }

    #[test]
    fn the_queue_of_a_limited_line_is_bounded() {
        let shape = Shape {
            bytes_per_second: 1_000_000,
            ..Shape::PLAIN
        };
        let mut lane = lane();
        let held = (0..1000)
            .take_while(|_| fate_of_next(&mut lane, &shape, 1000, 0) != Fate::Drop)
            .count();
        assert_eq!(held, 251, "250 ms of 1 ms packets, and the one that made it full");
    }

    #[test]
    fn a_line_that_loses_all_loses_all() {
        let shape = Shape {
            loss_ppm: 1_000_000,
            ..Shape::PLAIN
        };
        let mut lane = lane();
        assert!((0..100).all(|_| fate_of_next(&mut lane, &shape, 1, 0) == Fate::Drop));
    }
}
