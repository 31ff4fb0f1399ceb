//! Reads that take no slot: a quorum confirms the leader after they came.

use systems::paxos::{Config, Reads};
use systems::service::kv::Answer;

use super::Paxos;
use super::cluster::{STUBBORN, config};
use super::oracle::check;
use super::packet::{is_ack, is_confirmed};
use crate::kv::{append, get, put, value};
use crate::world::{World, ms, n};

/// The first leader; the next one is n3.
const FIRST: usize = 2;

fn cluster(nodes: usize) -> World<Paxos> {
    let config = Config {
        reads: Reads::Confirmed,
        ..config(nodes, None)
    };
    World::<Paxos>::formed(1, config)
}

#[test]
fn a_read_takes_no_slot_and_shows_what_was_answered_before() {
    let mut world = cluster(3);
    let client = world.client(STUBBORN);
    world.ask(client, append("a", "x "));
    let before = world.node(n(FIRST)).expect("it runs").committed();
    let messages = world.count(|packet| packet.is_among_nodes());
    for _ in 0..20 {
        assert_eq!(world.ask(client, get("a")), value("x "));
    }
    assert_eq!(world.node(n(FIRST)).expect("it runs").committed(), before);
    // A question to each other node and an answer, and the beats of that time.
    assert!(world.counted(messages) <= 20 * 4 + 8);
    check(&world);
}

#[test]
fn reads_that_come_at_the_same_time_share_questions() {
    let mut world = cluster(5);
    let clients: Vec<_> = (0..40).map(|_| world.client(STUBBORN)).collect();
    let messages = world.count(|packet| packet.is_among_nodes());
    for &client in &clients {
        world.invoke(client, get("a"));
    }
    world.run(ms(20));
    assert!(clients.iter().all(|&client| world.is_idle(client)));
    assert!(world.counted(messages) <= 3 * 8);
    check(&world);
}

#[test]
fn a_single_node_answers_reads_alone() {
    let mut world = cluster(1);
    let client = world.client(STUBBORN);
    world.ask(client, put("a", "1"));
    assert_eq!(world.ask(client, get("a")), value("1"));
    check(&world);
}

#[test]
fn a_leader_that_is_cut_off_answers_no_read() {
    let mut world = cluster(3);
    let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
    world.ask(one, put("a", "0"));
    for other in [1, 3] {
        world.cut(n(FIRST), n(other));
    }
    let only_first = world
        .lose(move |packet| packet.from == crate::world::Place::Client(one) && !packet.goes_to(n(FIRST)));
    let read = world.invoke(one, get("a"));
    world.run(ms(200));
    assert_eq!(
        world.conclusion(read),
        None,
        "it does not know that it still leads"
    );
    world.wait("the next leader leads", |world| world.leader() == Some(n(3)));
    assert_eq!(world.ask(two, put("a", "1")), Answer::Done);
    world.run(ms(1_000));
    assert_eq!(world.conclusion(read), None);
    world.end(only_first);
    world.end_all_rules();
    world.wait("the reader is answered", move |world| world.is_idle(one));
    world.settle();
    check(&world);
}

#[test]
fn a_new_leader_answers_reads_when_it_has_committed_what_came_before() {
    let mut world = cluster(5);
    let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
    // The next leader holds the value and does not know that it is decided.
    world.lose(|packet| super::packet::is_beat(packet) && packet.comes_from(n(FIRST)));
    world.ask(one, append("a", "x "));
    world.kill(n(FIRST));
    let acks = world.hold(|packet| is_ack(packet) && packet.goes_to(n(3)));
    world.wait("the next leader leads", |world| world.leader() == Some(n(3)));
    let read = world.invoke(two, get("a"));
    let confirmed = world.count(is_confirmed);
    world.run(ms(200));
    assert!(2 <= world.counted(confirmed), "it knows that it leads");
    assert_eq!(world.conclusion(read), None, "and not yet what is decided");
    world.end(acks);
    world.wait("the reader is answered", move |world| world.is_idle(two));
    assert_eq!(
        world.conclusion(read),
        Some(&systems::Conclusion::Answered(value("x ")))
    );
    check(&world);
}

#[test]
fn a_question_that_got_lost_is_put_again_and_reads_wait_no_longer_than_a_beat() {
    let mut world = cluster(3);
    let client = world.client(STUBBORN);
    world.ask(client, put("a", "1"));
    world.lose_next(2, is_confirmed);
    let begun = world.now;
    assert_eq!(world.ask(client, get("a")), value("1"));
    assert!(world.now.since(begun) < ms(60));
    check(&world);
}
