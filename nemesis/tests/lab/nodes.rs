//! Nodes: started, paused, killed, started again, and left alone.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nemesis::lab::{LabError, Link, NodeState};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use systems::NodeId;

use crate::engine::{clients, connect, lab_of, ping, scratch, server};
use crate::marks::{await_some, await_that};

/// Long enough for anything that happens at all.
const LIMIT: Duration = Duration::from_secs(5);

fn n1() -> NodeId {
    NodeId::replica(1)
}

/// The processes of the daemon with their states, found from outside of the node by their arguments.
fn daemons() -> Vec<(String, char)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let daemon = |pid: u32| {
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let state = stat.rsplit_once(") ")?.1.chars().next()?;
        let name = arguments
            .strip_prefix("/proc/self/exe\0test-server\0")?
            .trim_end_matches('\0');
        Some((name.to_owned(), state)).filter(|_| state != 'Z')
    };
    pids.filter_map(daemon).collect()
}

/// Whether the daemon and what it has left behind are there, both in this state, and nothing else is.
fn both_daemons_are(wanted: char) -> bool {
    let mut daemons = daemons();
    daemons.sort_unstable();
    daemons
        == [
            ("daemon".to_owned(), wanted),
            ("daemon-grandchild".to_owned(), wanted),
        ]
}

fn start_daemons() -> nemesis::lab::Lab {
    let mut lab = lab_of(2);
    lab.start(n1(), &server("daemon")).unwrap();
    assert!(await_that(LIMIT, || both_daemons_are('S')), "{:?}", daemons());
    lab
}

pub(crate) fn pause_stops_daemons() {
    let mut lab = start_daemons();
    assert_eq!(lab.state(n1()).unwrap(), NodeState::Running);
    lab.pause(n1()).unwrap();
    assert!(both_daemons_are('T'), "{:?}", daemons());
    assert_eq!(lab.state(n1()).unwrap(), NodeState::Paused);
    lab.resume(n1()).unwrap();
    assert!(await_that(LIMIT, || both_daemons_are('S')), "{:?}", daemons());
    assert_eq!(lab.state(n1()).unwrap(), NodeState::Running);
}

/// A parent that waits for a child to execute cannot be stopped while the child is, and yet cannot do anything.
pub(crate) fn pause_at_any_moment() {
    let mut lab = lab_of(1);
    for _ in 0..50 {
        lab.start(n1(), &server("daemon")).unwrap();
        lab.pause(n1()).unwrap();
        assert_eq!(lab.state(n1()).unwrap(), NodeState::Paused, "{:?}", daemons());
        lab.resume(n1()).unwrap();
        assert!(await_that(LIMIT, || both_daemons_are('S')), "{:?}", daemons());
        lab.kill(n1()).unwrap();
    }
}

pub(crate) fn kill_takes_daemons() {
    for paused in [false, true] {
        let mut lab = start_daemons();
        if paused {
            lab.pause(n1()).unwrap();
        }
        lab.kill(n1()).unwrap();
        assert_eq!(daemons(), []);
        assert_eq!(lab.state(n1()).unwrap(), NodeState::Down);
        assert!(
            lab.exits().try_recv().is_err(),
            "a node that was killed has not left by itself"
        );
    }
}

pub(crate) fn restart() {
    let mut lab = lab_of(1);
    let diary = || fs::read_to_string(scratch().join("diary")).unwrap_or_default();
    for times in 1..=5 {
        lab.start(n1(), &server("diary")).unwrap();
        assert!(
            await_that(LIMIT, || diary() == "started\n".repeat(times)),
            "{:?}",
            diary()
        );
        lab.kill(n1()).unwrap();
    }
}

pub(crate) fn leaving() {
    let mut lab = lab_of(2);
    lab.start(n1(), &server("leaver")).unwrap();
    let exit = lab.exits().recv_timeout(LIMIT).expect("it leaves at once");
    assert_eq!(
        (exit.node, exit.status.and_then(|status| status.code())),
        (n1(), Some(3))
    );
    assert_eq!(lab.state(n1()).unwrap(), NodeState::Down);
    assert!(matches!(lab.pause(n1()), Err(LabError::Down(_))));
    // One that is killed by another hand, and what it leaves behind.
    lab.start(n1(), &server("daemon")).unwrap();
    assert!(await_that(LIMIT, || both_daemons_are('S')), "{:?}", daemons());
    kill(pid_of("/proc/self/exe\0test-server\0daemon\0"), Signal::SIGKILL).unwrap();
    let exit = lab.exits().recv_timeout(LIMIT).expect("its end is noticed");
    assert_eq!(
        (exit.node, exit.status.and_then(|status| status.signal())),
        (n1(), Some(9))
    );
    assert_eq!(daemons(), []);
    // And one whose keeper is.
    lab.start(n1(), &server("daemon")).unwrap();
    kill(pid_of("lab-test\0lab-node\0n1\0"), Signal::SIGKILL).unwrap();
    let exit = lab.exits().recv_timeout(LIMIT).expect("its end is noticed");
    assert_eq!((exit.node, exit.status), (n1(), None));
    assert_eq!(daemons(), []);
}

/// The process whose arguments begin with these.
fn pid_of(arguments: &str) -> Pid {
    let found = await_some(LIMIT, || {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.find(|pid| {
            fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|all| all.starts_with(arguments))
        })
    });
    Pid::from_raw(found.expect("there is such a process"))
}

pub(crate) fn own_world() {
    let mut lab = lab_of(1);
    lab.start(n1(), &server("environment")).unwrap();
    let privileges = || {
        fs::read_to_string(scratch().join("stderr"))
            .ok()
            .filter(|text| text.ends_with('\n'))
    };
    let privileges = await_some(LIMIT, privileges).expect("it says what it may");
    let said = fs::read_to_string(scratch().join("stdout")).unwrap();
    assert_eq!(
        said,
        "host n1\npid 2\nblocked 0\nprocesses 2\ndescriptors true\ngreeting hello\n"
    );
    assert_eq!(
        privileges == "privileges 0000000000000000\n",
        !geteuid().is_root(),
        "{privileges}"
    );
}

pub(crate) fn refusals() {
    let mut lab = lab_of(1);
    let stranger = NodeId::replica(9);
    assert!(matches!(lab.start(stranger, &server("echo")), Err(LabError::Unknown(node)) if node == stranger));
    assert!(matches!(
        lab.cut(Link {
            from: n1(),
            to: stranger
        }),
        Err(LabError::Unknown(_))
    ));
    assert!(matches!(lab.kill(n1()), Err(LabError::Down(_))));
    let mut nothing = server("echo");
    nothing.program = "/no/such/program".into();
    let refused = lab.start(n1(), &nothing).unwrap_err().to_string();
    assert_eq!(
        refused,
        "n1 could not be started: /no/such/program: No such file or directory (os error 2)"
    );
    let mut nowhere = server("echo");
    nowhere.directory = "/no/such/folder".into();
    let refused = lab.start(n1(), &nowhere).unwrap_err().to_string();
    assert_eq!(
        refused,
        "n1 could not be started: /no/such/folder: not a directory"
    );
    assert_eq!(lab.state(n1()).unwrap(), NodeState::Down);
    lab.start(n1(), &server("echo")).unwrap();
    assert!(matches!(lab.start(n1(), &server("echo")), Err(LabError::Runs(_))));
    assert!(lab.exits().try_recv().is_err(), "what never ran has not left");
    assert!(lab.address(clients()).is_ok());
}

pub(crate) fn reopen() {
    for _ in 0..3 {
        let mut lab = lab_of(5);
        for node in (1..=5).map(NodeId::replica) {
            lab.start(node, &server("echo")).unwrap();
        }
        ping(&mut connect(&lab, n1())).unwrap();
        let begin = Instant::now();
        drop(lab);
        let took = begin.elapsed();
        assert!(took < Duration::from_millis(300), "closing took {took:?}");
    }
}
