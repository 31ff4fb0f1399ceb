//! Frames that wait for a connection. Bounded: the oldest are lost when there are too many, as the replicas expect.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use tokio::sync::Notify;

/// Bytes that may wait for one connection. One frame may always wait, however long.
pub(super) const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Frames that may wait for one connection.
pub(super) const QUEUE_FRAMES_MAX: usize = 65_536;

/// Bytes handed to the socket at a time, unless a single frame is longer.
const WRITE_BYTES: usize = 64 * 1024;

/// The frames that wait for one connection, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: RefCell<Waiting>,
    closed: Cell<bool>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
}

/// What became of a frame that was put into a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits.
    Waits,
    /// It waits, and this many older ones were lost for it.
    Displaced(usize),
    /// It is lost: nobody will ever take it.
    Closed,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Lets `frame` wait.
    pub(super) fn push(&self, frame: Vec<u8>) -> Pushed {
        if self.closed.get() {
            return Pushed::Closed;
        }
        let mut waiting = self.waiting.borrow_mut();
        let displaced = waiting.make_room(frame.len());
        waiting.bytes += frame.len();
        waiting.frames.push_back(frame);
        self.changed.notify_one();
        if displaced == 0 {
            Pushed::Waits
        } else {
            Pushed::Displaced(displaced)
        }
    }

    /// Waits for frames and appends them to `buffer`, as many as are worth one write; `None` when the queue is closed.
    pub(super) async fn take(&self, buffer: &mut Vec<u8>) -> Option<()> {
        loop {
            if self.closed.get() {
                return None;
            }
            if self.waiting.borrow_mut().take(buffer) {
                return Some(());
            }
            self.changed.notified().await;
        }
    }

    /// Loses what waits; returns how many frames that were.
    pub(super) fn clear(&self) -> usize {
        let mut waiting = self.waiting.borrow_mut();
        waiting.bytes = 0;
        waiting.frames.drain(..).count()
    }

    /// Ends it: what waits is lost, and whoever waits for frames hears of it.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.clear();
        self.changed.notify_one();
    }
}

#[cfg(test)]
impl Queue {
    /// All that waits.
    pub(super) fn waiting_bytes(&self) -> Vec<u8> {
        self.waiting.borrow().frames.iter().flatten().copied().collect()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }
}

impl Waiting {
    fn make_room(&mut self, length: usize) -> usize {
        let mut displaced = 0;
        while QUEUE_BYTES_MAX < self.bytes + length || QUEUE_FRAMES_MAX <= self.frames.len() {
            let Some(oldest) = self.frames.pop_front() else {
                break;
            };
            self.bytes -= oldest.len();
            displaced += 1;
        }
        displaced
    }

    fn take(&mut self, buffer: &mut Vec<u8>) -> bool {
        let before = buffer.len();
        while let Some(frame) = self
            .frames
            .pop_front_if(|frame| buffer.len() == before || buffer.len() + frame.len() <= WRITE_BYTES)
        {
            self.bytes -= frame.len();
            buffer.extend_from_slice(&frame);
        }
        before < buffer.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Pushed, QUEUE_BYTES_MAX, QUEUE_FRAMES_MAX, Queue, WRITE_BYTES};

    fn taken(queue: &Queue) -> Vec<u8> {
        let mut buffer = Vec::new();
        queue.waiting.borrow_mut().take(&mut buffer);
        buffer
    }

    #[test]
    fn frames_are_taken_in_order_and_together() {
        let queue = Queue::new();
        queue.push(vec![1]);
        queue.push(vec![2, 3]);
        assert_eq!(taken(&queue), [1, 2, 3]);
        assert!(taken(&queue).is_empty());
    }

    #[test]
    fn the_oldest_are_lost_when_there_are_too_many() {
        let queue = Queue::new();
        for number in 0..QUEUE_FRAMES_MAX {
            assert_eq!(queue.push(number.to_le_bytes().to_vec()), Pushed::Waits);
        }
        assert_eq!(queue.push(vec![9; 8]), Pushed::Displaced(1));
        assert_eq!(taken(&queue)[..8], 1_usize.to_le_bytes());
    }

    #[test]
    fn the_oldest_are_lost_when_there_are_too_many_bytes() {
        let queue = Queue::new();
        for number in 0..4 {
            assert_eq!(queue.push(vec![number; QUEUE_BYTES_MAX / 4]), Pushed::Waits);
        }
        assert_eq!(queue.push(vec![4; QUEUE_BYTES_MAX / 2]), Pushed::Displaced(2));
        assert_eq!(taken(&queue)[0], 2);
    }

    #[test]
    fn a_long_frame_does_not_make_the_next_write_longer() {
        let queue = Queue::new();
        queue.push(vec![1; 10 * WRITE_BYTES]);
        queue.push(vec![2]);
        assert_eq!(taken(&queue).len(), 10 * WRITE_BYTES);
        assert_eq!(taken(&queue), [2]);
    }

    #[test]
    fn nothing_waits_in_a_closed_queue() {
        let queue = Queue::new();
        queue.push(vec![1]);
        queue.close();
        assert_eq!(queue.push(vec![2]), Pushed::Closed);
        assert!(taken(&queue).is_empty());
    }
}
