//! The checkers against the oracle, on many random histories.

use fastrand::Rng;
use histories::ModelName;

use crate::generate::{Sort, history, shape};
use crate::jury::{judge, show};

/// Histories of each sort in the test suite; the environment variable `HISTORIES_FUZZ` asks for more.
const HISTORIES: u64 = 4_000;

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

fn agree_on(model: ModelName) {
    let sorts = Sort::ALL.into_iter().filter(|sort| sort.model() == model);
    sorts.for_each(agree);
}

#[test]
fn register_agrees_with_the_oracle() {
    agree_on(ModelName::Register);
}

#[test]
fn cas_register_agrees_with_the_oracle() {
    agree_on(ModelName::CasRegister);
}

#[test]
fn append_agrees_with_the_oracle() {
    agree_on(ModelName::Append);
}

#[test]
fn kv_agrees_with_the_oracle() {
    agree_on(ModelName::Kv);
}

#[test]
fn set_agrees_with_the_oracle() {
    agree_on(ModelName::Set);
}

#[test]
fn lock_agrees_with_the_oracle() {
    agree_on(ModelName::Lock);
}

#[test]
fn counter_agrees_with_the_oracle() {
    agree_on(ModelName::Counter);
}

#[test]
fn queue_agrees_with_the_oracle() {
    agree_on(ModelName::Queue);
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
