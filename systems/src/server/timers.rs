//! Armed timers in the order of their deadlines.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::time::Time;

/// The timers that are armed. Arming one that is armed moves it.
#[derive(Debug)]
pub(super) struct Timers<T> {
    deadlines: BTreeMap<T, Time>,
    queue: BTreeSet<(Time, T)>,
}

impl<T: Copy + Ord> Timers<T> {
    pub(super) fn new() -> Self {
        Self {
            deadlines: BTreeMap::new(),
            queue: BTreeSet::new(),
        }
    }

    pub(super) fn arm(&mut self, timer: T, now: Time, after: Duration) {
        self.disarm(timer);
        self.deadlines.insert(timer, now + after);
        self.queue.insert((now + after, timer));
    }

    pub(super) fn disarm(&mut self, timer: T) {
        if let Some(deadline) = self.deadlines.remove(&timer) {
            self.queue.remove(&(deadline, timer));
        }
    }

    /// When the next one runs out.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.queue.first().map(|&(deadline, _)| deadline)
    }

    /// Takes out the timer that ran out first, if one has by `now`.
    pub(super) fn expire(&mut self, now: Time) -> Option<T> {
        let &(deadline, timer) = self.queue.first()?;
        if now < deadline {
            return None;
        }
        self.disarm(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Timers;
    use crate::time::Time;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn timers_run_out_in_the_order_of_their_deadlines() {
        let mut timers = Timers::new();
        timers.arm('b', Time::ZERO, 2 * MS);
        timers.arm('a', Time::ZERO, 3 * MS);
        assert_eq!(timers.expire(Time::ZERO + MS), None);
        let now = Time::ZERO + 5 * MS;
        assert_eq!(
            [timers.expire(now), timers.expire(now), timers.expire(now)],
            [Some('b'), Some('a'), None]
        );
    }

    #[test]
    fn arming_again_moves_a_timer() {
        let mut timers = Timers::new();
        timers.arm('a', Time::ZERO, MS);
        timers.arm('a', Time::ZERO, 9 * MS);
        assert_eq!(timers.expire(Time::ZERO + 5 * MS), None);
        assert_eq!(timers.deadline(), Some(Time::ZERO + 9 * MS));
    }

    #[test]
    fn a_disarmed_timer_stays_silent() {
        let mut timers = Timers::new();
        timers.arm('a', Time::ZERO, MS);
        timers.disarm('a');
        assert_eq!((timers.deadline(), timers.expire(Time::ZERO + MS)), (None, None));
    }
}
