//! What is wrong with, or missing from, notes on the protocol (N1 to N15), each shown not to be so here. Where a flaw is the notes' rule, its
//! schedule in `flaws` is the test: N2 `vr_client_table_primary_only`, N5 `vr_no_svc_quorum`, N6 `vr_dvc_longest_log` and
//! `vr_dvc_last_entry_viewstamp`, N7 `vr_quorum_counts_self_twice`, N8 `vr_prepare_gap_accepted`, N9 `vr_startview_older_view`, N10
//! `vr_recovery_no_nonce`, N11 `vr_recovery_strictly_greater` and `vr_recovery_single_response`, N13 `vr_recovering_participates`. N12 is about
//! the names in the notes only.

use systems::vr::{Ask, Config, Event, Message, OpNumber, View};

use super::cluster::{PATIENT, STUBBORN, config};
use super::oracle::check;
use super::packet::{is_beat, is_prepare, is_start_view, is_state, says};
use crate::kv::append;
use crate::world::{World, ms, n};

fn token(number: usize) -> systems::service::kv::Op {
    append("x", &format!("t{number} "))
}

#[test]
fn n1_a_log_holds_the_requests_themselves() {
    let mut world = World::gathered(config(3, None));
    let client = world.client(STUBBORN);
    world.ask(client, token(1));
    world.settle();
    for number in 1..=3 {
        let log = world.replica(n(number)).log();
        assert_eq!(log.get(OpNumber(1)).unwrap().command.op, Ask::Service(token(1)));
    }
}

#[test]
fn n3_an_idle_primary_tells_what_is_committed_and_that_it_lives() {
    let mut world = World::gathered(config(3, None));
    let client = world.client(STUBBORN);
    world.ask(client, token(1));
    world.wait(
        "the backups have carried it out, though nothing else was asked",
        |world| {
            [2, 3]
                .into_iter()
                .all(|number| world.replica(n(number)).commit() == OpNumber(1))
        },
    );
    world.run(ms(10_000));
    assert!(world.is_in(n(2), 0), "nobody misses an idle primary");
}

#[test]
fn n4_a_command_waits_for_the_earlier_ones_and_one_backup_of_two_is_enough() {
    let mut world = World::gathered(config(3, None));
    world.kill(n(3));
    let lost = world.lose(is_prepare);
    let clients = [1, 2].map(|_| world.client(PATIENT));
    let calls = [1, 2].map(|number| world.invoke(clients[number - 1], token(number)));
    world.run(ms(300));
    assert!(calls.iter().all(|&call| world.conclusion(call).is_none()));
    world.end(lost);
    world.wait("both are answered", |world| {
        calls.iter().all(|&call| world.conclusion(call).is_some())
    });
    assert_eq!(world.value_at(n(1), "x").as_deref(), Some("t1 t2 "));
    check(&world);
}

#[test]
fn n7_one_backup_that_confirms_twice_is_one_backup() {
    let mut world = World::gathered(config(5, None));
    world.lose(|packet| is_prepare(packet) && !packet.goes_to(n(2)));
    let is_ok = |message: &Message<_>| matches!(message, Message::PrepareOk { .. });
    world.double(usize::MAX, move |packet| says(packet, is_ok));
    let client = world.client(PATIENT);
    let call = world.invoke(client, token(1));
    world.run(ms(400));
    assert_eq!(world.op(n(2)), OpNumber(1));
    assert!(world.conclusion(call).is_none(), "two of five have it");
}

#[test]
fn n7_a_new_primary_goes_by_the_greatest_commit_number_it_is_told() {
    let mut world = World::gathered(config(3, None));
    let client = world.client(STUBBORN);
    // n3 knows that it is committed, n2 does not.
    world.lose(|packet| is_beat(packet) && packet.goes(n(1), n(2)));
    world.ask(client, token(1));
    world.wait("n3 knows", |world| world.replica(n(3)).commit() == OpNumber(1));
    assert_eq!(world.replica(n(2)).commit(), OpNumber::ZERO);
    world.kill(n(1));
    world.lose(is_prepare);
    world.wait_in(n(2), 1);
    assert_eq!(world.replica(n(2)).commit(), OpNumber(1));
}

#[test]
fn n8_a_replica_that_missed_a_whole_view_catches_up() {
    let mut world = World::gathered(config(3, None));
    let client = world.client_of(n(2), STUBBORN);
    let cut = world.lose(|packet| packet.is_among_nodes() && packet.concerns(n(1)));
    world.wait_in(n(2), 1);
    for number in 0..20 {
        world.ask(client, token(number));
    }
    world.end(cut);
    world.settle();
    assert!(world.is_in(n(1), 1));
    check(&world);
}

#[test]
fn n9_a_start_of_the_view_one_is_in_changes_nothing() {
    let mut world = World::gathered(config(3, None));
    world.kill(n(1));
    let again = world.hold(|packet| is_start_view(packet) && packet.goes(n(2), n(3)));
    world.wait_in(n(3), 1);
    let client = world.client_of(n(2), STUBBORN);
    world.ask(client, token(1));
    let before = world.op(n(3));
    world.end(again);
    world.run(ms(20));
    assert_eq!(world.op(n(3)), before);
    check(&world);
}

#[test]
fn n14_what_gets_lost_is_said_again() {
    let mut world = World::gathered(config(3, None));
    world.lose_next(2, is_prepare);
    let client = world.client(PATIENT);
    let call = world.invoke(client, token(1));
    world.wait("it is answered though nobody asked again", |world| {
        world.conclusion(call).is_some()
    });
}

#[test]
fn n14_a_log_does_not_grow_for_ever_and_a_snapshot_brings_back_who_lacks_what_was_dropped() {
    let mut world = World::gathered(Config {
        checkpoint_ops: 10,
        piece_bytes_max: 100,
        ..config(3, None)
    });
    let client = world.client(STUBBORN);
    let cut = world.lose(|packet| packet.concerns(n(3)));
    for number in 0..300 {
        world.ask(client, append("x", if number % 50 == 0 { "mark " } else { "" }));
    }
    let log = world.replica(n(1)).log();
    assert!(
        log.op().since(log.base().op) < 50,
        "{} are kept",
        log.op().since(log.base().op)
    );
    let pieces = world.count(is_state);
    world.end(cut);
    world.settle();
    assert!(world.counted(pieces) > 1, "the snapshot came in pieces");
    assert_eq!(world.value_at(n(3), "x"), world.value_at(n(1), "x"));
    // It comes back from its disk as well.
    world.restart(n(3));
    world.settle();
    check(&world);
}

#[test]
fn n14_a_snapshot_that_is_fetched_slowly_is_not_overtaken_by_newer_ones() {
    let mut world = World::gathered(Config {
        checkpoint_ops: 5,
        piece_bytes_max: 20,
        ..config(3, None)
    });
    let client = world.client(STUBBORN);
    let cut = world.lose(|packet| packet.concerns(n(3)));
    for number in 0..100 {
        world.ask(client, token(number));
    }
    world.end(cut);
    for number in 100..400 {
        world.ask(client, token(number));
    }
    let installed = |event: &Event| matches!(event, Event::SnapshotInstalled { .. });
    let came = world
        .log
        .iter()
        .any(|logged| logged.node == n(3) && installed(&logged.event));
    assert!(came, "newer snapshots kept it from coming");
    world.settle();
    check(&world);
}

#[test]
fn n15_the_replicas_take_turns_in_the_order_of_their_names() {
    let mut world = World::gathered(config(3, None));
    for view in 1..=4_u64 {
        let primary = world.wait_for_primary();
        world.pause(primary);
        let next = n(1 + (view % 3) as usize);
        world.wait_in(next, view);
        world.resume(primary);
        world.wait("the old one follows", |world| {
            world.replica(primary).view() == View::in_first_epoch(view) && world.is_in(primary, view)
        });
    }
}
