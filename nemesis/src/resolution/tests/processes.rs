//! Whom pauses and kills meet.

use std::collections::BTreeSet;

use systems::NodeId;

use super::{SEEDS, SIZES, done, episode, node, nodes, roster, standing};
use crate::cluster::{Action, Roster, Standing};
use crate::fault::Fault;
use crate::resolution::{Resolution, resolve};
use crate::target::{Target, minority};

fn killed(target: &Target, seed: u64, roster: &Roster, standing: &Standing) -> BTreeSet<NodeId> {
    match resolve(&episode(Fault::Kill, target.clone(), seed), roster, standing) {
        Resolution::Do {
            action: Action::Kill(nodes),
            ..
        } => nodes,
        Resolution::Do { .. } => panic!("a kill kills"),
        Resolution::Skipped(_) => BTreeSet::new(),
    }
}

#[test]
fn a_kill_never_takes_what_is_not_expendable_nor_more_than_may_go_at_once() {
    let targets = [
        Target::One,
        Target::Minority,
        Target::Majority,
        Target::MinorityThird,
        Target::Primaries,
        Target::All,
        Target::Services,
    ];
    for expendable in [
        &[][..],
        &["n2"],
        &["n2", "n3"],
        &["n1", "vs"],
        &["n1", "n2", "n3", "n4", "vs"],
    ] {
        for (target, expendable_max) in targets
            .iter()
            .flat_map(|target| [0, 1, 2].map(|max| (target, max)))
        {
            let standing = Standing {
                expendable_max,
                ..standing(&["n1", "n4"], expendable)
            };
            for (size, seed) in SIZES
                .into_iter()
                .flat_map(|size| (0..SEEDS).map(move |seed| (size, seed)))
            {
                let killed = killed(target, seed, &roster(size), &standing);
                assert!(
                    killed.is_subset(&standing.expendable),
                    "{target} killed {killed:?} of {expendable:?}"
                );
                assert!(
                    killed.len() <= expendable_max.max(1),
                    "{target} killed {killed:?} at once"
                );
            }
        }
    }
}

#[test]
fn a_kill_takes_what_the_claim_allows() {
    let standing = Standing {
        expendable_max: 2,
        ..standing(&["n1"], &["n1", "n2", "n4", "vs"])
    };
    let roster = roster(6);
    let mut met = BTreeSet::new();
    for seed in 0..SEEDS {
        met.extend(killed(&Target::One, seed, &roster, &standing));
        assert_eq!(
            killed(&Target::Minority, seed, &roster, &standing).len(),
            minority(5)
        );
        assert_eq!(
            killed(&Target::Primaries, seed, &roster, &standing),
            nodes(&["n1"])
        );
        assert_eq!(
            killed(&Target::Services, seed, &roster, &standing),
            nodes(&["vs"])
        );
    }
    assert_eq!(met, nodes(&["n1", "n2", "n4"]));
}

#[test]
fn named_nodes_and_kill_all_are_killed_whatever_is_claimed() {
    let named = Target::Named(vec![node("n1"), node("vs")]);
    assert_eq!(
        killed(&named, 1, &roster(4), &Standing::default()),
        nodes(&["n1", "vs"])
    );
    let Resolution::Do { action, .. } =
        done(Fault::KillAll, Target::All, 1, &roster(4), &Standing::default())
    else {
        panic!("a kill kills");
    };
    assert_eq!(action, Action::Kill(nodes(&["n1", "n2", "n3"])));
}

#[test]
fn a_pause_meets_whom_it_targets_whatever_is_claimed() {
    let (roster, standing) = (roster(6), standing(&["n1", "n2"], &[]));
    let count = |target: Target| {
        let Resolution::Do {
            action: Action::Pause(nodes),
            ..
        } = done(Fault::Pause, target, 1, &roster, &standing)
        else {
            panic!("a pause pauses");
        };
        nodes.len()
    };
    let counts = [
        Target::One,
        Target::Minority,
        Target::Majority,
        Target::MinorityThird,
        Target::Primaries,
        Target::All,
        Target::Services,
    ]
    .map(count);
    assert_eq!(counts, [1, 2, 3, 1, 2, 5, 1]);
}
