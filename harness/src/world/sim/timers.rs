//! The timers of one life of a node or of one client. A timer that was moved or forgotten still comes out of the queue of events;
//! its number tells that it means nothing any more.

use std::collections::BTreeMap;

/// Which arming of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arming(u64);

/// The timers that are armed.
#[derive(Debug)]
pub(super) struct Timers<T> {
    armed: BTreeMap<T, Arming>,
    armings: u64,
}

impl<T: Copy + Ord> Timers<T> {
    pub(super) fn new() -> Self {
        Self {
            armed: BTreeMap::new(),
            armings: 0,
        }
    }

    /// Arms `timer` anew.
    pub(super) fn arm(&mut self, timer: T) -> Arming {
        self.armings += 1;
        let arming = Arming(self.armings);
        self.armed.insert(timer, arming);
        arming
    }

    pub(super) fn disarm(&mut self, timer: T) {
        self.armed.remove(&timer);
    }

    /// Whether `timer` runs out with this arming; then it is not armed any more.
    pub(super) fn run_out(&mut self, timer: T, arming: Arming) -> bool {
        let current = self.armed.get(&timer) == Some(&arming);
        if current {
            self.armed.remove(&timer);
        }
        current
    }
}

#[cfg(test)]
mod tests {
    use super::Timers;

    #[test]
    fn only_the_last_arming_of_a_timer_runs_out_and_only_once() {
        let mut timers = Timers::new();
        let (first, second) = (timers.arm('t'), timers.arm('t'));
        assert!(!timers.run_out('t', first), "it was moved");
        assert!(timers.run_out('t', second));
        assert!(!timers.run_out('t', second));
        let third = timers.arm('t');
        timers.disarm('t');
        assert!(!timers.run_out('t', third));
    }
}
