//! What went wrong once, and must not again.

use systems::service::kv::Answer;
use systems::vr::{Config, Event, OpNumber};

use super::cluster::{STUBBORN, config};
use super::oracle::check;
use super::packet::{is_beat, is_state};
use crate::kv::append;
use crate::world::{World, ms, n};

/// Beats that wait on a slow link outlive their sender.
#[test]
fn late_beats_of_a_dead_primary_keep_nobody_waiting() {
    let mut world = World::gathered(config(3, None));
    let late: Vec<_> = (0..60)
        .map(|_| world.hold_next(1, |packet| is_beat(packet) && packet.goes(n(1), n(2))))
        .collect();
    world.wait("all are held", |world| {
        late.iter().all(|&rule| world.held(rule) == 1)
    });
    assert!(world.is_in(n(1), 0), "n2 alone moves nobody");
    world.kill(n(1));
    for rule in late.into_iter().take(20) {
        world.release(rule);
        world.run(ms(100));
    }
    assert!(world.is_in(n(2), 1), "n2 believed that n1 lives\n{world:?}");
}

/// A view may be shorter than a fetch takes: what has come and is committed is not asked for again in the next.
#[test]
fn a_fetch_that_is_cut_short_goes_on_from_where_it_had_come_to() {
    let mut world = World::gathered(Config {
        entries_bytes_max: 30,
        ..config(5, None)
    });
    let client = world.client(STUBBORN);
    let away = [1, 2, 3, 4].map(|other| world.cut(n(other), n(5)));
    for token in 0..60 {
        assert_eq!(
            world.ask(client, append("x", &format!("t{token} "))),
            Answer::Done
        );
    }
    world.kill(n(1));
    world.wait_in(n(2), 1);
    let come = world.count(|packet| is_state(packet) && packet.goes(n(2), n(5)));
    away.into_iter().for_each(|rule| world.end(rule));
    world.wait("some of it has come", |world| 10 <= world.counted(come));
    world.kill(n(2));
    world.wait_in(n(5), 2);
    let after = |event: &Event| match event {
        Event::Transferring { after, .. } => Some(*after),
        _ => None,
    };
    let own = world.log.iter().filter(|logged| logged.node == n(5));
    let begun: Vec<OpNumber> = own.filter_map(|logged| after(&logged.event)).collect();
    let (first, last) = (begun[0], begun[begun.len() - 1]);
    assert!(first.plus(8) <= last, "it began anew: {begun:?}");
    check(&world);
}
