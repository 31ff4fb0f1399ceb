//! Who joins and who leaves.

use std::collections::BTreeSet;

use systems::NodeId;

use super::{SEEDS, done, episode, node, nodes, standing};
use crate::cluster::{Action, Roster, Standing};
use crate::fault::Fault;
use crate::membership::{Change, MEMBERS_FEWEST, Reshape};
use crate::resolution::{Resolution, resolve};
use crate::target::Target;

/// So many replicas, and two nodes in reserve behind them.
fn roster(replicas: usize) -> Roster {
    Roster {
        replicas: (1..=replicas).map(NodeId::replica).collect(),
        reserve: (replicas + 1..=replicas + 2).map(NodeId::replica).collect(),
        services: Vec::new(),
        clients: node("clients"),
        spares: replicas.saturating_sub(1) / 2,
    }
}

/// These are members now, and the first of them is primary.
fn group(members: &[&str]) -> Standing {
    Standing {
        members: nodes(members),
        ..standing(&members[..1], members)
    }
}

fn change(reshape: Reshape, target: Target, seed: u64, roster: &Roster, standing: &Standing) -> Change {
    match done(Fault::Membership(reshape), target, seed, roster, standing) {
        Resolution::Do {
            action: Action::Change(change),
            nodes,
            ..
        } => {
            assert_eq!(nodes, change.nodes());
            change
        }
        other => panic!("a change changes: {other:?}"),
    }
}

fn skipped(reshape: Reshape, target: Target, roster: &Roster, standing: &Standing) -> String {
    match resolve(&episode(Fault::Membership(reshape), target, 1), roster, standing) {
        Resolution::Skipped(reason) => reason,
        done @ Resolution::Do { .. } => panic!("{done:?}"),
    }
}

#[test]
fn only_nodes_in_reserve_that_are_no_members_join() {
    let (roster, now) = (roster(3), group(&["n1", "n2", "n3", "n4"]));
    for seed in 0..SEEDS {
        let grown = change(Reshape::Grow, Target::One, seed, &roster, &now);
        assert_eq!((grown.joins, grown.leaves), (nodes(&["n5"]), BTreeSet::new()));
    }
    let all = change(
        Reshape::Grow,
        Target::All,
        1,
        &roster,
        &group(&["n1", "n2", "n3"]),
    );
    assert_eq!(all.joins, nodes(&["n4", "n5"]));
    let full = group(&["n1", "n2", "n3", "n4", "n5"]);
    assert_eq!(
        skipped(Reshape::Grow, Target::One, &roster, &full),
        "nobody is in reserve any more"
    );
}

#[test]
fn a_group_shrinks_to_no_fewer_than_can_lose_one() {
    for seed in 0..SEEDS {
        for target in [Target::One, Target::Primaries, Target::Minority] {
            let now = group(&["n1", "n2", "n3", "n4", "n5"]);
            let shrunk = change(Reshape::Shrink, target, seed, &roster(5), &now);
            assert!((1..=2).contains(&shrunk.leaves.len()) && shrunk.joins.is_empty());
            assert!(MEMBERS_FEWEST <= now.members.difference(&shrunk.leaves).count());
        }
    }
    let small = group(&["n1", "n3", "n5"]);
    assert_eq!(
        skipped(Reshape::Shrink, Target::One, &roster(5), &small),
        "a group of n1, n3, n5 can do without nobody for good"
    );
}

#[test]
fn as_many_take_their_places_as_leave() {
    let now = group(&["n2", "n1", "n3"]);
    let replaced = change(Reshape::Replace, Target::Primaries, 1, &roster(3), &now);
    assert_eq!((replaced.leaves, replaced.joins.len()), (nodes(&["n2"]), 1));
    for seed in 0..SEEDS {
        let now = group(&["n1", "n2", "n3", "n4", "n6"]);
        let replaced = change(Reshape::Replace, Target::Minority, seed, &roster(5), &now);
        assert_eq!(replaced.joins, nodes(&["n7"]));
        assert_eq!(replaced.leaves.len(), 1, "no more than can be replaced");
    }
}

#[test]
fn named_nodes_join_and_leave_as_far_as_they_can() {
    let named = |names: &[&str]| Target::Named(names.iter().copied().map(node).collect());
    let (roster, now) = (roster(3), group(&["n1", "n2", "n4"]));
    let grown = change(Reshape::Grow, named(&["n4", "n5"]), 1, &roster, &now);
    assert_eq!(grown.joins, nodes(&["n5"]));
    assert_eq!(
        skipped(Reshape::Grow, named(&["n4"]), &roster, &now),
        "n4 is in the group already"
    );
    assert_eq!(
        skipped(Reshape::Replace, named(&["n3"]), &roster, &now),
        "n3 is in no group of n1, n2, n4"
    );
}

#[test]
fn other_faults_mean_the_members_there_are() {
    let (roster, now) = (roster(3), group(&["n2", "n4", "n5"]));
    for seed in 0..SEEDS {
        match done(Fault::Pause, Target::One, seed, &roster, &now) {
            Resolution::Do { nodes, .. } => assert!(nodes.is_subset(&now.members)),
            Resolution::Skipped(reason) => panic!("{reason}"),
        }
    }
}
