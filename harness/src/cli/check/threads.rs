//! The threads that judge the objects of a history. What they find does not depend on how they take turns, so that a judgement can be
//! repeated all the same.
#![expect(
    clippy::disallowed_methods,
    reason = "the judge itself starts no thread; here somebody waits for it, and no run is under way"
)]

use std::num::NonZero;
use std::thread;

use histories::checker::executor::Executor;

/// More threads than this do not make it quicker: reading the history takes longer.
const THREADS_MAX: usize = 8;

/// So many threads, for as long as they work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Threads(usize);

impl Threads {
    /// One for each processor.
    pub(super) fn of_machine() -> Self {
        Self(
            thread::available_parallelism()
                .map_or(1, NonZero::get)
                .min(THREADS_MAX),
        )
    }
}

impl Executor for Threads {
    fn hands(&self) -> usize {
        self.0
    }

    fn run(&self, work: &(dyn Fn() + Sync)) {
        thread::scope(|scope| {
            (1..self.0).for_each(|_| drop(scope.spawn(work)));
            work();
        });
    }
}
