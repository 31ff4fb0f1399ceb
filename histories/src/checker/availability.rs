//! How long it did not answer, and how soon it answered again: figures, and whether they keep within a bound.

use crate::history::{Ending, History, Operation, PRECONDITION_FAILED, Time};

use super::progress::Window;

/// Pauses between attempts up to this long count as trying; longer ones as nobody asking.
pub const PAUSE_NS_MAX: u64 = 1_000_000_000;

/// A stretch in which operations were attempted and none succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// From the last success, or the first attempt after a time in which nobody asked.
    pub from: Time,
    /// To the next success, or the last attempt.
    pub to: Time,
}

/// How soon after a window's end something succeeded that was asked after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// So many nanoseconds after.
    After(u64),
    /// Operations were attempted, and none succeeded; the last attempt ended so many nanoseconds after.
    NotWithin(u64),
    /// Nobody asked.
    Untried,
}

impl Outage {
    /// Its length in nanoseconds.
    #[must_use]
    pub const fn length_ns(self) -> u64 {
        self.to.0 - self.from.0
    }

    /// The part of it that lies in `window`, if any does.
    #[must_use]
    pub fn within(self, window: Window) -> Option<Self> {
        let (from, to) = (self.from.max(window.from), self.to.min(window.to));
        (from < to).then_some(Self { from, to })
    }
}

impl Recovery {
    /// Whether it recovered within `bound_ns`; none when that was not tried for long enough to tell.
    #[must_use]
    pub const fn is_within(self, bound_ns: u64) -> Option<bool> {
        match self {
            Self::After(ns) => Some(ns <= bound_ns),
            Self::NotWithin(ns) if ns >= bound_ns => Some(false),
            Self::NotWithin(_) | Self::Untried => None,
        }
    }
}

/// The longest stretch without any success while operations were being attempted; none if nothing was attempted.
#[must_use]
pub fn longest_outage(history: &History) -> Option<Outage> {
    // Of two that are equally long the earlier one.
    let longer = |one: Outage, other: Outage| {
        if one.length_ns() < other.length_ns() {
            other
        } else {
            one
        }
    };
    outages(history).into_iter().reduce(longer)
}

/// Every stretch without any success while operations were being attempted, in order; they share no more than their ends.
#[must_use]
pub fn outages(history: &History) -> Vec<Outage> {
    let mut edges = edges(history);
    edges.sort_by_key(|edge| edge.time());
    let mut outages = Vec::new();
    let mut stretch: Option<Outage> = None;
    let mut open = 0_u64;
    for edge in edges {
        let time = edge.time();
        let goes_on = |last: &Outage| open > 0 || time.0 - last.to.0 <= PAUSE_NS_MAX;
        let now = match stretch.take() {
            Some(last) if goes_on(&last) => Outage { to: time, ..last },
            over => {
                outages.extend(over);
                Outage { from: time, to: time }
            }
        };
        match edge {
            Edge::Asked(_) => open += 1,
            Edge::GaveUp(_) | Edge::Succeeded(_) => open -= 1,
        }
        stretch = Some(now);
        if let Edge::Succeeded(_) = edge {
            outages.push(now);
            stretch = Some(Outage { from: time, to: time });
        }
    }
    outages.extend(stretch);
    outages
}

/// For each window, how soon after its end something succeeded that was asked after it.
#[must_use]
pub fn recoveries(history: &History, windows: &[Window]) -> Vec<Recovery> {
    let operations = history.operations();
    // The earliest success among the operations from each place on.
    let mut first_success = vec![None; operations.len() + 1];
    let mut last_attempt = vec![None; operations.len() + 1];
    for (place, operation) in operations.iter().enumerate().rev() {
        let success = if operation.answer().is_some() {
            operation.ret
        } else {
            None
        };
        first_success[place] = [success, first_success[place + 1]].into_iter().flatten().min();
        last_attempt[place] = last_attempt[place + 1].max(Some(learned(&operation)));
    }
    let recovery = |window: &Window| {
        let place = operations.asked_until(window.to);
        match (first_success[place], last_attempt[place]) {
            (Some(Time(success)), _) => Recovery::After(success - window.to.0),
            (None, Some(Time(last))) => Recovery::NotWithin(last - window.to.0),
            (None, None) => Recovery::Untried,
        }
    };
    windows.iter().map(recovery).collect()
}

#[derive(Debug, Clone, Copy)]
enum Edge {
    Asked(Time),
    Succeeded(Time),
    GaveUp(Time),
}

impl Edge {
    const fn time(self) -> Time {
        match self {
            Self::Asked(time) | Self::Succeeded(time) | Self::GaveUp(time) => time,
        }
    }
}

/// The edges of all operations. One that never completed counts as asked and given up at once: nobody waited for it.
fn edges(history: &History) -> Vec<Edge> {
    let ends = |operation: &Operation| match &operation.ending {
        Ending::Ok(_) => Edge::Succeeded(learned(operation)),
        // It was evaluated: the system did answer.
        Ending::Fail { error, .. } if *error == PRECONDITION_FAILED => Edge::Succeeded(learned(operation)),
        Ending::Fail { .. } | Ending::Info { .. } | Ending::Unfinished => Edge::GaveUp(learned(operation)),
    };
    history
        .operations()
        .iter()
        .flat_map(|operation| [Edge::Asked(operation.call), ends(&operation)])
        .collect()
}

fn learned(operation: &Operation) -> Time {
    operation.completed.unwrap_or(operation.call)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Function, Outcome};
    use serde_json::json;

    const S: u64 = 1_000_000_000;

    /// Reads of one process each: call, completion, and whether it succeeded.
    fn reads(spans: &[(u64, u64, bool)]) -> History {
        let mut edges: Vec<(u64, bool, u64)> = Vec::new();
        for (process, &(call, end, _)) in spans.iter().enumerate() {
            edges.push((call, false, process as u64));
            edges.push((end, true, process as u64));
        }
        edges.sort_unstable();
        let mut builder = History::builder();
        for (t, is_end, process) in edges {
            let outcome = if spans[usize::try_from(process).unwrap()].2 {
                Outcome::Ok(json!(null))
            } else {
                Outcome::Info {
                    error: "timeout".to_owned(),
                }
            };
            if is_end {
                builder.answer(Time(t), process, outcome).unwrap();
            } else {
                builder
                    .ask(Time(t), process, Function::Read, "k", json!(null))
                    .unwrap();
            }
        }
        builder.finish()
    }

    #[test]
    fn an_outage_lasts_from_success_to_success() {
        let history = reads(&[
            (0, S, true),
            (2 * S, 5 * S, false),
            (5 * S, 6 * S, true),
            (6 * S, 7 * S, true),
        ]);
        assert_eq!(
            longest_outage(&history),
            Some(Outage {
                from: Time(S),
                to: Time(6 * S)
            })
        );
    }

    #[test]
    fn a_time_in_which_nobody_asked_is_no_outage() {
        let history = reads(&[(0, S, true), (20 * S, 21 * S, true), (21 * S, 23 * S, false)]);
        assert_eq!(
            longest_outage(&history),
            Some(Outage {
                from: Time(21 * S),
                to: Time(23 * S)
            })
        );
        assert_eq!(longest_outage(&reads(&[])), None);
    }

    #[test]
    fn every_outage_is_told_and_how_much_of_it_lies_in_a_window() {
        let history = reads(&[(0, S, true), (S, 4 * S, true), (20 * S, 22 * S, false)]);
        let outage = |from: u64, to: u64| Outage {
            from: Time(from * S),
            to: Time(to * S),
        };
        let long: Vec<Outage> = outages(&history)
            .into_iter()
            .filter(|outage| outage.length_ns() > 0)
            .collect();
        assert_eq!(long, [outage(0, 1), outage(1, 4), outage(20, 22)]);
        let window = Window {
            from: Time(3 * S),
            to: Time(21 * S),
        };
        let within: Vec<Option<Outage>> = long.into_iter().map(|outage| outage.within(window)).collect();
        assert_eq!(within, [None, Some(outage(3, 4)), Some(outage(20, 21))]);
    }

    #[test]
    fn an_operation_that_is_open_for_long_is_an_attempt_all_the_while() {
        let history = reads(&[(0, 10 * S, true), (10 * S, 11 * S, true)]);
        assert_eq!(longest_outage(&history).unwrap().length_ns(), 10 * S);
    }

    #[test]
    fn recovery_counts_operations_asked_after_the_end_only() {
        let history = reads(&[
            (0, 3 * S, true),
            (2 * S, 9 * S, true),
            (3 * S, 5 * S, false),
            (4 * S, 6 * S, true),
        ]);
        let window = |to: u64| Window {
            from: Time(0),
            to: Time(to),
        };
        assert_eq!(
            recoveries(&history, &[window(S), window(2 * S), window(4 * S)]),
            [Recovery::After(5 * S), Recovery::After(4 * S), Recovery::Untried]
        );
    }

    #[test]
    fn a_bound_is_missed_only_when_it_was_tried_for_that_long() {
        let history = reads(&[(2 * S, 5 * S, false)]);
        let [recovery] = recoveries(
            &history,
            &[Window {
                from: Time(0),
                to: Time(S),
            }],
        )[..] else {
            panic!()
        };
        assert_eq!(recovery, Recovery::NotWithin(4 * S));
        assert_eq!(recovery.is_within(4 * S), Some(false));
        assert_eq!(recovery.is_within(5 * S), None);
        assert_eq!(Recovery::After(4).is_within(4), Some(true));
        assert_eq!(Recovery::After(5).is_within(4), Some(false));
    }
}
