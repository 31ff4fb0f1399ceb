//! Random small histories, judged by the checker, by every order, and by the peer.

use fastrand::Rng;
use porcupine_rs::check_operations;

use crate::generate::{Sort, history, shape};
use crate::jury;
use crate::peer;

/// So many histories between two lines of progress.
const BETWEEN_LINES: u64 = 50_000;

/// Compares on `count` histories; panics at the first disagreement.
pub fn run(count: u64) {
    let (mut valid, mut unknown) = (0_u64, 0_u64);
    for number in 0..count {
        let sort = Sort::ALL[(number % Sort::ALL.len() as u64) as usize];
        let mut rng = Rng::with_seed(number ^ 0x5eed_0000_0000);
        let shape = shape(&mut rng, sort);
        let history = history(&mut rng, shape);
        let judged = jury::judge(&history, sort);
        let expected = judged
            .unwrap_or_else(|wrong| panic!("{sort:?} number {number}: {wrong}\n{}", jury::show(&history)));
        let told = check_operations(&peer::operations(&history, sort.model()));
        assert_eq!(
            told,
            expected,
            "the peer on {sort:?} number {number}:\n{}",
            jury::show(&history)
        );
        valid += u64::from(expected);
        unknown += u64::from(
            history
                .operations()
                .iter()
                .any(|operation| operation.is_indeterminate()),
        );
        if (number + 1) % BETWEEN_LINES == 0 {
            println!(
                "{} histories, {valid} of them valid, {unknown} with unknown outcomes: no disagreement",
                number + 1
            );
        }
    }
}
