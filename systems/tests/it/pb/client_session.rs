//! The client's half, alone and against whole clusters.

use std::collections::BTreeSet;

use systems::pb::{Config, Observer, Patience, Persistence};
use systems::{Conclusion, NodeId};

use super::Pb;
use super::cluster::{HASTY, STUBBORN, vs};
use super::oracle::check;
use super::packet::{is_do, is_done, is_question, is_sync};
use crate::kv::{append, get, put, value};
use crate::world::{World, ms, n};

fn formed(running: usize) -> World<Pb> {
    World::<Pb>::formed(1, Config::new(vs(), vec![n(1), n(2), n(3)]), running)
}

const SHORT: Patience = Patience {
    resend_after: ms(100),
    give_up_after: ms(1000),
    persistence: Persistence::Retry,
};

#[test]
fn an_operation_that_never_left_surely_did_not_happen() {
    let mut world = formed(2);
    world.kill(vs());
    let client = world.client(SHORT);
    let before = world.now;
    assert_eq!(world.call(client, put("x", "1")), Conclusion::NeverSent);
    assert_eq!(
        world.now.since(before),
        ms(1000) + std::time::Duration::from_nanos(1)
    );
}

#[test]
fn an_operation_that_left_and_was_not_answered_is_unknown_whatever_was_refused() {
    let mut world = formed(2);
    let client = world.client(SHORT);
    world.ask(client, get("x"));
    world.lose(is_do);
    assert_eq!(world.call(client, put("x", "1")), Conclusion::Unknown);

    let mut world = formed(1);
    let client = world.client(SHORT);
    world.ask(client, get("x"));
    world.restart(n(1));
    assert_eq!(
        world.call(client, put("x", "1")),
        Conclusion::Unknown,
        "n1 says that it is not primary"
    );
}

#[test]
fn one_that_gives_up_does_so_after_the_first_silence() {
    let mut world = formed(2);
    let client = world.client(HASTY);
    world.ask(client, get("x"));
    let sent = world.count(is_do);
    world.lose(is_done);
    let before = world.now;
    assert_eq!(world.call(client, put("x", "1")), Conclusion::Unknown);
    assert!(world.now.since(before) <= HASTY.resend_after + ms(1));
    assert_eq!(world.counted(sent), 1);
}

#[test]
fn a_retry_keeps_its_number_and_the_next_operation_has_another() {
    let mut world = formed(2);
    let client = world.client(STUBBORN);
    world.lose_next(3, is_done);
    world.ask(client, append("a", "x "));
    world.ask(client, append("a", "y "));
    assert_eq!(world.ask(client, get("a")), value("x y "));
    check(&world);
}

#[test]
fn in_trouble_a_client_asks_the_view_service_twice_per_ping_interval_at_most() {
    let mut world = formed(1);
    let clients: Vec<_> = (0..4).map(|_| world.client(STUBBORN)).collect();
    for &client in &clients {
        world.ask(client, get("x"));
    }
    world.restart(n(1));
    for &client in &clients {
        world.invoke(client, get("x"));
    }
    let questions = world.count(is_question);
    world.run(ms(3000));
    let asked = world.counted(questions);
    assert!(
        (4..=4 * 2 * 30 + 4).contains(&asked),
        "{asked} questions in 30 intervals"
    );
}

#[test]
fn a_client_whose_primary_cannot_be_reached_goes_to_the_next_as_soon_as_there_is_one() {
    let mut world = formed(2);
    let slow = Patience {
        resend_after: ms(10_000),
        ..STUBBORN
    };
    let client = world.client(slow);
    world.ask(client, put("x", "1"));
    world.kill(n(1));
    let before = world.now;
    assert_eq!(world.ask(client, get("x")), value("1"));
    assert!(
        world.now.since(before) < ms(900),
        "not after its own long patience"
    );
}

#[test]
fn a_client_without_the_view_service_still_reaches_the_primary_it_knows() {
    let mut world = formed(2);
    let client = world.client(STUBBORN);
    world.ask(client, put("x", "1"));
    world.kill(vs());
    let cut = world.lose(is_do);
    let call = world.invoke(client, get("x"));
    world.run(ms(5000));
    world.end(cut);
    world.run(ms(200));
    assert_eq!(world.conclusion(call), Some(&Conclusion::Answered(value("1"))));
}

// What the observer makes of all this.

fn expendable(world: &World<Pb>) -> Vec<String> {
    world
        .observer
        .expendable(&world.running())
        .iter()
        .map(NodeId::to_string)
        .collect()
}

#[test]
fn whoever_holds_the_only_copy_is_not_expendable() {
    let mut world = World::<Pb>::new(1, 3);
    world.start(vs());
    world.start(n(1));
    world.run(ms(100));
    assert_eq!(expendable(&world), ["vs"]);
    assert!(!world.observer.formed());
    let held = world.hold(is_sync);
    world.start(n(2));
    world.start(n(3));
    world.run(ms(300));
    assert_eq!(
        expendable(&world),
        ["n3", "vs"],
        "n2 does not hold everything yet"
    );
    world.end(held);
    world.wait("n2 holds everything", |world| world.observer.formed());
    assert_eq!(expendable(&world), ["n1", "n2", "n3", "vs"]);
    world.restart(n(2));
    assert_eq!(
        expendable(&world),
        ["n2", "n3", "vs"],
        "the life that held everything is over"
    );
    world.wait("n2 is backup again", |world| {
        world.shown_view() == "3(n1, n2)" && world.observer.formed()
    });
    world.kill(n(1));
    assert_eq!(expendable(&world), ["n3", "vs"]);
}

#[test]
fn primaries_are_those_who_take_themselves_for_one() {
    let mut world = formed(2);
    assert_eq!(
        world.observer.primaries().keys().copied().collect::<Vec<_>>(),
        [n(1)]
    );
    world.cut(n(1), vs());
    world.wait_for_view("3(n2, -)");
    world.run(ms(100));
    let numbers: Vec<u64> = world
        .observer
        .primaries()
        .values()
        .map(|number| number.0)
        .collect();
    assert_eq!(numbers, [2, 3]);
}

#[test]
fn a_cluster_is_lost_when_nobody_is_left_who_may_serve() {
    let mut world = formed(2);
    world.kill(n(1));
    assert!(world.observer.lost(&world.running()).is_none());
    world.kill(n(2));
    assert!(world.observer.lost(&world.running()).is_some());
    world.start(n(1));
    world.start(n(2));
    world.run(ms(1000));
    assert!(
        world.observer.lost(&world.running()).is_some(),
        "these are other lives"
    );
    assert!(
        Observer::new(vs()).lost(&BTreeSet::new()).is_none(),
        "nothing is known of a cluster that never was"
    );
}

#[test]
fn events_survive_the_way_through_an_event_log() {
    let mut world = formed(3);
    let client = world.client(STUBBORN);
    world.ask(client, append("a", "x "));
    world.restart(n(1));
    world.run(ms(2000));
    world.restart(vs());
    world.run(ms(500));
    for logged in &world.log {
        let line = serde_json::to_string(&logged.event).unwrap();
        assert!(line.starts_with("{\"event\":\""), "{line}");
        assert_eq!(
            serde_json::from_str::<systems::pb::Event>(&line).unwrap(),
            logged.event
        );
    }
}
