//! Linearizability by trying every order: slow, short, and written without a look at the crate's own models.

use histories::history::{Ending, History, Operation};
use histories::op::Function;
use serde_json::{Value, json};

/// An operation as the oracle sees it.
struct Step {
    f: Function,
    argument: Value,
    /// None if it is not known to have taken effect.
    observed: Option<Observed>,
    call: u64,
    ret: Option<u64>,
}

enum Observed {
    /// It took effect and was answered so.
    Answer(Value),
    /// It was evaluated and did not match; what it saw, where known.
    NoMatch(Option<Value>),
}

/// Whether some order of the operations chosen by `keep` explains all answers, object by object.
pub(crate) fn is_linearizable(history: &History, keep: impl Fn(&Operation) -> bool) -> bool {
    history.by_key().into_values().all(|ids| {
        let operations = ids
            .into_iter()
            .map(|id| history.operation(id))
            .filter(|operation| keep(operation));
        let steps: Vec<Step> = operations
            .filter_map(|operation| step(history, operation))
            .collect();
        let is_string = steps
            .iter()
            .any(|step| matches!(step.f, Function::Get | Function::Put));
        let is_list = !is_string && steps.iter().any(|step| step.f == Function::Append)
            || steps.iter().any(|step| {
                matches!(&step.observed, Some(Observed::Answer(Value::Array(_)))) && step.f == Function::Read
            });
        let start = if is_string {
            json!("")
        } else if is_list {
            json!([])
        } else {
            Value::Null
        };
        any_order(&steps, &mut vec![false; steps.len()], &start)
    })
}

fn step(history: &History, operation: &Operation) -> Option<Step> {
    let values = history.values();
    let observed = match &operation.ending {
        Ending::Ok(answer) => Some(Observed::Answer(values.json(answer))),
        Ending::Fail { error, saw } if &**error == "precondition-failed" => {
            Some(Observed::NoMatch(saw.as_ref().map(|saw| values.json(saw))))
        }
        Ending::Fail { .. } => return None,
        Ending::Info { .. } | Ending::Unfinished => None,
    };
    Some(Step {
        f: operation.f,
        argument: values.json(&operation.value),
        ret: if observed.is_some() {
            operation.ret.map(|ret| ret.0)
        } else {
            None
        },
        observed,
        call: operation.call.0,
    })
}

fn any_order(steps: &[Step], done: &mut Vec<bool>, state: &Value) -> bool {
    if steps
        .iter()
        .zip(&*done)
        .all(|(step, done)| *done || step.observed.is_none())
    {
        return true;
    }
    (0..steps.len()).any(|next| {
        let may_come = !done[next]
            && steps
                .iter()
                .zip(&*done)
                .all(|(other, done)| *done || other.ret.is_none_or(|ret| ret >= steps[next].call));
        if !may_come {
            return false;
        }
        let Some(after) = apply(&steps[next], state) else {
            return false;
        };
        done[next] = true;
        let found = any_order(steps, done, &after);
        done[next] = false;
        found
    })
}

/// The state after the step, or none if it cannot have been answered so.
fn apply(step: &Step, state: &Value) -> Option<Value> {
    let argument = &step.argument;
    let answer = match &step.observed {
        Some(Observed::NoMatch(saw)) => {
            let matched = *state == argument[0] || saw.as_ref().is_some_and(|saw| saw != state);
            return if matched { None } else { Some(state.clone()) };
        }
        Some(Observed::Answer(answer)) => Some(answer),
        None => None,
    };
    match step.f {
        Function::Read | Function::Get => answer.is_none_or(|answer| answer == state).then(|| state.clone()),
        Function::Write | Function::Put => Some(argument.clone()),
        Function::Cas => (*state == argument[0]).then(|| argument[1].clone()),
        Function::Append => Some(match state {
            Value::Array(tokens) => tokens.iter().chain([argument]).cloned().collect(),
            Value::String(text) => json!(format!("{text}{}", argument.as_str()?)),
            _ => return None,
        }),
        other => panic!("the oracle does not know {other}"),
    }
}

/// A sanity check of the oracle itself on histories that a person can judge.
#[test]
fn the_oracle_knows_the_plain_cases() {
    use histories::history::Time;
    use histories::op::Outcome;
    let history = |second: Value| {
        let mut builder = History::builder();
        builder.ask(Time(1), 0, Function::Write, "k", json!(1)).unwrap();
        builder.answer(Time(2), 0, Outcome::Ok(json!(1))).unwrap();
        builder.ask(Time(3), 0, Function::Write, "k", json!(2)).unwrap();
        builder.ask(Time(4), 1, Function::Read, "k", json!(null)).unwrap();
        builder.answer(Time(5), 1, Outcome::Ok(second)).unwrap();
        builder.finish()
    };
    assert!(is_linearizable(&history(json!(1)), |_| true));
    assert!(
        is_linearizable(&history(json!(2)), |_| true),
        "the pending write may have taken effect"
    );
    assert!(
        !is_linearizable(&history(json!(null)), |_| true),
        "the first write was acknowledged before"
    );
}
