//! Writes a long history as a journal to standard output, to measure how long histories are read and judged:
//!
//! ```text
//! cargo run --release -p histories --example long_history -- 10000000 10000 > long.jsonl
//! cargo run --release -p histories --example long_history -- 100000 1 append lose > hot.jsonl
//! ```
//!
//! The arguments are the number of operations, the number of keys, and optionally the model: `register` (half reads, half writes of
//! unique values) or `append` (1 of 100 is a read of the whole list), where `lose` makes the store lose an append that it acknowledged.
//! Ten clients ask; one operation of a thousand is never answered.

#[path = "../tests/it/long_history.rs"]
mod long_history;

use std::io::{self, BufWriter};

use long_history::{Objects, write};

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, or: u64| {
        let word = words.get(place);
        word.map_or(or, |word| word.parse().expect("a whole number"))
    };
    let objects = match words.get(2..).unwrap_or_default() {
        [] => Objects::Registers,
        [model] if model == "register" => Objects::Registers,
        [model] if model == "append" => Objects::Lists,
        [model, lose] if model == "append" && lose == "lose" => Objects::ListsWithOneLoss,
        other => panic!("{other:?} is neither register, append nor append lose"),
    };
    let out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    if let Some(lost) = write(out, objects, number(0, 10_000_000), number(1, 10_000) as usize)? {
        eprintln!("append {lost} was acknowledged and lost");
    }
    Ok(())
}
