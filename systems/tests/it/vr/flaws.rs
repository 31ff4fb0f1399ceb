//! Each known way to be wrong with a schedule that goes wrong with it and well without.
//!
//! n1 is primary of view 0, n2 of view 1, and so on in turn. What is seen is what clients see: a schedule ends with a read, and all
//! answers must be those of one store. Only the flaws that cost nothing but time are seen otherwise.

use systems::group::Epoch;
use systems::vr::{Batching, Config, Event, Flaw, Members, Message, OpNumber, Reads, Role, View};
use systems::{ClientId, NodeId};

use super::cluster::{HASTY, PATIENT, STUBBORN, config};
use super::packet::{is_answer, is_beat, is_change, is_prepare, is_start_view, says};
use super::{Node, Vr};
use crate::kv::{append, get, not_linearizable, put};
use crate::world::{Packet, Place, RuleId, World, ms, n};

/// The schedule goes wrong with `flaw` and well without.
fn check(flaw: Flaw, schedule: impl Fn(Option<Flaw>) -> Option<String>) {
    assert_eq!(schedule(None), None, "the correct system went wrong");
    assert!(schedule(Some(flaw)).is_some(), "{flaw} did not show");
}

fn group(nodes: usize, flaw: Option<Flaw>) -> World<Vr> {
    World::gathered(Config {
        batching: Batching::Off,
        ..config(nodes, flaw)
    })
}

/// Nothing passes between `node` and other replicas; clients reach it.
fn isolate(world: &mut World<Vr>, node: NodeId) -> RuleId {
    world.lose(move |packet| packet.is_among_nodes() && packet.concerns(node))
}

/// What clients saw, a last read included.
fn seen(mut world: World<Vr>) -> Option<String> {
    world.end_all_rules();
    let client = world.client(STUBBORN);
    for key in ["x", "y"] {
        let read = world.invoke(client, get(key));
        if !world.run_until(|world| world.conclusion(read).is_some()) {
            return Some(format!("nobody answers\n{world:?}"));
        }
    }
    not_linearizable(&world.calls)
}

fn append_at(world: &mut World<Vr>, node: NodeId, token: &str) -> ClientId {
    let client = world.client_of(node, STUBBORN);
    world.invoke(client, append("x", token));
    client
}

fn wait_answered(world: &mut World<Vr>, client: ClientId) {
    world.wait("the client is answered", |world| world.is_idle(client));
}

fn wait_op(world: &mut World<Vr>, node: NodeId, op: u64) {
    world.wait("it is in the log", |world| world.op(node) == OpNumber(op));
}

/// A view in which a client is answered that an isolated primary knows nothing of.
fn leave_n1_behind(world: &mut World<Vr>) -> RuleId {
    let cut = isolate(world, n(1));
    world.wait_in(n(2), 1);
    world.wait_in(n(3), 1);
    let client = append_at(world, n(2), "b ");
    wait_answered(world, client);
    cut
}

#[test]
fn vr_dvc_longest_log() {
    check(Flaw::DvcLongestLog, |flaw| {
        let mut world = group(3, flaw);
        let cut = isolate(&mut world, n(1));
        for token in ["l1 ", "l2 ", "l3 "] {
            let client = world.client_of(n(1), HASTY);
            world.invoke(client, append("x", token));
        }
        wait_op(&mut world, n(1), 3);
        world.wait_in(n(3), 1);
        let client = append_at(&mut world, n(2), "kept ");
        wait_answered(&mut world, client);
        world.wait("n3 has it", |world| world.op(n(3)) == OpNumber(1));
        world.kill(n(2));
        world.end(cut);
        world.wait_in(n(3), 2);
        seen(world)
    });
}

#[test]
fn vr_dvc_last_entry_viewstamp() {
    check(Flaw::DvcLastEntryViewstamp, |flaw| {
        let mut world = group(5, flaw);
        // x is at n1 and n2 only, stamped with view 0.
        world.lose(|packet| is_prepare(packet) && packet.comes_from(n(1)) && !packet.goes_to(n(2)));
        let early = world.client_of(n(1), PATIENT);
        world.lose(move |packet| packet.from == Place::Client(early) && packet.goes_to(n(3)));
        world.invoke(early, append("x", "early "));
        wait_op(&mut world, n(2), 1);
        // The others go to view 2, which begins at n3 alone; there y is stamped.
        let apart =
            world.lose(|packet| packet.is_among_nodes() && (packet.concerns(n(1)) || packet.concerns(n(2))));
        let alone = world.lose(|packet| {
            packet.comes_from(n(3)) && (is_start_view(packet) || is_prepare(packet) || is_beat(packet))
        });
        world.wait_in(n(3), 2);
        let client = world.client_of(n(3), HASTY);
        world.invoke(client, append("x", "late "));
        wait_op(&mut world, n(3), 1);
        // Then n1, n2 and n4 go on without n3 and n5, and commit x.
        let out = [3, 5].map(|number| isolate(&mut world, n(number)));
        world.end(apart);
        world.end(alone);
        world.wait_in(n(4), 3);
        wait_answered(&mut world, early);
        // And n3, n4 and n5 without n1 and n2, in a view that n4 does not begin.
        world.lose(|packet| packet.comes_from(n(4)) && (is_beat(packet) || is_start_view(packet)));
        world.kill(n(1));
        world.kill(n(2));
        out.into_iter().for_each(|rule| world.end(rule));
        world.wait_in(n(5), 4);
        seen(world)
    });
}

/// n3 is restarted where it can reach only n1, which was left behind; n1 takes a command.
fn restart_n3_beside_n1(world: &mut World<Vr>, cut: RuleId, late: Option<RuleId>) {
    world.kill(n(3));
    world.cut(n(2), n(3));
    world.cut(n(1), n(2));
    world.end(cut);
    world.start(n(3));
    if let Some(late) = late {
        world.release(late);
    }
    world.run(ms(300));
    let client = append_at(world, n(1), "c ");
    wait_answered(world, client);
}

#[test]
fn vr_recovery_single_response() {
    check(Flaw::RecoverySingleResponse, |flaw| {
        let mut world = group(3, flaw);
        let cut = leave_n1_behind(&mut world);
        restart_n3_beside_n1(&mut world, cut, None);
        seen(world)
    });
}

#[test]
fn vr_recovery_no_nonce() {
    check(Flaw::RecoveryNoNonce, |flaw| {
        let mut world = group(3, flaw);
        // Answers to a first recovery of n3 stay in the network.
        let is_response = |message: &Message<_>| matches!(message, Message::RecoveryResponse { .. });
        world.kill(n(3));
        let late = world.hold_next(2, move |packet| says(packet, is_response));
        world.start(n(3));
        world.wait_in(n(3), 0);
        assert_eq!(world.held(late), 2);
        world.end_keeping(late);
        let cut = leave_n1_behind(&mut world);
        restart_n3_beside_n1(&mut world, cut, Some(late));
        seen(world)
    });
}

/// D2 of the published protocol: f = 1, and never more than one replica is down.
#[test]
fn vr_recovery_forgets_view() {
    check(Flaw::RecoveryForgetsView, |flaw| {
        let mut world = group(3, flaw);
        // n2 and n3 miss n1 for a moment. n3 hears it of both and goes to view 1; what it says of that is late.
        let missed = world.lose(|packet| is_beat(packet) && packet.comes_from(n(1)));
        let to_n2 = world.hold(|packet| is_change(packet) && packet.goes(n(3), n(2)));
        world.lose(|packet| is_change(packet) && packet.goes_to(n(1)));
        let busy = world.client(STUBBORN);
        for number in 0.. {
            if world.replica(n(3)).view() == View::in_first_epoch(1) {
                break;
            }
            // n1 hears its backups, so it goes on.
            world.ask(busy, put("y", &format!("{number}")));
            world.run(ms(20));
        }
        world.run(ms(5));
        world.end(missed);
        world.end_keeping(to_n2);
        // n3 comes back, and helps view 0 once more if it has forgotten.
        world.restart(n(3));
        world.run(ms(2_000));
        world.lose(|packet| is_prepare(packet) && packet.goes(n(1), n(2)));
        let client = append_at(&mut world, n(1), "a ");
        world.run(ms(100));
        world.release(to_n2);
        world.run(ms(100));
        wait_answered(&mut world, client);
        seen(world)
    });
}

#[test]
fn vr_recovering_participates() {
    check(Flaw::RecoveringParticipates, |flaw| {
        let mut world = group(3, flaw);
        world.lose(|packet| is_prepare(packet) && packet.goes(n(1), n(2)));
        let client = append_at(&mut world, n(1), "a ");
        wait_answered(&mut world, client);
        world.kill(n(1));
        world.restart(n(3));
        world.wait_for_primary();
        seen(world)
    });
}

/// D1 of the published protocol.
#[test]
fn vr_state_transfer_truncates() {
    check(Flaw::StateTransferTruncates, |flaw| {
        let mut world = group(3, flaw);
        // a is at n1 and n2 and answered; that it is committed only n1 knows.
        world.lose(|packet| packet.comes_from(n(1)) && is_beat(packet));
        let at_n2 = world.lose(|packet| is_prepare(packet) && packet.goes(n(1), n(3)));
        let client = append_at(&mut world, n(1), "a ");
        wait_answered(&mut world, client);
        // View 2 begins at n3 with the log of n1, and n1 does not hear of it.
        let cut = isolate(&mut world, n(2));
        world.end(at_n2);
        world.lose(|packet| packet.goes(n(3), n(1)) && !is_change(packet) && !says(packet, is_question));
        world.wait_in(n(3), 2);
        assert_eq!(world.op(n(3)), OpNumber(1));
        // n2 hears of it, and nothing else comes through.
        world.lose(|packet| packet.goes(n(3), n(2)) && !is_beat(packet));
        world.end(cut);
        world.wait("n2 has heard of view 2", |world| {
            world.replica(n(2)).view() == View::in_first_epoch(2)
        });
        world.kill(n(3));
        world.end_all_rules();
        world.wait_for_primary();
        seen(world)
    });
}

/// Asks for state.
fn is_question(message: &Message<systems::service::kv::Op>) -> bool {
    matches!(message, Message::GetState { .. })
}

#[test]
fn vr_prepare_gap_accepted() {
    check(Flaw::PrepareGapAccepted, |flaw| {
        let mut world = group(3, flaw);
        let cut = isolate(&mut world, n(3));
        world.lose_next(1, is_prepare_to_n2);
        let clients = ["a ", "b "].map(|token| append_at(&mut world, n(1), token));
        clients
            .into_iter()
            .for_each(|client| wait_answered(&mut world, client));
        world.kill(n(1));
        world.end(cut);
        world.wait_for_primary();
        seen(world)
    });
}

fn is_prepare_to_n2(packet: &Packet<Node>) -> bool {
    is_prepare(packet) && packet.goes(n(1), n(2))
}

#[test]
fn vr_old_view_prepare() {
    check(Flaw::OldViewPrepare, |flaw| {
        let mut world = group(3, flaw);
        let is_report = |message: &Message<_>| matches!(message, Message::DoViewChange { .. });
        let prepared = world.hold(|packet| is_prepare(packet) && packet.goes(n(1), n(3)));
        world.lose(|packet| is_prepare(packet) && packet.goes(n(1), n(2)));
        let client = append_at(&mut world, n(1), "a ");
        // n2 and n3 leave view 0 without n1; the report of n3 is late.
        let reported = world.hold(move |packet| packet.goes(n(3), n(2)) && says(packet, is_report));
        world.lose(|packet| is_beat(packet) && packet.comes_from(n(1)));
        world.lose(|packet| is_change(packet) && packet.goes_to(n(1)));
        world.wait("n3 has left", |world| {
            world.replica(n(3)).view() == View::in_first_epoch(1)
        });
        world.wait("n3 has reported", |world| world.held(reported) > 0);
        world.end(prepared);
        world.run(ms(20));
        world.end(reported);
        world.wait_in(n(2), 1);
        world.end_all_rules();
        wait_answered(&mut world, client);
        seen(world)
    });
}

#[test]
fn vr_quorum_counts_self_twice() {
    check(Flaw::QuorumCountsSelfTwice, |flaw| {
        let mut world = group(3, flaw);
        isolate(&mut world, n(1));
        let client = append_at(&mut world, n(1), "a ");
        wait_answered(&mut world, client);
        world.kill(n(1));
        world.wait_for_primary();
        seen(world)
    });
}

#[test]
fn vr_client_table_primary_only() {
    check(Flaw::ClientTablePrimaryOnly, |flaw| {
        let mut world = group(3, flaw);
        let lost = world.lose(is_answer);
        let client = append_at(&mut world, n(1), "a ");
        world.wait("n2 has carried it out", |world| {
            world.replica(n(2)).commit() == OpNumber(1)
        });
        world.kill(n(1));
        world.end(lost);
        wait_answered(&mut world, client);
        seen(world)
    });
}

/// A client writes where the group has gone, another reads where it was.
fn read_at_the_one_left_behind(world: &mut World<Vr>) {
    let reader = world.client_of(n(1), STUBBORN);
    world.ask(reader, get("y"));
    isolate(world, n(1));
    world.wait_in(n(2), 1);
    let writer = world.client_of(n(2), STUBBORN);
    world.ask(writer, put("y", "1"));
    world.ask(reader, get("y"));
}

#[test]
fn vr_read_without_lease() {
    check(Flaw::ReadWithoutLease, |flaw| {
        let mut world = group(3, flaw);
        read_at_the_one_left_behind(&mut world);
        seen(world)
    });
}

#[test]
fn vr_lease_ignores_new_view() {
    check(Flaw::LeaseIgnoresNewView, |flaw| {
        let mut world = World::gathered(Config {
            reads: Reads::Leased(ms(400)),
            ..config(3, flaw)
        });
        read_at_the_one_left_behind(&mut world);
        let is_local = |event: &Event| matches!(event, Event::ReadLocally { .. });
        assert!(
            world.log.iter().any(|logged| is_local(&logged.event)),
            "no lease was used"
        );
        seen(world)
    });
}

/// Every primary is missed by one backup, and heard by all others.
#[test]
fn vr_no_svc_quorum() {
    check(Flaw::NoSvcQuorum, |flaw| {
        let mut world = group(5, flaw);
        world.lose(|packet| {
            (1..=5).any(|number| packet.goes(n(number), n(if number == 1 { 5 } else { number - 1 })))
        });
        world.run(ms(30_000));
        let entered = |event: &Event| matches!(event, Event::ViewEntered { .. });
        let views = world.log.iter().filter(|logged| entered(&logged.event)).count();
        (views > 0).then(|| format!("views were left {views} times"))
    });
}

#[test]
fn vr_recovery_strictly_greater() {
    check(Flaw::RecoveryStrictlyGreater, |flaw| {
        let mut world = group(3, flaw);
        world.restart(n(2));
        let back = world.run_until(|world| world.is_in(n(2), 0));
        (!back).then(|| "n2 does not come back".to_owned())
    });
}

#[test]
fn vr_startview_older_view() {
    check(Flaw::StartViewOlderView, |flaw| {
        let mut world = group(3, flaw);
        // View 1 begins at n2 and n3; that it has is late at n1.
        let late = world.hold(|packet| is_start_view(packet) && packet.goes(n(2), n(1)));
        let cut = isolate(&mut world, n(1));
        world.wait_in(n(2), 1);
        world.wait_in(n(3), 1);
        world.end_keeping(late);
        // View 2 begins at n3 and n1, and a is committed in it.
        let other = isolate(&mut world, n(2));
        world.end(cut);
        world.wait_in(n(1), 2);
        let client = append_at(&mut world, n(3), "a ");
        wait_answered(&mut world, client);
        world.kill(n(3));
        world.end(other);
        world.release(late);
        world.run(ms(2_000));
        seen(world)
    });
}

/// All members are replaced by others.
#[test]
fn vr_epoch_without_transfer() {
    check(Flaw::EpochWithoutTransfer, |flaw| {
        let mut world = World::gathered(Config {
            reserve: [4, 5, 6].map(n).to_vec(),
            batching: Batching::Off,
            ..config(3, flaw)
        });
        let client = append_at(&mut world, n(1), "a ");
        wait_answered(&mut world, client);
        world.ask_for_members(n(1), Epoch::FIRST, Members::new([4, 5, 6].map(n)));
        world.wait("a new member acts", |world| {
            [4, 5, 6]
                .into_iter()
                .any(|number| world.replica(n(number)).normal().is_some())
        });
        seen(world)
    });
}

#[test]
fn vr_no_svc_quorum_one_link_that_carries_nothing_one_way_moves_nobody_and_a_majority_serves() {
    let mut world = group(3, None);
    world.lose(|packet| packet.goes(n(1), n(3)));
    let client = world.client(STUBBORN);
    for number in 0..300 {
        let before = world.now;
        world.ask(client, append("x", &format!("t{number} ")));
        assert!(world.now.since(before) < ms(100), "{world:?}");
        world.run(ms(100));
    }
    assert_eq!(world.replica(n(1)).normal(), Some(Role::Primary));
    assert!(world.is_in(n(1), 0) && world.is_in(n(2), 0));
}
