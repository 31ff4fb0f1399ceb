//! Two commands about the judge, each beside the peer porcupine-rs 0.3.0 (MIT):
//!
//! * `duel table [FAMILY..]` measures both on the same histories and prints the ratios. Each measurement is a process of its own, which
//!   is ended when it takes too long or too much memory.
//! * `duel fuzz [COUNT]` compares both, and a search through every order, on random small histories.
//!
//! * `duel mutants [WORD..]` plants bugs in a copy of the checker and looks whether the fuzz finds each.
//!
//! `duel list` names the families. `duel own NAME` and `duel peer NAME` are single measurements.
#![expect(
    clippy::disallowed_methods,
    reason = "it measures time, which is what clocks are for"
)]

mod families;
mod fuzz;
#[path = "../../tests/it/generate.rs"]
mod generate;
#[path = "../../tests/it/jury.rs"]
mod jury;
mod measure;
mod mutants;
#[path = "../../tests/it/oracle.rs"]
mod oracle;
mod peer;
mod table;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        ["list"] => families::all()
            .iter()
            .for_each(|family| println!("{}", family.name)),
        ["own", name] => measure::own(name),
        ["peer", name] => measure::peer(name),
        ["fuzz", count] => fuzz::run(count.parse().expect("a number of histories")),
        ["fuzz"] => fuzz::run(1_000_000),
        ["mutants", wanted @ ..] if mutants::run(wanted) => {}
        ["mutants", ..] => std::process::exit(1),
        ["table", wanted @ ..] => table::print(wanted),
        _ => eprintln!("duel table [FAMILY..] | fuzz [COUNT] | mutants [WORD..] | list"),
    }
}
