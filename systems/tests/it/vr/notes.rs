//! What is wrong with, or missing from, notes on the protocol (N1 to N15), each shown not to be so here. Where a flaw is the notes' rule, its
//! schedule in `flaws` is the test: N2 `vr_client_table_primary_only`, N5 `vr_no_svc_quorum`, N6 `vr_dvc_longest_log` and
//! `vr_dvc_last_entry_viewstamp`, N7 `vr_quorum_counts_self_twice`, N8 `vr_prepare_gap_accepted`, N9 `vr_startview_older_view`, N10
//! `vr_recovery_no_nonce`, N11 `vr_recovery_strictly_greater` and `vr_recovery_single_response`, N13 `vr_recovering_participates`. N12 is about
//! the names in the notes only. The notes' rules for N3, N4, N8 and N14 are [`NotesRule`]s: each schedule goes wrong with its rule and well
//! without. Those for N1 and N15 cannot be said in our types, and what is there in their place is tested.

use systems::vr::{Ask, Config, Event, Message, NotesRule, OpNumber, View};

use super::Vr;
use super::cluster::{PATIENT, STUBBORN, config};
use super::oracle::check;
use super::packet::{is_beat, is_prepare, is_start_view, is_state, says};
use crate::kv::append;
use crate::world::{World, ms, n};

/// The schedule goes wrong when the notes' `rule` is gone by, and well otherwise.
fn only_without(rule: NotesRule, schedule: impl Fn(Config) -> Result<(), &'static str>) {
    let group = |notes| Config {
        notes,
        ..config(3, None)
    };
    assert_eq!(schedule(group(None)), Ok(()));
    assert!(schedule(group(Some(rule))).is_err(), "{rule:?} did not show");
}

/// Time goes by until `done`, or this is what did not come true.
fn await_that(
    world: &mut World<Vr>,
    what: &'static str,
    done: impl Fn(&World<Vr>) -> bool,
) -> Result<(), &'static str> {
    if world.run_until(done) { Ok(()) } else { Err(what) }
}

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
    only_without(NotesRule::NoCommitNumber, |config| {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        world.ask(client, token(1));
        world.run(ms(200));
        let knows = |number| world.replica(n(number)).commit() == OpNumber(1);
        if ![2, 3].into_iter().all(knows) {
            return Err("the backups have not carried it out, as nothing else was asked");
        }
        world.run(ms(10_000));
        if !world.is_in(n(2), 0) {
            return Err("an idle primary was missed");
        }
        Ok(())
    });
}

#[test]
fn n4_a_command_waits_for_the_earlier_ones_and_one_backup_of_two_is_enough() {
    only_without(NotesRule::OneMoreThanEnough, |config| {
        let mut world = World::gathered(config);
        world.kill(n(3));
        let lost = world.lose(is_prepare);
        let clients = [1, 2].map(|_| world.client(PATIENT));
        let calls = [1, 2].map(|number| world.invoke(clients[number - 1], token(number)));
        world.run(ms(300));
        assert!(calls.iter().all(|&call| world.conclusion(call).is_none()));
        world.end(lost);
        world.run(ms(1_000));
        if calls.iter().any(|&call| world.conclusion(call).is_none()) {
            return Err("one of them was not answered though two of three have it");
        }
        assert_eq!(world.value_at(n(1), "x").as_deref(), Some("t1 t2 "));
        check(&world);
        Ok(())
    });
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
    only_without(NotesRule::NoStateTransfer, |config| {
        let mut world = World::gathered(config);
        let client = world.client_of(n(2), STUBBORN);
        let cut = world.lose(|packet| packet.is_among_nodes() && packet.concerns(n(1)));
        world.wait_in(n(2), 1);
        for number in 0..20 {
            world.ask(client, token(number));
        }
        world.end(cut);
        await_that(&mut world, "n1 never caught up", |world| {
            world.is_in(n(1), 1) && world.replica(n(1)).commit() == OpNumber(20)
        })?;
        world.settle();
        check(&world);
        Ok(())
    });
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
    only_without(NotesRule::NothingAgain, |config| {
        let mut world = World::gathered(config);
        world.lose_next(2, is_prepare);
        let client = world.client(PATIENT);
        let call = world.invoke(client, token(1));
        world.run(ms(1_000));
        let answered = world.conclusion(call).is_some();
        if answered {
            Ok(())
        } else {
            Err("it was not answered, as nobody asked again")
        }
    });
}

#[test]
fn n14_a_log_does_not_grow_for_ever() {
    only_without(NotesRule::NoSnapshots, |config| {
        let mut world = World::gathered(Config {
            checkpoint_ops: 10,
            ..config
        });
        let client = world.client(STUBBORN);
        for _ in 0..100 {
            world.ask(client, append("x", ""));
        }
        world.settle();
        let kept = |number| {
            let log = world.replica(n(number)).log();
            log.op().since(log.base().op)
        };
        if (1..=3).any(|number| 50 <= kept(number)) {
            return Err("everything is kept");
        }
        check(&world);
        Ok(())
    });
}

#[test]
fn n14_a_snapshot_brings_back_who_lacks_what_was_dropped() {
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
    assert!(OpNumber::ZERO < log.base().op, "nothing was dropped");
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
