//! Groups out in a storm.

use systems::ClientId;
use systems::vr::{Batching, Config, Reads};

use super::Vr;
use super::cluster::{HASTY, STUBBORN, config};
use super::oracle::violations;
use crate::storm::{STORM, Stormy, Weather, run};
use crate::world::{World, ms, n};

impl Stormy for Vr {
    fn client(world: &mut World<Self>, number: usize) -> ClientId {
        let first = n(1 + number % world.config.members.len());
        world.client_of(first, if number % 3 == 2 { HASTY } else { STUBBORN })
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
        checkpoint_ops: 5,
        piece_bytes_max: 200,
        entries_bytes_max: 150,
        ..config(nodes, None)
    }
}

fn check(seeds: std::ops::Range<u64>, config: &Config, weather: Weather) {
    for seed in seeds {
        let found = run::<Vr>(seed, config.clone(), weather);
        assert!(found.is_empty(), "seed {seed}: {found:#?}");
    }
}

#[test]
fn three_replicas_weather_a_storm() {
    check(0..100, &config(3, None), STORM);
    check(500..600, &piecemeal(3), STORM);
}

#[test]
fn five_replicas_weather_a_storm() {
    check(1_000..1_040, &config(5, None), STORM);
    check(1_500..1_540, &piecemeal(5), STORM);
}

#[test]
fn seven_two_and_single_replicas_weather_a_storm() {
    check(2_000..2_010, &piecemeal(7), STORM);
    check(3_000..3_020, &piecemeal(2), STORM);
    check(4_000..4_020, &piecemeal(1), STORM);
}

#[test]
fn commands_that_go_one_by_one_weather_a_storm() {
    let one_by_one = Config {
        batching: Batching::Off,
        ..piecemeal(3)
    };
    check(5_000..5_050, &one_by_one, STORM);
}

#[test]
fn reads_by_lease_weather_a_storm() {
    let leased = Config {
        reads: Reads::Leased(ms(400)),
        ..config(3, None)
    };
    check(6_000..6_100, &leased, STORM);
}
