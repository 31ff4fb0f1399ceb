//! Groups out in a storm.

use systems::ClientId;
use systems::vr::{Batching, Config, Members, Reads};

use super::Vr;
use super::cluster::{HASTY, STUBBORN, config};
use super::oracle::violations;
use crate::storm::{STORM, Stormy, Weather, run};
use crate::world::{System, World, ms, n};

impl Stormy for Vr {
    fn client(world: &mut World<Self>, number: usize) -> ClientId {
        let first = n(1 + number % world.config.members.len());
        world.client_of(first, if number % 3 == 2 { HASTY } else { STUBBORN })
    }

    /// Somebody wants other members, and asks anybody for them, if there are any in reserve.
    fn meddle(world: &mut World<Self>) {
        if world.config.reserve.is_empty() || world.rng.usize(0..15) > 0 {
            return;
        }
        let nodes = Vr::nodes(&world.config);
        let count = world.rng.usize(1..=nodes.len());
        let members = world.rng.choose_multiple(nodes.iter().copied(), count);
        let (via, whose) = (world.rng.usize(0..nodes.len()), world.rng.usize(0..nodes.len()));
        let epoch = world.node(nodes[whose]).map(|replica| replica.beginning().epoch);
        world.ask_for_members(nodes[via], epoch.unwrap_or_default(), Members::new(members));
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

/// A group of `members` with `reserve` others.
fn with_reserve(members: usize, reserve: usize, config: Config) -> Config {
    Config {
        members: (1..=members).map(n).collect(),
        reserve: (members + 1..=members + reserve).map(n).collect(),
        ..config
    }
}

#[test]
fn groups_whose_members_change_weather_a_storm() {
    check(7_000..7_100, &with_reserve(3, 2, config(3, None)), STORM);
    check(7_500..7_600, &with_reserve(3, 3, piecemeal(3)), STORM);
    check(8_000..8_040, &with_reserve(5, 2, piecemeal(5)), STORM);
    check(8_500..8_540, &with_reserve(1, 3, piecemeal(1)), STORM);
    let leased = Config {
        reads: Reads::Leased(ms(400)),
        ..config(3, None)
    };
    check(9_000..9_100, &with_reserve(3, 2, leased), STORM);
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
