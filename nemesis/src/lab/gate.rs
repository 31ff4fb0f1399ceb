//! The gate: makes the namespaces, and starts process 1 in them. It stays outside of the namespace of processes it has made.

use std::ffi::OsString;
use std::io;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::Pid;

use super::confine::exit_code;
use super::leash::{Failure, Leash, Order, Step, Word};
use super::privilege;
use super::role::Role;
use super::signals::{die_with, expect_children, ignore_terminal_output_stops};

/// Runs the gate and returns the code of what is inside.
pub(super) fn run(leash: &Leash, outer: Pid, engine: &[OsString]) -> Result<u8, Failure> {
    die_with(outer).map_err(Failure::at(Step::Spawn))?;
    expect_children().map_err(Failure::at(Step::Spawn))?;
    enter_user_namespace(leash).map_err(Failure::at(Step::Users))?;
    let others = CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    unshare(others).map_err(Failure::at(Step::Namespaces))?;
    // Changing who we are may have undone it.
    die_with(outer).map_err(Failure::at(Step::Spawn))?;
    run_init(leash, engine).map_err(Failure::at(Step::Spawn))
}

fn enter_user_namespace(leash: &Leash) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER)?;
    leash.say(&Word::MapIds)?;
    match leash.obey()? {
        Order::Mapped => privilege::keep(),
        Order::Signal(_) => Err(io::ErrorKind::Interrupted.into()),
    }
}

fn run_init(leash: &Leash, engine: &[OsString]) -> io::Result<u8> {
    ignore_terminal_output_stops()?;
    let number = leash.hand_down()?;
    let mut init = Role::Init
        .command()
        .arg(number.to_string())
        .args(engine)
        .spawn()?;
    init.wait().map(exit_code)
}
