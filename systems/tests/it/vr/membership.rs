//! Groups whose members change.
//!
//! n1 is primary of the first view of a group that has it, because the members take turns in the order of their names.

use systems::group::{Epoch, Refusal, Request as Numbered, Response};
use systems::service::RequestNumber;
use systems::service::kv::Answer;
use systems::vr::{
    Ask, Batching, Config, Event, MEMBERS_MAX, Members, Message, OpNumber, Reads, Record, Request, View,
};
use systems::{ClientId, Effect, NodeId};

use super::cluster::{PATIENT, STUBBORN, config};
use super::oracle::check;
use super::packet::{is_answer, is_prepare, says};
use super::{Node, Vr};
use crate::kv::{append, get, put, value};
use crate::world::{Moment, Packet, World, ms, n};

/// Administrators are none of the world's clients; each of these asks for one change, and is called after the millisecond in which it does.
const ADMINS_FROM: u64 = 9_000_000;

impl World<Vr> {
    /// A new administrator asks `via` that the group have these `members` after `epoch`.
    pub(super) fn ask_for_members(&mut self, via: NodeId, epoch: Epoch, members: Members) -> ClientId {
        let admin = ClientId(ADMINS_FROM + self.now.as_nanos() / 1_000_000);
        self.ask_again_for_members(admin, via, epoch, members);
        admin
    }

    /// The same administrator says it again.
    fn ask_again_for_members(&mut self, admin: ClientId, via: NodeId, epoch: Epoch, members: Members) {
        let request = Numbered {
            number: RequestNumber(1),
            op: Ask::Members(members),
        };
        self.post(admin, via, Request { epoch, request });
    }

    fn epoch(&self) -> Epoch {
        self.newest().expect("somebody runs").epoch
    }

    fn members_now(&self) -> Members {
        self.newest().expect("somebody runs").members.clone()
    }

    /// What an administrator was told last.
    fn told(&self, admin: ClientId) -> Option<&Response<Answer>> {
        let mut letters = self.letters.iter().rev();
        letters
            .find(|(to, ..)| *to == admin)
            .map(|(.., response)| response)
    }

    /// The group has these members, and all of them have begun.
    fn change_to(&mut self, members: &[usize]) {
        let (via, epoch) = (self.wait_for_primary(), self.epoch());
        self.ask_for_members(via, epoch, group_of(members));
        self.wait_begun(epoch.next(), members);
    }

    fn wait_begun(&mut self, epoch: Epoch, members: &[usize]) {
        self.wait("the new members have begun", |world| {
            let mut members = members.iter().filter_map(|&number| world.node(n(number)));
            members.all(|replica| replica.normal().is_some() && replica.view().epoch == epoch)
        });
    }
}

fn group_of(members: &[usize]) -> Members {
    Members::new(members.iter().copied().map(n))
}

/// `members` replicas, and `reserve` that are none yet.
fn with_reserve(members: usize, reserve: usize) -> Config {
    Config {
        batching: Batching::Off,
        reserve: (members + 1..=members + reserve).map(n).collect(),
        ..config(members, None)
    }
}

/// Snapshots often, and everything in small pieces.
fn piecemeal(config: Config) -> Config {
    Config {
        checkpoint_ops: 3,
        piece_bytes_max: 64,
        entries_bytes_max: 100,
        ..config
    }
}

fn append_some(world: &mut World<Vr>, client: ClientId, tokens: std::ops::Range<usize>) {
    for token in tokens {
        assert_eq!(
            world.ask(client, append("x", &format!("t{token} "))),
            Answer::Done
        );
    }
}

fn text(tokens: usize) -> String {
    (0..tokens).map(|token| format!("t{token} ")).collect()
}

/// These have the tokens, nobody else takes part, and the run was as it must be.
fn check_all_have(world: &mut World<Vr>, members: &[usize], tokens: usize) {
    world.settle();
    for &number in members {
        assert_eq!(
            world.value_at(n(number), "x").as_deref(),
            Some(&*text(tokens)),
            "n{number}"
        );
    }
    let newest = world.newest().expect("somebody runs");
    assert_eq!(newest.members, group_of(members));
    check(world);
}

fn is_start_epoch(packet: &Packet<Node>) -> bool {
    says(packet, |message| matches!(message, Message::StartEpoch { .. }))
}

fn is_prepare_ok(packet: &Packet<Node>) -> bool {
    says(packet, |message| matches!(message, Message::PrepareOk { .. }))
}

/// A group of `before` changes to `after` between the sixth and the seventh append, and works on.
fn goes_on(config: Config, after: &[usize]) {
    for config in [config.clone(), piecemeal(config)] {
        let mut world = World::gathered(config);
        let client = world.client(STUBBORN);
        append_some(&mut world, client, 0..6);
        world.change_to(after);
        append_some(&mut world, client, 6..12);
        check_all_have(&mut world, after, 12);
    }
}

#[test]
fn a_group_grows() {
    goes_on(with_reserve(3, 2), &[1, 2, 3, 4, 5]);
    goes_on(with_reserve(1, 2), &[1, 2, 3]);
}

#[test]
fn a_group_shrinks() {
    goes_on(with_reserve(5, 0), &[1, 2, 3]);
    goes_on(with_reserve(5, 0), &[3, 4, 5]);
    goes_on(with_reserve(3, 0), &[2]);
}

#[test]
fn a_group_replaces_its_primary() {
    goes_on(with_reserve(3, 1), &[2, 3, 4]);
}

#[test]
fn a_group_replaces_everybody() {
    goes_on(with_reserve(3, 3), &[4, 5, 6]);
}

#[test]
fn a_member_that_is_gone_for_good_is_replaced() {
    let mut world = World::gathered(with_reserve(3, 1));
    let client = world.client(STUBBORN);
    append_some(&mut world, client, 0..3);
    world.kill(n(3));
    world.change_to(&[1, 2, 4]);
    append_some(&mut world, client, 3..5);
    // n1 may be missing now: n2 and n4 are two of three.
    world.kill(n(1));
    append_some(&mut world, client, 5..7);
    world.restart(n(1));
    check_all_have(&mut world, &[1, 2, 4], 7);
}

#[test]
fn a_change_that_is_said_twice_takes_place_once_and_is_answered() {
    let mut world = World::gathered(with_reserve(3, 1));
    let (members, first) = (group_of(&[1, 2, 4]), Epoch::FIRST);
    let admin = world.ask_for_members(n(1), first, members.clone());
    world.ask_again_for_members(admin, n(1), first, members.clone());
    world.wait_begun(Epoch(1), &[1, 2, 4]);
    world.run(ms(200));
    let is_answer = |response: &Response<Answer>| match response {
        Response::Reconfigured { configuration, .. } => configuration.members == [1, 2, 4].map(n),
        _ => false,
    };
    assert!(world.told(admin).is_some_and(is_answer), "{:?}", world.letters);
    // Its answer might have been lost: it asks again, whomever it likes.
    for via in [1, 3] {
        world.letters.clear();
        world.ask_again_for_members(admin, n(via), first, members.clone());
        world.run(ms(200));
        let told = world.told(admin);
        assert!(
            matches!(told, Some(Response::Refused { refusal: Refusal::NewEpoch(now), .. }) if now.epoch == Epoch(1)),
            "{told:?}"
        );
    }
    assert_eq!(world.epoch(), Epoch(1));
    check(&world);
}

#[test]
fn who_asks_for_a_change_of_an_epoch_that_is_over_is_told_who_the_group_is() {
    let mut world = World::gathered(with_reserve(3, 2));
    world.change_to(&[1, 2, 4]);
    let late = world.ask_for_members(n(1), Epoch::FIRST, group_of(&[1, 2, 5]));
    world.run(ms(500));
    assert!(matches!(
        world.told(late),
        Some(Response::Refused {
            refusal: Refusal::NewEpoch(_),
            ..
        })
    ));
    assert_eq!(world.members_now(), group_of(&[1, 2, 4]));
}

#[test]
fn one_change_at_a_time_and_only_of_nodes_that_are_known() {
    let mut world = World::gathered(with_reserve(3, 1));
    let refused = |world: &World<Vr>, admin, expected: &Refusal| matches!(world.told(admin), Some(Response::Refused { refusal, .. }) if refusal == expected);
    let unknown = world.ask_for_members(n(1), Epoch::FIRST, group_of(&[1, 9]));
    world.run(ms(10));
    assert!(refused(&world, unknown, &Refusal::NoSuchGroup));
    let early = world.ask_for_members(n(1), Epoch(1), group_of(&[1, 2]));
    world.run(ms(10));
    assert!(refused(&world, early, &Refusal::Redirect { leader: None }));
    // The first is not committed before the second comes.
    world.lose(is_prepare);
    world.ask_for_members(n(1), Epoch::FIRST, group_of(&[1, 2, 4]));
    world.run(ms(10));
    let second = world.ask_for_members(n(1), Epoch::FIRST, group_of(&[1, 2]));
    world.run(ms(10));
    assert!(refused(&world, second, &Refusal::Busy));
    world.end_all_rules();
    world.wait_begun(Epoch(1), &[1, 2, 4]);
    check(&world);
}

#[test]
fn a_group_has_only_so_many_members() {
    let mut world = World::gathered(with_reserve(1, MEMBERS_MAX));
    let all = Members::new((1..=MEMBERS_MAX + 1).map(n));
    let admin = world.ask_for_members(n(1), Epoch::FIRST, all);
    world.run(ms(10));
    assert!(matches!(
        world.told(admin),
        Some(Response::Refused {
            refusal: Refusal::NoSuchGroup,
            ..
        })
    ));
}

#[test]
fn nothing_gets_a_place_behind_a_change_and_who_waited_is_answered_in_the_next_epoch() {
    let mut world = World::gathered(with_reserve(3, 1));
    let lost = world.lose(is_prepare);
    world.ask_for_members(n(1), Epoch::FIRST, group_of(&[1, 2, 4]));
    world.run(ms(10));
    let client = world.client(STUBBORN);
    world.invoke(client, append("x", "t0 "));
    world.run(ms(10));
    assert_eq!(world.op(n(1)), OpNumber(1));
    world.end(lost);
    world.wait("the client is answered", |world| world.is_idle(client));
    assert_eq!(world.epoch(), Epoch(1));
    check_all_have(&mut world, &[1, 2, 4], 1);
}

#[test]
fn an_answer_that_was_lost_before_a_change_is_given_again_after_it_and_nothing_is_done_twice() {
    let mut world = World::gathered(with_reserve(3, 3));
    let lost = world.lose(is_answer);
    let client = world.client(STUBBORN);
    world.invoke(client, append("x", "t0 "));
    world.wait("it is carried out", |world| {
        world.replica(n(1)).commit() == OpNumber(1)
    });
    world.change_to(&[4, 5, 6]);
    world.end(lost);
    world.wait("the client is answered", |world| world.is_idle(client));
    check_all_have(&mut world, &[4, 5, 6], 1);
}

/// The old primary is cut off with the change in its log and nobody else's.
#[test]
fn a_change_that_only_a_primary_has_which_is_left_behind_does_not_take_place() {
    let mut world = World::gathered(with_reserve(3, 2));
    let cut = world.lose(|packet| packet.is_among_nodes() && packet.concerns(n(1)));
    world.ask_for_members(n(1), Epoch::FIRST, group_of(&[1, 4, 5]));
    world.wait_in(n(2), 1);
    let client = world.client_of(n(2), STUBBORN);
    append_some(&mut world, client, 0..1);
    world.end(cut);
    check_all_have(&mut world, &[1, 2, 3], 1);
    assert_eq!(world.epoch(), Epoch::FIRST);
}

/// It is in enough logs, and only a later view commits it.
#[test]
fn a_change_that_enough_have_takes_place_though_the_primary_that_gave_it_its_place_is_gone() {
    let mut world = World::gathered(with_reserve(3, 2));
    world.lose(|packet| is_prepare_ok(packet) && packet.goes_to(n(1)));
    world.ask_for_members(n(1), Epoch::FIRST, group_of(&[2, 4, 5]));
    world.wait("it is in the backups' logs", |world| {
        [2, 3]
            .into_iter()
            .all(|number| world.op(n(number)) == OpNumber(1))
    });
    world.kill(n(1));
    world.wait_begun(Epoch(1), &[2, 4, 5]);
    let client = world.client(STUBBORN);
    append_some(&mut world, client, 0..1);
    check_all_have(&mut world, &[2, 4, 5], 1);
}

/// Whoever dies at which effect of the step that ends the epoch: nobody goes on without the others' knowing, and all come back.
#[test]
fn a_group_of_which_all_die_in_the_middle_of_a_change_comes_back() {
    type Doom = fn(&Effect<Node>) -> bool;
    let dooms: [Doom; 4] = [
        |effect| matches!(effect, Effect::Persist(Record::Epoch(_))),
        |effect| matches!(effect, Effect::Observe(Event::EpochBegan { .. })),
        |effect| {
            matches!(
                effect,
                Effect::Send {
                    message: Message::StartEpoch { .. },
                    ..
                }
            )
        },
        |effect| matches!(effect, Effect::Compact(_)),
    ];
    for doom in dooms {
        for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
            for after in [&[1, 2, 4][..], &[4, 5, 6]] {
                die_in_the_middle(doom, moment, after);
            }
        }
    }
}

fn die_in_the_middle(doom: fn(&Effect<Node>) -> bool, moment: Moment, after: &[usize]) {
    let mut world = World::gathered(with_reserve(3, 3));
    let client = world.client(STUBBORN);
    append_some(&mut world, client, 0..3);
    (1..=6).for_each(|number| world.doom(n(number), moment, doom));
    world.ask_for_members(n(1), Epoch::FIRST, group_of(after));
    world.wait("somebody died of it", |world| !world.crashed.is_empty());
    for number in 1..=6 {
        world.restart(n(number));
    }
    // Who is not dead yet dies of it now, and is started again.
    for _ in 0..50 {
        world.run(ms(100));
        for node in std::mem::take(&mut world.crashed) {
            if !world.running().contains(&node) {
                world.start(node);
            }
        }
    }
    append_some(&mut world, client, 3..5);
    let members: Vec<usize> = (1..=6)
        .filter(|&number| world.members_now().contains(n(number)))
        .collect();
    check_all_have(&mut world, &members, 5);
}

#[test]
fn what_was_said_in_an_epoch_that_is_over_changes_nothing_when_it_comes() {
    let mut world = World::gathered(with_reserve(3, 2));
    let client = world.client(STUBBORN);
    let late = world.hold(|packet| packet.goes(n(3), n(1)) || packet.goes(n(1), n(3)));
    append_some(&mut world, client, 0..3);
    world.end_keeping(late);
    world.change_to(&[1, 2, 4]);
    append_some(&mut world, client, 3..5);
    world.release(late);
    world.run(ms(1_000));
    assert_eq!(world.epoch(), Epoch(1));
    check_all_have(&mut world, &[1, 2, 4], 5);
}

/// It missed the change, and the primary of the old epoch is gone.
#[test]
fn a_member_that_was_cut_off_during_two_changes_is_in_the_last_epoch_afterwards() {
    let mut world = World::gathered(piecemeal(with_reserve(3, 3)));
    let client = world.client(STUBBORN);
    append_some(&mut world, client, 0..2);
    let cut = world.lose(|packet| packet.is_among_nodes() && packet.concerns(n(3)));
    world.change_to(&[1, 2, 4]);
    append_some(&mut world, client, 2..8);
    let via = world.wait_for_primary();
    world.ask_for_members(via, Epoch(1), group_of(&[3, 4, 5]));
    world.wait_begun(Epoch(2), &[4, 5]);
    append_some(&mut world, client, 8..12);
    world.end(cut);
    check_all_have(&mut world, &[3, 4, 5], 12);
}

#[test]
fn a_replica_that_has_left_the_group_is_taken_back() {
    let mut world = World::gathered(with_reserve(3, 1));
    let client = world.client(STUBBORN);
    world.change_to(&[1, 2, 4]);
    append_some(&mut world, client, 0..3);
    world.change_to(&[2, 3, 4]);
    append_some(&mut world, client, 3..5);
    world.restart(n(1));
    world.change_to(&[1, 2, 3]);
    append_some(&mut world, client, 5..7);
    check_all_have(&mut world, &[1, 2, 3], 7);
}

/// Nobody of the old group is told that enough of the new one have begun, until they are asked again.
#[test]
fn those_who_leave_tell_the_new_members_until_enough_have_begun() {
    let mut world = World::gathered(with_reserve(3, 3));
    let client = world.client(STUBBORN);
    append_some(&mut world, client, 0..3);
    let lost = world.lose(is_start_epoch);
    world.ask_for_members(n(1), Epoch::FIRST, group_of(&[4, 5, 6]));
    world.run(ms(3_000));
    world.kill(n(2));
    world.end(lost);
    world.wait_begun(Epoch(1), &[4, 5, 6]);
    let is_handed_over = |event: &Event| matches!(event, Event::HandedOver { .. });
    world.wait("n1 knows that its part is done", |world| {
        world
            .log
            .iter()
            .any(|logged| logged.node == n(1) && is_handed_over(&logged.event))
    });
    world.run(ms(100));
    let told = world.count(is_start_epoch);
    world.run(ms(2_000));
    assert!(world.counted(told) < 100, "the new members are told for ever");
    append_some(&mut world, client, 3..5);
    check_all_have(&mut world, &[4, 5, 6], 5);
}

/// A new member that has fetched half dies, or is left alone by the one it asked.
#[test]
fn a_new_member_that_is_interrupted_begins_when_it_has_everything() {
    let mut world = World::gathered(piecemeal(with_reserve(3, 2)));
    let client = world.client(STUBBORN);
    append_some(&mut world, client, 0..9);
    let is_piece = |message: &Message<_>| matches!(message, Message::NewSnapshot { .. });
    let held = world.hold(move |packet| says(packet, is_piece) && packet.goes_to(n(4)));
    world.ask_for_members(n(1), Epoch::FIRST, group_of(&[4, 5]));
    world.wait_begun(Epoch(1), &[5]);
    world.run(ms(500));
    assert_eq!(
        world.replica(n(4)).view(),
        View::FIRST,
        "it is in no epoch of which it has nothing"
    );
    world.kill(n(1));
    world.restart(n(4));
    world.end(held);
    world.wait_begun(Epoch(1), &[4, 5]);
    append_some(&mut world, client, 9..11);
    check_all_have(&mut world, &[4, 5], 11);
}

#[test]
fn a_client_that_knows_only_members_that_left_finds_the_group() {
    let mut world = World::gathered(with_reserve(3, 5));
    let old = world.client(STUBBORN);
    append_some(&mut world, old, 0..1);
    world.change_to(&[4, 5, 6]);
    world.change_to(&[6, 7, 8]);
    append_some(&mut world, old, 1..2);
    assert_eq!(world.ask(old, get("x")), value(&text(2)));
    check_all_have(&mut world, &[6, 7, 8], 2);
}

/// A primary that may read alone is cut off from its group while that changes.
#[test]
fn no_lease_outlives_its_epoch() {
    let leased = Config {
        reads: Reads::Leased(ms(400)),
        ..with_reserve(3, 2)
    };
    let mut world = World::gathered(leased);
    let reader = world.client_of(n(1), PATIENT);
    world.ask(reader, get("y"));
    // The change is in all logs, and n1 hears nobody from now on: it does not know that it is committed.
    world.lose(|packet| packet.is_among_nodes() && packet.goes_to(n(1)));
    world.ask_for_members(n(1), Epoch::FIRST, group_of(&[2, 4, 5]));
    world.run(ms(10));
    let writer = world.client_of(n(2), STUBBORN);
    world.invoke(writer, put("y", "1"));
    let is_local = |event: &Event| matches!(event, Event::ReadLocally { .. });
    let mut alone = 0;
    while !world.is_idle(writer) {
        let (reader, before) = (world.client_of(n(1), PATIENT), world.log.len());
        world.invoke(reader, get("y"));
        world.run(ms(20));
        alone += world.log[before..]
            .iter()
            .filter(|logged| is_local(&logged.event))
            .count();
    }
    assert!(alone > 0, "no lease was used");
    let late = world.client_of(n(1), PATIENT);
    world.invoke(late, get("y"));
    world.run(ms(500));
    world.wait_begun(Epoch(1), &[2, 4, 5]);
    check(&world);
}
