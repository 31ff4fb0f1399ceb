//! That the world really does to a cluster what it is told to.

use systems::Effect;
use systems::pb::Config;
use systems::service::kv::Answer;

use super::Pb;
use super::cluster::{STUBBORN, vs};
use super::packet::is_do;
use crate::kv::{append, get, value};
use crate::world::{Moment, World, ms, n};

fn formed() -> World<Pb> {
    World::<Pb>::formed(1, Config::new(vs(), vec![n(1), n(2)]), 2)
}

#[test]
fn a_doubled_request_arrives_twice() {
    let mut world = formed();
    let client = world.client(STUBBORN);
    world.ask(client, get("a"));
    let answered = world.count(super::packet::is_done);
    world.double(1, is_do);
    assert_eq!(world.ask(client, append("a", "x ")), Answer::Done);
    world.run(ms(20));
    assert_eq!(world.counted(answered), 2, "the copy was answered as well");
    assert_eq!(world.ask(client, get("a")), value("x "));
}

/// What a view service that dies with its next record finds on its disk afterwards.
fn recovered_after_death(moment: Moment) -> String {
    let mut world = formed();
    world.doom(vs(), moment, |effect| matches!(effect, Effect::Persist(_)));
    world.kill(n(2));
    world.wait("the view service dies", |world| world.crashed == [vs()]);
    world.start(vs());
    world.shown_view()
}

#[test]
fn a_doomed_node_dies_right_before_or_right_after_an_effect() {
    assert_eq!(recovered_after_death(Moment::BeforeEffect), "2(n1, n2)");
    assert_eq!(recovered_after_death(Moment::AfterEffect), "3(n1, -)");
}

#[test]
fn a_node_that_lost_its_disk_recovers_from_nothing() {
    let mut world = formed();
    world.kill(vs());
    world.lose_disk(vs());
    world.start(vs());
    assert_eq!(world.node(vs()).unwrap().view(), None);
}
