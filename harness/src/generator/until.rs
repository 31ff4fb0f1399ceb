//! Operations until a time, and none after it.

use std::time::Duration;

use histories::{Completion, Invocation, Process};

use super::{Generator, Next};

/// Passes on what `inner` draws before `limit` since the start of the load.
#[derive(Debug)]
pub struct Until<G> {
    inner: G,
    limit: Duration,
}

impl<G: Generator> Until<G> {
    /// `inner` until `limit`.
    pub const fn new(inner: G, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

impl<G: Generator> Generator for Until<G> {
    fn next(&mut self, now: Duration, process: Process) -> Next {
        if self.limit <= now {
            return Next::Done;
        }
        match self.inner.next(now, process) {
            Next::Pending(until) => Next::Pending(until.min(self.limit)),
            next => next,
        }
    }

    fn learn(&mut self, invocation: &Invocation, completion: &Completion) {
        self.inner.learn(invocation, completion);
    }
}
