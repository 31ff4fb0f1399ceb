use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systems::NodeId;

use super::{Resolution, resolve};
use crate::cluster::{FaultId, Roster, Standing};
use crate::fault::{Fault, Shape};
use crate::schedule::Episode;
use crate::target::Target;

mod membership;
mod packets;
mod partitions;
mod processes;

const SIZES: [usize; 4] = [3, 4, 5, 7];
const SEEDS: u64 = 50;

fn node(name: &str) -> NodeId {
    name.parse().unwrap()
}

fn nodes(names: &[&str]) -> BTreeSet<NodeId> {
    names.iter().copied().map(node).collect()
}

/// A system of `members` nodes of which one, `vs`, is a service.
fn roster(members: usize) -> Roster {
    Roster {
        replicas: (1..members).map(NodeId::replica).collect(),
        reserve: Vec::new(),
        services: vec![node("vs")],
        clients: node("clients"),
        spares: members.saturating_sub(2),
    }
}

fn standing(primaries: &[&str], expendable: &[&str]) -> Standing {
    let primary = |(view, name): (u64, &&str)| (node(name), format!("primary of view {view}"));
    Standing {
        primaries: (3..).zip(primaries).map(primary).collect::<BTreeMap<_, _>>(),
        expendable: nodes(expendable),
        ..Standing::default()
    }
}

fn episode(fault: Fault, target: Target, seed: u64) -> Episode {
    let (from, until) = (Duration::from_secs(1), Duration::from_secs(2));
    Episode {
        id: FaultId(1),
        from,
        until,
        fault,
        target,
        seed,
    }
}

fn done(fault: Fault, target: Target, seed: u64, roster: &Roster, standing: &Standing) -> Resolution {
    let resolution = resolve(&episode(fault, target, seed), roster, standing);
    assert!(
        matches!(resolution, Resolution::Do { .. }),
        "{fault}: {resolution:?}"
    );
    resolution
}

fn words(resolution: Resolution) -> String {
    match resolution {
        Resolution::Do { words, .. } => words,
        Resolution::Skipped(reason) => format!("skipped: {reason}"),
    }
}

#[test]
fn the_words_say_whom_it_met_and_why() {
    let (roster, standing) = (roster(4), standing(&["n1"], &["n2"]));
    let check = |fault: Fault, target: Target, expected: &str| {
        assert_eq!(
            words(resolve(&episode(fault, target, 1), &roster, &standing)),
            expected
        );
    };
    let partition = Fault::Partition;
    check(
        partition(Shape::PrimaryFromService),
        Target::Primaries,
        "n1 was primary of view 3: cut off from vs",
    );
    check(
        partition(Shape::OneWayIn),
        Target::Primaries,
        "n1 was primary of view 3: deaf to n2, n3, vs",
    );
    check(
        partition(Shape::Primaries),
        Target::Primaries,
        "n1 was primary of view 3: cut off from n2, n3, vs",
    );
    check(
        partition(Shape::Majority),
        Target::Named(vec![node("n1"), node("vs")]),
        "n1, vs were named: n1, vs | n2, n3",
    );
    check(Fault::Pause, Target::All, "all of n1, n2, n3");
    check(Fault::Kill, Target::One, "n2 was drawn from n1, n2, n3");
    check(
        Fault::Kill,
        Target::All,
        "n2 was drawn, as many of n1, n2, n3 as may go (all was meant)",
    );
    check(Fault::KillAll, Target::All, "all of n1, n2, n3");
}

#[test]
fn what_cannot_be_done_is_skipped_with_its_reason() {
    let alone = Roster {
        replicas: vec![node("n1")],
        reserve: Vec::new(),
        services: Vec::new(),
        clients: node("clients"),
        spares: 0,
    };
    let check = |fault: Fault, target: Target, roster: &Roster, standing: &Standing, expected: &str| {
        let resolution = resolve(&episode(fault, target, 1), roster, standing);
        assert_eq!(resolution, Resolution::Skipped(expected.to_owned()));
    };
    let nobody = Standing::default();
    check(
        Fault::Pause,
        Target::Primaries,
        &roster(4),
        &nobody,
        "no node took itself for a primary",
    );
    check(
        Fault::Pause,
        Target::Services,
        &alone,
        &nobody,
        "pause needs a service; this system has none",
    );
    check(
        Fault::Pause,
        Target::Minority,
        &alone,
        &nobody,
        "a minority of n1 would be no node at all",
    );
    check(
        Fault::Kill,
        Target::One,
        &roster(4),
        &nobody,
        "the system does not claim to survive the loss of any of n1, n2, n3 now",
    );
    check(
        Fault::Kill,
        Target::Primaries,
        &roster(4),
        &standing(&["n1"], &["n2"]),
        "n1 was primary of view 3; the system does not claim to survive the loss of any of n1 now",
    );
    check(
        Fault::Kill,
        Target::Named(vec![node("n9")]),
        &alone,
        &nobody,
        "n9 is not one of n1",
    );
    check(
        Fault::Partition(Shape::SingleLink),
        Target::One,
        &alone,
        &nobody,
        "partition.single-link needs 2 nodes; this system has 1",
    );
    let everybody = Target::Named(vec![node("n1"), node("n2"), node("vs")]);
    check(
        Fault::Partition(Shape::OneWayIn),
        everybody,
        &roster(3),
        &nobody,
        "n1, n2, vs were named: that cuts nothing",
    );
}

#[test]
fn the_same_episode_in_the_same_standing_comes_to_the_same() {
    let (roster, standing) = (roster(7), standing(&["n1", "n3"], &["n2", "n4", "n5"]));
    for fault in Fault::all() {
        for seed in 0..SEEDS {
            let resolve = || resolve(&episode(fault, fault.target_default(), seed), &roster, &standing);
            assert_eq!(resolve(), resolve());
        }
    }
}
