//! The checkers against the oracle, on many random histories.

use fastrand::Rng;
use histories::ModelName;

use crate::generate::{Sort, random};
use crate::jury::{Expected, judge, show};
use crate::tally::Tally;

/// Histories of each sort in the test suite; the environment variable `HISTORIES_FUZZ` asks for more.
const HISTORIES: u64 = 4_000;

fn agree(sort: Sort) {
    let asked = std::env::var("HISTORIES_FUZZ")
        .ok()
        .and_then(|text| text.parse().ok());
    let mut tally = Tally::default();
    for seed in 0..asked.unwrap_or(HISTORIES) {
        let history = random(&mut Rng::with_seed(seed), sort);
        match judge(&history, sort) {
            Ok(found) => tally.add(&history, &found),
            Err(wrong) => panic!("{sort:?} seed {seed}: {wrong}\n{}", show(&history)),
        }
    }
    println!("{sort:?}: {tally}");
    assert!(
        (25..=75).contains(&tally.valid_percent()),
        "{sort:?}: {tally}, which tests one side only"
    );
    assert!(tally.largest_proof() <= 40, "{sort:?}: {tally}");
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
    check(script, Sort::Kv, Expected::Linearizable);
}

/// A value that stands twice in a read must not make up for one that is missing.
#[test]
fn a_set_with_a_value_twice_is_not_larger_than_one_without() {
    let script = "0 add a
         0 ok
         1 add b
         2 read
         2 ok [a]
         1 ok
         2 read
         2 ok [b b]";
    check(script, Sort::GrowingSet, Expected::Broken);
}

fn check(script: &str, sort: Sort, expected: Expected) {
    let found = judge(&crate::script::history(script), sort);
    assert_eq!(
        found.map(|found| Expected::from(found.is_linearizable)),
        Ok(expected)
    );
}
