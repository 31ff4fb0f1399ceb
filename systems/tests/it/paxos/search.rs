//! Nodes of the log out in a storm. dslabs lab 3 tests 20 to 22, 25 and 26 are searches of this kind.

use systems::ClientId;
use systems::paxos::{Config, Reads};

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

/// Snapshots often, everything in small pieces, and reads in one way or the other.
fn piecemeal(nodes: usize, seed: u64) -> Config {
    let reads = if seed.is_multiple_of(2) {
        Reads::Confirmed
    } else {
        Reads::ThroughLog
    };
    Config {
        kept_bytes_max: 2_000,
        page_bytes_max: 300,
        piece_bytes_max: 200,
        reads,
        ..config(nodes, None)
    }
}

fn check(seeds: std::ops::Range<u64>, nodes: usize, weather: Weather) {
    for seed in seeds {
        let found = run::<Paxos>(seed, piecemeal(nodes, seed), weather);
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
