//! The doctor: what this machine can do, found out by doing it in a child, and what to type where it cannot.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use nix::sched::{CloneFlags, unshare};
use nix::sys::ptrace;

use super::confine::{EngineCommand, confine};
use super::error::LabError;
use super::remedy::{Machine, remedy};
use super::role::Role;
use super::tun::{TUN_DEVICE, Tun};

/// Something the lab asks of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A user namespace with its ids mapped.
    Users,
    /// Namespaces of processes, mounts, networks and names.
    Namespaces,
    /// Private mounts and a new /proc.
    Mounts,
    /// TUN devices, the hosts' network cards.
    Tun,
    /// File systems in user space, for faults of disks.
    Fuse,
    /// Tracing one's own children, for faults of clocks.
    Ptrace,
    /// A group of processes of one's own, for faults of memory and processors.
    Cgroups,
}

/// A part that is not to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub part: Part,
    /// What was tried and how it failed.
    pub why: String,
    /// What to type.
    pub remedy: String,
}

/// What trying a part has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It does what the lab needs.
    Works,
    /// It does not.
    Missing(Missing),
    /// It rests on another part, which is missing.
    Untried(Part),
}

/// One part of the machine, tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Which.
    pub part: Part,
    /// How it went.
    pub outcome: Outcome,
}

impl Part {
    /// All of them; those that rest on others come after them.
    pub const ALL: [Self; 7] = [
        Self::Users,
        Self::Namespaces,
        Self::Mounts,
        Self::Tun,
        Self::Fuse,
        Self::Ptrace,
        Self::Cgroups,
    ];

    /// The parts of the way into the lab, each resting on those before.
    const WAY_IN: [Self; 4] = [Self::Users, Self::Namespaces, Self::Mounts, Self::Tun];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "user namespaces",
            Self::Namespaces => "namespaces of processes, mounts and networks",
            Self::Mounts => "mounts of one's own",
            Self::Tun => "TUN devices",
            Self::Fuse => "FUSE devices",
            Self::Ptrace => "ptrace of own children",
            Self::Cgroups => "writable cgroups",
        }
    }

    /// Whether there is no lab without it.
    #[must_use]
    pub fn is_needed(self) -> bool {
        Self::WAY_IN.contains(&self)
    }
}

/// Tries all parts, each in a process of its own. The caller may have threads.
///
/// # Errors
/// When no child can be started to try anything.
pub fn examine() -> Result<Vec<Probe>, LabError> {
    let way_in = run_child(Attempt::WayIn)?;
    let mut probes: Vec<Probe> = Part::WAY_IN
        .into_iter()
        .map(|part| way_in_outcome(part, &way_in))
        .collect();
    for (part, attempt) in [
        (Part::Fuse, Attempt::Fuse),
        (Part::Ptrace, Attempt::Ptrace),
        (Part::Cgroups, Attempt::Cgroups),
    ] {
        let outcome = run_child(attempt)?.map_or(Outcome::Works, Outcome::Missing);
        probes.push(Probe { part, outcome });
    }
    Ok(probes)
}

/// Whether a lab can be opened here: goes the whole way in, once.
///
/// # Errors
/// [`LabError::Missing`] with the first part that is missing and what to type.
pub fn check() -> Result<(), LabError> {
    run_child(Attempt::WayIn)?.map_or(Ok(()), |missing| Err(missing.into()))
}

/// From how far the way in went, how `part` is.
fn way_in_outcome(part: Part, stopped_at: &Option<Missing>) -> Probe {
    let outcome = match stopped_at {
        Some(missing) if missing.part == part => Outcome::Missing(missing.clone()),
        Some(missing) if rests_on(part, missing.part) => match (part, open_device(TUN_DEVICE)) {
            // Both things to type are told at once.
            (Part::Tun, Err(error)) => Outcome::Missing(Missing::of(Part::Tun, &error)),
            _ => Outcome::Untried(missing.part),
        },
        Some(_) | None => Outcome::Works,
    };
    Probe { part, outcome }
}

fn rests_on(part: Part, other: Part) -> bool {
    let place = |wanted: Part| Part::WAY_IN.iter().position(|part| *part == wanted);
    place(part) > place(other)
}

/// What a child is to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    WayIn,
    Tun,
    Fuse,
    Ptrace,
    Cgroups,
}

impl Attempt {
    const ALL: [Self; 5] = [Self::WayIn, Self::Tun, Self::Fuse, Self::Ptrace, Self::Cgroups];

    fn name(self) -> &'static str {
        match self {
            Self::WayIn => "way-in",
            Self::Tun => "tun",
            Self::Fuse => "fuse",
            Self::Ptrace => "ptrace",
            Self::Cgroups => "cgroups",
        }
    }
}

/// Has a child try something, and returns what it found missing.
fn run_child(attempt: Attempt) -> Result<Option<Missing>, LabError> {
    let doing = "look at the machine";
    let output = Role::Probe
        .command()
        .arg(attempt.name())
        .output()
        .map_err(LabError::os(doing))?;
    let missing = Missing::parse(&String::from_utf8_lossy(&output.stdout));
    if missing.is_none() && !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(LabError::Os(doing, io::Error::other(said)));
    }
    Ok(missing)
}

/// Tries what it is told to, and writes what is missing to standard output. `None` when it was not started by the lab.
pub(super) fn run_probe(args: &[OsString]) -> Option<u8> {
    let [name] = args else { return None };
    let attempt = Attempt::ALL.into_iter().find(|attempt| name == attempt.name())?;
    let result = match attempt {
        Attempt::WayIn => try_way_in(),
        Attempt::Tun => try_tun(),
        Attempt::Fuse => open_device("/dev/fuse").map_err(|error| Missing::of(Part::Fuse, &error).into()),
        Attempt::Ptrace => ptrace::traceme().map_err(|error| Missing::of(Part::Ptrace, &error.into()).into()),
        Attempt::Cgroups => try_cgroup().map_err(|error| Missing::of(Part::Cgroups, &error).into()),
    };
    match &result {
        Ok(()) => {}
        Err(LabError::Missing(missing)) => print!("{}", missing.format()),
        Err(error) => eprintln!("{error}"),
    }
    Some(u8::from(result.is_err()))
}

fn try_way_in() -> Result<(), LabError> {
    let args = [Role::Probe.name(), Attempt::Tun.name()]
        .map(OsString::from)
        .to_vec();
    confine(&EngineCommand {
        args,
        env: Vec::new(),
    })
    .map(drop)
}

fn try_tun() -> Result<(), LabError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| Missing::of(Part::Namespaces, &error.into()))?;
    Tun::create().map(drop)
}

fn open_device(path: &str) -> io::Result<()> {
    OpenOptions::new().read(true).write(true).open(path).map(drop)
}

/// Makes a group below our own, and removes it.
fn try_cgroup() -> io::Result<()> {
    let own = fs::read_to_string("/proc/self/cgroup")?;
    let below = own_cgroups(&own).map(|group| group.join(format!("tribunal-{}", process::id())));
    let mut result = Err(io::ErrorKind::NotFound.into());
    for group in below.filter(|group| group.parent().is_some_and(Path::exists)) {
        result = fs::create_dir(&group).and_then(|()| fs::remove_dir(&group));
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Where the groups named in /proc/self/cgroup are, version 2 or 1, as it is usually mounted.
fn own_cgroups(own: &str) -> impl Iterator<Item = PathBuf> {
    own.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?.trim_start_matches('/'));
        Some(
            Path::new("/sys/fs/cgroup")
                .join(controllers.trim_start_matches("name="))
                .join(path),
        )
    })
}

impl Missing {
    /// What `error` means for `part` on this machine.
    pub(super) fn of(part: Part, error: &io::Error) -> Self {
        Self {
            part,
            why: error.to_string(),
            remedy: remedy(part, error, &Machine::look()),
        }
    }

    /// Three lines: the part, why, and the remedy.
    fn format(&self) -> String {
        format!("{}\n{}\n{}\n", self.part.name(), self.why, self.remedy)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let name = lines.next()?;
        let part = Part::ALL.into_iter().find(|part| part.name() == name)?;
        Some(Self {
            part,
            why: lines.next()?.to_owned(),
            remedy: lines.next()?.to_owned(),
        })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} here: {}; {}", self.part.name(), self.why, self.remedy)
    }
}

impl From<Missing> for LabError {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}
