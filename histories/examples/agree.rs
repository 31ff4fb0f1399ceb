//! The checkers against the search through every order, on as many random histories as are asked for:
//! `cargo run --release --example agree -- 1000000`. It ends with 1 at the first disagreement, or panic.

#[path = "../tests/it/generate.rs"]
mod generate;
#[path = "../tests/it/jury.rs"]
mod jury;
#[path = "../tests/it/oracle.rs"]
mod oracle;
#[path = "../tests/it/tally.rs"]
mod tally;

use std::panic::catch_unwind;
use std::process::ExitCode;

use fastrand::Rng;

use generate::{Sort, random};
use tally::Tally;

/// So many histories unless told otherwise.
const HISTORIES: u64 = 1_000_000;

/// So many between two lines of progress.
const BETWEEN_LINES: u64 = 100_000;

fn main() -> ExitCode {
    let asked = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let mut tally = Tally::default();
    for number in 0..asked.unwrap_or(HISTORIES) {
        let sort = Sort::ALL[(number % Sort::ALL.len() as u64) as usize];
        let history = random(
            &mut Rng::with_seed(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            sort,
        );
        let judged = catch_unwind(|| jury::judge(&history, sort));
        match judged.unwrap_or_else(|_| Err("it panics".to_owned())) {
            Ok(found) => tally.add(&history, &found),
            Err(wrong) => {
                println!(
                    "history {}: {sort:?}: {wrong}\n{}",
                    number + 1,
                    jury::show(&history)
                );
                return ExitCode::FAILURE;
            }
        }
        if (number + 1) % BETWEEN_LINES == 0 {
            eprintln!("{} histories: no disagreement", number + 1);
        }
    }
    println!("{tally}. No disagreement.");
    ExitCode::SUCCESS
}
