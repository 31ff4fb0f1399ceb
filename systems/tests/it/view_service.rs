//! The view service, by the scenarios of MIT 6.824 lab 2A (VS1 to VS10) and of dslabs lab 2 part 1.

use crate::world::{STUBBORN, World, get, n, put, value};
use systems::pb::Config;

#[test]
fn a_backup_takes_over_with_the_data_and_an_idle_server_becomes_backup_in_the_same_view() {
    let mut world = World::formed(1, Config::new(crate::world::vs(), vec![n(1), n(2), n(3)]), 3);
    let client = world.client(STUBBORN);
    world.ask(client, put("k", "1"));
    world.kill(n(1));
    assert_eq!(world.ask(client, get("k")), value("1"));
    assert_eq!(world.shown_view(), "3(n2, n3)");
}
