//! Commands about the judge; the first two beside the peer porcupine-rs 0.3.0 (MIT):
//!
//! * `duel table [FAMILY..]` measures both on the same histories and prints the ratios. Each measurement is a process of its own, which
//!   is ended when it takes too long or too much memory.
//! * `duel fuzz [COUNT]` compares both, and a search through every order, on random small histories.
//! * `duel fuzz-long COUNT` compares both on random histories of up to a hundred operations.
//! * `duel mutants [WORD..]` plants bugs in a copy of the checker and looks whether the fuzz finds each.
//! * `duel limits` measures how well the limits on memory and time hold; `duel limits long` only the one on time, for a million operations
//!   on one object.
//!
//! `duel list` names the families. `duel own NAME`, `duel peer NAME` and `duel limit SORT LIMIT` are single measurements.
#![expect(
    clippy::disallowed_methods,
    reason = "it measures time, which is what clocks are for"
)]

mod bounded;
mod families;
mod fuzz;
#[path = "../../tests/it/generate.rs"]
mod generate;
#[path = "../../tests/it/jury.rs"]
mod jury;
mod limits;
mod measure;
mod mutants;
#[path = "../../tests/it/oracle.rs"]
mod oracle;
mod peer;
#[path = "../../tests/it/planted.rs"]
mod planted;
mod table;
#[path = "../../tests/it/tally.rs"]
mod tally;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        ["list"] => families::all()
            .iter()
            .for_each(|family| println!("{}", family.name)),
        ["own", name] => measure::own(name),
        ["peer", name] => measure::peer(name),
        ["fuzz"] => fuzz::small(1_000_000),
        ["fuzz", count] => fuzz::small(count.parse().expect("a number of histories")),
        ["fuzz-long", count] => fuzz::long(count.parse().expect("a number of histories")),
        ["limits"] => limits::print(),
        ["limits", "long"] => limits::long(),
        ["limit", sort, limit] => limits::one(sort, limit),
        ["mutants", wanted @ ..] if mutants::run(wanted) => {}
        ["mutants", ..] => std::process::exit(1),
        ["table", wanted @ ..] => table::print(wanted),
        _ => eprintln!(
            "duel table [FAMILY..] | fuzz [COUNT] | fuzz-long COUNT | mutants [WORD..] | limits [long] | list"
        ),
    }
}
