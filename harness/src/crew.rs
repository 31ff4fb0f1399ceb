//! The processes of a run: a fixed number at a time, each sequential, each retired once nobody knows what became of its operation.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use histories::{Completion, Invocation, Outcome, Process};

/// Who is free and who is busy with what.
#[derive(Debug)]
pub struct Crew {
    size: u64,
    free: VecDeque<Process>,
    busy: BTreeMap<Process, (Duration, Invocation)>,
}

/// What a completion ended.
#[derive(Debug)]
pub struct Ended {
    /// The operation it belongs to.
    pub invocation: Invocation,
    /// Whether the process retires with it.
    pub retired: bool,
}

impl Crew {
    /// Processes `0..size`, all free.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self {
            size,
            free: (0..size).map(Process).collect(),
            busy: BTreeMap::new(),
        }
    }

    /// Somebody to do something, longest idle first.
    #[must_use]
    pub fn idle(&self) -> Option<Process> {
        self.free.front().copied()
    }

    /// How many are busy.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.busy.len()
    }

    /// The operation that has been out longest, and since when.
    #[must_use]
    pub fn longest_out(&self) -> Option<(Duration, &Invocation)> {
        self.busy
            .values()
            .map(|(since, invocation)| (*since, invocation))
            .min_by_key(|(since, _)| *since)
    }

    /// Notes that a free process set out at `now` to do `invocation`.
    pub fn depart(&mut self, now: Duration, invocation: Invocation) {
        self.free.retain(|process| *process != invocation.process);
        self.busy.insert(invocation.process, (now, invocation));
    }

    /// Notes what came of a process's operation. A retired process's place is taken by its number plus the crew's size.
    /// None when that process was not busy: then nothing is ended.
    pub fn complete(&mut self, completion: &Completion) -> Option<Ended> {
        let (_, invocation) = self.busy.remove(&completion.process)?;
        let retired = matches!(completion.outcome, Outcome::Info { .. });
        let Process(number) = completion.process;
        self.free
            .push_back(Process(if retired { number + self.size } else { number }));
        Some(Ended { invocation, retired })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use histories::Function;
    use serde_json::Value;

    #[test]
    fn an_unknown_outcome_retires_the_process_and_keeps_its_thread() {
        let mut crew = Crew::new(2);
        let process = crew.idle().unwrap();
        crew.depart(
            Duration::ZERO,
            Invocation {
                process,
                f: Function::Read,
                key: "k".into(),
                value: Value::Null,
            },
        );
        assert_eq!((crew.idle(), crew.busy()), (Some(Process(1)), 1));
        let completion = Completion {
            process,
            outcome: Outcome::Info {
                error: "timeout".into(),
            },
        };
        assert!(crew.complete(&completion).unwrap().retired);
        assert!(crew.complete(&completion).is_none(), "an operation ends once");
        crew.depart(
            Duration::ZERO,
            Invocation {
                process: Process(1),
                f: Function::Read,
                key: "k".into(),
                value: Value::Null,
            },
        );
        assert_eq!(crew.idle(), Some(Process(2)), "0 is replaced by 0 + 2");
    }
}
