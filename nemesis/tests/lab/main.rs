//! The lab as its users meet it: real processes, real packets, real kills.
//!
//! This binary plays every part: the test runner, the outer process, the engine and the servers on the nodes, told by its first
//! argument. A machine that cannot have a lab is told so by the doctor, aloud, and the tests that need one do nothing there.
#![expect(
    clippy::disallowed_methods,
    reason = "tests of a mechanism wait for real processes, with a limit"
)]
#![expect(
    clippy::unwrap_used,
    reason = "what cannot go on here has failed, and says where"
)]

mod chain;
mod engine;
mod faults;
mod machine;
mod marks;
mod nodes;
mod runner;
mod servers;

use std::process::ExitCode;

use nemesis::lab::{self, EngineCommand};
use nix::unistd::alarm;

/// The first arguments by which this binary is told what to be.
pub(crate) const OUTER: &str = "test-outer";
pub(crate) const ENGINE: &str = "test-engine";
pub(crate) const SERVER: &str = "test-server";
pub(crate) const DOCTOR: &str = "test-doctor";

/// No test takes as long, in seconds; the outer process is killed then, and everything with it.
const LIMIT_S: u32 = 60;

fn main() -> ExitCode {
    if let Some(code) = lab::entry() {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [OUTER, scenario] => outer(scenario),
        [ENGINE, scenario] => engine::run(scenario),
        [SERVER, server] => servers::run(server),
        [DOCTOR] => doctor(),
        _ => runner::run(),
    }
}

fn doctor() -> ExitCode {
    if let Err(error) = lab::check() {
        eprintln!("{error}");
    }
    ExitCode::SUCCESS
}

fn outer(scenario: &str) -> ExitCode {
    alarm::set(LIMIT_S);
    let args = [ENGINE, scenario].map(Into::into).to_vec();
    // Whatever started the tests may have left some open.
    let env = vec![(
        servers::DESCRIPTORS.into(),
        servers::descriptors().to_string().into(),
    )];
    match lab::confine(&EngineCommand { args, env }) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(254)
        }
    }
}
