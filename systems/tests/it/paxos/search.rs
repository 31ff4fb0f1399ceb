//! Nodes of the log out in a storm. dslabs lab 3 tests 20 to 22, 25 and 26 are searches of this kind.

use systems::ClientId;
use systems::paxos::Config;

use super::Paxos;
use super::cluster::{HASTY, STUBBORN, config};
use super::oracle::violations;
use crate::storm::{STORM, Stormy, Weather, run};
use crate::world::World;

impl Stormy for Paxos {
    fn client(world: &mut World<Self>, number: usize) -> ClientId {
        world.client(if number % 3 == 2 { HASTY } else { STUBBORN })
    }

    fn agrees(world: &World<Self>) -> bool {
        World::<Self>::agrees(world)
    }

    fn violations(world: &World<Self>) -> Vec<String> {
        violations(world)
    }
}

/// Snapshots often, and everything in small pieces.
fn piecemeal(nodes: usize) -> Config {
    Config {
        kept_bytes_max: 2_000,
        page_bytes_max: 300,
        piece_bytes_max: 200,
        ..config(nodes, None)
    }
}

fn check(seeds: std::ops::Range<u64>, nodes: usize, weather: Weather) {
    for seed in seeds {
        let found = run::<Paxos>(seed, piecemeal(nodes), weather);
        assert!(found.is_empty(), "seed {seed}: {found:#?}");
    }
}

#[test]
fn three_nodes_weather_a_storm() {
    check(0..150, 3, STORM);
}

#[test]
fn five_nodes_weather_a_storm() {
    check(1_000..1_080, 5, STORM);
}

#[test]
fn two_nodes_and_one_node_weather_a_storm() {
    check(2_000..2_020, 2, STORM);
    check(3_000..3_020, 1, STORM);
}
