//! Every flaw by the schedule that shows it: with the flaw the clients see what they never should; without it the same schedule
//! goes well.

use systems::pb::{Config, Event, Flaw};

use super::Pb;
use super::cluster::{HASTY, STUBBORN, vs};
use super::oracle::check;
use super::packet::{is_do, is_done, is_forward, is_ping, is_sync};
use crate::kv::{append, get, not_linearizable, put};
use crate::world::{Place, World, ms, n};

fn world(flaw: Option<Flaw>, running: usize) -> World<Pb> {
    let mut config = Config::new(vs(), vec![n(1), n(2), n(3)]);
    config.flaw = flaw;
    World::<Pb>::formed(1, config, running)
}

/// With `flaw` the answers after `schedule` are those of no single store; without it they are, and everything else holds as well.
fn check_answers(flaw: Flaw, running: usize, schedule: impl Fn(&mut World<Pb>)) {
    let mut wrong = world(Some(flaw), running);
    schedule(&mut wrong);
    assert!(
        not_linearizable(&wrong.calls).is_some(),
        "{flaw} went unnoticed: {:#?}\n{wrong:?}",
        wrong.calls
    );

    let mut right = world(None, running);
    schedule(&mut right);
    check(&right);
}

/// Reads a key at the end, if anybody answers within ten seconds.
fn read_at_last(world: &mut World<Pb>, key: &str) {
    let client = world.client(STUBBORN);
    world.invoke(client, get(key));
    world.run(ms(10_000));
}

fn is_acknowledged(world: &World<Pb>, number: u64) -> bool {
    world
        .log
        .iter()
        .any(|logged| matches!(&logged.event, Event::ViewAcknowledged { view } if view.0 == number))
}

#[test]
fn pb_get_local_read() {
    check_answers(Flaw::GetLocalRead, 2, |world| {
        let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
        world.ask(one, put("x", "0"));
        world.cut(n(1), vs());
        world.wait_for_view("3(n2, -)");
        world.ask(two, put("x", "1"));
        world.ask(one, get("x"));
    });
}

#[test]
fn pb_ignore_backup_error() {
    check_answers(Flaw::IgnoreBackupError, 2, |world| {
        let one = world.client(STUBBORN);
        world.ask(one, get("a"));
        world.cut(n(1), vs());
        world.wait_for_view("3(n2, -)");
        world.start(n(3));
        world.wait("n3 holds everything", |world| world.observer.formed());
        world.restart(n(2));
        world.wait("n3 is primary", |world| world.view().primary.node == n(3));
        world.ask(one, append("a", "q "));
        read_at_last(world, "a");
    });
}

#[test]
fn pb_dedup_not_synced() {
    check_answers(Flaw::DedupNotSynced, 1, |world| {
        let client = world.client(STUBBORN);
        let lost = world.lose(is_done);
        let call = world.invoke(client, append("a", "x "));
        world.run(ms(10));
        world.start(n(2));
        world.wait("n2 holds everything", |world| world.observer.formed());
        world.kill(n(1));
        world.end(lost);
        world.wait("the append is answered", |world| world.conclusion(call).is_some());
        read_at_last(world, "a");
    });
}

#[test]
fn pb_sync_outside_lock() {
    check_answers(Flaw::SyncOutsideLock, 1, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, put("x", "1"));
        let held = world.hold(is_sync);
        world.start(n(2));
        world.wait("the synchronisation has begun", move |world| world.held(held) > 0);
        let call = world.invoke(client, put("z", "1"));
        world.run(ms(50));
        world.end(held);
        world.wait("n2 holds everything", |world| world.observer.formed());
        world.wait("the put is answered", |world| world.conclusion(call).is_some());
        world.kill(n(1));
        read_at_last(world, "z");
    });
}

#[test]
fn pb_ack_before_sync() {
    check_answers(Flaw::AckBeforeSync, 1, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, put("x", "1"));
        world.hold(is_sync);
        world.start(n(2));
        world.run(ms(400));
        world.kill(n(1));
        read_at_last(world, "x");
    });
}

#[test]
fn pb_restarted_backup_not_resynced() {
    check_answers(Flaw::RestartedBackupNotResynced, 2, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, put("x", "1"));
        world.restart(n(2));
        world.wait("n2 is backup again", |world| {
            world.shown_view() == "3(n1, n2)" && world.observer.formed()
        });
        world.kill(n(1));
        read_at_last(world, "x");
    });
}

#[test]
fn pb_sole_primary_restart_serves() {
    check_answers(Flaw::SolePrimaryRestartServes, 1, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, put("x", "1"));
        world.restart(n(1));
        read_at_last(world, "x");
    });
    check_answers(Flaw::SolePrimaryRestartServes, 3, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, put("x", "1"));
        world.kill(n(1));
        world.kill(n(2));
        world.run(ms(700));
        world.start(n(1));
        read_at_last(world, "x");
    });
}

#[test]
fn vs_promote_without_ack() {
    check_answers(Flaw::PromoteWithoutAck, 1, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, put("x", "1"));
        world.lose(|packet| is_sync(packet) && packet.comes_from(n(1)));
        world.start(n(2));
        world.wait_for_view("2(n1, n2)");
        world.restart(n(1));
        read_at_last(world, "x");
    });
}

#[test]
fn pb_failed_ping_zeroes_view() {
    check_answers(Flaw::FailedPingZeroesView, 1, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, put("x", "1"));
        let held = world.hold(is_sync);
        world.start(n(2));
        world.wait("the synchronisation has begun", move |world| world.held(held) > 0);
        world.lose_next(1, |packet| is_ping(packet) && packet.comes_from(n(1)));
        world.run(ms(300));
        world.end(held);
        read_at_last(world, "x");
    });
}

#[test]
fn pb_put_not_deduped() {
    check_answers(Flaw::PutNotDeduped, 2, |world| {
        let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
        world.ask(one, get("x"));
        let late = world.hold(move |packet| is_do(packet) && packet.from == Place::Client(one));
        let call = world.invoke(one, put("x", "1"));
        world.run(ms(10));
        world.end_keeping(late);
        world.wait("the copy is answered", |world| world.conclusion(call).is_some());
        world.ask(two, put("x", "2"));
        world.release(late);
        world.run(ms(10));
        read_at_last(world, "x");
    });
}

#[test]
fn pb_append_dedup_not_atomic() {
    check_answers(Flaw::AppendDedupNotAtomic, 2, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, get("a"));
        world.cut(n(1), n(2));
        world.cut(n(1), vs());
        let call = world.invoke(client, append("a", "x "));
        world.wait("the append is answered", |world| world.conclusion(call).is_some());
        read_at_last(world, "a");
    });
}

#[test]
fn pb_execute_before_backup() {
    check_answers(Flaw::ExecuteBeforeBackup, 2, |world| {
        let (writer, reader) = (world.client(HASTY), world.client(HASTY));
        world.ask(writer, put("x", "0"));
        world.ask(reader, get("x"));
        world.cut(n(1), n(2));
        world.cut(n(1), vs());
        world.invoke(writer, put("x", "1"));
        world.run(ms(10));
        world.call(reader, get("x"));
        world.wait_for_view("3(n2, -)");
        read_at_last(world, "x");
    });
}

#[test]
fn pb_forward_unordered() {
    check_answers(Flaw::ForwardUnordered, 2, |world| {
        let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
        world.ask(one, get("a"));
        world.ask(two, get("a"));
        let held = world.hold(is_forward);
        let calls = [
            world.invoke(one, append("a", "x ")),
            world.invoke(two, append("a", "y ")),
        ];
        world.run(ms(2));
        world.end_reversed(held);
        world.wait("both are answered", |world| {
            calls.iter().all(|&call| world.conclusion(call).is_some())
        });
        world.ask(one, get("a"));
        world.kill(n(1));
        read_at_last(world, "a");
    });
}

#[test]
fn vs_volatile() {
    check_answers(Flaw::Volatile, 3, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, put("x", "1"));
        world.kill(vs());
        let late = world.lose(|packet| is_ping(packet) && !packet.comes_from(n(3)));
        world.start(vs());
        world.run(ms(300));
        world.end(late);
        read_at_last(world, "x");
    });
}

/// With `flaw` nobody answers any more after `schedule` though everything is healed; without it somebody does.
fn check_stuck(flaw: Flaw, running: usize, schedule: impl Fn(&mut World<Pb>)) {
    for (flaw, stuck) in [(Some(flaw), true), (None, false)] {
        let mut world = world(flaw, running);
        schedule(&mut world);
        world.end_all_rules();
        world.run(ms(5000));
        let client = world.client(STUBBORN);
        let call = world.invoke(client, get("x"));
        world.run(ms(60_000));
        assert_eq!(world.conclusion(call).is_none(), stuck, "{flaw:?}\n{world:?}");
    }
}

#[test]
fn pb_exit_on_sync_failure() {
    check_stuck(Flaw::ExitOnSyncFailure, 1, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, put("x", "1"));
        world.start(n(2));
        world.run(ms(2));
        // It does not hear of the view that its ping led to, but the primary does.
        world.lose(|packet| packet.goes(vs(), n(2)));
        world.run(ms(300));
    });
}

#[test]
fn pb_handler_lock_deadlock() {
    check_stuck(Flaw::HandlerLockDeadlock, 2, |world| {
        let client = world.client(HASTY);
        world.ask(client, put("x", "1"));
        world.cut(n(1), n(2));
        let from_service = world.cut(n(1), vs());
        world.invoke(client, put("x", "2"));
        world.wait_for_view("3(n2, -)");
        world.wait("n2 is primary", |world| is_acknowledged(world, 3));
        world.end(from_service);
        world.wait_for_view("4(n2, n1)");
        world.run(ms(150));
    });
}
