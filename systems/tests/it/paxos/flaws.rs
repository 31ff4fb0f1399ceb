//! Every flaw by the schedule that shows it: with the flaw something happens that never should; without it the same schedule goes well.

use systems::paxos::{Ballot, Config, Event, Flaw, Round};
use systems::{ClientId, NodeId};

use super::Paxos;
use super::cluster::{STUBBORN, config};
use super::oracle::{check, violations};
use super::packet::{is_ack, is_answered, is_beat, is_gather, is_propose, proposes_slot};
use crate::kv::{append, get, put};
use crate::world::{Place, World, ms, n};

/// With `flaw` the schedule goes wrong; without it everything that must hold does, and after a heal everybody agrees.
fn check_safety(flaw: Flaw, nodes: usize, schedule: impl Fn(&mut World<Paxos>)) {
    let mut wrong = World::<Paxos>::formed(1, config(nodes, Some(flaw)));
    schedule(&mut wrong);
    assert!(
        !violations(&wrong).is_empty(),
        "{flaw} went unnoticed: {:#?}\n{wrong:?}",
        wrong.calls
    );

    let mut right = World::<Paxos>::formed(1, config(nodes, None));
    schedule(&mut right);
    check(&right);
    right.end_all_rules();
    let client = right.client(STUBBORN);
    right.ask(client, get("a"));
    right.settle();
    check(&right);
}

/// With `flaw` nobody is answered any more after the schedule; without it somebody soon is.
fn check_liveness(flaw: Flaw, config: Config, schedule: impl Fn(&mut World<Paxos>)) {
    let is_served = |flaw: Option<Flaw>| {
        let mut world = World::<Paxos>::formed(
            1,
            Config {
                flaw,
                ..config.clone()
            },
        );
        schedule(&mut world);
        let client = world.client(STUBBORN);
        let read = world.invoke(client, get("a"));
        world.run(ms(10_000));
        world.conclusion(read).is_some()
    };
    assert!(!is_served(Some(flaw)), "{flaw} went unnoticed");
    assert!(is_served(None), "without {flaw} nobody answers either");
}

/// The first leader; the later ones are n3, n4, n5 and n1.
const FIRST: usize = 2;

impl World<Paxos> {
    /// Nothing goes from one of `some` to one of `others`, nor back.
    fn separate(&mut self, some: &[usize], others: &[usize]) {
        for &one in some {
            for &other in others {
                self.cut(n(one), n(other));
            }
        }
    }

    fn wait_for_leader(&mut self, number: usize) {
        self.wait("the next leader leads", |world| world.leader() == Some(n(number)));
    }

    fn wait_for_reader(&mut self, round: u64) {
        self.wait("the next leader reads", |world| {
            let reads =
                |event: &Event| matches!(event, Event::Reading { ballot } if ballot.round == Round(round));
            world.log.iter().any(|logged| reads(&logged.event))
        });
    }

    /// `client` cannot speak to `node`.
    fn mute(&mut self, client: ClientId, node: NodeId) {
        self.lose(move |packet| packet.from == Place::Client(client) && packet.goes_to(node));
    }

    /// What is read at last, if anybody answers within ten seconds.
    fn read_at_last(&mut self) {
        let client = self.client(STUBBORN);
        self.invoke(client, get("a"));
        self.run(ms(10_000));
    }

    /// Something is appended, and nobody but the leader comes to know that it is decided.
    fn append_in_secret(&mut self, leader: usize, token: &str) {
        self.lose(move |packet| is_beat(packet) && packet.comes_from(n(leader)));
        let client = self.client(STUBBORN);
        self.ask(client, append("a", token));
    }
}

#[test]
fn the_first_leader_is_who_the_schedules_say() {
    let world = World::<Paxos>::formed(1, config(5, None));
    let node = n(FIRST);
    let round = Round(1);
    assert_eq!(world.node(node).unwrap().leading(), Some(Ballot { round, node }));
}

#[test]
fn px_gather_committed_only() {
    check_safety(Flaw::GatherCommittedOnly, 5, |world| {
        world.append_in_secret(FIRST, "x ");
        world.kill(n(FIRST));
        world.read_at_last();
    });
}

#[test]
fn px_prefer_remote() {
    check_safety(Flaw::PreferRemote, 5, |world| {
        let one = world.client(STUBBORN);
        world.lose(|packet| is_propose(packet) && packet.comes_from(n(FIRST)));
        world.mute(one, n(3));
        world.invoke(one, append("a", "minority "));
        world.run(ms(200));
        world.kill(n(FIRST));
        world.wait_for_leader(3);
        world.append_in_secret(3, "chosen ");
        world.kill(n(3));
        world.start(n(FIRST));
        // The next leader hears of n1, and of n2 last.
        world.lose(|packet| is_gather(packet) && packet.comes_from(n(5)));
        world.read_at_last();
    });
}

#[test]
fn px_own_value_first() {
    check_safety(Flaw::OwnValueFirst, 5, |world| {
        world.append_in_secret(FIRST, "x ");
        let held = world.hold(is_gather);
        world.kill(n(FIRST));
        world.wait_for_reader(2);
        let client = world.client(STUBBORN);
        let call = world.invoke(client, append("a", "y "));
        world.run(ms(200));
        world.end(held);
        world.wait("the command is answered", |world| {
            world.conclusion(call).is_some()
        });
        world.read_at_last();
    });
}

#[test]
fn px_promise_not_durable() {
    check_safety(Flaw::PromiseNotDurable, 5, |world| {
        let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
        for node in [3, 4, 5] {
            world.mute(one, n(node));
        }
        world.mute(two, n(1));
        world.mute(two, n(FIRST));
        world.separate(&[1, FIRST], &[3, 4, 5]);
        world.wait_for_leader(3);
        // n4 forgets its promise to n3, and hears of n2 alone.
        world.restart(n(4));
        world.end_all_rules();
        world.separate(&[1, FIRST, 4], &[3, 5]);
        for node in [3, 4, 5] {
            world.mute(one, n(node));
        }
        world.mute(two, n(1));
        world.mute(two, n(FIRST));
        world.invoke(one, append("a", "x "));
        world.run(ms(150));
        world.end_all_rules();
        world.separate(&[1, FIRST], &[3, 4, 5]);
        world.mute(two, n(1));
        world.mute(two, n(FIRST));
        world.invoke(two, append("a", "y "));
        world.run(ms(2_000));
    });
}

#[test]
fn px_accept_not_durable() {
    check_safety(Flaw::AcceptNotDurable, 3, |world| {
        let client = world.client(STUBBORN);
        world.ask(client, append("a", "x "));
        (1..=3).for_each(|number| world.kill(n(number)));
        (1..=3).for_each(|number| world.start(n(number)));
        world.read_at_last();
    });
}

#[test]
fn px_accept_below_promise() {
    check_safety(Flaw::AcceptBelowPromise, 5, |world| {
        let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
        let held = world.hold(|packet| is_propose(packet) && packet.comes_from(n(FIRST)));
        for node in [1, 3, 4, 5] {
            world.mute(one, n(node));
        }
        world.invoke(one, append("a", "x "));
        world.run(ms(10));
        world.lose(|packet| packet.is_among_nodes() && packet.concerns(n(FIRST)));
        world.wait_for_leader(3);
        world.ask(two, append("a", "y "));
        world.end(held);
        world.run(ms(100));
    });
}

#[test]
fn px_stale_promise_counted() {
    check_safety(Flaw::StalePromiseCounted, 3, |world| {
        // Nobody's read is answered, until it is n2's turn again: n1 answers, and that is held.
        (1..=3).for_each(|node| world.restart(n(node)));
        let lost = world.lose(|packet| is_gather(packet) && !packet.goes(n(1), n(2)));
        let held = world.hold(|packet| is_gather(packet) && packet.goes(n(1), n(2)));
        world.wait_for_reader(4);
        world.run(ms(20));
        world.end_keeping(held);
        world.end(lost);
        world.separate(&[2], &[1, 3]);
        world.wait_for_leader(3);
        world.append_in_secret(3, "chosen ");
        world.kill(n(3));
        world.pause(n(1));
        world.wait_for_reader(7);
        // n2 reads once more, and n1 answers, but all that arrives is its answer of long ago.
        world.end_all_rules();
        world.lose(|packet| is_gather(packet) && packet.goes(n(1), n(2)));
        world.resume(n(1));
        let client = world.client(STUBBORN);
        world.invoke(client, append("a", "y "));
        world.run(ms(60));
        world.release(held);
        world.run(ms(2_000));
    });
}

#[test]
fn px_ack_not_identified() {
    check_safety(Flaw::AckNotIdentified, 5, |world| {
        world.lose(|packet| is_propose(packet) && !packet.goes_to(n(1)));
        world.double(10, is_ack);
        let client = world.client(STUBBORN);
        world.invoke(client, append("a", "x "));
        world.run(ms(100));
    });
}

#[test]
fn px_commit_without_value() {
    check_safety(Flaw::CommitWithoutValue, 5, |world| {
        let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
        for node in [1, 3, 4, 5] {
            world.mute(one, n(node));
        }
        world.lose(|packet| is_propose(packet) && packet.comes_from(n(FIRST)) && !packet.goes_to(n(1)));
        world.invoke(one, append("a", "minority "));
        world.run(ms(200));
        world.kill(n(FIRST));
        world.lose(|packet| is_gather(packet) && packet.comes_from(n(1)));
        world.lose(|packet| is_propose(packet) && packet.goes_to(n(1)));
        world.wait_for_leader(3);
        world.ask(two, append("a", "chosen "));
        world.run(ms(200));
    });
}

#[test]
fn px_hole_skipped() {
    check_safety(Flaw::HoleSkipped, 3, |world| {
        let client = world.client(STUBBORN);
        world.lose(|packet| proposes_slot(packet, 1) && packet.goes_to(n(3)));
        for token in ["x ", "y "] {
            world.ask(client, append("a", token));
            world.run(ms(100));
        }
    });
}

#[test]
fn px_noop_without_read() {
    check_safety(Flaw::NoopWithoutRead, 5, |world| {
        world.lose(|packet| is_propose(packet) && (packet.goes_to(n(3)) || packet.goes_to(n(4))));
        world.append_in_secret(FIRST, "x ");
        world.kill(n(FIRST));
        world.end_all_rules();
        world.read_at_last();
    });
}

#[test]
fn px_duplicate_command() {
    check_safety(Flaw::DuplicateCommand, 3, |world| {
        let client = world.client(STUBBORN);
        world.lose_next(1, is_answered);
        world.ask(client, append("a", "x "));
        world.ask(client, get("a"));
    });
}

#[test]
fn px_leader_local_read() {
    check_safety(Flaw::LeaderLocalRead, 3, |world| {
        let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
        world.ask(one, put("a", "0"));
        world.separate(&[FIRST], &[1, 3]);
        world.mute(two, n(FIRST));
        world.wait_for_leader(3);
        world.ask(two, put("a", "1"));
        world.invoke(one, get("a"));
        world.run(ms(1_000));
    });
}

#[test]
fn px_quorum_two_of_five() {
    check_safety(Flaw::QuorumTwoOfFive, 5, |world| {
        let (one, two) = (world.client(STUBBORN), world.client(STUBBORN));
        world.separate(&[1, FIRST], &[3, 4, 5]);
        for node in [3, 4, 5] {
            world.mute(one, n(node));
        }
        world.invoke(one, append("a", "x "));
        world.wait_for_leader(3);
        world.ask(two, append("a", "y "));
    });
}

#[test]
fn px_broadcast_subset() {
    check_liveness(Flaw::BroadcastSubset, config(5, None), |world| {
        world.kill(n(1));
        world.kill(n(2));
    });
}

#[test]
fn px_blocking_send() {
    check_liveness(Flaw::BlockingSend, config(5, None), |world| {
        world.pause(n(5));
        let client = world.client(STUBBORN);
        world.invoke(client, append("a", "x "));
        world.run(ms(100));
    });
}

#[test]
fn px_sync_longer_than_timeout() {
    let config = Config {
        page_bytes_max: 100,
        ..config(3, None)
    };
    check_liveness(Flaw::SyncLongerThanTimeout, config, |world| {
        let client = world.client(STUBBORN);
        for _ in 0..1_000 {
            world.ask(client, append("b", "x"));
        }
        world.kill(n(FIRST));
    });
}

#[test]
fn px_start_needs_all_peers() {
    check_liveness(Flaw::StartNeedsAllPeers, config(3, None), |world| {
        world.kill(n(1));
        world.run(ms(10));
        world.restart(n(2));
        world.run(ms(5_000));
    });
}
