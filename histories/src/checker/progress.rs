//! Did anything happen? A run in which nothing succeeded proves nothing, and neither does one in which nothing succeeded while it
//! was being hurt.
//!
//! This module knows intervals of time, not what they stand for.

use std::collections::BTreeMap;

use crate::history::{Ending, History, Operation, PRECONDITION_FAILED, Time};
use crate::op::Function;
use crate::verdict::Verdict;

/// From when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Its begin.
    pub from: Time,
    /// Its end, included.
    pub to: Time,
}

/// Windows of one sort, which may overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSet {
    /// How results call it.
    pub name: String,
    /// The windows.
    pub windows: Vec<Window>,
}

/// Operations of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Invoked (within the windows, where those are meant).
    pub invoked: u64,
    /// Succeeded, from invocation to completion (within the windows).
    pub ok: u64,
    /// Evaluated and declined: a compare-and-set that did not match. The system did answer.
    pub declined: u64,
}

/// What happened, over all and under each set of windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// In the whole history.
    pub overall: BTreeMap<Function, Tally>,
    /// While any window was on.
    pub under_any: BTreeMap<Function, Tally>,
    /// While a window of the set was on, by the name of the set.
    pub under: BTreeMap<String, BTreeMap<Function, Tally>>,
    /// [`Verdict::Valid`] if something happened, else [`Verdict::Unknown`].
    pub verdict: Verdict,
}

/// A function that was tried less often than this under the windows may have failed each time by chance.
pub const ATTEMPTS_MIN: u64 = 10;

impl Progress {
    /// What happened in `history` and under the windows of `sets`.
    #[must_use]
    pub fn of(history: &History, sets: &[WindowSet]) -> Self {
        let everything = Window {
            from: Time(0),
            to: Time(u64::MAX),
        };
        let all: Vec<Window> = sets.iter().flat_map(|set| set.windows.iter().copied()).collect();
        let overall = tally(history, &[everything]);
        let under_any = tally(history, &merged(&all));
        let under = sets
            .iter()
            .map(|set| (set.name.clone(), tally(history, &merged(&set.windows))))
            .collect();
        let verdict = verdict(&overall, if all.is_empty() { None } else { Some(&under_any) });
        Self {
            overall,
            under_any,
            under,
            verdict,
        }
    }
}

/// Overlapping and touching windows made one, in the order of time.
fn merged(windows: &[Window]) -> Vec<Window> {
    let mut sorted = windows.to_vec();
    sorted.sort_unstable();
    let mut merged: Vec<Window> = Vec::new();
    for window in sorted {
        match merged.last_mut() {
            Some(last) if window.from <= last.to => last.to = last.to.max(window.to),
            _ => merged.push(window),
        }
    }
    merged
}

fn tally(history: &History, windows: &[Window]) -> BTreeMap<Function, Tally> {
    let mut tallies: BTreeMap<Function, Tally> = BTreeMap::new();
    for operation in history.operations() {
        let Some(window) = window_at(windows, operation.call) else {
            continue;
        };
        let tally = tallies.entry(operation.f).or_default();
        tally.invoked += 1;
        if operation.ret.is_some_and(|ret| ret <= window.to) {
            tally.ok += u64::from(operation.answer().is_some());
            tally.declined += u64::from(is_declined(&operation));
        }
    }
    tallies
}

fn window_at(windows: &[Window], time: Time) -> Option<Window> {
    let after = windows.partition_point(|window| window.from <= time);
    windows[..after]
        .last()
        .copied()
        .filter(|window| time <= window.to)
}

fn is_declined(operation: &Operation) -> bool {
    matches!(operation.ending, Ending::Fail { error, .. } if error == PRECONDITION_FAILED)
}

fn verdict(overall: &BTreeMap<Function, Tally>, under: Option<&BTreeMap<Function, Tally>>) -> Verdict {
    let answered = |tally: &Tally| tally.ok + tally.declined;
    let nothing = |tallies: &BTreeMap<Function, Tally>| tallies.values().map(answered).sum::<u64>() == 0;
    if nothing(overall) {
        return Verdict::Unknown("vacuous: no operation succeeded".to_owned());
    }
    let Some(under) = under else { return Verdict::Valid };
    if nothing(under) {
        return Verdict::Unknown("vacuous: no operation succeeded while a fault was on".to_owned());
    }
    let starved: Vec<String> = under
        .iter()
        .filter(|(_, tally)| tally.invoked >= ATTEMPTS_MIN && answered(tally) == 0)
        .map(|(f, tally)| {
            format!(
                "none of {} {f} operations succeeded while a fault was on",
                tally.invoked
            )
        })
        .collect();
    if starved.is_empty() {
        Verdict::Valid
    } else {
        Verdict::Unknown(format!("vacuous: {}", starved.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Outcome;
    use serde_json::json;

    fn window(from: u64, to: u64) -> Window {
        Window {
            from: Time(from),
            to: Time(to),
        }
    }

    fn set(name: &str, windows: &[Window]) -> WindowSet {
        WindowSet {
            name: name.to_owned(),
            windows: windows.to_vec(),
        }
    }

    /// Reads, each from its begin to its end, one after the other; those with an end that is odd fail.
    fn reads(spans: &[(u64, u64)]) -> History {
        let mut builder = History::builder();
        for &(call, ret) in spans {
            builder
                .ask(Time(call), 0, Function::Read, "k", json!(null))
                .unwrap();
            let outcome = if ret % 2 == 0 {
                Outcome::Ok(json!(null))
            } else {
                Outcome::Fail {
                    error: "no-primary".to_owned(),
                    saw: None,
                }
            };
            builder.answer(Time(ret), 0, outcome).unwrap();
        }
        builder.finish()
    }

    #[test]
    fn an_operation_counts_where_it_began_and_ended_under_the_same_stretch_of_windows() {
        let history = reads(&[(0, 2), (12, 14), (18, 22), (29, 32), (50, 60)]);
        let progress = Progress::of(
            &history,
            &[
                set("a", &[window(10, 20)]),
                set("b", &[window(20, 30), window(15, 16)]),
            ],
        );
        assert_eq!(
            progress.overall[&Function::Read],
            Tally {
                invoked: 5,
                ok: 5,
                declined: 0
            }
        );
        assert_eq!(
            progress.under["a"][&Function::Read],
            Tally {
                invoked: 2,
                ok: 1,
                declined: 0
            }
        );
        assert_eq!(
            progress.under["b"][&Function::Read],
            Tally {
                invoked: 1,
                ok: 0,
                declined: 0
            }
        );
        assert_eq!(
            progress.under_any[&Function::Read],
            Tally {
                invoked: 3,
                ok: 2,
                declined: 0
            }
        );
        assert_eq!(progress.verdict, Verdict::Valid);
    }

    #[test]
    fn nothing_under_the_windows_is_vacuous() {
        let history = reads(&[(0, 2), (12, 13), (50, 60)]);
        let progress = Progress::of(&history, &[set("a", &[window(10, 20)])]);
        assert_eq!(
            progress.verdict,
            Verdict::Unknown("vacuous: no operation succeeded while a fault was on".to_owned())
        );
        assert_eq!(Progress::of(&history, &[]).verdict, Verdict::Valid);
    }

    #[test]
    fn nothing_at_all_is_vacuous() {
        let expected = Verdict::Unknown("vacuous: no operation succeeded".to_owned());
        assert_eq!(Progress::of(&reads(&[(0, 3)]), &[]).verdict, expected);
        assert_eq!(Progress::of(&reads(&[]), &[]).verdict, expected);
    }

    #[test]
    fn a_function_that_never_succeeds_under_the_windows_is_named() {
        let mut builder = History::builder();
        for round in 0..ATTEMPTS_MIN {
            for (f, outcome) in [
                (Function::Read, Outcome::Ok(json!(null))),
                (
                    Function::Write,
                    Outcome::Info {
                        error: "timeout".to_owned(),
                    },
                ),
                (
                    Function::Cas,
                    Outcome::Fail {
                        error: PRECONDITION_FAILED.to_owned(),
                        saw: None,
                    },
                ),
            ] {
                builder.ask(Time(round), round, f, "k", json!(null)).unwrap();
                builder.answer(Time(round), round, outcome).unwrap();
            }
        }
        let progress = Progress::of(&builder.finish(), &[set("a", &[window(0, 99)])]);
        let Verdict::Unknown(reason) = progress.verdict else {
            panic!("{:?}", progress.verdict)
        };
        assert_eq!(
            reason,
            "vacuous: none of 10 write operations succeeded while a fault was on"
        );
    }
}
