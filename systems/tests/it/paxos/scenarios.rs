//! The test suites of courses, restated: dslabs lab 3 (numbers as there) and MIT 6.824 paxos and kvpaxos, with their bounds.

use std::collections::BTreeSet;
use std::time::Duration;

use systems::ClientId;
use systems::paxos::{Config, Event, Slot};
use systems::service::kv::{Answer, Op};

use super::Paxos;
use super::cluster::{STUBBORN, config};
use super::oracle::check;
use super::packet::{is_beat, is_gather, is_propose, proposes_slot};
use crate::kv::{append, get, put, value};
use crate::world::{Chances, Packet, World, ms, n};

const ALL: [usize; 5] = [1, 2, 3, 4, 5];

fn five() -> World<Paxos> {
    World::<Paxos>::formed(1, config(5, None))
}

impl World<Paxos> {
    /// From now on only nodes of `group` hear each other, and only the others each other.
    fn partition(&mut self, group: &[usize]) {
        self.end_all_rules();
        for one in ALL {
            for other in ALL {
                if group.contains(&one) && !group.contains(&other) {
                    self.cut(n(one), n(other));
                }
            }
        }
    }

    /// A group of three, drawn anew.
    fn partition_by_chance(&mut self) {
        let mut group: BTreeSet<usize> = BTreeSet::new();
        while group.len() < 3 {
            group.insert(self.rng.usize(1..=5));
        }
        self.partition(&group.into_iter().collect::<Vec<_>>());
    }

    /// The longest that anybody waited for an answer, or waits for one now.
    fn longest_wait(&self) -> Duration {
        let wait = |call: &crate::world::Call<_>| match &call.ended {
            Some((ended, _)) => ended.since(call.called),
            None => self.now.since(call.called),
        };
        self.calls.iter().map(wait).max().unwrap_or_default()
    }

    /// Idle clients append their next token.
    fn keep_busy(&mut self, clients: &[ClientId]) {
        for &client in clients {
            if self.is_idle(client) {
                let token = format!("t{} ", self.calls.len());
                self.invoke(client, append("a", &token));
            }
        }
    }

    fn keep_busy_for(&mut self, clients: &[ClientId], span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.keep_busy(clients);
            self.run(ms(10));
        }
    }

    /// Everybody is answered, everybody agrees, and everything that must hold does.
    fn conclude(&mut self, clients: &[ClientId]) {
        self.chances = Chances::default();
        self.end_all_rules();
        let idle = clients.to_vec();
        self.wait("everybody is answered", move |world| {
            idle.iter().all(|&client| world.is_idle(client))
        });
        self.settle();
        check(self);
    }

    fn clients(&mut self, count: usize) -> Vec<ClientId> {
        (0..count).map(|_| self.client(STUBBORN)).collect()
    }
}

#[test]
fn dslabs_04_and_06_a_majority_goes_on_and_after_the_heal_all_do() {
    let mut world = five();
    let clients = world.clients(1);
    world.partition(&[1, 3, 4]);
    assert_eq!(world.ask(clients[0], put("a", "1")), Answer::Done);
    world.conclude(&clients);
}

#[test]
fn dslabs_05_a_minority_does_not_go_on_until_it_is_healed() {
    let mut world = five();
    let clients = world.clients(1);
    world.partition(&[1, 2]);
    for node in [3, 4, 5] {
        world.pause(n(node));
    }
    let call = world.invoke(clients[0], put("a", "1"));
    world.run(ms(20_000));
    assert!(world.conclusion(call).is_none());
    for node in [3, 4, 5] {
        world.resume(n(node));
    }
    let healed = world.now;
    world.end_all_rules();
    world.wait("it is answered", |world| world.conclusion(call).is_some());
    assert!(
        world.now.since(healed) <= ms(3_000),
        "{:?}",
        world.now.since(healed)
    );
    world.conclude(&clients);
}

#[test]
fn dslabs_07_a_node_that_goes_over_to_the_minority_takes_nothing_along_and_back() {
    let mut world = five();
    let clients = world.clients(1);
    for (round, group) in [[1, 2, 3], [1, 4, 5], [2, 3, 4], [3, 5, 1]]
        .into_iter()
        .enumerate()
    {
        world.partition(&group);
        let token = |number: usize| format!("t{number} ");
        assert_eq!(world.ask(clients[0], append("a", &token(round))), Answer::Done);
        let tokens: String = (0..=round).map(token).collect();
        assert_eq!(world.ask(clients[0], get("a")), value(&tokens));
    }
    world.conclude(&clients);
}

#[test]
fn dslabs_08_and_09_many_clients_at_a_time() {
    let mut world = five();
    let clients = world.clients(25);
    world.keep_busy_for(&clients, ms(300));
    world.conclude(&clients);
    assert!(500 < world.calls.len(), "{} calls", world.calls.len());
}

/// What nodes send each other, without the signs of life that go on when nothing is agreed upon.
fn counts(packet: &Packet<systems::paxos::Node>) -> bool {
    packet.is_among_nodes() && !is_beat(packet) && !super::packet::is_alive(packet)
}

#[test]
fn dslabs_10_and_mit_rpc_counts_fifteen_messages_a_node_an_agreement_are_too_many() {
    let mut world = five();
    let clients = world.clients(1);
    let (all, without_beats) = (world.count(Packet::is_among_nodes), world.count(counts));
    const AGREEMENTS: usize = 100;
    for _ in 0..AGREEMENTS {
        world.ask(clients[0], append("a", "x"));
    }
    let per_node = world.counted(all) as f64 / (5 * AGREEMENTS) as f64;
    assert!(per_node <= 15.0, "{per_node} messages a node an agreement");
    // One proposal to each other node, and one answer.
    assert!(world.counted(without_beats) <= 8 * AGREEMENTS);
}

#[test]
fn dslabs_11_and_mit_forgetting_old_commands_are_forgotten_even_while_a_node_is_away() {
    let config = Config {
        kept_bytes_max: 200_000,
        ..config(3, None)
    };
    let mut world = World::<Paxos>::formed(1, config);
    let clients = world.clients(1);
    world.kill(n(3));
    let long = "x".repeat(10_000);
    for round in 0..300 {
        let key = format!("k{}", round % 4);
        let op = Op::Put {
            key,
            value: long.clone(),
        };
        assert_eq!(world.ask(clients[0], op), Answer::Done);
        for node in world.running() {
            let (_, bytes) = world.node(node).unwrap().kept();
            assert!(bytes < 1_000_000, "{node} keeps {bytes} bytes");
        }
    }
    world.start(n(3));
    world.conclude(&clients);
    assert!(
        world
            .log
            .iter()
            .any(|logged| matches!(logged.event, Event::Installed { .. }))
    );
    let (_, bytes) = world.node(n(3)).unwrap().kept();
    assert!(bytes < 1_000_000, "after catching up {bytes} bytes are kept");
}

#[test]
fn dslabs_12_and_13_an_unreliable_network_is_survived() {
    let mut world = five();
    let clients = world.clients(5);
    world.chances = Chances::UNRELIABLE;
    world.keep_busy_for(&clients, ms(10_000));
    world.conclude(&clients);
    assert!(100 < world.calls.len(), "{} calls", world.calls.len());
}

#[test]
fn dslabs_16_nobody_waits_three_seconds_over_a_partition_and_its_heal() {
    let mut world = five();
    let clients = world.clients(3);
    world.keep_busy_for(&clients, ms(500));
    world.partition(&[1, 2]);
    world.keep_busy_for(&clients, ms(5_000));
    world.end_all_rules();
    world.keep_busy_for(&clients, ms(5_000));
    assert!(world.longest_wait() < ms(3_000), "{:?}", world.longest_wait());
    world.conclude(&clients);
}

#[test]
fn dslabs_17_and_18_nobody_waits_two_seconds_under_partitions_that_change_every_two() {
    for chances in [
        Chances::default(),
        Chances {
            lose: 0.02,
            ..Chances::default()
        },
    ] {
        let mut world = five();
        world.chances = chances;
        let clients = world.clients(3);
        for _ in 0..15 {
            world.partition_by_chance();
            world.keep_busy_for(&clients, ms(2_000));
        }
        assert!(world.longest_wait() < ms(2_000), "{:?}", world.longest_wait());
        world.conclude(&clients);
    }
}

#[test]
fn dslabs_19_new_clients_are_served_after_partitions_of_all_lengths() {
    let mut world = five();
    let clients = world.clients(3);
    for _ in 0..5 {
        for span in [5_000, 1_000] {
            world.partition_by_chance();
            world.keep_busy_for(&clients, ms(span));
        }
        world.end_all_rules();
        world.keep_busy_for(&clients, ms(4_000));
    }
    let fresh = world.clients(5);
    world.keep_busy(&fresh);
    world.run(ms(3_000));
    assert!(fresh.iter().all(|&client| world.is_idle(client)));
    world.conclude(&clients);
}

/// Two values are proposed for slot 1, each to a minority, by two leaders one after the other; the quorums of a third change while it
/// reads and proposes. One of them is chosen, and the same for everybody.
#[test]
fn dslabs_23_two_values_in_slot_1_through_changing_quorums() {
    let mut world = five();
    let clients = world.clients(2);
    // n2 leads, and only n1 hears of its value.
    world.lose(|packet| is_propose(packet) && !packet.goes_to(n(1)));
    world.invoke(clients[0], append("a", "x "));
    world.run(ms(200));
    world.partition(&[1, 2]);
    world.lose(|packet| is_propose(packet) && !packet.goes_to(n(4)));
    world.wait("n3 leads", |world| world.leader() == Some(n(3)));
    world.invoke(clients[1], append("a", "y "));
    world.run(ms(300));
    for group in [[1, 2, 5], [4, 5, 1], [3, 4, 2]] {
        world.partition(&group);
        world.run(ms(400));
    }
    world.conclude(&clients);
}

#[test]
fn dslabs_24_and_mit_tolerates_holes_a_slot_nobody_of_the_quorum_knows_becomes_a_no_op() {
    let mut world = five();
    let clients = world.clients(2);
    // The first value reaches nobody, the second reaches everybody.
    world.lose(|packet| proposes_slot(packet, 1));
    world.invoke(clients[0], append("a", "x "));
    world.run(ms(200));
    world.invoke(clients[1], append("a", "y "));
    world.run(ms(30));
    world.run(ms(200));
    let applied = |world: &World<Paxos>| {
        world
            .log
            .iter()
            .any(|logged| matches!(logged.event, Event::Applied { .. }))
    };
    assert!(!applied(&world), "nothing is applied beyond a hole");
    world.kill(n(2));
    world.end_all_rules();
    world.conclude(&clients);
    let first = world.log.iter().find_map(|logged| match &logged.event {
        Event::Applied {
            slot: Slot(1),
            command,
            ..
        } => Some(*command),
        _ => None,
    });
    assert_eq!(first, Some(None), "slot 1 is a no-op");
}

#[test]
fn dslabs_27_a_single_node_serves_alone() {
    let mut world = World::<Paxos>::formed(1, config(1, None));
    let clients = world.clients(3);
    world.keep_busy_for(&clients, ms(200));
    world.restart(n(1));
    world.keep_busy_for(&clients, ms(1_000));
    world.conclude(&clients);
}

/// A node that can speak and not hear neither learns anything nor keeps the others from going on; when it hears again it learns.
#[test]
fn mit_deaf_proposer_disturbs_nobody_and_learns_later() {
    let mut world = five();
    let clients = world.clients(2);
    world.lose(|packet| packet.is_among_nodes() && packet.goes_to(n(5)));
    world.keep_busy_for(&clients, ms(10_000));
    assert_eq!(world.node(n(5)).unwrap().committed(), Slot::ZERO);
    assert!(world.longest_wait() < ms(200), "{:?}", world.longest_wait());
    assert_eq!(world.leader(), Some(n(2)), "the leader is the first one still");
    world.conclude(&clients);
}

/// Paxos is about who comes first, not who comes last: a late proposer adopts what was chosen.
#[test]
fn mit_minority_proposal_ignored_a_later_leader_adopts_what_was_chosen() {
    let mut world = five();
    let clients = world.clients(2);
    world.lose(|packet| is_beat(packet) && packet.comes_from(n(2)));
    assert_eq!(world.ask(clients[0], put("a", "111")), Answer::Done);
    world.kill(n(2));
    let held = world.hold_next(2, is_gather);
    let call = world.invoke(
        clients[1],
        Op::Cas {
            key: "a".into(),
            from: None,
            to: "222".into(),
        },
    );
    world.run(ms(1_000));
    world.end(held);
    world.wait("it is answered", |world| world.conclusion(call).is_some());
    assert_eq!(world.ask(clients[1], get("a")), value("111"));
    world.start(n(2));
    world.conclude(&clients);
}

#[test]
fn one_paused_or_dead_peer_never_stalls_the_rest() {
    for stop in [World::<Paxos>::pause, World::<Paxos>::kill] {
        let mut world = five();
        let clients = world.clients(3);
        stop(&mut world, n(4));
        world.keep_busy_for(&clients, ms(3_000));
        assert!(world.longest_wait() < ms(50), "{:?}", world.longest_wait());
    }
}

#[test]
fn after_a_long_time_without_a_majority_one_is_served_within_three_seconds_though_the_next_leaders_are_dead()
{
    for nodes in [3, 5, 7] {
        for seed in 0..20 {
            let mut world = World::<Paxos>::formed(seed, config(nodes, None));
            let client = world.client(STUBBORN);
            let apart: Vec<_> = (1..=nodes)
                .map(|node| world.lose(move |packet| packet.is_among_nodes() && packet.concerns(n(node))))
                .collect();
            world.run(ms(20_000 + 100 * seed));
            // Their turns follow each other.
            let dead = (1..=nodes / 2).map(|turn| n(1 + (turn + seed as usize) % nodes));
            dead.for_each(|node| world.kill(node));
            apart.into_iter().for_each(|rule| world.end(rule));
            world.invoke(client, append("a", "x "));
            world.run(ms(3_000));
            assert!(
                world.is_idle(client),
                "{nodes} nodes, seed {seed}: nobody was answered within three seconds"
            );
        }
    }
}

#[test]
fn a_node_far_behind_a_slow_link_catches_up_within_three_seconds_of_its_heal() {
    let mut world = World::<Paxos>::formed(1, config(3, None));
    let client = world.client(STUBBORN);
    let behind = n(1);
    let cut = world.lose(move |packet| packet.is_among_nodes() && packet.concerns(behind));
    let long = "x".repeat(1_000);
    for _ in 0..600 {
        assert_eq!(world.ask(client, put("a", &long)), Answer::Done);
    }
    world.end(cut);
    let slow = world.slow(1_000, move |packet| {
        packet.is_among_nodes() && packet.concerns(behind)
    });
    world.run(ms(2_000));
    world.end(slow);
    world.run(ms(3_000));
    assert!(world.agrees(), "{world:?}");
    check(&world);
}

#[test]
fn a_paused_leader_is_replaced_within_a_second_and_comes_back_in_peace() {
    let mut world = five();
    let clients = world.clients(3);
    world.pause(n(2));
    world.keep_busy_for(&clients, ms(3_000));
    assert!(world.longest_wait() < ms(1_000), "{:?}", world.longest_wait());
    world.resume(n(2));
    world.keep_busy_for(&clients, ms(2_000));
    assert!(world.longest_wait() < ms(1_000), "{:?}", world.longest_wait());
    world.conclude(&clients);
}
