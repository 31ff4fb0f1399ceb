//! Reaping: a process 1 has children it never started, and must take note of the end of each.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::unistd::Pid;

/// Takes note of the children that have ended, without waiting for any.
pub(super) fn reap() -> impl Iterator<Item = (Pid, ExitStatus)> {
    std::iter::from_fn(|| {
        let mut status = 0;
        // SAFETY: the kernel writes one int.
        let child = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        (child > 0).then(|| (Pid::from_raw(child), ExitStatus::from_raw(status)))
    })
}

/// Waits until no child is left, not even one that a daemon has left to us.
pub(super) fn reap_all() -> impl Iterator<Item = (Pid, ExitStatus)> {
    std::iter::from_fn(|| {
        let mut status = 0;
        // SAFETY: the kernel writes one int.
        let child = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        (child > 0).then(|| (Pid::from_raw(child), ExitStatus::from_raw(status)))
    })
}
