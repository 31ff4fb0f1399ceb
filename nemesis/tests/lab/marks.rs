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

/// All processes that carry `mark` and are not mere zombies.
pub(crate) fn marked(mark: &str) -> Vec<Marked> {
    let wanted = format!("{MARK}={mark}");
    let carries = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
    };
    processes().filter(carries).filter_map(describe).collect()
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

/// The processes in one of these namespaces that were there at `moment`. Those that came later have nothing to do with what the
/// names meant then: the kernel gives the number of a namespace that is gone to the next.
pub(crate) fn holders(namespaces_then: &BTreeSet<PathBuf>, moment: Ticks) -> Vec<i32> {
    let was_there = |pid: &i32| start_of(*pid).is_some_and(|start| start <= moment);
    let is_inside = |pid: &i32| !namespaces([*pid]).is_disjoint(namespaces_then);
    processes().filter(was_there).filter(is_inside).collect()
}

/// A time since the machine was started, in hundredths of a second, as /proc has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticks(u64);

impl Ticks {
    pub(crate) fn now() -> Self {
        let uptime = fs::read_to_string("/proc/uptime").expect("/proc is mounted");
        let hundredths = uptime.split(' ').next().map(|seconds| seconds.replace('.', ""));
        Self(
            hundredths
                .and_then(|text| text.parse().ok())
                .expect("seconds with two decimals"),
        )
    }
}

fn start_of(pid: i32) -> Option<Ticks> {
    const START_AFTER_NAME: usize = 19;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?
        .1
        .split(' ')
        .nth(START_AFTER_NAME)?
        .parse()
        .ok()
        .map(Ticks)
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
