//! What went wrong once, and must not again.

use super::cluster::config;
use super::packet::is_beat;
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
