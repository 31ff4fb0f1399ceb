//! Runs each test in an outer process of its own, and the whole of them as somebody without privileges too.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::sys::prctl::set_child_subreaper;
use nix::unistd::geteuid;

use crate::{DOCTOR, OUTER, chain, engine};

/// Nobody in particular.
const UNPRIVILEGED: u32 = 65_534;

/// Where a scenario may write, told by the environment.
pub(crate) const SCRATCH: &str = "LAB_TEST_SCRATCH";

/// What is said aloud when the machine is not able to show something.
pub(crate) const NOT_POSSIBLE: &str = "NOT POSSIBLE HERE";

/// As whom a test is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever runs the tests.
    Caller,
    /// Somebody without privileges, by order of root.
    Unprivileged,
}

impl User {
    fn prefix(self) -> &'static str {
        match self {
            Self::Caller => "",
            Self::Unprivileged => "unprivileged::",
        }
    }
}

pub(crate) fn run() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The machine has few processors and the figures are times.
    arguments.test_threads = Some(1);
    set_child_subreaper(true).expect("anybody may look after orphans");
    let mut trials = trials(User::Caller);
    if geteuid().is_root() {
        trials.extend(self::trials(User::Unprivileged));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials(user: User) -> Vec<Trial> {
    let lab_is_possible = is_possible(user);
    let scenarios = engine::SCENARIOS.iter().map(|(name, _)| {
        let test = move || {
            if lab_is_possible {
                confined(user, name)
            } else {
                Ok(())
            }
        };
        Trial::test(format!("{}{name}", user.prefix()), test)
    });
    let chains = chain::TESTS.iter().map(|(name, test)| {
        let test = move || if lab_is_possible { test(user) } else { Ok(()) };
        Trial::test(format!("{}{name}", user.prefix()), test)
    });
    scenarios.chain(chains).collect()
}

/// Asks the doctor, as that user, and says aloud what is missing.
fn is_possible(user: User) -> bool {
    let output = this_binary(user).arg(DOCTOR).output();
    let missing = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    match missing {
        Ok(missing) if missing.is_empty() => true,
        Ok(missing) => {
            eprintln!(
                "{NOT_POSSIBLE}, {}the lab's tests do nothing: {missing}",
                user.prefix()
            );
            false
        }
        Err(error) => panic!("this binary cannot start itself: {error}"),
    }
}

/// This executable, as somebody, even when its folder is closed to him.
pub(crate) fn this_binary(user: User) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("lab-test");
    if user == User::Unprivileged {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    command
}

/// A folder anybody may write to; removed with this.
#[derive(Debug)]
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lab-test-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary folder can be written to");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("the folder is ours");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn confined(user: User, scenario: &str) -> Result<(), Failed> {
    let scratch = Scratch::new(scenario);
    let mut command = this_binary(user);
    command
        .args([OUTER, scenario])
        .env(SCRATCH, &scratch.0)
        .stdin(Stdio::null());
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("{}\n{said}", output.status).into());
    }
    said.lines()
        .filter(|line| line.starts_with(NOT_POSSIBLE))
        .for_each(|line| eprintln!("{line}"));
    Ok(())
}
