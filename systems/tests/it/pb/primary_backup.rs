//! Whole clusters, by the scenarios of MIT 6.824 lab 2B (PB1 to PB15) and of dslabs lab 2 part 2 (01 to 20; 16, 17 and 20 are in
//! `search`).

use systems::pb::{Config, Patience, Persistence};
use systems::service::kv::{Answer, Op};
use systems::{ClientId, Conclusion, NodeId};

use super::Pb;
use super::cluster::{HASTY, STUBBORN, vs};
use super::oracle::{check, check_copies_are_equal};
use super::packet::{is_do, is_done, is_forward, is_question};
use crate::kv::{append, cas, check_appends, get, put, value};
use crate::world::{CallId, Chances, RuleId, World, ms, n};

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
fn pb1_a_single_primary_answers_without_a_backup() {
    let mut world = formed(1);
    let client = world.client(STUBBORN);
    world.ask(client, put("111", "v1"));
    assert_eq!(world.ask(client, get("111")), value("v1"));
    world.ask(client, put("2", "v2"));
    assert_eq!(world.ask(client, get("2")), value("v2"));
    world.ask(client, put("1", "v1a"));
    assert_eq!(world.ask(client, get("1")), value("v1a"));
    assert_eq!(world.ask(client, get("none")), Answer::Value(None));
}

#[test]
fn pb2_a_backup_joins_and_gets_everything() {
    let mut world = formed(1);
    let client = world.client(STUBBORN);
    world.ask(client, put("1", "before"));
    world.start(n(2));
    world.run(2 * config().dead_after());
    assert_eq!(world.shown_view(), "2(n1, n2)");
    world.ask(client, put("2", "after"));
    assert_eq!(world.ask(client, get("1")), value("before"));
    assert_eq!(world.ask(client, get("2")), value("after"));
    check_copies_are_equal(&world);
}

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
fn pb4_the_backup_takes_over_with_all_values() {
    let mut world = formed(3);
    let client = world.client(STUBBORN);
    for key in ["1", "3", "4"] {
        world.ask(client, put(key, &format!("{key}a")));
    }
    world.kill(n(1));
    for key in ["1", "3", "4"] {
        assert_eq!(world.ask(client, get(key)), value(&format!("{key}a")));
    }
    assert_eq!(world.view().primary.node, n(2));
}

#[test]
fn pb5_after_the_last_server_died_a_new_one_does_not_answer() {
    let mut world = formed(1);
    let client = world.client(STUBBORN);
    world.ask(client, put("1", "v"));
    world.kill(n(1));
    world.start(n(2));
    let call = world.invoke(client, get("1"));
    world.run(ms(20_000));
    assert_eq!(world.conclusion(call), None);
    world.start(n(1));
    world.run(ms(20_000));
    assert_eq!(
        world.conclusion(call),
        None,
        "the restarted one holds nothing either"
    );
    assert!(world.observer.lost(&world.running()).is_some());
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
fn pb7_a_put_right_after_the_backup_died_is_not_lost() {
    let mut world = formed(3);
    let client = world.client(STUBBORN);
    world.ask(client, put("a", "aa"));
    world.kill(n(2));
    world.ask(client, put("a", "aaa"));
    assert_eq!(world.ask(client, get("a")), value("aaa"));
    world.wait("n3 is backup", |world| {
        world.shown_view() == "3(n1, n3)" && world.observer.formed()
    });
    assert_eq!(world.ask(client, get("a")), value("aaa"));
}

#[test]
fn pb8_a_put_right_after_the_primary_died_is_not_lost() {
    let mut world = formed(3);
    let client = world.client(STUBBORN);
    for key in ["a", "b", "c"] {
        world.ask(client, put(key, &format!("{key}1")));
    }
    world.kill(n(1));
    world.ask(client, put("b", "b2"));
    world.wait("n3 is backup", |world| world.observer.formed());
    world.kill(n(2));
    assert_eq!(world.ask(client, get("a")), value("a1"));
    assert_eq!(world.ask(client, get("b")), value("b2"));
    assert_eq!(world.ask(client, get("c")), value("c1"));
    assert_eq!(world.view().primary.node, n(3));
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

/// n1 loses the view service while a get of a client that knows it as the primary is under way to it.
fn get_that_is_late_for_its_primary(
    delay: u64,
    after_demotion: impl FnOnce(&mut World<Pb>),
) -> Conclusion<Answer> {
    let mut world = formed(3);
    let client = world.client(HASTY);
    world.ask(client, put("a", "1"));
    let late = world.client(Patience {
        resend_after: ms(60_000),
        give_up_after: ms(60_000),
        persistence: Persistence::GiveUp,
    });
    world.ask(late, get("a"));

    world.cut(n(1), vs());
    let held = world.hold(is_do);
    let call = world.invoke(late, get("a"));
    world.run(ms(1));
    world.end_keeping(held);
    world.wait("n1 is not primary any more", |world| {
        world.view().primary.node == n(2) && world.observer.formed()
    });
    let other = world.client(STUBBORN);
    world.ask(other, put("a", "111"));
    after_demotion(&mut world);
    world.run(ms(delay));
    world.release(held);
    world.run(ms(2000));
    check(&world);
    world.conclusion(call).cloned().unwrap_or(Conclusion::Unknown)
}

#[test]
fn pb14_an_old_primary_does_not_answer_gets() {
    let conclusion = get_that_is_late_for_its_primary(4000, |_| ());
    assert_ne!(conclusion, Conclusion::Answered(value("1")));
}

#[test]
fn pb15_a_partitioned_old_primary_does_not_complete_gets() {
    let conclusion = get_that_is_late_for_its_primary(5000, |world| {
        world.kill(n(2));
        let client = world.client(STUBBORN);
        assert_eq!(world.ask(client, get("a")), value("111"), "from n3");
        world.ask(client, put("a", "2"));
    });
    assert_ne!(conclusion, Conclusion::Answered(value("1")));
}

// dslabs lab 2 part 2.

#[test]
fn dslabs_01_a_client_comes_to_an_end_without_servers() {
    let mut world = World::<Pb>::of(1, config());
    let client = world.client(HASTY);
    assert_eq!(
        world.call(client, get("k")),
        Conclusion::NeverSent,
        "nobody was ever asked for it"
    );
}

#[test]
fn dslabs_02_basic() {
    let mut world = formed(2);
    let client = world.client(STUBBORN);
    world.ask(client, append("k", "a"));
    world.ask(client, append("k", "b"));
    assert_eq!(world.ask(client, get("k")), value("ab"));
    let swap = |from: &str, to: &str| cas("k", from, to);
    assert_eq!(world.ask(client, swap("ab", "c")), Answer::Done);
    assert_eq!(
        world.ask(client, swap("ab", "d")),
        Answer::Mismatch {
            saw: Some("c".into())
        }
    );
}

#[test]
fn dslabs_03_a_primary_is_chosen() {
    assert_eq!(formed(1).shown_view(), "1(n1, -)");
}

#[test]
fn dslabs_04_a_backup_is_chosen() {
    let world = formed(3);
    assert_eq!(world.shown_view(), "2(n1, n2)");
    assert!(world.observer.formed());
}

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
fn dslabs_07_after_all_servers_died_a_new_one_does_not_answer() {
    let mut world = formed(2);
    let client = world.client(STUBBORN);
    world.ask(client, put("k", "v"));
    world.kill(n(1));
    world.kill(n(2));
    world.start(n(3));
    world.run(ms(1000));
    world.start(n(1));
    world.start(n(2));
    let call = world.invoke(client, get("k"));
    world.run(ms(20_000));
    assert_eq!(world.conclusion(call), None);
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
fn dslabs_09_fail_to_a_new_backup() {
    let mut world = formed(2);
    let client = world.client(STUBBORN);
    world.ask(client, put("k", "v"));
    world.kill(n(2));
    world.start(n(3));
    world.wait_for_view("3(n1, n3)");
    world.wait("n3 holds everything", |world| world.observer.formed());
    world.kill(n(1));
    assert_eq!(world.ask(client, get("k")), value("v"));
    assert_eq!(world.view().primary.node, n(3));
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

/// Two clients' appends are on their way to the backup.
fn two_forwards_held() -> (World<Pb>, [CallId; 2], RuleId) {
    let mut world = formed(2);
    let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
    world.ask(one, get("a"));
    world.ask(two, get("a"));
    let held = world.hold(is_forward);
    let calls = [
        world.invoke(one, append("a", "x ")),
        world.invoke(two, append("a", "y ")),
    ];
    world.run(ms(2));
    assert_eq!(world.held(held), 2);
    (world, calls, held)
}

#[test]
fn dslabs_18_forwards_that_reach_the_backup_in_the_opposite_order_are_carried_out_in_order() {
    let (mut world, calls, held) = two_forwards_held();
    world.end_reversed(held);
    world.wait("both are answered", |world| {
        calls.iter().all(|&call| world.conclusion(call).is_some())
    });
    world.kill(n(1));
    let client = world.client(STUBBORN);
    assert_eq!(world.ask(client, get("a")), value("x y "));
    check(&world);
}

#[test]
fn dslabs_18_a_forward_whose_predecessor_was_lost_is_not_carried_out_before_it() {
    let (mut world, calls, held) = two_forwards_held();
    world.lose_one_held(held);
    world.end(held);
    world.run(ms(20));
    assert!(calls.iter().all(|&call| world.conclusion(call).is_none()));
    world.wait("both are answered", |world| {
        calls.iter().all(|&call| world.conclusion(call).is_some())
    });
    world.kill(n(1));
    let client = world.client(STUBBORN);
    assert_eq!(world.ask(client, get("a")), value("x y "));
    check(&world);
}

#[test]
fn dslabs_19_what_a_primary_did_alone_survives_its_next_failover() {
    let mut world = formed(2);
    let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
    world.kill(n(2));
    world.ask(one, append("a", "alone "));
    world.wait_for_view("3(n1, -)");
    world.start(n(2));
    world.wait("n2 is backup again", |world| {
        world.shown_view() == "4(n1, n2)" && world.observer.formed()
    });
    world.kill(n(1));
    world.ask(two, append("a", "then "));
    assert_eq!(world.shown_view(), "5(n2, -)");
    assert_eq!(world.ask(two, get("a")), value("alone then "));
    check(&world);
}
