//! A node, seen from the engine: its keeper is started, asked and waited for here.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns, unshare};
use systems::NodeId;

use super::error::LabError;
use super::role::Role;
use super::state::{NodeState, look};
use super::talk::{Report, Request};

/// How long starting a program may take until it is executed.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How long it may take until the last process has stopped, or goes on.
const PAUSE_LIMIT: Duration = Duration::from_secs(2);

/// How long a node that was seen stopped may take until it is seen so again. A thread that waits for the disk with a stop before it counts as
/// stopped; when the disk has answered it needs a processor once more, in order to stop, and on a busy machine it waits for that.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// How long it may take until the last process is gone.
pub(super) const KILL_LIMIT: Duration = Duration::from_secs(5);

/// How often is looked whether the last process has stopped, or goes on.
const LOOK_INTERVAL: Duration = Duration::from_micros(100);

/// A program to run on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCommand {
    /// The executable: a path, or a name to be found in `PATH`.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Added to the engine's environment.
    pub env: Vec<(OsString, OsString)>,
    /// The working directory.
    pub directory: PathBuf,
    /// Standard output is appended to this file.
    pub stdout: PathBuf,
    /// Standard error is appended to this file.
    pub stderr: PathBuf,
}

/// A node has left without having been told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeExit {
    /// Which.
    pub node: NodeId,
    /// How its server ended; `None` when the whole node was killed by a hand that is not the lab's.
    pub status: Option<ExitStatus>,
}

/// A node whose program was started, and may have left since.
#[derive(Debug)]
pub(super) struct Node {
    name: NodeId,
    keeper: u32,
    requests: UnixStream,
    reports: Receiver<Report>,
    told_to_go: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
    watcher: Option<JoinHandle<()>>,
}

/// What a node is put into.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// The network namespace of its host.
    pub(super) network: Arc<File>,
    /// Who is told when it leaves.
    pub(super) exits: Sender<NodeExit>,
}

impl Node {
    /// Starts `command` and returns when it is executed.
    pub(super) fn start(name: NodeId, command: &NodeCommand, around: Surroundings) -> Result<Self, LabError> {
        let refused = |error: io::Error| LabError::Start(name, error.to_string());
        let (requests, theirs) = UnixStream::pair().map_err(refused)?;
        let keeper = keeper_command(name, command, theirs).map_err(refused)?;
        let (report, reports) = channel();
        let (told_to_go, gone) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let watcher = Watcher {
            name,
            reports: requests.try_clone().map_err(refused)?,
            report,
            told_to_go: Arc::clone(&told_to_go),
            gone: Arc::clone(&gone),
            exits: around.exits,
        };
        let (keeper, thread) = watcher.launch(around.network, keeper).map_err(refused)?;
        let node = Self {
            name,
            keeper,
            requests,
            reports,
            told_to_go,
            gone,
            watcher: Some(thread),
        };
        node.await_ready().inspect_err(|_| node.order_kill())?;
        Ok(node)
    }

    fn await_ready(&self) -> Result<(), LabError> {
        match self.reports.recv_timeout(START_LIMIT) {
            Ok(Report::Ready) => Ok(()),
            Ok(Report::Failed(why)) => Err(LabError::Start(self.name, why)),
            Ok(Report::Done | Report::Left(_)) | Err(RecvTimeoutError::Disconnected) => Err(LabError::Start(
                self.name,
                "it was killed before it ran".to_owned(),
            )),
            Err(RecvTimeoutError::Timeout) => {
                Err(LabError::Unsettled(self.name, NodeState::Running, START_LIMIT))
            }
        }
    }

    /// Whether it has left, with all that belonged to it.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// How it is, by looking.
    pub(super) fn state(&self) -> NodeState {
        if self.is_gone() {
            NodeState::Down
        } else {
            look(self.keeper)
        }
    }

    pub(super) fn pause(&self) -> Result<(), LabError> {
        self.request(Request::Stop, NodeState::Paused)
    }

    pub(super) fn resume(&self) -> Result<(), LabError> {
        self.request(Request::Continue, NodeState::Running)
    }

    /// Has the keeper do something, and returns when it is seen to have been done.
    fn request(&self, request: Request, wanted: NodeState) -> Result<(), LabError> {
        // An answer that came too late for the last request is none to this one.
        while self.reports.try_recv().is_ok() {}
        request
            .send(&self.requests)
            .map_err(|_| LabError::Down(self.name))?;
        match self.reports.recv_timeout(PAUSE_LIMIT) {
            Ok(Report::Done) => self.await_state(wanted),
            Err(RecvTimeoutError::Timeout) => Err(LabError::Unsettled(self.name, wanted, PAUSE_LIMIT)),
            Ok(Report::Ready | Report::Failed(_) | Report::Left(_)) | Err(RecvTimeoutError::Disconnected) => {
                Err(LabError::Down(self.name))
            }
        }
    }

    /// How it is, by looking until it is as `wanted`, or gone, or [`SETTLE_LIMIT`] has passed.
    pub(super) fn settled(&self, wanted: NodeState) -> NodeState {
        look_until(|| self.state(), wanted, SETTLE_LIMIT)
    }

    fn await_state(&self, wanted: NodeState) -> Result<(), LabError> {
        match look_until(|| self.state(), wanted, PAUSE_LIMIT) {
            state if state == wanted => Ok(()),
            NodeState::Down => Err(LabError::Down(self.name)),
            NodeState::Running | NodeState::Paused => {
                Err(LabError::Unsettled(self.name, wanted, PAUSE_LIMIT))
            }
        }
    }

    /// Orders the end of every process, without waiting for it.
    pub(super) fn order_kill(&self) {
        self.told_to_go.store(true, Ordering::Release);
        // A keeper that cannot hear it has ended already.
        let _ = Request::Kill.send(&self.requests);
    }

    /// Waits until the last process is gone, but not beyond `limit`.
    pub(super) fn await_end(&mut self, limit: Instant) -> Result<(), LabError> {
        loop {
            match self
                .reports
                .recv_timeout(limit.saturating_duration_since(Instant::now()))
            {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(LabError::Unsettled(self.name, NodeState::Down, KILL_LIMIT));
                }
            }
        }
        // The thread has let go of the reports, and has nothing else to do.
        self.watcher
            .take()
            .map_or(Ok(()), JoinHandle::join)
            .expect("the thread of a node does not panic");
        Ok(())
    }
}

/// Looks until what is seen is `wanted`, or that the node is gone, or `limit` has passed; what was seen last.
fn look_until(mut look: impl FnMut() -> NodeState, wanted: NodeState, limit: Duration) -> NodeState {
    let give_up = Instant::now() + limit;
    loop {
        let state = look();
        if state == wanted || state == NodeState::Down || give_up < Instant::now() {
            return state;
        }
        thread::sleep(LOOK_INTERVAL);
    }
}

/// What the thread of a node needs. It lives as long as the node.
struct Watcher {
    name: NodeId,
    reports: UnixStream,
    report: Sender<Report>,
    told_to_go: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
    exits: Sender<NodeExit>,
}

impl Watcher {
    /// Starts a thread that starts the keeper, and returns when that is done.
    fn launch(self, network: Arc<File>, keeper: Command) -> io::Result<(u32, JoinHandle<()>)> {
        let (spawned, spawning) = channel();
        let thread = thread::Builder::new().name(format!("lab-{}", self.name));
        let thread = thread.spawn(move || match spawn_in(&network, keeper) {
            Ok(child) => {
                // Whoever waits for it has not gone away: it waits without limit.
                let _ = spawned.send(Ok(child.id()));
                self.watch(child);
            }
            Err(error) => drop(spawned.send(Err(error))),
        })?;
        let keeper = spawning.recv().map_err(io::Error::other)??;
        Ok((keeper, thread))
    }

    /// Passes reports on until the keeper has ended, and tells of it unless it was told to.
    fn watch(self, mut keeper: Child) {
        let mut status = None;
        let mut was_started = false;
        while let Ok(report) = Report::receive(&self.reports) {
            match &report {
                Report::Left(left) => status = Some(*left),
                Report::Ready => was_started = true,
                Report::Done | Report::Failed(_) => {}
            }
            // Nobody may want to know.
            let _ = self.report.send(report);
        }
        // It is gone when everything in its namespace is. That it cannot be waited for cannot be.
        let _ = keeper.wait();
        self.gone.store(true, Ordering::Release);
        if was_started && !self.told_to_go.load(Ordering::Acquire) {
            let _ = self.exits.send(NodeExit {
                node: self.name,
                status,
            });
        }
    }
}

/// The command that starts the keeper, which starts the server with the same environment, directory and streams.
fn keeper_command(name: NodeId, command: &NodeCommand, engine: UnixStream) -> io::Result<Command> {
    if !command.directory.is_dir() {
        return Err(named(&command.directory)(io::ErrorKind::NotADirectory.into()));
    }
    let mut keeper = Role::Keeper.command();
    keeper
        .arg(name.as_str())
        .arg(&command.program)
        .args(&command.args)
        .envs(command.env.iter().cloned())
        .current_dir(&command.directory)
        .stdin(OwnedFd::from(engine))
        .stdout(open_log(&command.stdout)?)
        .stderr(open_log(&command.stderr)?);
    Ok(keeper)
}

fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(named(path))
}

/// For `map_err`: the path that an error is about.
pub(super) fn named(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Starts a process as the first of a new namespace of processes, on this network. Moves the calling thread to both.
fn spawn_in(network: &File, mut command: Command) -> io::Result<Child> {
    setns(network, CloneFlags::CLONE_NEWNET)?;
    unshare(CloneFlags::CLONE_NEWPID)?;
    command.spawn()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::look_until;
    use crate::lab::NodeState::{self, Down, Paused, Running};

    /// What is seen last when a node is looked at that is as in `states`, one after another, and stays as the last one.
    fn check(states: &[NodeState], wanted: NodeState, limit: Duration, expected: NodeState) {
        let mut states = states.iter().copied();
        let mut last = None;
        let look = || *last.insert(states.next().or(last).expect("there is a state"));
        assert_eq!(look_until(look, wanted, limit), expected);
    }

    #[test]
    fn a_node_is_looked_at_until_it_is_as_wanted_or_gone_or_time_is_over() {
        let long = Duration::from_secs(60);
        check(&[Running, Running, Paused, Running], Paused, long, Paused);
        check(&[Running, Down, Paused], Paused, long, Down);
        check(&[Running], Paused, Duration::ZERO, Running);
    }
}
