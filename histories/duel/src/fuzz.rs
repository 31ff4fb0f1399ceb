//! Random histories, judged by the checker, by the peer, and the small ones by every order.

use std::time::Duration;

use fastrand::Rng;
use histories::History;
use histories::journal::Index;
use porcupine_rs::{CheckResult, check_operations, check_operations_timeout};

use crate::generate::{End, Shape, Sort, history, random};
use crate::jury::{self, Expected, Found};
use crate::peer;
use crate::tally::Tally;

/// So many histories between two lines of progress.
const BETWEEN_LINES: u64 = 100_000;

/// Longer the peer is not waited for on a long history.
const PEER_MAX: Duration = Duration::from_millis(500);

/// Compares on `count` small histories; panics at the first disagreement.
pub fn small(count: u64) {
    run(count, 0x5eed_0000_0000, |rng, sort| {
        let history = random(rng, sort);
        let told = check_operations(&peer::operations(&history, sort.model()));
        let judged = jury::judge(&history, sort).and_then(|found| {
            if found.is_linearizable == told {
                Ok(Some(found))
            } else {
                Err(format!("the peer says that linearizable is {told}"))
            }
        });
        (history, judged)
    });
}

/// Compares on `count` histories of up to a hundred operations, of which the peer is asked alone; panics at the first disagreement. Those
/// that it does not decide in time do not count.
pub fn long(count: u64) {
    run(count, 0x1096_0000_0000, |rng, sort| {
        let shape = Shape {
            sort,
            operations: rng.usize(10..100),
            clients: rng.u64(2..6),
            values: rng.usize(1..4),
            unknown_percent: [0, 0, 3][rng.usize(0..3)],
            wrong_percent: [0, 1, 3][rng.usize(0..3)],
            lies_percent: 30,
            end: End::Complete,
        };
        let history = history(rng, shape);
        let told = check_operations_timeout(&peer::operations(&history, sort.model()), PEER_MAX);
        let judged = match told {
            CheckResult::Unknown => Ok(None),
            CheckResult::Ok | CheckResult::Illegal => {
                let is_proof = |named: &[Index]| {
                    let loosened = peer::loosened(&history, sort.model(), named);
                    check_operations_timeout(&loosened, PEER_MAX) != CheckResult::Ok
                };
                jury::compare(&history, sort, Expected::from(told == CheckResult::Ok), is_proof).map(Some)
            }
        };
        (history, judged)
    });
}

fn run(count: u64, seeds: u64, judge: impl Fn(&mut Rng, Sort) -> (History, Result<Option<Found>, String>)) {
    let mut tallies = Sort::ALL.map(|sort| (sort, Tally::default()));
    let (mut all, mut undecided) = (Tally::default(), 0);
    for number in 0..count {
        let (sort, tally) = &mut tallies[(number % Sort::ALL.len() as u64) as usize];
        let (history, judged) = judge(&mut Rng::with_seed(number ^ seeds), *sort);
        match judged {
            Ok(Some(found)) => {
                tally.add(&history, &found);
                all.add(&history, &found);
            }
            Ok(None) => undecided += 1,
            Err(wrong) => panic!("{sort:?} number {number}: {wrong}\n{}", jury::show(&history)),
        }
        if (number + 1) % BETWEEN_LINES == 0 {
            eprintln!("{} histories: no disagreement", number + 1);
        }
    }
    for (sort, tally) in &tallies {
        println!("{sort:?}: {tally}");
    }
    println!("All: {all}. No disagreement; {undecided} more that the peer did not decide.");
}
