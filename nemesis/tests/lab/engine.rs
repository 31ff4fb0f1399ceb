//! What is tried inside of a lab: each scenario is the whole life of an engine, and ends with code 0 when it went well.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use nemesis::lab::{Lab, LabConfig, Link, NodeCommand};
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::unistd::pause;
use systems::NodeId;

use crate::marks::await_some;
use crate::runner::SCRATCH;
use crate::servers::PORT;
use crate::{SERVER, faults, machine, nodes};

/// What an engine that was told to end and did so in good order exits with.
pub(crate) const ENDED_IN_ORDER: u8 = 42;

/// The scenarios that are tests by themselves.
#[rustfmt::skip]
pub(crate) const SCENARIOS: &[(&str, fn())] = &[
    ("a_cut_stalls_one_direction_and_a_mend_lets_it_go_on", faults::cut_and_mend),
    ("a_cut_catches_what_is_on_its_way", faults::cut_of_what_is_on_its_way),
    ("probes_and_counters_tell_what_a_link_does", faults::probes_and_counters),
    ("delays_are_as_long_as_they_were_ordered", faults::delays),
    ("a_limited_line_carries_as_much_as_was_ordered", faults::bandwidth),
    ("as_many_packets_are_lost_as_were_ordered", faults::loss),
    ("rules_about_packets_make_packets_what_a_wire_would_carry", faults::segmentation),
    ("a_probe_reaches_a_node_that_is_down", faults::probe_of_a_node_that_is_down),
    ("a_pause_stops_daemons_too", nodes::pause_stops_daemons),
    ("a_pause_holds_at_any_moment_of_a_start", nodes::pause_at_any_moment),
    ("a_kill_takes_daemons_along_even_paused", nodes::kill_takes_daemons),
    ("a_node_is_started_again_with_its_data", nodes::restart),
    ("a_node_that_leaves_by_itself_is_noticed", nodes::leaving),
    ("a_node_has_a_name_processes_and_environment_of_its_own", nodes::own_world),
    ("what_cannot_be_done_is_refused_by_name", nodes::refusals),
    ("an_engine_inherits_nothing_of_the_chain", machine::inheritance),
    ("what_is_missing_is_named_with_what_to_type", machine::missing_parts),
    ("connections_are_retried_as_often_as_was_ordered", machine::retransmission_timeout),
    ("a_lab_is_closed_quickly_and_opened_again", nodes::reopen),
];

/// Plays an engine.
pub(crate) fn run(scenario: &str) -> ExitCode {
    match scenario {
        "linger" => linger(),
        "end-in-order" => return end_in_order(),
        "deaf" => deaf(),
        "seven" => return ExitCode::from(7),
        "abort" => std::process::abort(),
        _ => {
            let (_, test) = SCENARIOS
                .iter()
                .find(|(name, _)| *name == scenario)
                .expect("a known scenario");
            test();
        }
    }
    ExitCode::SUCCESS
}

/// A lab with this many nodes.
pub(crate) fn lab_of(nodes: usize) -> Lab {
    let nodes = (1..=nodes).map(NodeId::replica).collect();
    Lab::open(&LabConfig {
        nodes,
        clients: clients(),
        seed: 7,
        tcp_rto_max: None,
    })
    .expect("a lab can be opened")
}

/// The clients' host.
pub(crate) fn clients() -> NodeId {
    "clients".parse().unwrap()
}

/// The link between two hosts, in this direction.
pub(crate) fn link(from: NodeId, to: NodeId) -> Link {
    Link { from, to }
}

/// Where this scenario may write.
pub(crate) fn scratch() -> PathBuf {
    std::env::var_os(SCRATCH)
        .expect("the runner tells where to write")
        .into()
}

/// The command for one of the servers of this binary.
pub(crate) fn server(name: &str) -> NodeCommand {
    NodeCommand {
        program: "/proc/self/exe".into(),
        args: vec![SERVER.into(), name.into()],
        env: vec![("GREETING".into(), "hello".into())],
        directory: scratch(),
        stdout: scratch().join("stdout"),
        stderr: scratch().join("stderr"),
    }
}

/// Connects from the clients' host to a server that may just be starting.
pub(crate) fn connect(lab: &Lab, node: NodeId) -> TcpStream {
    let address = SocketAddr::from((lab.address(node).unwrap(), PORT));
    let limit = Duration::from_secs(5);
    let connect = || TcpStream::connect_timeout(&address, limit).ok();
    let stream = await_some(limit, connect).expect("the server listens");
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends a byte and waits for it to come back.
pub(crate) fn ping(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(&[1])?;
    stream.read_exact(&mut [0])
}

/// A lab with daemons on its nodes, until it is killed.
fn linger() {
    let mut lab = lab_of(2);
    for node in [1, 2].map(NodeId::replica) {
        lab.start(node, &server("daemon"))
            .expect("a daemon can be started");
    }
    println!("ready");
    loop {
        pause();
    }
}

/// Ends when it is told to, in its own time.
fn end_in_order() -> ExitCode {
    let endings: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    endings.thread_block().unwrap();
    let _lab = lab_of(1);
    println!("ready");
    endings.wait().unwrap();
    ExitCode::from(ENDED_IN_ORDER)
}

/// Does not listen.
fn deaf() {
    for ending in [Signal::SIGTERM, Signal::SIGINT] {
        // SAFETY: ignoring is no handler.
        unsafe { signal(ending, SigHandler::SigIgn) }.unwrap();
    }
    println!("ready");
    loop {
        pause();
    }
}
