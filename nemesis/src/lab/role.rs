//! The hidden roles: the processes of the chain are this executable again, told by its first argument what it is.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::unistd::Pid;

use super::leash::{Failure, Leash, Word};
use super::{doctor, gate, init, keeper};

/// What somebody gets who types a hidden role.
const NOT_BY_HAND: u8 = 255;

/// What a process of the chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Gate,
    Init,
    Keeper,
    Probe,
}

impl Role {
    const ALL: [Self; 4] = [Self::Gate, Self::Init, Self::Keeper, Self::Probe];

    /// The first argument that says so.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gate => "lab-gate",
            Self::Init => "lab-init",
            Self::Keeper => "lab-node",
            Self::Probe => "lab-probe",
        }
    }

    /// The command that starts this executable in this role.
    pub(super) fn command(self) -> Command {
        let mut command = this_program();
        command.arg(self.name());
        command
    }
}

/// The command that starts this executable, even when its file has been replaced meanwhile.
pub(super) fn this_program() -> Command {
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
    command
}

/// Plays the hidden role the calling process was started for, if it was.
///
/// To be called first thing in `main`, before there is any thread: `if let Some(code) = lab::entry() { return code; }`.
#[must_use]
pub fn entry() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let name = args.next()?;
    let role = Role::ALL.into_iter().find(|role| name == role.name())?;
    let args: Vec<OsString> = args.collect();
    let played = match role {
        Role::Gate => play_gate(&args),
        Role::Init => play_init(&args),
        Role::Keeper => keeper::run(&args),
        Role::Probe => doctor::run_probe(&args),
    };
    let code = played.unwrap_or_else(|| {
        eprintln!(
            "{} is a role the lab gives to its own processes; it cannot be played alone",
            role.name()
        );
        NOT_BY_HAND
    });
    Some(ExitCode::from(code))
}

/// Whether this process is inside of [`confine`](super::confine): process 1 is the lab's own init there.
///
/// Outside, an opened lab would change the network of the machine, and a card made there would stay.
pub(super) fn is_inside() -> bool {
    let first = fs::read("/proc/1/cmdline").unwrap_or_default();
    first.split(|byte| *byte == 0).nth(1) == Some(Role::Init.name().as_bytes())
}

fn play_gate(args: &[OsString]) -> Option<u8> {
    let [leash, outer, engine @ ..] = args else {
        return None;
    };
    let leash = Leash::inherited(number(leash)?).ok()?;
    let outer = Pid::from_raw(number(outer)?);
    Some(report(&leash, gate::run(&leash, outer, engine)))
}

fn play_init(args: &[OsString]) -> Option<u8> {
    let [leash, engine @ ..] = args else { return None };
    let leash = Leash::inherited(number(leash)?).ok()?;
    Some(report(&leash, init::run(&leash, engine)))
}

fn report(leash: &Leash, result: Result<u8, Failure>) -> u8 {
    result.unwrap_or_else(|failure| {
        // When nobody hears it, nobody is there to be told.
        let _ = leash.say(&Word::Failed(failure));
        NOT_BY_HAND
    })
}

fn number(argument: &OsString) -> Option<i32> {
    argument.to_str()?.parse().ok()
}
