//! Runs the tests one after another, or says why none can be run here.

use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use nemesis::lab;
use rustix::process::{geteuid, getpid, set_child_subreaper};

use crate::{DOCTOR, deaths, flaws, runs, scenario};

/// A test that runs in the runner itself.
pub(crate) type Test = fn() -> Result<(), Failed>;

pub(crate) fn run() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Each starts a cluster, and the machine has few processors.
    arguments.test_threads = Some(1);
    set_child_subreaper(Some(getpid())).expect("anybody may look after orphans");
    let possible = arguments.list || is_possible();
    let confined = scenario::ALL.iter().map(|(name, _)| {
        let test = move || {
            if possible {
                scenario::confined(name)
            } else {
                Ok(())
            }
        };
        Trial::test(*name, test)
    });
    let whole = [runs::TESTS, flaws::TESTS, deaths::TESTS]
        .into_iter()
        .flatten()
        .map(|(name, test)| {
            let test = move || if possible { test() } else { Ok(()) };
            Trial::test(*name, test)
        });
    libtest_mimic::run(&arguments, confined.chain(whole).collect()).exit_code()
}

/// Says on standard error what is missing, if anything is.
pub(crate) fn doctor() -> ExitCode {
    if let Err(error) = lab::check() {
        eprintln!("{error}");
    }
    ExitCode::SUCCESS
}

fn is_possible() -> bool {
    let output = this_binary()
        .arg(DOCTOR)
        .output()
        .expect("this binary can start itself");
    let missing = String::from_utf8_lossy(&output.stderr);
    if !missing.is_empty() {
        eprintln!("\nNOT POSSIBLE HERE, the tests with real processes do nothing: {missing}\n");
    }
    missing.is_empty()
}

/// This executable again.
pub(crate) fn this_binary() -> Command {
    Command::new("/proc/self/exe")
}

/// Whether the tests are run by root, who can become somebody else.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}
