//! Operations asked at the times a test names.

use std::collections::VecDeque;
use std::time::Duration;

use histories::{Completion, Function, Invocation, Process};
use serde_json::{Value, json};
use tribunal::generator::{Generator, Next, Op};

/// Operations by the time they are due; what came of them is kept for the test.
#[derive(Debug, Default)]
pub(crate) struct Script {
    due: VecDeque<(Duration, Op)>,
    pub(crate) learned: Vec<(Invocation, Completion)>,
}

impl Script {
    /// `ops` with their times in milliseconds, in order.
    pub(crate) fn of(ops: impl IntoIterator<Item = (u64, Op)>) -> Self {
        let due = ops
            .into_iter()
            .map(|(ms, op)| (Duration::from_millis(ms), op))
            .collect();
        Self {
            due,
            learned: Vec::new(),
        }
    }

    /// An append to `key` every `gap_ms` until `until_ms`.
    pub(crate) fn steady(key: &str, gap_ms: u64, until_ms: u64) -> Self {
        let times = (0..until_ms).step_by(usize::try_from(gap_ms).expect("a gap is small"));
        Self::of(times.map(|ms| (ms, append(key, &format!("t{ms}")))))
    }
}

impl Generator for Script {
    fn next(&mut self, now: Duration, _process: Process) -> Next {
        match self.due.front() {
            None => Next::Done,
            Some((due, _)) if now < *due => Next::Pending(*due),
            Some(_) => self.due.pop_front().map_or(Next::Done, |(_, op)| Next::Op(op)),
        }
    }

    fn learn(&mut self, invocation: &Invocation, completion: &Completion) {
        self.learned.push((invocation.clone(), completion.clone()));
    }
}

/// An append of `token` to `key`.
pub(crate) fn append(key: &str, token: &str) -> Op {
    Op {
        f: Function::Append,
        key: key.into(),
        value: json!(token),
    }
}

/// A read of `key`.
pub(crate) fn read(key: &str) -> Op {
    Op {
        f: Function::Read,
        key: key.into(),
        value: Value::Null,
    }
}
