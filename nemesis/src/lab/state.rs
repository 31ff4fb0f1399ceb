//! How a node is, by looking at its processes and not by remembering what was done to it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeState {
    /// It has no process.
    Down,
    /// At least one of its processes is not stopped.
    Running,
    /// It has processes, and every one of them is stopped.
    Paused,
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "down",
            Self::Running => "running",
            Self::Paused => "paused",
        })
    }
}

/// The state of the node whose keeper is this process. Reads the keeper's own /proc, which lists exactly the processes of the node.
pub(super) fn look(keeper: u32) -> NodeState {
    let own_proc = PathBuf::from(format!("/proc/{keeper}/root/proc"));
    let others = numbered_entries(&own_proc).filter(|(pid, _)| *pid != 1);
    summarise(others.filter_map(|(_, process)| look_at_process(&process)))
}

/// How a process is; `None` when it is dead, though perhaps not yet taken note of.
fn look_at_process(process: &Path) -> Option<Liveliness> {
    let threads = numbered_entries(&process.join("task"));
    let state = |(_, thread): (u32, PathBuf)| parse_state(&fs::read_to_string(thread.join("stat")).ok()?);
    let stop_is_pending = || {
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        has_pending_stop(&status)
    };
    liveliness(threads.filter_map(state), stop_is_pending)
}

/// Whether a process can do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Liveliness {
    Runs,
    Stopped,
}

/// A process is stopped when its threads are, or are in the kernel and will meet the stop on their way out: a parent that waits
/// for the `exec` of a child which was stopped before it, for one, is never seen stopped itself.
fn liveliness(
    threads: impl Iterator<Item = char>,
    stop_is_pending: impl FnOnce() -> bool,
) -> Option<Liveliness> {
    let (mut stopped, mut in_kernel) = (false, false);
    for thread in threads {
        match thread {
            'Z' | 'X' => {}
            'T' | 't' => stopped = true,
            'D' => in_kernel = true,
            _ => return Some(Liveliness::Runs),
        }
    }
    match (stopped, in_kernel) {
        (false, false) => None,
        (false, true) if !stop_is_pending() => Some(Liveliness::Runs),
        (true, _) | (false, true) => Some(Liveliness::Stopped),
    }
}

/// A node runs as long as one of its processes does.
fn summarise(processes: impl Iterator<Item = Liveliness>) -> NodeState {
    let mut node = NodeState::Down;
    for process in processes {
        match process {
            Liveliness::Runs => return NodeState::Running,
            Liveliness::Stopped => node = NodeState::Paused,
        }
    }
    node
}

/// The processes or threads that a folder of /proc lists.
fn numbered_entries(folder: &Path) -> impl Iterator<Item = (u32, PathBuf)> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
}

/// The state letter of a line of /proc/pid/stat. The name before it may contain anything, brackets too.
fn parse_state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Whether the process of this /proc/pid/status has been sent a SIGSTOP that it has not met yet.
fn has_pending_stop(status: &str) -> bool {
    let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    let signals = pending.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    signals.is_some_and(|signals| signals & (1 << (libc::SIGSTOP - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::{Liveliness, NodeState, has_pending_stop, liveliness, parse_state, summarise};

    #[test]
    fn a_name_with_brackets_does_not_hide_the_state() {
        assert_eq!(parse_state("7 (a) R (b)) T 1 7 7"), Some('T'));
        assert_eq!(parse_state("7"), None);
        assert_eq!(parse_state("7 (x)"), None);
    }

    #[test]
    fn a_process_is_as_the_liveliest_of_its_threads() {
        let check = |threads: &str, stop_is_pending: bool, expected| {
            assert_eq!(
                liveliness(threads.chars(), || stop_is_pending),
                expected,
                "{threads}"
            );
        };
        check("TTST", true, Some(Liveliness::Runs));
        check("TZT", false, Some(Liveliness::Stopped));
        check("TD", false, Some(Liveliness::Stopped));
        check("D", true, Some(Liveliness::Stopped));
        check("D", false, Some(Liveliness::Runs));
        check("ZX", true, None);
        check("", true, None);
    }

    #[test]
    fn one_process_that_runs_makes_the_node_run() {
        use Liveliness::{Runs, Stopped};
        assert_eq!(
            summarise([Stopped, Runs, Stopped].into_iter()),
            NodeState::Running
        );
        assert_eq!(summarise([Stopped, Stopped].into_iter()), NodeState::Paused);
        assert_eq!(summarise([].into_iter()), NodeState::Down);
    }

    #[test]
    fn a_pending_stop_is_read_from_the_mask() {
        assert!(has_pending_stop("Name:\tx\nShdPnd:\t0000000000040000\n"));
        assert!(!has_pending_stop("Name:\tx\nShdPnd:\t0000000000020000\n"));
        assert!(!has_pending_stop(""));
    }
}
