//! Signals as something to poll, and death with one's parent: what the processes of the chain live by.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process;

use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getppid};

/// What a process of the chain exits with when its parent was gone before it could tie itself to it. Nobody is there to see it.
const ORPHANED: i32 = 255;

/// Signals that are read instead of delivered, for as long as this lives.
pub(super) struct Signals {
    queue: SignalFd,
    mask_before: SigSet,
}

impl Signals {
    /// Takes these signals off the calling thread, which must be the only one.
    ///
    /// Children are to be started before, as they would inherit the deafness; what they did until now is to be looked for first.
    pub(super) fn take(signals: &[Signal]) -> io::Result<Self> {
        let mask: SigSet = signals.iter().copied().collect();
        let mask_before = SigSet::thread_get_mask()?;
        mask.thread_block()?;
        let queue = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { queue, mask_before })
    }

    /// The next signal that has come, if any has.
    pub(super) fn next(&self) -> Option<Signal> {
        let info = self.queue.read_signal().ok()??;
        Signal::try_from(info.ssi_signo.cast_signed()).ok()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // What was taken and not read is delivered now, which is what the caller had asked for.
        let _ = self.mask_before.thread_set_mask();
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

/// Whoever started us may have had SIGCHLD ignored, and then nobody would be told of a child's end.
pub(super) fn expect_children() -> io::Result<()> {
    // SAFETY: the default action is no handler of ours.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    Ok(())
}

/// From now on the calling process is killed when its parent ends. Ends it at once when `parent` has ended already.
///
/// What counts is the *thread* that made the process: it must live as long as its process.
pub(super) fn die_with(parent: Pid) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid() == parent {
        return Ok(());
    }
    process::exit(ORPHANED)
}

/// Lets a terminal's background group write to it and set it: the engine is in one, and draws a progress line.
pub(super) fn ignore_terminal_output_stops() -> io::Result<()> {
    // SAFETY: ignoring is no handler of ours.
    unsafe { signal(Signal::SIGTTOU, SigHandler::SigIgn) }?;
    Ok(())
}
