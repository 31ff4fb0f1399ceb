//! The checkers against the oracle, on many random histories.

use fastrand::Rng;
use histories::checker::linearizable::Method;
use histories::history::{Ending, History};
use histories::{Checker, ExactlyOnce, Limits, Linearizable, ModelName, Verdict};

use crate::generate::{Sort, history, shape};
use crate::oracle::{doubt, is_linearizable};

/// Histories of each sort in the test suite; the environment variable `HISTORIES_FUZZ` asks for more.
const HISTORIES: u64 = 6_000;

/// Judges one history in every way there is; the answer is whether it is linearizable.
fn judge(history: &History, sort: Sort) -> Result<bool, String> {
    let expected = is_linearizable(history, sort.model(), |_| true);
    for method in [Method::Fitting, Method::Search, Method::Impatient] {
        let checker = Linearizable::new(sort.model()).with_method(method);
        let report = checker.check(history, &Limits::patient());
        match &report.verdict {
            Verdict::Valid if expected => {
                if let Some(doubt) = doubt(history, sort.model(), &report.certificates) {
                    return Err(format!("{method:?}: {doubt}: {:?}", report.certificates));
                }
            }
            Verdict::Unknown(reason) if expected && reason.starts_with("vacuous") => {}
            Verdict::Invalid(anomalies) if !expected => {
                for anomaly in anomalies {
                    let is_named = |operation: &histories::Operation| anomaly.ops.contains(&operation.index);
                    if anomaly.ops.is_empty() || is_linearizable(history, sort.model(), is_named) {
                        return Err(format!("{method:?}: the proof is none: {anomaly:?}"));
                    }
                }
            }
            wrong => {
                return Err(format!(
                    "{method:?}: linearizable is {expected}, but it said {wrong:?}"
                ));
            }
        }
    }
    if sort == Sort::Append {
        let verdict = ExactlyOnce.check(history, &Limits::patient()).verdict;
        if matches!(verdict, Verdict::Invalid(_)) == expected {
            return Err(format!(
                "exactly-once: linearizable is {expected}, but it said {verdict:?}"
            ));
        }
    }
    Ok(expected)
}

fn agree(sort: Sort) {
    let asked = std::env::var("HISTORIES_FUZZ")
        .ok()
        .and_then(|text| text.parse().ok());
    let mut valid = 0;
    let count = asked.unwrap_or(HISTORIES);
    for seed in 0..count {
        let mut rng = Rng::with_seed(seed);
        let shape = shape(&mut rng, sort);
        let history = history(&mut rng, shape);
        match judge(&history, sort) {
            Ok(is_valid) => valid += u64::from(is_valid),
            Err(wrong) => panic!("{sort:?} seed {seed}: {wrong}\n{}", show(&history)),
        }
    }
    let percent = valid * 100 / count;
    assert!(
        (15..=85).contains(&percent),
        "{sort:?}: {percent} of 100 histories are valid, which tests one side only"
    );
}

fn show(history: &History) -> String {
    let values = history.values();
    let lines = history.operations().iter().map(|operation| {
        let histories::Operation {
            index,
            process,
            f,
            value,
            call,
            ret,
            ending,
            ..
        } = operation;
        let answer = match ending {
            Ending::Ok(answer) => format!("ok {}", values.json(answer)),
            Ending::Fail { error, saw } => format!("{error} {:?}", saw.as_ref().map(|saw| values.json(saw))),
            Ending::Info { .. } | Ending::Unfinished => "unknown".to_owned(),
        };
        format!(
            "{}: {process} {f} {} [{}, {:?}] {answer}\n",
            index.0,
            values.json(value),
            call.0,
            ret.map(|ret| ret.0)
        )
    });
    lines.collect()
}

#[test]
fn register_agrees_with_the_oracle() {
    agree(Sort::Register);
    agree(Sort::UniqueRegister);
}

#[test]
fn cas_register_agrees_with_the_oracle() {
    agree(Sort::CasRegister);
    agree(Sort::UniqueCas);
    agree(Sort::SilentCas);
}

#[test]
fn append_agrees_with_the_oracle() {
    agree(Sort::Append);
    agree(Sort::RepeatedAppend);
}

#[test]
fn kv_agrees_with_the_oracle() {
    agree(Sort::Kv);
    agree(Sort::UniqueKv);
}

#[test]
fn set_agrees_with_the_oracle() {
    agree(Sort::Set);
    agree(Sort::GrowingSet);
    agree(Sort::MixedSet);
}

#[test]
fn lock_agrees_with_the_oracle() {
    agree(Sort::Lock);
    agree(Sort::Mutex);
}

#[test]
fn counter_agrees_with_the_oracle() {
    agree(Sort::UnitCounter);
    agree(Sort::Counter);
}

#[test]
fn queue_agrees_with_the_oracle() {
    agree(Sort::UniqueQueue);
    agree(Sort::Queue);
}

/// Of two appends of the same string that are open the one that a put has hidden must not be used for the other.
#[test]
fn an_append_hidden_behind_a_put_does_not_stand_for_its_twin() {
    let script = "0 append a
         1 put p
         1 ok
         2 append a
         3 get
         3 ok pa
         0 ok
         2 ok
         3 get
         3 ok pa";
    assert_eq!(judge(&crate::script::history(script), Sort::Kv), Ok(true));
}
