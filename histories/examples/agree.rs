//! The checkers against the search through every order, on as many random histories as are asked for:
//! `cargo run --release --example agree -- 1000000`. It ends with 1 at the first disagreement.

#[path = "../tests/it/generate.rs"]
mod generate;
#[path = "../tests/it/jury.rs"]
mod jury;
#[path = "../tests/it/oracle.rs"]
mod oracle;

use std::process::ExitCode;

use fastrand::Rng;

use generate::{Sort, history, shape};

/// So many histories unless told otherwise.
const HISTORIES: u64 = 1_000_000;

/// So many between two lines of progress.
const BETWEEN_LINES: u64 = 100_000;

fn main() -> ExitCode {
    let asked = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let (mut valid, mut unknown) = (0_u64, 0_u64);
    for number in 0..asked.unwrap_or(HISTORIES) {
        let sort = Sort::ALL[(number % Sort::ALL.len() as u64) as usize];
        let mut rng = Rng::with_seed(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let shape = shape(&mut rng, sort);
        let history = history(&mut rng, shape);
        match jury::judge(&history, sort) {
            Ok(is_valid) => valid += u64::from(is_valid),
            Err(wrong) => {
                println!("{sort:?} number {number}: {wrong}\n{}", jury::show(&history));
                return ExitCode::FAILURE;
            }
        }
        unknown += u64::from(
            history
                .operations()
                .iter()
                .any(|operation| operation.is_indeterminate()),
        );
        if (number + 1) % BETWEEN_LINES == 0 {
            println!(
                "{} histories, {valid} valid, {unknown} with unknown outcomes: no disagreement",
                number + 1
            );
        }
    }
    ExitCode::SUCCESS
}
