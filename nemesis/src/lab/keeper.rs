//! The keeper: process 1 of one node. It starts the server, reaps, and does to every process of the node what the engine asks.
//!
//! `kill(-1, ..)` from process 1 reaches all others of its namespace at once, daemons that have left every group and session
//! included, and no process can slip away by forking meanwhile. The keeper itself cannot be hurt from inside. The server's end is
//! the node's end: what it has left behind is killed.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockaddrLike, UnixAddr, getsockname};
use nix::unistd::{Pid, dup2_stdin, getpid, sethostname, setsid};

use super::init::make_mounts;
use super::node::named;
use super::privilege;
use super::reaper::{reap, reap_all};
use super::signals::{Signals, expect_children};
use super::talk::{Report, Request};

/// Everybody but oneself, for the first process of a namespace.
const ALL_OTHERS: Pid = Pid::from_raw(-1);

/// Runs the keeper of a node; the engine is on its standard input. `None` when it was not started by the lab.
pub(super) fn run(args: &[OsString]) -> Option<u8> {
    let [name, program, args @ ..] = args else {
        return None;
    };
    let engine = take_engine()?;
    let mut server = Command::new(program);
    server.args(args).stdin(Stdio::null());
    let last = match start(name, &mut server) {
        Ok(keeper) => keeper.keep(&engine),
        Err(error) => Some(Report::Failed(error.to_string())),
    };
    if let Some(report) = last {
        // An engine that does not hear it has ended, and we are about to.
        let _ = report.send(&engine);
    }
    Some(0)
}

/// The socket that is our standard input; none when that is something else, or when we are not process 1.
fn take_engine() -> Option<UnixStream> {
    let address: UnixAddr = getsockname(libc::STDIN_FILENO).ok()?;
    if getpid() != Pid::from_raw(1) || address.family() != Some(AddressFamily::Unix) {
        return None;
    }
    let engine = io::stdin().as_fd().try_clone_to_owned().ok()?;
    dup2_stdin(File::open("/dev/null").ok()?).ok()?;
    Some(UnixStream::from(engine))
}

struct Keeper {
    signals: Signals,
    server: Pid,
}

/// Makes what the node has of its own and starts its server.
fn start(name: &OsString, server: &mut Command) -> io::Result<Keeper> {
    expect_children()?;
    setsid()?;
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC)?;
    make_mounts()?;
    sethostname(name)?;
    privilege::give_up()?;
    let server = server.spawn().map_err(named(Path::new(server.get_program())))?;
    let signals = Signals::take(&[Signal::SIGCHLD])?;
    Ok(Keeper {
        signals,
        server: Pid::from_raw(server.id().cast_signed()),
    })
}

impl Keeper {
    /// Keeps the node until its end, and returns what is to be reported last.
    fn keep(&self, engine: &UnixStream) -> Option<Report> {
        Report::Ready.send(engine).ok()?;
        loop {
            if let Some(status) = self.servers_status(reap()) {
                return Some(Report::Left(status));
            }
            let mut sources = [
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(engine.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut sources, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return None,
            }
            while self.signals.next().is_some() {}
            if sources[1].any() == Some(true) {
                match Request::receive(engine).ok()? {
                    Request::Stop => signal_all(Signal::SIGSTOP),
                    Request::Continue => signal_all(Signal::SIGCONT),
                    Request::Kill => {
                        signal_all(Signal::SIGKILL);
                        return self.servers_status(reap_all()).map(Report::Left);
                    }
                }
                Report::Done.send(engine).ok()?;
            }
        }
    }

    /// How the server ended, if it is among these; all of them are taken note of.
    fn servers_status(&self, ended: impl Iterator<Item = (Pid, ExitStatus)>) -> Option<ExitStatus> {
        ended
            .filter(|(child, _)| *child == self.server)
            .map(|(_, status)| status)
            .last()
    }
}

fn signal_all(signal: Signal) {
    // It fails only when there is nobody else, and then nobody needs it.
    let _ = kill(ALL_OTHERS, signal);
}
