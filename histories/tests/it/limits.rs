//! A checker that reaches a limit says so, and where.

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use histories::checker::linearizable::Method;
use histories::history::{History, Time};
use histories::op::{Function, Outcome};
use histories::{Checker, ExactlyOnce, Limits, Linearizable, ModelName, Verdict};
use serde_json::json;

/// Additions of random even amounts, none of which is ever heard of again, and then a read of an odd number.
fn hard() -> History {
    let mut rng = Rng::with_seed(7);
    let mut builder = History::builder();
    for process in 0..60 {
        let amount = rng.u32(1..1_000_000) * 2;
        builder
            .ask(Time(process), process, Function::Inc, "k1", json!(amount))
            .expect("a well-formed history");
    }
    builder
        .ask(Time(900), 1000, Function::Read, "k1", json!(null))
        .expect("a well-formed history");
    builder
        .answer(Time(901), 1000, Outcome::Ok(json!(77_777_777)))
        .expect("a well-formed history");
    builder.finish()
}

fn reason(limits: &Limits<'_>) -> String {
    match Linearizable::new(ModelName::Counter)
        .check(&hard(), limits)
        .verdict
    {
        Verdict::Unknown(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn when_memory_is_up_it_says_where_and_what_to_do() {
    let reason = reason(&Limits {
        memory_bytes_max: 1 << 20,
        ..Limits::patient()
    });
    let begin = "key k1: the search reached its 1048576 bytes of memory at the ";
    assert!(reason.starts_with(begin), "{reason}");
    assert!(
        reason.contains("of 61 operations, where 61 were open, 60 of them with an unknown outcome"),
        "{reason}"
    );
    assert!(
        reason.ends_with("unique values, fewer clients per key"),
        "{reason}"
    );
}

#[test]
fn without_memory_it_says_so_before_it_remembers_anything() {
    let reason = reason(&Limits {
        memory_bytes_max: 1,
        ..Limits::patient()
    });
    let begin = "key k1: the search reached its 1 bytes of memory; allow more";
    assert!(reason.starts_with(begin), "{reason}");
}

#[test]
fn when_time_is_up_it_says_where() {
    let asked = AtomicU64::new(0);
    let may_go_on = || asked.fetch_add(1, Ordering::Relaxed) + 1 < 10;
    let reason = reason(&Limits {
        may_go_on: &may_go_on,
        ..Limits::patient()
    });
    assert!(reason.starts_with("key k1: time ran out at the "), "{reason}");
    assert_eq!(asked.into_inner(), 10, "it stops at once");
}

#[test]
fn without_time_no_checker_says_valid() {
    let history = crate::script::history("0 append t1\n0 ok\n1 read\n1 ok [t1]");
    let limits = Limits {
        may_go_on: &|| false,
        ..Limits::patient()
    };
    let exactly_once = ExactlyOnce.check(&history, &limits).verdict;
    assert_eq!(exactly_once.name(), "unknown");
    let search = Linearizable::new(ModelName::Append)
        .with_method(Method::Search)
        .check(&history, &limits)
        .verdict;
    assert_eq!(search.name(), "unknown");
}

#[test]
fn more_open_operations_than_slots_are_refused_in_words() {
    let mut builder = History::builder();
    for process in 0..1100 {
        builder
            .ask(Time(process), process, Function::Append, "k1", json!(process % 3))
            .unwrap();
    }
    builder
        .ask(Time(2000), 2000, Function::Read, "k1", json!(null))
        .unwrap();
    builder.answer(Time(2001), 2000, Outcome::Ok(json!([1]))).unwrap();
    let verdict = Linearizable::new(ModelName::Append)
        .check(&builder.finish(), &Limits::patient())
        .verdict;
    let Verdict::Unknown(reason) = verdict else {
        panic!("{verdict:?}")
    };
    assert!(
        reason.starts_with("key k1: 1101 operations are open at a time; allow more"),
        "{reason}"
    );
}

/// Many operations on one object, in pairs.
fn long(model: ModelName) -> History {
    const PAIRS: u64 = 10_000;
    let mut builder = History::builder();
    let mut time = 0;
    let mut ask = |process, f, argument, answer| {
        time += 2;
        builder
            .ask(Time(time), process, f, "k1", argument)
            .expect("a well-formed history");
        builder
            .answer(Time(time + 1), process, Outcome::Ok(answer))
            .expect("a well-formed history");
    };
    for pair in 0..PAIRS {
        let (value, text, holder) = (json!(pair), json!(format!("v{pair}")), json!(pair % 2));
        let nothing = json!(null);
        let (f, argument, then, asked, answer) = match model {
            ModelName::Register | ModelName::CasRegister => {
                (Function::Write, value.clone(), Function::Read, nothing, value)
            }
            ModelName::Kv => (Function::Put, text.clone(), Function::Get, nothing, text),
            ModelName::Append => (Function::Append, value, Function::Append, text.clone(), text),
            ModelName::Set => (
                Function::Add,
                value.clone(),
                Function::Contains,
                value,
                json!(true),
            ),
            ModelName::Lock => (
                Function::Acquire,
                holder.clone(),
                Function::Release,
                holder.clone(),
                holder,
            ),
            ModelName::Counter => (Function::Inc, json!(1), Function::Read, nothing, json!(pair + 1)),
            ModelName::Queue => (
                Function::Enqueue,
                value.clone(),
                Function::Dequeue,
                nothing,
                value,
            ),
        };
        ask(1, f, argument.clone(), argument);
        ask(1, then, asked, answer);
    }
    builder.finish()
}

#[test]
fn of_a_long_object_nothing_more_is_done_once_time_is_up() {
    for model in ModelName::ALL {
        let history = long(model);
        let mut cut_short = 0;
        loop {
            let looks = AtomicU64::new(0);
            let limits = Limits {
                may_go_on: &|| looks.fetch_add(1, Ordering::Relaxed) < cut_short,
                ..Limits::patient()
            };
            match Linearizable::new(model).check(&history, &limits).verdict {
                Verdict::Valid => break,
                Verdict::Unknown(reason) => assert!(reason.contains("time ran out"), "{model}: {reason}"),
                wrong @ Verdict::Invalid(_) => panic!("{model}: {wrong:?}"),
            }
            // It may look once more, whether to begin with the next object.
            let looks = looks.into_inner();
            assert!(looks <= cut_short + 2, "{model}: {looks} looks after {cut_short}");
            cut_short += 1;
        }
        assert!(5 <= cut_short, "{model}: it looked {cut_short} times only");
    }
}
