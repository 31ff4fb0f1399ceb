//! Who does the work where it can be shared. This crate starts no thread: whoever calls it may lend it some.

/// Some hands, on as many processors.
pub trait Executor: Sync {
    /// How many calls of `work` there are at a time in [`Executor::run`], at least 1.
    fn hands(&self) -> usize;

    /// Calls `work` [`Executor::hands`] times, at the same time if it can, and returns when all calls have.
    fn run(&self, work: &(dyn Fn() + Sync));
}

/// The caller itself, and nobody else.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl Executor for Alone {
    fn hands(&self) -> usize {
        1
    }

    fn run(&self, work: &(dyn Fn() + Sync)) {
        work();
    }
}
