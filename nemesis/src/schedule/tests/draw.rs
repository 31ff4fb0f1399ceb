//! What a profile promises of the schedules drawn from it, over many seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systems::NodeId;

use super::{draw, profile, roster};
use crate::cluster::Roster;
use crate::fault::{Family, Fault, Shape};
use crate::membership::Reshape;
use crate::profile::{Profile, ProfileError, catalogue};
use crate::schedule::{Episode, Schedule};
use crate::target::Target;

const SEEDS: u64 = 500;
const DETECTOR: Duration = Duration::from_millis(500);

fn length(episode: &Episode) -> Duration {
    episode.until - episode.from
}

fn count_by_family(schedule: &Schedule) -> BTreeMap<Family, usize> {
    let mut counts = BTreeMap::new();
    for episode in schedule.episodes() {
        *counts.entry(episode.fault.family()).or_default() += 1;
    }
    counts
}

#[test]
fn the_same_seed_draws_the_same_schedule_byte_for_byte_and_another_seed_another() {
    let files: BTreeSet<String> = (0..SEEDS).map(|seed| draw("all", 30, seed).to_string()).collect();
    assert_eq!(files.len(), usize::try_from(SEEDS).unwrap());
    for seed in 0..SEEDS {
        assert!(files.contains(&draw("all", 30, seed).to_string()));
    }
}

/// The profile must not change what a seed means from one version to the next without somebody noticing.
#[test]
fn what_a_seed_means_has_not_changed() {
    let expected = "\
1.568s 3.149s kill one
3.544s 3.807s kill minority";
    let schedule = draw("kill", 6, 7);
    let line = |episode: &Episode| {
        let (from, until) = (
            super::super::Span(episode.from),
            super::super::Span(episode.until),
        );
        format!("{from} {until} {} {}", episode.fault, episode.target)
    };
    let lines: Vec<String> = schedule.episodes().iter().map(line).collect();
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn in_thirty_seconds_every_family_begins_at_least_twice_whatever_the_interval() {
    for interval_s in [1, 5, 10, 30, 120] {
        let profile = profile("all", interval_s, 30);
        for seed in 0..SEEDS {
            let counts = count_by_family(&Schedule::draw(&profile, seed, &roster()).unwrap());
            for family in Family::ALL {
                assert!(
                    2 <= counts[&family],
                    "interval {interval_s} s, seed {seed}: {counts:?}"
                );
            }
        }
    }
}

#[test]
fn in_five_seconds_every_family_begins_at_least_once() {
    for (time_limit_s, seed) in [1, 2, 3, 5, 8]
        .into_iter()
        .flat_map(|limit| (0..SEEDS).map(move |seed| (limit, seed)))
    {
        let counts = count_by_family(&draw("all", time_limit_s, seed));
        assert_eq!(
            counts.len(),
            Family::ALL.len(),
            "{time_limit_s} s, seed {seed}: {counts:?}"
        );
    }
}

#[test]
fn each_nemesis_by_itself_begins_twice_too() {
    for nemesis in catalogue().iter().filter(|nemesis| nemesis.can_strike(&roster())) {
        for seed in 0..20 {
            let schedule = draw(nemesis.name, 30, seed);
            assert!(2 <= schedule.episodes().len(), "{} seed {seed}", nemesis.name);
        }
    }
}

#[test]
fn the_run_is_quiet_for_a_second_before_and_after() {
    for (time_limit_s, seed) in [5, 30, 300]
        .into_iter()
        .flat_map(|limit| (0..SEEDS / 5).map(move |seed| (limit, seed)))
    {
        let schedule = draw("all,kill-all", time_limit_s, seed);
        assert!(Duration::from_secs(1) <= schedule.episodes()[0].from);
        assert!(schedule.ends() <= Duration::from_secs(time_limit_s - 1));
    }
}

#[test]
fn the_mean_time_between_beginnings_is_the_interval() {
    for name in ["partition", "pause", "kill"] {
        let begins: usize = (0..20).map(|seed| draw(name, 3_600, seed).episodes().len()).sum();
        let mean_s = 20.0 * 3_600.0 / f64::from(u32::try_from(begins).unwrap());
        assert!((4.3..5.7).contains(&mean_s), "{name}: {mean_s} s");
    }
}

#[test]
fn pauses_and_down_times_lie_on_both_sides_of_the_detectors_limit_and_never_near_it() {
    for name in ["pause", "kill"] {
        let lengths: Vec<Duration> = (0..SEEDS)
            .flat_map(|seed| {
                draw(name, 30, seed)
                    .episodes()
                    .iter()
                    .map(length)
                    .collect::<Vec<_>>()
            })
            .collect();
        let below = lengths
            .iter()
            .filter(|length| **length <= DETECTOR * 8 / 10)
            .count();
        let above = lengths
            .iter()
            .filter(|length| (DETECTOR * 15 / 10..=DETECTOR * 6).contains(length))
            .count();
        assert_eq!(below + above, lengths.len());
        let share = below * 100 / lengths.len();
        assert!((45..=58).contains(&share), "{name}: {share} % are below");
    }
}

#[test]
fn both_sides_of_the_limit_are_met_in_every_run_of_thirty_seconds() {
    for (name, seed) in ["pause", "kill"]
        .into_iter()
        .flat_map(|name| (0..SEEDS).map(move |seed| (name, seed)))
    {
        let schedule = draw(name, 30, seed);
        let sides: BTreeSet<bool> = schedule
            .episodes()
            .iter()
            .map(|episode| length(episode) < DETECTOR)
            .collect();
        assert_eq!(sides.len(), 2, "{name}, seed {seed}");
    }
}

#[test]
fn partitions_last_between_a_third_of_the_interval_and_the_whole() {
    for seed in 0..SEEDS {
        for episode in draw("partition", 30, seed).episodes() {
            let bounds = Duration::from_millis(1_500)..=Duration::from_secs(5);
            assert!(bounds.contains(&length(episode)), "{episode:?}");
        }
    }
}

#[test]
fn faults_in_turns_leave_no_moment_between_one_and_the_next() {
    for seed in 0..SEEDS {
        let schedule = draw("turns", 30, seed);
        let episodes = schedule.episodes();
        assert!(5 < episodes.len(), "{schedule}");
        let unbroken = |two: &[Episode]| two[0].from < two[1].from && two[1].from < two[0].until;
        assert!(episodes.windows(2).all(unbroken), "{schedule}");
    }
}

#[test]
fn a_nemesis_beside_it_changes_nothing_in_a_strand() {
    let key = |episode: &Episode| (episode.from, episode.until, episode.fault, episode.seed);
    for seed in 0..SEEDS / 5 {
        let alone: BTreeSet<_> = draw("pause", 30, seed).episodes().iter().map(key).collect();
        for nemeses in ["pause,partition", "all", "kill-all,pause"] {
            let beside: BTreeSet<_> = draw(nemeses, 30, seed).episodes().iter().map(key).collect();
            assert!(beside.is_superset(&alone), "{nemeses}, seed {seed}");
        }
    }
}

#[test]
fn strands_are_not_drawn_in_step() {
    let begins = |nemesis: &str, seed: u64| -> BTreeSet<Duration> {
        draw(nemesis, 30, seed)
            .episodes()
            .iter()
            .map(|episode| episode.from)
            .collect()
    };
    let in_step = (0..SEEDS)
        .filter(|seed| !begins("pause", *seed).is_disjoint(&begins("kill", *seed)))
        .count();
    assert!(in_step < 20, "{in_step} of {SEEDS}");
}

/// How many pairs of faults of different families lie to each other like this.
fn count_pairs(schedule: &Schedule, lie: impl Fn(&Episode, &Episode) -> bool) -> usize {
    let episodes = schedule.episodes();
    let pairs = episodes
        .iter()
        .flat_map(|first| episodes.iter().map(move |second| (first, second)));
    pairs
        .filter(|(first, second)| first.fault.family() != second.fault.family() && lie(first, second))
        .count()
}

fn is_within(first: &Episode, second: &Episode) -> bool {
    first.from <= second.from && second.from < first.until
}

fn is_behind(first: &Episode, second: &Episode) -> bool {
    first.until <= second.from && second.from <= first.until + 2 * DETECTOR
}

#[test]
fn faults_of_different_families_overlap_in_every_run() {
    for seed in 0..SEEDS {
        let schedule = draw("partition,pause,kill", 30, seed);
        assert!(0 < count_pairs(&schedule, is_within), "seed {seed}");
    }
}

/// With faults of seconds, minutes apart, those of two families rarely meet by chance: 30 compositions an hour must show.
#[test]
fn compositions_lie_within_and_right_behind_each_other() {
    for seed in 0..20 {
        let schedule = Schedule::draw(&profile("pause,kill", 60, 3_600), seed, &roster()).unwrap();
        let (within, behind) = (
            count_pairs(&schedule, is_within),
            count_pairs(&schedule, is_behind),
        );
        assert!(
            (13..30).contains(&within) && (13..30).contains(&behind),
            "{within} within, {behind} behind"
        );
    }
}

#[test]
fn every_shape_and_every_target_comes_up_in_a_few_runs() {
    let episodes: Vec<Episode> = (0..10)
        .flat_map(|seed| draw("all", 30, seed).episodes().to_vec())
        .collect();
    for shape in Shape::ALL {
        let fault = Fault::Partition(shape);
        assert!(
            episodes.iter().any(|episode| episode.fault == fault),
            "{fault} never came up"
        );
    }
    for (fault, target) in [
        (Fault::Pause, Target::Primaries),
        (Fault::Pause, Target::Services),
        (Fault::Kill, Target::Primaries),
        (Fault::Kill, Target::Services),
        (Fault::Partition(Shape::OneWayIn), Target::Primaries),
        (Fault::Membership(Reshape::Grow), Target::All),
        (Fault::Membership(Reshape::Replace), Target::Primaries),
    ] {
        let met = |episode: &Episode| episode.fault == fault && episode.target == target;
        assert!(episodes.iter().any(met), "{fault} of {target} never came up");
    }
}

#[test]
fn kill_all_comes_only_when_it_is_named() {
    for seed in 0..SEEDS {
        assert!(
            draw("all", 30, seed)
                .episodes()
                .iter()
                .all(|episode| episode.fault != Fault::KillAll)
        );
    }
    assert!(
        draw("kill-all", 30, 1)
            .episodes()
            .iter()
            .all(|episode| episode.fault == Fault::KillAll)
    );
}

#[test]
fn no_nemesis_draws_no_fault() {
    assert_eq!(draw("none", 30, 1), Schedule::default());
}

#[test]
fn what_the_system_has_no_nodes_for_is_not_drawn_and_refused_when_named() {
    let two = Roster {
        replicas: vec![NodeId::replica(1), NodeId::replica(2)],
        reserve: vec![NodeId::replica(3)],
        services: Vec::new(),
        clients: "clients".parse().unwrap(),
        spares: 1,
    };
    for seed in 0..SEEDS / 5 {
        for episode in Schedule::draw(&profile("all", 5, 30), seed, &two)
            .unwrap()
            .episodes()
        {
            assert_eq!(episode.fault.fits(&episode.target, &two), Ok(()));
        }
    }
    let refused = |name: &str| {
        Schedule::draw(&profile(name, 5, 30), 1, &two)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused("primary-from-service"),
        "nemesis \"primary-from-service\" can do nothing here: partition.primary-from-service needs a service; this system \
         has none"
    );
    assert_eq!(
        refused("kill,bridge"),
        "nemesis \"bridge\" can do nothing here: partition.bridge needs 3 nodes; this system has 2"
    );
    assert_eq!(
        refused("shrink"),
        "nemesis \"shrink\" can do nothing here: membership.shrink needs more than 3 replicas; this system has 2"
    );
    let fixed = Roster {
        reserve: Vec::new(),
        ..two
    };
    assert_eq!(
        Schedule::draw(&profile("membership", 5, 30), 1, &fixed)
            .unwrap_err()
            .to_string(),
        "nemesis \"membership\" can do nothing here: membership.replace needs nodes in reserve; this system has none"
    );
}

#[test]
fn a_profile_out_of_bounds_is_refused() {
    let refused = |interval_ms: u64, time_limit_ms: u64, detector_ms: u64| -> ProfileError {
        let ms = Duration::from_millis;
        Profile::new(
            "all".parse().unwrap(),
            ms(interval_ms),
            ms(time_limit_ms),
            ms(detector_ms),
        )
        .unwrap_err()
    };
    assert_eq!(
        refused(0, 30_000, 500).to_string(),
        "the nemesis interval is 0.000s; it must be from 0.100s to 604800.000s"
    );
    assert_eq!(
        refused(5_000, 200, 500).to_string(),
        "the time limit of a run with faults is 0.200s; it must be from 1.000s to 604800.000s"
    );
    assert_eq!(
        refused(100, 86_400_000, 500).to_string(),
        "a nemesis interval of 0.100s in a run of 86400.000s could mean more than 10000 faults"
    );
    assert!(matches!(
        refused(5_000, 30_000, 0),
        ProfileError::OutOfBounds { .. }
    ));
    let none = Profile::new(
        "none".parse().unwrap(),
        Duration::ZERO,
        Duration::ZERO,
        Duration::ZERO,
    );
    assert!(none.is_ok());
}

#[test]
fn extreme_profiles_are_drawn_from_within_the_limits() {
    let ms = Duration::from_millis;
    let extremes = [
        (100, 45_000, 5),
        (100, 1_000, 60_000),
        (604_800_000, 604_800_000, 604_800_000),
        (5_000, 1_000, 5),
    ];
    for (interval_ms, time_limit_ms, detector_ms) in extremes {
        let profile = Profile::new(
            "all,kill-all".parse().unwrap(),
            ms(interval_ms),
            ms(time_limit_ms),
            ms(detector_ms),
        )
        .unwrap();
        for seed in 0..20 {
            let schedule = Schedule::draw(&profile, seed, &roster()).unwrap();
            assert!(schedule.ends() < ms(time_limit_ms));
            assert_eq!(count_by_family(&schedule).len(), Family::ALL.len());
        }
    }
}
