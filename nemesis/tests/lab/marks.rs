//! Finding the processes of one test, whoever their parents are: they carry a mark in their environment.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The variable that carries the mark.
pub(crate) const MARK: &str = "LAB_TEST_MARK";

/// A process that carries a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) pid: i32,
    /// Its arguments, with spaces between them.
    pub(crate) arguments: String,
    /// The letter of /proc/pid/stat.
    pub(crate) state: char,
}

/// All processes that carry `mark` and still have an environment to carry it in.
pub(crate) fn marked(mark: &str) -> Vec<Marked> {
    processes()
        .filter(|pid| environment(*pid).contains(&variable(mark)))
        .filter_map(describe)
        .collect()
}

/// The process of this mark that plays `role`, as its first argument says.
pub(crate) fn marked_as(mark: &str, role: &str) -> Option<Marked> {
    marked(mark)
        .into_iter()
        .find(|process| process.arguments.split(' ').nth(1) == Some(role))
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The variables of a process, or nothing when it is dying.
fn environment(pid: i32) -> Vec<Vec<u8>> {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .filter(|it| !it.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

fn variable(mark: &str) -> Vec<u8> {
    format!("{MARK}={mark}").into_bytes()
}

fn describe(pid: i32) -> Option<Marked> {
    let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline"))
        .ok()?
        .replace('\0', " ");
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    Some(Marked {
        pid,
        arguments,
        state,
    })
}

/// The namespaces these processes are in, as `net:[4026532000]`.
pub(crate) fn namespaces(processes: impl IntoIterator<Item = i32>) -> BTreeSet<PathBuf> {
    let of = |pid: i32| {
        let entries = fs::read_dir(format!("/proc/{pid}/ns"))
            .into_iter()
            .flatten()
            .flatten();
        entries.filter_map(|entry| fs::read_link(entry.path()).ok())
    };
    processes.into_iter().flat_map(of).collect()
}

/// The processes in one of these namespaces that may belong to this test: the kernel gives the number of a namespace that is gone
/// to the next, so one may be a stranger's now. The dying have lost their environment and are held to be ours.
pub(crate) fn holders(mark: &str, namespaces_then: &BTreeSet<PathBuf>) -> Vec<i32> {
    let is_inside = |pid: &i32| !namespaces([*pid]).is_disjoint(namespaces_then);
    let is_no_stranger = |pid: &i32| {
        let environment = environment(*pid);
        environment.is_empty() || environment.contains(&variable(mark))
    };
    processes().filter(is_inside).filter(is_no_stranger).collect()
}

/// What is mounted, as this process sees it.
pub(crate) fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted")
}

/// Waits for `look` to see something; `None` after the limit.
pub(crate) fn await_some<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        match look() {
            Some(seen) => return Some(seen),
            None if Instant::now() > end => return None,
            None => std::thread::sleep(Duration::from_micros(200)),
        }
    }
}

/// Waits for `look` to hold; false after the limit.
pub(crate) fn await_that(limit: Duration, mut look: impl FnMut() -> bool) -> bool {
    await_some(limit, || look().then_some(())).is_some()
}
