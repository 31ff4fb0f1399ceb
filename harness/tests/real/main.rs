//! The program against real processes: published scenarios inside the lab, and whole runs as people type them.
//!
//! This binary plays several parts, told by its first argument: the runner of the tests, the outer process and the engine of a scenario.
//! The nodes are always the program itself. Tests run one at a time, and start whole clusters. A machine that cannot have a lab is
//! told so by the doctor, aloud, and the tests do nothing there.
#![expect(
    clippy::disallowed_methods,
    reason = "tests of real processes wait for them, with a limit"
)]

mod clients;
mod crashes;
mod deaths;
mod failover;
mod flaws;
mod marks;
mod partitions;
mod program;
mod results;
mod runner;
mod runs;
mod scenario;
mod trial;
mod wait;

use std::process::ExitCode;

use nemesis::lab;

/// The first arguments by which this binary is told what to be.
pub(crate) const OUTER: &str = "scenario-outer";
pub(crate) const ENGINE: &str = "scenario-engine";
pub(crate) const DOCTOR: &str = "scenario-doctor";

fn main() -> ExitCode {
    if let Some(code) = lab::entry() {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [OUTER, name] => scenario::outer(name),
        [ENGINE, name] => scenario::engine(name),
        [DOCTOR] => runner::doctor(),
        _ => runner::run(),
    }
}
