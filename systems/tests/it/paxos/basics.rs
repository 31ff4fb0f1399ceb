//! What a log does when nothing, or little, is wrong.

use systems::service::kv::Answer;

use super::Paxos;
use super::cluster::{STUBBORN, config};
use crate::kv::{append, get, put, value};
use crate::world::{World, ms, n};

#[test]
fn what_was_put_is_read() {
    for nodes in [1, 2, 3, 5] {
        let mut world = World::<Paxos>::formed(1, config(nodes, None));
        let client = world.client(STUBBORN);
        assert_eq!(world.ask(client, put("a", "1")), Answer::Done);
        assert_eq!(world.ask(client, append("a", "2")), Answer::Done);
        assert_eq!(world.ask(client, get("a")), value("12"));
        world.settle();
    }
}

#[test]
fn a_dead_leader_is_replaced_and_nothing_is_lost() {
    let mut world = World::<Paxos>::formed(1, config(3, None));
    let client = world.client(STUBBORN);
    world.ask(client, put("a", "1"));
    let leader = world.leader().unwrap();
    world.kill(leader);
    let before = world.now;
    assert_eq!(world.ask(client, get("a")), value("1"));
    assert!(
        world.now.since(before) < ms(1000),
        "{:?}",
        world.now.since(before)
    );
    world.start(leader);
    world.settle();
}

#[test]
fn everything_survives_the_death_of_all() {
    let mut world = World::<Paxos>::formed(1, config(3, None));
    let client = world.client(STUBBORN);
    for round in 0..5 {
        assert_eq!(world.ask(client, append("a", "x")), Answer::Done);
        for number in 1..=3 {
            world.kill(n(number));
        }
        for number in 1..=3 {
            world.start(n(number));
        }
        assert_eq!(world.ask(client, get("a")), value(&"x".repeat(round + 1)));
    }
    world.settle();
}
