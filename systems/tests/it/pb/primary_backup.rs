//! Whole clusters, by those scenarios of MIT 6.824 lab 2B (PB1 to PB15) and of dslabs lab 2 part 2 (01 to 20) that count or repeat. The
//! others are scripts (`testdata/pb`); 16, 17 and 20 are in `search`.

use systems::pb::Config;
use systems::service::kv::{Answer, Op};
use systems::{ClientId, Conclusion, NodeId};

use super::Pb;
use super::cluster::{STUBBORN, vs};
use super::oracle::check;
use super::packet::{is_do, is_done, is_question};
use crate::kv::{append, check_appends, get, put, value};
use crate::world::{Chances, World, ms, n};

fn formed(running: usize) -> World<Pb> {
    World::<Pb>::formed(1, config(), running)
}

fn config() -> Config {
    Config::new(vs(), vec![n(1), n(2), n(3)])
}

fn text(world: &mut World<Pb>, client: ClientId, key: &str) -> String {
    match world.ask(client, get(key)) {
        Answer::Value(value) => value.unwrap_or_default(),
        other => panic!("a get was answered {other:?}"),
    }
}

/// Every client does its operations one after the other, all clients at once.
fn all_at_once(world: &mut World<Pb>, mut work: Vec<(ClientId, Vec<Op>)>) {
    work.iter_mut().for_each(|(_, ops)| ops.reverse());
    while work
        .iter()
        .any(|(client, ops)| !ops.is_empty() || !world.is_idle(*client))
    {
        for (client, ops) in &mut work {
            if world.is_idle(*client)
                && let Some(op) = ops.pop()
            {
                world.invoke(*client, op);
            }
        }
        world.run(ms(1));
    }
}

/// `clients` clients append `each` tokens each to key `a`, all at once; the tokens.
fn append_at_once(world: &mut World<Pb>, clients: usize, each: usize) -> Vec<String> {
    let tokens = |client: usize| (0..each).map(move |i| format!("c{client}i{i} "));
    let work = (0..clients).map(|client| {
        let ops = tokens(client).map(|token| append("a", &token)).collect();
        (world.client(STUBBORN), ops)
    });
    let work = work.collect();
    all_at_once(world, work);
    (0..clients).flat_map(tokens).collect()
}

fn check_client_order(text: &str, clients: usize) {
    for client in 0..clients {
        let of_client: Vec<usize> = text
            .split(' ')
            .filter_map(|token| token.strip_prefix(&format!("c{client}i")))
            .map(|number| number.parse().unwrap())
            .collect();
        assert!(of_client.is_sorted(), "client {client}: {of_client:?}");
    }
}

/// Random puts on two keys by three clients, then primary and backup are compared by reading from one after the other.
fn concurrent_puts(chances: Chances) {
    let mut world = formed(3);
    world.chances = chances;
    let work = (0..3).map(|client| {
        let ops = (0..60)
            .map(|i| put(["a", "b"][world.rng.usize(0..2)], &format!("c{client}i{i}")))
            .collect();
        (world.client(STUBBORN), ops)
    });
    let work: Vec<_> = work.collect::<Vec<_>>();
    all_at_once(&mut world, work);
    world.chances = Chances::default();
    let reader = world.client(STUBBORN);
    let before = ["a", "b"].map(|key| text(&mut world, reader, key));
    world.kill(n(1));
    let after = ["a", "b"].map(|key| text(&mut world, reader, key));
    assert_eq!(before, after);
    check_without_search(&world);
}

/// Too many concurrent puts for a search; the nodes' events are checked in full.
fn check_without_search(world: &World<Pb>) {
    let mut calls = World::<Pb>::new(0, 1);
    calls.log.clone_from(&world.log);
    check(&calls);
}

fn concurrent_appends(chances: Chances) {
    let mut world = formed(3);
    world.chances = chances;
    let tokens = append_at_once(&mut world, 3, 50);
    world.chances = Chances::default();
    let reader = world.client(STUBBORN);
    let before = text(&mut world, reader, "a");
    check_appends(&before, &tokens);
    check_client_order(&before, 3);
    world.kill(n(1));
    assert_eq!(text(&mut world, reader, "a"), before);
    check(&world);
}

// MIT 6.824 lab 2B.

#[test]
fn pb3_nobody_asks_the_view_service_for_every_operation() {
    let mut world = formed(2);
    let client = world.client(STUBBORN);
    world.ask(client, put("k", "0"));
    let asked = world.count(is_question);
    for i in 0..100 {
        world.ask(client, put("k", &i.to_string()));
    }
    assert_eq!(world.counted(asked), 0, "in quiet not a single time");
}

#[test]
fn pb6_every_append_takes_effect_once_though_requests_and_replies_get_lost() {
    let mut world = formed(2);
    world.lose_now_and_then(10, is_do);
    world.lose_now_and_then(20, is_done);
    let client = world.client(STUBBORN);
    let mut expected = String::new();
    for i in 0..100 {
        world.ask(client, append("counter", &format!("{i} ")));
        expected.push_str(&format!("{i} "));
    }
    assert_eq!(world.ask(client, get("counter")), value(&expected));
    check(&world);
}

#[test]
fn pb9_concurrent_puts_to_the_same_keys_leave_the_same_values_on_both() {
    concurrent_puts(Chances::default());
}

#[test]
fn pb10_concurrent_appends_to_the_same_key_are_all_there_once_and_in_each_clients_order() {
    concurrent_appends(Chances::default());
}

#[test]
fn pb11_the_same_over_an_unreliable_network() {
    concurrent_puts(Chances::UNRELIABLE);
    concurrent_appends(Chances::UNRELIABLE);
}

/// Three servers, one of which is killed every second and started again; each client writes and reads a key of its own. The
/// longest wait of a client.
fn repeated_crashes(seconds: u64, chances: Chances, op: impl Fn(usize, usize) -> Op) -> World<Pb> {
    let mut world = formed(3);
    world.chances = chances;
    let clients = [world.client(STUBBORN), world.client(STUBBORN)];
    let mut begun = [0; 2];
    let mut dead: Option<NodeId> = None;
    for tick in 0..seconds * 1000 {
        if tick % 1000 == 0 {
            let victim = n(world.rng.usize(1..4));
            if let Some(node) = dead.take() {
                world.start(node);
            } else if world.observer.expendable(&world.running()).contains(&victim) {
                world.kill(victim);
                dead = Some(victim);
            }
        }
        for (i, &client) in clients.iter().enumerate() {
            if world.is_idle(client) {
                world.invoke(client, op(i, begun[i]));
                begun[i] += 1;
            }
        }
        world.run(ms(1));
    }
    world.chances = Chances::default();
    dead.into_iter().for_each(|node| world.start(node));
    world.wait("everybody is answered", |world| {
        clients.iter().all(|&client| world.is_idle(client))
    });
    for call in &world.calls {
        let (ended, _) = call.ended.as_ref().unwrap();
        assert!(ended.since(call.called) < ms(5000), "{call:?} took too long");
    }
    world
}

/// Put, then get, on a key of the client's own.
fn put_then_get(client: usize, i: usize) -> Op {
    let key = ["a", "b"][client];
    if i.is_multiple_of(2) {
        put(key, &i.to_string())
    } else {
        get(key)
    }
}

fn check_own_gets(world: &World<Pb>) {
    let mut last = [None, None];
    for call in &world.calls {
        let own = &mut last[usize::from(call.op.key() == "b")];
        match (&call.op, &call.ended) {
            (Op::Put { value, .. }, _) => *own = Some(value.clone()),
            (_, Some((_, Conclusion::Answered(answer)))) => assert_eq!(*answer, Answer::Value(own.clone())),
            (_, other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn pb12_repeated_crashes_lose_nothing() {
    let mut world = repeated_crashes(20, Chances::default(), put_then_get);
    check_own_gets(&world);
    check_without_search(&world);
    let client = world.client(STUBBORN);
    world.ask(client, put("aaa", "bbb"));
    assert_eq!(world.ask(client, get("aaa")), value("bbb"));
}

#[test]
fn pb13_repeated_crashes_and_an_unreliable_network_lose_no_append() {
    let mut world = repeated_crashes(20, Chances::UNRELIABLE, |client, i| {
        append("k", &format!("c{client}i{i} "))
    });
    let client = world.client(STUBBORN);
    let text = text(&mut world, client, "k");
    let tokens: Vec<String> = world
        .calls
        .iter()
        .filter_map(|call| match &call.op {
            Op::Append { value, .. } => Some(value.clone()),
            _ => None,
        })
        .collect();
    check_appends(&text, &tokens);
    check_client_order(&text, 2);
    check(&world);
}

// dslabs lab 2 part 2.

#[test]
fn dslabs_05_a_node_exchanges_two_messages_with_the_view_service_per_interval() {
    let mut world = formed(3);
    let client = world.client(STUBBORN);
    let count = world.count(|packet| packet.comes_from(vs()) || packet.goes_to(vs()));
    for i in 0..200 {
        world.ask(client, put("k", &i.to_string()));
        world.run(ms(6));
    }
    let intervals = 200 * (6 + 4) / 100 + 1;
    assert!(
        world.counted(count) <= 2 * 3 * intervals + 2,
        "{} messages",
        world.counted(count)
    );
}

#[test]
fn dslabs_06_a_backup_takes_over_with_all_data() {
    let mut world = formed(2);
    let client = world.client(STUBBORN);
    for i in 0..50 {
        world.ask(client, put(&format!("k{i}"), &format!("v{i}")));
    }
    world.kill(n(1));
    for i in 0..50 {
        assert_eq!(world.ask(client, get(&format!("k{i}"))), value(&format!("v{i}")));
    }
}

#[test]
fn dslabs_08_at_most_once_append_with_80_percent_delivery() {
    let mut world = formed(2);
    world.chances.lose = 0.2;
    let client = world.client(STUBBORN);
    let expected: String = (0..100).map(|i| format!("{i} ")).collect();
    for i in 0..100 {
        world.ask(client, append("k", &format!("{i} ")));
    }
    assert_eq!(world.ask(client, get("k")), value(&expected));
}

#[test]
fn dslabs_10_and_12_concurrent_puts_then_primary_and_backup_compared() {
    concurrent_puts(Chances {
        lose: 0.2,
        ..Chances::default()
    });
}

#[test]
fn dslabs_11_and_13_concurrent_appends_then_primary_and_backup_compared() {
    concurrent_appends(Chances {
        lose: 0.2,
        ..Chances::default()
    });
}

#[test]
fn dslabs_14_and_15_repeated_crashes_for_30_seconds() {
    for chances in [
        Chances::default(),
        Chances {
            lose: 0.2,
            ..Chances::default()
        },
    ] {
        check_own_gets(&repeated_crashes(30, chances, put_then_get));
    }
}
