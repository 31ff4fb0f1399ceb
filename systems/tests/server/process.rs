//! A node as a process of its own: this very binary, started again.

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use systems::server::{BootArgs, Listen, serve};

use crate::node::{Town, ask, node, test};
use crate::toy::{Answer, Ask, Toy, ToyConfig};

/// Set in the process that is to be a node: where the node listens, and where its files are.
const BE_A_NODE: &str = "TOY_NODE";

/// A node in a process of its own, which does not outlive the test.
struct Process(Child);

impl Process {
    /// Starts `test`, which must begin with [`be_a_node_if_asked`], as a node.
    fn start(town: &Town, test: &str) -> Self {
        let place = format!("{} {}", town.peers[&node(1)], town.data(node(1)).display());
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", test])
            .env(BE_A_NODE, place)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
        self.0.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended already.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Whether this process was a node, and has ended as one.
fn be_a_node_if_asked() -> bool {
    let Ok(place) = env::var(BE_A_NODE) else {
        return false;
    };
    let (address, data) = place.split_once(' ').unwrap();
    let listen = Listen {
        address: address.parse().unwrap(),
        peers: Default::default(),
    };
    let boot = BootArgs {
        node: node(1),
        seed: 1,
    };
    let events = format!("{data}.events");
    let served = serve::<Toy>(
        &ToyConfig { members: Vec::new() },
        boot,
        listen,
        data.as_ref(),
        events.as_ref(),
    );
    served.unwrap_or_else(|error| panic!("failed to {error}"));
    true
}

#[test]
fn a_process_ends_cleanly_when_it_is_asked_to() {
    if be_a_node_if_asked() {
        return;
    }
    test(async {
        let town = Town::new(1);
        let mut process = Process::start(&town, "process::a_process_ends_cleanly_when_it_is_asked_to");
        ask(&mut town.client(1), node(1), Ask::Keep("text".to_owned())).await;
        assert!(process.end(Signal::TERM).success());
    });
}

#[test]
fn a_process_that_is_killed_has_kept_what_it_acknowledged() {
    if be_a_node_if_asked() {
        return;
    }
    test(async {
        let town = Town::new(1);
        let mut client = town.client(1);
        let mut expected = Vec::new();
        for life in 0..3 {
            let name = "process::a_process_that_is_killed_has_kept_what_it_acknowledged";
            let mut process = Process::start(&town, name);
            for number in 0..10 {
                expected.push(format!("life {life} number {number}"));
                ask(
                    &mut client,
                    node(1),
                    Ask::Keep(expected[expected.len() - 1].clone()),
                )
                .await;
            }
            assert_eq!(
                ask(&mut client, node(1), Ask::Kept).await,
                Answer::Kept(expected.clone())
            );
            assert_eq!(process.end(Signal::KILL).signal(), Some(9));
        }
    });
}
