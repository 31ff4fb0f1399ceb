//! The tests of the University of Washington's implementation of viewstamped replication (`vr-test.cc`), each with commands that go one
//! by one and in batches, as there with batches of 1 and of 8.

use systems::service::Service;
use systems::service::kv::{Answer, KeyValue, Op};
use systems::vr::{Batching, CHECKPOINT_OPS, Config, Event, OpNumber, Outcome};
use systems::{ClientId, Conclusion};

use super::Vr;
use super::cluster::{HASTY, STUBBORN, config};
use super::oracle::check;
use super::packet::is_answer;
use crate::kv::{append, check_appends, get, put, value};
use crate::world::{Chances, World, ms, n};

/// The scenario, with commands that go one by one and in batches.
fn both(scenario: impl Fn(Config)) {
    for batching in [Batching::Off, Batching::On] {
        scenario(Config {
            batching,
            ..config(3, None)
        });
    }
}

fn token(number: usize) -> Op {
    append("x", &format!("t{number} "))
}

fn tokens(count: usize) -> String {
    (0..count).map(|number| format!("t{number} ")).collect()
}

/// `client` appends the tokens with these numbers, one after the other.
fn append_all(world: &mut World<Vr>, client: ClientId, numbers: std::ops::Range<usize>) {
    for number in numbers {
        assert_eq!(world.ask(client, token(number)), Answer::Done);
    }
}

fn check_all_have(world: &mut World<Vr>, text: &str) {
    world.settle();
    for node in world.running() {
        assert_eq!(world.value_at(node, "x").as_deref(), Some(text), "{node}");
    }
    check(world);
}

#[test]
fn uw_one_op_is_carried_out_by_all() {
    both(|config| {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        append_all(&mut world, client, 0..1);
        check_all_have(&mut world, "t0 ");
    });
}

/// There an unlogged request is one that is answered by any replica without a place in the log. Here nothing is; what is refused in
/// any state is the only thing that is answered without one.
#[test]
fn uw_unlogged_what_the_rules_forbid_is_refused_without_a_place_in_the_log() {
    both(|config| {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        let answer = world.ask(client, get(""));
        assert!(KeyValue::refuse(&get("")) == Some(answer));
        assert_eq!(world.op(n(1)).0, 0);
    });
}

#[test]
fn uw_unlogged_timeout_a_client_that_is_not_answered_does_not_know() {
    both(|config| {
        let mut world = World::gathered(config);
        world.lose(is_answer);
        let client = world.client(HASTY);
        assert_eq!(world.call(client, token(0)), Conclusion::Unknown);
        check_all_have(&mut world, "t0 ");
    });
}

#[test]
fn uw_many_ops_are_carried_out_in_order_by_all() {
    both(|config| {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        append_all(&mut world, client, 0..10);
        check_all_have(&mut world, &tokens(10));
    });
}

#[test]
fn uw_failed_replica_is_not_missed() {
    both(|config| {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        append_all(&mut world, client, 0..5);
        world.kill(n(2));
        append_all(&mut world, client, 5..10);
        assert!(world.is_in(n(1), 0), "no view changes for a dead backup");
        check_all_have(&mut world, &tokens(10));
    });
}

#[test]
fn uw_state_transfer_brings_a_replica_that_was_cut_off_to_the_same_log() {
    both(|config| {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        let cut = world.lose(|packet| packet.concerns(n(2)));
        append_all(&mut world, client, 0..6);
        assert_eq!(world.op(n(2)).0, 0);
        world.end(cut);
        append_all(&mut world, client, 6..10);
        check_all_have(&mut world, &tokens(10));
        let logs = [1, 2, 3].map(|number| {
            let log = world.replica(n(number)).log();
            log.prefix(log.op())
        });
        assert!(logs[0] == logs[1] && logs[1] == logs[2], "{logs:?}");
    });
}

#[test]
fn uw_failed_leader_is_succeeded() {
    both(|config| {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        append_all(&mut world, client, 0..5);
        world.kill(n(1));
        append_all(&mut world, client, 5..10);
        assert!(world.is_in(n(2), 1));
        check_all_have(&mut world, &tokens(10));
    });
}

#[test]
fn uw_dropped_reply_and_the_request_is_carried_out_once() {
    both(|config| {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        world.lose_next(1, is_answer);
        append_all(&mut world, client, 0..1);
        check_all_have(&mut world, "t0 ");
    });
}

#[test]
fn uw_dropped_reply_then_failed_leader_and_the_survivors_carry_it_out_once() {
    both(|config| {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        let lost = world.lose(is_answer);
        let call = world.invoke(client, token(0));
        world.wait("n1 has carried it out", |world| {
            world.replica(n(1)).commit().0 == 1
        });
        world.kill(n(1));
        world.end(lost);
        world.wait("the client is answered", |world| world.conclusion(call).is_some());
        check_all_have(&mut world, "t0 ");
    });
}

#[test]
fn uw_many_clients_see_one_order_everywhere() {
    both(|config| {
        let mut world = World::gathered(config);
        let clients: Vec<ClientId> = (0..10).map(|_| world.client(STUBBORN)).collect();
        for round in 0..100 {
            let calls: Vec<_> = clients
                .iter()
                .enumerate()
                .map(|(place, &client)| world.invoke(client, token(round * clients.len() + place)))
                .collect();
            world.wait("all are answered", |world| {
                calls.iter().all(|&call| world.conclusion(call).is_some())
            });
        }
        world.settle();
        let text = world.value_at(n(3), "x").unwrap();
        let acknowledged: Vec<String> = (0..1000).map(|number| format!("t{number} ")).collect();
        check_appends(&text, &acknowledged);
        check_all_have(&mut world, &text);
    });
}

/// There a replica comes back with nothing; here that is a flaw, and it comes back with its disk.
#[test]
fn uw_recovery_brings_a_restarted_replica_back_to_everything() {
    both(|config| {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        append_all(&mut world, client, 0..5);
        world.kill(n(1));
        append_all(&mut world, client, 5..8);
        world.start(n(1));
        append_all(&mut world, client, 8..10);
        check_all_have(&mut world, &tokens(10));
    });
}

#[test]
fn uw_stress_with_a_tenth_of_all_packets_lost() {
    both(|config| {
        let mut world = World::gathered(config);
        world.chances = Chances {
            lose: 0.1,
            ..Chances::default()
        };
        let clients: Vec<ClientId> = (0..10).map(|_| world.client(STUBBORN)).collect();
        for number in 0..30 {
            let calls: Vec<_> = clients
                .iter()
                .map(|&client| world.invoke(client, token(number * 10 + client.0 as usize - 1)))
                .collect();
            world.wait("all are answered", |world| {
                calls.iter().all(|&call| world.conclusion(call).is_some())
            });
        }
        world.chances = Chances::default();
        world.settle();
        let executed = |event: &Event| {
            matches!(
                event,
                Event::Executed {
                    outcome: Outcome::Now,
                    ..
                }
            )
        };
        let at_n1 = world
            .log
            .iter()
            .filter(|logged| logged.node == n(1) && executed(&logged.event));
        assert_eq!(at_n1.count(), 300);
        check(&world);
    });
}

#[test]
fn a_put_is_read_wherever_it_is_asked_for() {
    let mut world = World::gathered(config(5, None));
    for first in 1..=5 {
        let client = world.client_of(n(first), STUBBORN);
        let text = first.to_string();
        assert_eq!(world.ask(client, put("y", &text)), Answer::Done);
        assert_eq!(world.ask(client, get("y")), value(&text));
    }
    world.run(ms(100));
    check(&world);
}

#[test]
fn a_long_run_keeps_of_the_log_what_two_snapshots_lie_apart_and_no_more() {
    let mut world = World::gathered(config(3, None));
    let client = world.client(STUBBORN);
    for number in 1..=20_000 {
        world.ask(client, put(&format!("k{}", number % 100), &number.to_string()));
        if number % 500 == 0 {
            let kept = |node| {
                let log = world.replica(n(node)).log();
                log.op().since(log.base().op)
            };
            let most = (1..=3).map(kept).max();
            assert!(most < Some(2 * CHECKPOINT_OPS + 100), "{most:?} after {number}");
        }
    }
    assert!(OpNumber(10_000) < world.replica(n(1)).log().base().op);
}
