//! Init: process 1 inside. It reaps what is left to it, passes signals on to the engine, and ends everything when the leash is let
//! go or the engine ends. It is not the engine: who reaps everybody's children cannot also wait for his own.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, sethostname};

use super::confine::exit_code;
use super::leash::{Failure, Leash, Order, Step};
use super::reaper::reap;
use super::role;
use super::signals::{Signals, die_with, expect_children};

/// What a process sees as its parent when that is outside of its namespace.
const OUTSIDE: Pid = Pid::from_raw(0);

/// Init's code when the leash was let go; nobody is there to see it.
const LET_GO: u8 = 255;

/// Runs init and returns the engine's code.
pub(super) fn run(leash: &Leash, engine: &[OsString]) -> Result<u8, Failure> {
    die_with(OUTSIDE).map_err(Failure::at(Step::Spawn))?;
    make_mounts().map_err(Failure::at(Step::Mounts))?;
    sethostname("lab").map_err(Failure::at(Step::Namespaces))?;
    expect_children().map_err(Failure::at(Step::Spawn))?;
    let engine = role::this_program()
        .args(engine)
        .spawn()
        .map_err(Failure::at(Step::Spawn))?;
    let engine = Pid::from_raw(engine.id().cast_signed());
    let signals = Signals::take(&[Signal::SIGCHLD]).map_err(Failure::at(Step::Spawn))?;
    let status = watch(leash, &signals, engine).map_err(Failure::at(Step::Spawn))?;
    Ok(status.map_or(LET_GO, exit_code))
}

/// Keeps what is mounted here from being seen elsewhere, and shows this namespace's processes in /proc.
pub(super) fn make_mounts() -> io::Result<()> {
    let nothing = None::<&str>;
    mount(
        nothing,
        "/",
        nothing,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        nothing,
    )?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, nothing)?;
    Ok(())
}

/// Waits for the engine's end; `None` when the leash was let go before.
fn watch(leash: &Leash, signals: &Signals, engine: Pid) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some((_, status)) = reap().find(|(child, _)| *child == engine) {
            return Ok(Some(status));
        }
        let mut sources = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(leash.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut sources, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        while signals.next().is_some() {}
        if sources[1].any() == Some(true) {
            match leash.obey() {
                // An engine that has just ended is found above.
                Ok(Order::Signal(signal)) => drop(kill(engine, signal)),
                Ok(Order::Mapped) => {}
                Err(_) => return Ok(None),
            }
        }
    }
}
