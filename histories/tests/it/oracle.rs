//! Linearizability by trying every order: slow, short, and written without a look at the crate's own models.

use std::collections::BTreeSet;

use histories::history::{Ending, History, Operation, OperationId};
use histories::op::Function;
use histories::{Certificate, ModelName};
use serde_json::{Value, json};

/// An operation as the oracle sees it.
struct Step {
    f: Function,
    argument: Value,
    /// None if it is not known what it was answered.
    observed: Option<Observed>,
    /// Whether it need not have happened.
    is_optional: bool,
    /// Whether it reads a set, whose order means nothing.
    is_set: bool,
    call: u64,
    ret: Option<u64>,
}

enum Observed {
    /// It took effect and was answered so.
    Answer(Value),
    /// It was evaluated and did not match; what it saw, where known.
    NoMatch(Option<Value>),
}

/// Whether some order of the operations explains all answers, object by object. Operations that are not `demanded` may have
/// happened between their call and their return, or not at all.
pub(crate) fn is_linearizable(
    history: &History,
    model: ModelName,
    demanded: impl Fn(&Operation) -> bool,
) -> bool {
    history.by_key().into_values().all(|ids| {
        let operations = ids.into_iter().map(|id| history.operation(id));
        let steps: Vec<Step> = operations
            .filter_map(|operation| {
                if demanded(&operation) {
                    step(history, model, &operation)
                } else {
                    loosened(history, model, &operation)
                }
            })
            .collect();
        any_order(&steps, 0, &start(model), &mut BTreeSet::new())
    })
}

/// What is wrong with the certificates of a history that was called linearizable.
pub(crate) fn doubt(history: &History, model: ModelName, certificates: &[Certificate]) -> Option<String> {
    let keys = history.by_key();
    if keys.len() != certificates.len() {
        return Some("not a certificate for each key".to_owned());
    }
    keys.into_iter()
        .zip(certificates)
        .find_map(|((key, ids), certificate)| {
            if certificate.key != key {
                return Some("a certificate of another key".to_owned());
            }
            doubt_order(history, model, &ids, certificate)
        })
}

fn doubt_order(
    history: &History,
    model: ModelName,
    ids: &[OperationId],
    certificate: &Certificate,
) -> Option<String> {
    let mut state = start(model);
    let mut latest = 0;
    let mut left: BTreeSet<OperationId> = ids.iter().copied().collect();
    for id in &certificate.order {
        let operation = history.operation(*id);
        if !left.remove(id) {
            return Some(format!("{id:?} stands twice"));
        }
        let Some(step) = step(history, model, &operation) else {
            return Some(format!("{id:?} failed"));
        };
        latest = latest.max(step.call);
        if step.ret.is_some_and(|ret| ret < latest) {
            return Some(format!("{id:?} comes too late"));
        }
        match apply(&step, &state) {
            Some(next) => state = next,
            None => return Some(format!("{id:?} cannot be answered so in {state}")),
        }
    }
    let unknown = left
        .iter()
        .copied()
        .filter(|&id| history.operation(id).is_indeterminate());
    if !unknown.eq(certificate.left_out.iter().copied()) {
        return Some("what was left out is not what is missing".to_owned());
    }
    left.iter()
        .find(|&&id| step(history, model, &history.operation(id)).is_some_and(|step| step.observed.is_some()))
        .map(|id| format!("{id:?} is missing"))
}

fn start(model: ModelName) -> Value {
    match model {
        ModelName::Register | ModelName::CasRegister | ModelName::Lock => Value::Null,
        ModelName::Append | ModelName::Set | ModelName::Queue => json!([]),
        ModelName::Kv => json!(""),
        ModelName::Counter => json!(0),
    }
}

fn loosened(history: &History, model: ModelName, operation: &Operation) -> Option<Step> {
    let step = step(history, model, operation)?;
    let is_refused = matches!(step.observed, Some(Observed::NoMatch(_)));
    (!is_refused).then_some(Step {
        is_optional: true,
        ..step
    })
}

fn step(history: &History, model: ModelName, operation: &Operation) -> Option<Step> {
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
        argument: values.json(operation.value),
        ret: if observed.is_some() {
            operation.ret.map(|ret| ret.0)
        } else {
            None
        },
        is_optional: observed.is_none(),
        is_set: model == ModelName::Set,
        observed,
        call: operation.call.0,
    })
}

/// Whether the steps that are not `done` yet, a set of bits, can come in some order after `state`. `failed` is where that was tried.
fn any_order(steps: &[Step], done: u32, state: &Value, failed: &mut BTreeSet<(u32, String)>) -> bool {
    let is_left = |&number: &usize| done >> number & 1 == 0;
    let left = || (0..steps.len()).filter(is_left);
    if left().all(|number| steps[number].is_optional) {
        return true;
    }
    if !failed.insert((done, state.to_string())) {
        return false;
    }
    let due = left()
        .filter(|&number| !steps[number].is_optional)
        .filter_map(|number| steps[number].ret)
        .min();
    let latest = (0..steps.len())
        .filter(|number| !is_left(number))
        .map(|number| steps[number].call)
        .max();
    left().any(|next| {
        let step = &steps[next];
        let is_in_time = step.ret.zip(latest).is_none_or(|(ret, latest)| latest <= ret);
        let may_come = is_in_time && due.is_none_or(|due| step.call <= due);
        let after = if may_come {
            apply(&steps[next], state)
        } else {
            None
        };
        after.is_some_and(|after| any_order(steps, done | 1 << next, &after, failed))
    })
}

/// The state after the step, or none if it cannot have been answered so.
fn apply(step: &Step, state: &Value) -> Option<Value> {
    let argument = &step.argument;
    let answer = match &step.observed {
        Some(Observed::NoMatch(_)) if step.f == Function::Dequeue => {
            return (*state == json!([])).then(|| state.clone());
        }
        Some(Observed::NoMatch(_)) if step.f == Function::Acquire => {
            return (!state.is_null()).then(|| state.clone());
        }
        Some(Observed::NoMatch(_)) if step.f == Function::Release => {
            return (*state != json!([argument])).then(|| state.clone());
        }
        Some(Observed::NoMatch(saw)) => {
            let matched = *state == argument[0] || saw.as_ref().is_some_and(|saw| saw != state);
            return if matched { None } else { Some(state.clone()) };
        }
        Some(Observed::Answer(answer)) => Some(answer),
        None => None,
    };
    match step.f {
        Function::Acquire => state.is_null().then(|| json!([argument])),
        Function::Release => (*state == json!([argument])).then_some(Value::Null),
        Function::Inc => Some(json!(state.as_i64()? + argument.as_i64().unwrap_or(1))),
        Function::Contains => {
            let is_in = state.as_array()?.contains(argument);
            answer
                .is_none_or(|answer| *answer == json!(is_in))
                .then(|| state.clone())
        }
        Function::Enqueue => Some(state.as_array()?.iter().chain([argument]).cloned().collect()),
        Function::Dequeue => {
            let items = state.as_array()?;
            let first = items.first().unwrap_or(&Value::Null);
            answer
                .is_none_or(|answer| answer == first)
                .then(|| items.iter().skip(1).cloned().collect())
        }
        Function::Add | Function::Remove => {
            let mut members = state.as_array()?.clone();
            members.retain(|member| member != argument);
            if step.f == Function::Add {
                members.push(argument.clone());
                members.sort_by_key(ToString::to_string);
            }
            Some(Value::Array(members))
        }
        Function::Read if step.is_set => {
            let mut read = answer?.as_array().cloned().unwrap_or_default();
            read.sort_by_key(ToString::to_string);
            (Value::Array(read) == *state).then(|| state.clone())
        }
        Function::Read | Function::Get => answer.is_none_or(|answer| answer == state).then(|| state.clone()),
        Function::Write | Function::Put => Some(argument.clone()),
        Function::Cas => (*state == argument[0]).then(|| argument[1].clone()),
        Function::Append => Some(match state {
            Value::Array(tokens) => tokens.iter().chain([argument]).cloned().collect(),
            Value::String(text) => json!(format!("{text}{}", argument.as_str()?)),
            _ => return None,
        }),
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
    assert!(is_linearizable(&history(json!(1)), ModelName::Register, |_| true));
    assert!(
        is_linearizable(&history(json!(2)), ModelName::Register, |_| true),
        "the pending write may have taken effect"
    );
    assert!(
        !is_linearizable(&history(json!(null)), ModelName::Register, |_| true),
        "the first write was acknowledged before"
    );
}
