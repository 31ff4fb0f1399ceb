//! The way into the lab, seen from outside: start the chain, map its ids, pass signals on, wait for the engine's code.
//!
//! ```text
//! outer      the command line: keeps the leash, and this file
//!   gate     makes the namespaces                                 dies with outer
//!     init   process 1 inside: mounts, reaps, watches the leash   dies with gate, or when the leash is let go
//!       engine   the harness: opens the lab                       dies with init
//!         keeper   process 1 of a node: pauses, kills, reaps      dies with init, or when the engine lets go
//!           server, and whatever it has started                   dies with its keeper
//! ```
//!
//! The kernel ends a process namespace with its first process, and network namespaces, mounts and TUN devices with their last
//! holder. Nothing is ever bound to a file, so whichever process is killed, at whatever moment, there is nothing to clean up.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{self, Child, ExitStatus};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::doctor::{Missing, Part};
use super::error::LabError;
use super::idmap;
use super::leash::{Failure, Leash, Order, Step, Word};
use super::role::Role;
use super::signals::{Signals, expect_children};

/// How long the rest of the chain may take to end when its upper part was killed.
const END_LIMIT: Duration = Duration::from_secs(2);

/// The signals that end a run. The first lets the engine write its results, the second does not.
const ENDINGS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// What is started inside: the calling executable again, with other arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineCommand {
    /// The arguments after the name of the program.
    pub args: Vec<OsString>,
    /// Added to the environment of the caller.
    pub env: Vec<(OsString, OsString)>,
}

/// Runs the engine in namespaces of its own and returns its exit code, or 128 and the number of the signal that killed it.
///
/// Blocks until everything inside has ended. Standard streams are inherited, but the chain is in a process group of its own, so that
/// Ctrl-C comes by this way only: the engine may write to a terminal and must not read from it. A first SIGINT or SIGTERM is
/// passed on to the engine (SIGHUP as SIGTERM), a second one kills everything.
///
/// # Errors
/// When the caller has more than one thread, when the machine does not allow the namespaces, and when the chain could not be
/// started; the engine did not run then.
pub fn confine(engine: &EngineCommand) -> Result<u8, LabError> {
    let threads = fs::read_dir("/proc/self/task")
        .map_err(LabError::os("count threads"))?
        .count();
    if threads != 1 {
        return Err(LabError::Threads(threads));
    }
    let signals: Vec<Signal> = ENDINGS.into_iter().chain([Signal::SIGCHLD]).collect();
    expect_children().map_err(LabError::os("expect children"))?;
    let (leash, gate) = start_gate(engine).map_err(LabError::os("start the lab's first process"))?;
    // Should this fail, the leash is let go and the chain ends.
    let signals = Signals::take(&signals).map_err(LabError::os("take signals"))?;
    Outer {
        signals,
        leash,
        chain_speaks: true,
        gate,
        mapped: false,
        asked_to_end: None,
        failure: None,
    }
    .watch()
}

/// The exit code a shell would give for this status.
pub(super) fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(255);
    u8::try_from(code).unwrap_or(255)
}

fn start_gate(engine: &EngineCommand) -> io::Result<(Leash, Child)> {
    let (ours, theirs) = Leash::pair()?;
    let number = theirs.hand_down()?;
    let mut command = Role::Gate.command();
    command
        .args([number.to_string(), process::id().to_string()])
        .args(&engine.args);
    let gate = command
        .envs(engine.env.iter().cloned())
        .process_group(0)
        .spawn()?;
    Ok((ours, gate))
}

struct Outer {
    signals: Signals,
    leash: Leash,
    chain_speaks: bool,
    gate: Child,
    mapped: bool,
    asked_to_end: Option<Signal>,
    failure: Option<LabError>,
}

impl Outer {
    fn watch(mut self) -> Result<u8, LabError> {
        loop {
            if let Some(status) = self.gate.try_wait().map_err(LabError::os("wait for the lab"))? {
                return self.conclude(status);
            }
            if self.wait()? {
                self.listen();
            }
            while let Some(signal) = self.signals.next() {
                match signal {
                    Signal::SIGCHLD => {}
                    ending => self.end(ending),
                }
            }
        }
    }

    /// Waits for a signal or a word of the chain, and tells whether it was a word.
    fn wait(&self) -> Result<bool, LabError> {
        let mut sources = [
            PollFd::new(self.leash.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        let awaited = if self.chain_speaks {
            &mut sources[..]
        } else {
            &mut sources[1..]
        };
        match poll(awaited, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => Ok(self.chain_speaks && sources[0].any() == Some(true)),
            Err(error) => Err(LabError::Os("wait for the lab", error.into())),
        }
    }

    /// Acts on the chain's next word, or on its having said its last.
    fn listen(&mut self) {
        match self.leash.hear() {
            Ok(Word::MapIds) => self.map_ids(),
            Ok(Word::Failed(failure)) => self.failure = Some(explain(failure)),
            Err(_) => self.chain_speaks = false,
        }
    }

    fn map_ids(&mut self) {
        let gate = Pid::from_raw(self.gate.id().cast_signed());
        match idmap::map_ids_of(gate).and_then(|()| self.leash.order(Order::Mapped)) {
            Ok(()) => self.mapped = true,
            Err(error) => {
                self.failure = Some(Missing::of(Part::Users, &error).into());
                self.kill();
            }
        }
    }

    fn end(&mut self, signal: Signal) {
        let first = self.asked_to_end.replace(signal).is_none();
        // A closed terminal is no other reason to end than any, and one the engine need not know.
        let signal = if signal == Signal::SIGHUP {
            Signal::SIGTERM
        } else {
            signal
        };
        if !(first && self.mapped && self.leash.order(Order::Signal(signal)).is_ok()) {
            self.kill();
        }
    }

    fn kill(&mut self) {
        // It is our child and has not been waited for, so the worst is that it has ended already.
        let _ = self.gate.kill();
    }

    /// The chain says its last words when it has ended; only then the run is over.
    fn conclude(mut self, status: ExitStatus) -> Result<u8, LabError> {
        // A gate that was killed may have left an init behind that had not tied itself to it yet.
        self.leash.let_go().map_err(LabError::os("let the lab go"))?;
        self.leash
            .limit_reads(END_LIMIT)
            .map_err(LabError::os("wait for the lab"))?;
        while self.chain_speaks {
            self.listen();
        }
        self.failure.map_or_else(|| Ok(exit_code(status)), Err)
    }
}

fn explain(failure: Failure) -> LabError {
    let Failure { step, error } = failure;
    match step {
        Step::Users => Missing::of(Part::Users, &error).into(),
        Step::Namespaces => Missing::of(Part::Namespaces, &error).into(),
        Step::Mounts => Missing::of(Part::Mounts, &error).into(),
        Step::Spawn => LabError::Os("start the next process of the lab", error),
    }
}
