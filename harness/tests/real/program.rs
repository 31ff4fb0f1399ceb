//! The program, called as people call it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::marks::{MARK, Mark};
use crate::wait::await_some;

/// Nobody in particular.
const UNPRIVILEGED: u32 = 65_534;

/// No run of these tests takes as long; it is ended then.
const LIMIT: Duration = Duration::from_secs(90);

/// As whom the program is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever runs the tests.
    Caller,
    /// Somebody without privileges, by order of root.
    Unprivileged,
}

/// A folder with a store in it, and the program as some user sees it.
pub(crate) struct Place {
    folder: TempDir,
    program: PathBuf,
    user: User,
}

/// A run that was started.
pub(crate) struct Running {
    outer: Child,
    /// What all processes of it carry.
    pub(crate) mark: Mark,
    said: PathBuf,
}

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl Place {
    pub(crate) fn new(user: User) -> Self {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        let built = PathBuf::from(env!("CARGO_BIN_EXE_tribunal"));
        let program = match user {
            User::Caller => built,
            User::Unprivileged => open_to_anybody(folder.path(), &built),
        };
        Self {
            folder,
            program,
            user,
        }
    }

    /// The folder of all runs.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Where a schedule may be kept.
    pub(crate) fn schedule(&self) -> PathBuf {
        self.folder.path().join("schedule.toml")
    }

    /// The folder of the last run.
    pub(crate) fn latest(&self) -> PathBuf {
        self.store()
            .join("latest")
            .canonicalize()
            .expect("a run has begun")
    }

    /// The folders of all runs, in order of their names.
    pub(crate) fn runs(&self) -> Vec<PathBuf> {
        let entries = |folder: &Path| {
            let found = fs::read_dir(folder)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path());
            let mut folders: Vec<PathBuf> =
                found.filter(|path| path.is_dir() && !path.is_symlink()).collect();
            folders.sort();
            folders
        };
        entries(&self.store())
            .iter()
            .flat_map(|named| entries(named))
            .collect()
    }

    /// Starts `tribunal run` on pb with these options in addition.
    pub(crate) fn start(&self, options: &[&str]) -> Running {
        self.start_on("pb", options)
    }

    fn start_on(&self, system: &str, options: &[&str]) -> Running {
        let mark = Mark::fresh();
        let said = self.folder.path().join(format!("said-{}", mark.0));
        let out = fs::File::create(&said).expect("the folder can be written");
        let mut command = Command::new(&self.program);
        command
            .args(["run", "--system", system, "--progress", "plain", "--store"])
            .arg(self.store())
            .args(options);
        command
            .env(MARK, &mark.0)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
            .stdout(out.try_clone().expect("a file can be opened twice"))
            .stderr(out);
        if self.user == User::Unprivileged {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        let outer = command.spawn().expect("the program can be started");
        Running { outer, mark, said }
    }

    /// `tribunal run` on pb with these options in addition, from its beginning to its end.
    pub(crate) fn run(&self, options: &[&str]) -> Ended {
        self.start(options).end()
    }

    /// `tribunal run` on another system, from its beginning to its end.
    pub(crate) fn run_on(&self, system: &str, options: &[&str]) -> Ended {
        self.start_on(system, options).end()
    }

    /// What `tribunal list WHAT --json` lists.
    pub(crate) fn list(&self, what: &str) -> Vec<Value> {
        let output = Command::new(&self.program)
            .args(["list", what, "--json"])
            .output();
        let output = output.expect("the program can be started");
        serde_json::from_slice(&output.stdout).expect("--json gives JSON")
    }

    /// Keeps the folder for whoever looks for the cause.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

impl Running {
    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let status = await_some(LIMIT, || self.try_end());
        if status.is_none() {
            self.signal(Signal::KILL);
            drop(self.outer.wait());
        }
        let said = fs::read_to_string(&self.said).unwrap_or_default();
        assert!(status.is_some(), "a run was not over after {LIMIT:?}:\n{said}");
        Ended {
            code: status.and_then(|status| status.code()),
            said,
        }
    }

    /// Whether the process that was started is no more.
    pub(crate) fn is_over(&mut self) -> bool {
        self.try_end().is_some()
    }

    fn try_end(&mut self) -> Option<ExitStatus> {
        self.outer.try_wait().expect("it is our child")
    }

    /// Sends a signal to the process that was started.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.outer);
        kill_process(pid, signal).expect("it has not been waited for");
    }
}

/// Makes `folder` one that anybody may work in, with a copy of the program that anybody may run.
fn open_to_anybody(folder: &Path, built: &Path) -> PathBuf {
    let program = folder.join("tribunal");
    fs::copy(built, &program).expect("there is room for a copy of the program");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
    chown(folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("root may give things away");
    program
}
