//! Finding the processes of one run, whoever their parents are: they carry a mark in their environment.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, WaitOptions, waitpid};

/// The variable that carries the mark.
pub(crate) const MARK: &str = "TRIBUNAL_TEST_MARK";

/// What all processes of a run carry, and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark(pub(crate) String);

/// A process that carries a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) pid: i32,
    pub(crate) arguments: Vec<String>,
}

/// A process in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Holder {
    pid: i32,
    /// In hundredths of a second since the machine was started.
    started: u64,
    arguments: String,
}

impl Mark {
    pub(crate) fn fresh() -> Self {
        static MARKS: AtomicU64 = AtomicU64::new(0);
        Self(format!(
            "{}-{}",
            std::process::id(),
            MARKS.fetch_add(1, Ordering::Relaxed)
        ))
    }

    /// All processes that carry it and are not mere zombies.
    pub(crate) fn processes(&self) -> Vec<Marked> {
        let wanted = format!("{MARK}={}", self.0);
        let carries = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == wanted.as_bytes())
        };
        processes().filter(carries).filter_map(describe).collect()
    }

    /// The process of it that was told by its first argument to be `role`.
    pub(crate) fn process(&self, role: &str) -> Option<Pid> {
        let is = |process: &Marked| process.arguments.get(1).is_some_and(|argument| argument == role);
        self.processes()
            .into_iter()
            .find(is)
            .and_then(|process| Pid::from_raw(process.pid))
    }
}

/// The namespaces of these processes that are not ours, as `net:[4026532000]`.
pub(crate) fn foreign_namespaces(marked: &[Marked]) -> BTreeSet<PathBuf> {
    let ours = namespaces_of(std::process::id().cast_signed());
    marked
        .iter()
        .flat_map(|process| namespaces_of(process.pid))
        .filter(|name| !ours.contains(name))
        .collect()
}

/// The processes in one of these namespaces, with when they were started.
///
/// Who was none of them then has nothing to do with what the names meant: the kernel gives the number of a namespace that is gone to
/// the next.
pub(crate) fn holders(namespaces: &BTreeSet<PathBuf>) -> BTreeSet<Holder> {
    let is_inside = |pid: &i32| !namespaces_of(*pid).is_disjoint(namespaces);
    let holder = |pid: i32| {
        let arguments = describe(pid)?.arguments.join(" ");
        Some(Holder {
            pid,
            started: start_of(pid)?,
            arguments,
        })
    };
    processes().filter(is_inside).filter_map(holder).collect()
}

/// The mounts and network devices that this process sees.
pub(crate) fn surroundings() -> String {
    let devices = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut devices: Vec<String> = devices
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    devices.sort();
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    format!("{devices:?}\n{mounts}")
}

/// Takes leave of processes that have lost their parents, and been given to us. No child of ours may be awaited meanwhile.
pub(crate) fn reap_orphans() {
    while let Ok(Some(_)) = waitpid(None, WaitOptions::NOHANG) {}
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn describe(pid: i32) -> Option<Marked> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line);
    Some(Marked {
        pid,
        arguments: line.split_terminator('\0').map(str::to_owned).collect(),
    })
}

fn namespaces_of(pid: i32) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{pid}/ns"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .collect()
}

fn start_of(pid: i32) -> Option<u64> {
    const START_AFTER_NAME: usize = 19;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?
        .1
        .split(' ')
        .nth(START_AFTER_NAME)?
        .parse()
        .ok()
}
