//! Whether the answers that clients of a key-value store saw could be those of one store.

use std::collections::{BTreeMap, BTreeSet};

use systems::service::Service;
use systems::service::kv::{Answer, KeyValue, Op};
use systems::{Conclusion, Session, Time};

use crate::world::Call;

/// One operation on one key, for the search.
struct Step<'a> {
    op: &'a Op,
    called: Time,
    /// None if nobody knows whether or when it took effect.
    answered: Option<(Time, &'a Answer)>,
}

/// Whether the answers of all calls could be those of one store, doing each call at one moment between its beginning and its end.
/// Keys are independent, so each is searched for itself.
pub(crate) fn not_linearizable<S>(calls: &[Call<S>]) -> Option<String>
where
    S: Session<Op = Op, Answer = Answer>,
{
    let mut keys: BTreeMap<&str, Vec<Step<'_>>> = BTreeMap::new();
    for Call {
        op, called, ended, ..
    } in calls
    {
        let answered = match ended {
            Some((_, Conclusion::NeverSent)) => continue,
            Some((at, Conclusion::Answered(answer))) => Some((*at, answer)),
            Some((_, Conclusion::Unknown)) | None => None,
        };
        keys.entry(op.key()).or_default().push(Step {
            op,
            called: *called,
            answered,
        });
    }
    let wrong = keys.into_iter().find(|(_, steps)| {
        let appends = steps
            .iter()
            .all(|step| matches!(step.op, Op::Append { .. } | Op::Get { .. }));
        if appends {
            !appends_in_order(steps)
        } else {
            !search(steps)
        }
    });
    wrong.map(|(key, steps)| format!("not linearizable: key {key}\n{}", shown(&steps)))
}

/// Where everything was appended, token by token, the longest value read tells the order of all appends, and every read its own
/// place in it. What is left to see is that all values agree and that the order is one of time, too.
fn appends_in_order(steps: &[Step<'_>]) -> bool {
    let empty = String::new();
    let read = |step: &Step<'_>| match step.answered {
        Some((_, Answer::Value(value))) => Some(value.clone().unwrap_or_default()),
        _ => None,
    };
    let longest = steps
        .iter()
        .filter_map(read)
        .max_by_key(String::len)
        .unwrap_or(empty);
    let place = |step: &Step<'_>| match (step.op, step.answered) {
        (Op::Append { value, .. }, _) => longest
            .match_indices(value.as_str())
            .next()
            .map(|(at, _)| at + value.len()),
        (_, Some(_)) => read(step)
            .filter(|value| longest.starts_with(value))
            .map(|value| value.len()),
        (_, None) => None,
    };
    let last_read = steps
        .iter()
        .filter(|step| read(step).is_some())
        .map(|step| step.called)
        .max();
    let mut order: Vec<(usize, bool, &Step<'_>)> = Vec::new();
    for step in steps {
        let is_read = matches!(step.op, Op::Get { .. });
        match (place(step), step.answered) {
            (Some(at), _) => order.push((at, is_read, step)),
            (None, None) => (),
            // An append that was answered after the last read began may have come after it.
            (None, Some((ended, _))) if !is_read && last_read.is_none_or(|called| called < ended) => (),
            (None, Some(_)) => return false,
        }
    }
    order.sort_by_key(|&(at, is_read, step)| (at, is_read, step.called));
    let mut latest = Time::ZERO;
    order.iter().all(|(_, _, step)| {
        latest = latest.max(step.called);
        step.answered.is_none_or(|(ended, _)| latest <= ended)
    }) && no_token_twice(steps, &longest)
}

fn no_token_twice(steps: &[Step<'_>], longest: &str) -> bool {
    let tokens: Vec<&str> = longest.split_inclusive(' ').collect();
    let distinct: BTreeSet<&str> = tokens.iter().copied().collect();
    let appended = |token: &str| {
        steps
            .iter()
            .any(|step| matches!(step.op, Op::Append { value, .. } if value == token))
    };
    distinct.len() == tokens.len() && tokens.iter().all(|token| appended(token))
}

/// Depth first over which call comes next, answered ones first; what was tried before (the calls done, and the value) is not
/// tried again.
fn search(steps: &[Step<'_>]) -> bool {
    let mut tried: BTreeSet<(Vec<usize>, Option<String>)> = BTreeSet::new();
    let mut open: Vec<(Vec<usize>, KeyValue)> = vec![(in_order_of_trial(steps), KeyValue::default())];
    while let Some((left, store)) = open.pop() {
        assert!(
            tried.len() < STATES_MAX,
            "the search does not end\n{}",
            shown(steps)
        );
        let first_end = left
            .iter()
            .filter_map(|&i| steps[i].answered.map(|(at, _)| at))
            .min();
        let Some(first_end) = first_end else { return true };
        for &i in left.iter().filter(|&&i| steps[i].called <= first_end) {
            let mut next = store.clone();
            let answer = next.apply(steps[i].op);
            if steps[i].answered.is_some_and(|(_, given)| *given != answer) {
                continue;
            }
            let left: Vec<usize> = left.iter().copied().filter(|&other| other != i).collect();
            if tried.insert((left.clone(), next.get(steps[i].op.key()).map(str::to_owned))) {
                open.push((left, next));
            }
        }
    }
    false
}

const STATES_MAX: usize = 500_000;

/// The last is tried first. What nobody knows the end of and nobody saw anything of need not be tried at all: every value is
/// written once.
fn in_order_of_trial(steps: &[Step<'_>]) -> Vec<usize> {
    let seen = seen_values(steps);
    let useful = |step: &Step<'_>| {
        step.answered.is_some() || written(step.op).is_some_and(|value| seen.contains(value))
    };
    let mut order: Vec<usize> = (0..steps.len()).filter(|&i| useful(&steps[i])).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(steps[i].answered.map_or(u64::MAX, |(at, _)| at.as_nanos())));
    order
}

fn written(op: &Op) -> Option<&str> {
    match op {
        Op::Get { .. } => None,
        Op::Put { value, .. } | Op::Append { value, .. } | Op::Cas { to: value, .. } => Some(value),
    }
}

/// The values somebody was told of, and those that must have been there for such a value to be written.
fn seen_values<'a>(steps: &'a [Step<'_>]) -> BTreeSet<&'a str> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for step in steps {
        match step.answered {
            Some((_, Answer::Value(Some(value)) | Answer::Mismatch { saw: Some(value) })) => {
                seen.insert(value)
            }
            Some((_, Answer::Done)) => written(step.op).is_some_and(|value| seen.insert(value)),
            _ => false,
        };
    }
    loop {
        let conditions = steps.iter().filter_map(|step| match step.op {
            Op::Cas {
                from: Some(from), to, ..
            } if seen.contains(to.as_str()) => Some(from.as_str()),
            _ => None,
        });
        let news: Vec<&str> = conditions.filter(|from| !seen.contains(from)).collect();
        if news.is_empty() {
            return seen;
        }
        seen.extend(news);
    }
}

fn shown(steps: &[Step<'_>]) -> String {
    let line = |step: &Step<'_>| {
        let (from, to) = (
            step.called.as_nanos() as f64 / 1e6,
            step.answered.map(|(at, _)| at.as_nanos() as f64 / 1e6),
        );
        format!(
            "{from:>10.3} .. {to:>10.3?} {:?} -> {:?}",
            step.op,
            step.answered.map(|(_, answer)| answer)
        )
    };
    steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Every acknowledged token of `tokens` stands in `text` once, and nothing stands there twice.
pub(crate) fn check_appends(text: &str, acknowledged: &[String]) {
    for token in acknowledged {
        assert_eq!(text.matches(token.as_str()).count(), 1, "{token:?} in {text:?}");
    }
    let mut seen = BTreeSet::new();
    for token in text.split_inclusive(' ') {
        assert!(seen.insert(token), "{token:?} stands twice in {text:?}");
    }
}
