//! Every shape has, among 3, 4, 5 and 7 members, the properties that define it.

use std::collections::BTreeSet;

use systems::NodeId;

use super::{SEEDS, SIZES, done, episode, node, nodes, roster, standing};
use crate::cluster::{Action, Link, Roster, Standing};
use crate::fault::{Fault, Shape};
use crate::resolution::{Resolution, resolve};
use crate::target::{Target, majority, minority_third};

/// The links cut and the nodes aimed at, for every size and many seeds.
fn each_cut(shape: Shape, target: &Target, standing: &Standing, mut check: impl FnMut(&Roster, &Partition)) {
    for (size, seed) in SIZES
        .into_iter()
        .flat_map(|size| (0..SEEDS).map(move |seed| (size, seed)))
    {
        let roster = roster(size);
        match resolve(
            &episode(Fault::Partition(shape), target.clone(), seed),
            &roster,
            standing,
        ) {
            Resolution::Do {
                action: Action::Cut(links),
                nodes,
                ..
            } => check(&roster, &Partition { links, nodes }),
            other => panic!("{shape:?} among {size}: {other:?}"),
        }
    }
}

struct Partition {
    links: BTreeSet<Link>,
    nodes: BTreeSet<NodeId>,
}

impl Partition {
    fn cuts(&self, from: NodeId, to: NodeId) -> bool {
        self.links.contains(&Link { from, to })
    }

    fn hears(&self, to: NodeId, all: &[NodeId]) -> BTreeSet<NodeId> {
        all.iter().copied().filter(|from| !self.cuts(*from, to)).collect()
    }

    fn touches(&self, node: NodeId) -> bool {
        self.links.iter().any(|link| link.from == node || link.to == node)
    }
}

#[test]
fn one_cuts_a_random_member_off_from_all_others_and_a_service_may_be_it() {
    let mut met = BTreeSet::new();
    each_cut(Shape::One, &Target::One, &Standing::default(), |roster, cut| {
        let alone = *cut.nodes.first().unwrap();
        let others = roster.members().len() - 1;
        assert_eq!((cut.nodes.len(), cut.links.len()), (1, 2 * others));
        assert!(
            cut.links
                .iter()
                .all(|link| (link.from == alone) != (link.to == alone))
        );
        met.insert(alone);
    });
    assert!(
        met.is_superset(&nodes(&["n1", "n2", "n3", "vs"])),
        "only {met:?} were met"
    );
}

#[test]
fn halves_are_halves_and_hear_nothing_of_each_other() {
    each_cut(
        Shape::Majority,
        &Target::Majority,
        &Standing::default(),
        |roster, cut| {
            let members = roster.members();
            assert_eq!(cut.nodes.len(), members.len().div_ceil(2));
            for (from, to) in members
                .iter()
                .flat_map(|from| members.iter().map(move |to| (*from, *to)))
            {
                assert_eq!(
                    cut.cuts(from, to),
                    cut.nodes.contains(&from) != cut.nodes.contains(&to)
                );
            }
        },
    );
}

#[test]
fn a_minority_third_is_fewer_than_a_third_and_at_least_one() {
    let sizes = [1, 2, 3, 4, 5, 6, 7, 9, 10].map(minority_third);
    assert_eq!(sizes, [0, 0, 0, 1, 1, 1, 2, 2, 3]);
    for (size, seed) in [4, 5, 7]
        .into_iter()
        .flat_map(|size| (0..SEEDS).map(move |seed| (size, seed)))
    {
        let fault = Fault::Partition(Shape::MinorityThird);
        let Resolution::Do {
            nodes,
            action: Action::Cut(links),
            ..
        } = done(
            fault,
            Target::MinorityThird,
            seed,
            &roster(size),
            &Standing::default(),
        )
        else {
            panic!("a partition cuts");
        };
        assert_eq!(nodes.len(), minority_third(size));
        assert_eq!(links.len(), 2 * nodes.len() * (size - nodes.len()));
    }
    let of_three = resolve(
        &episode(Fault::Partition(Shape::MinorityThird), Target::MinorityThird, 1),
        &roster(3),
        &Standing::default(),
    );
    assert_eq!(
        of_three,
        Resolution::Skipped("partition.minority-third needs 4 nodes; this system has 3".to_owned())
    );
}

#[test]
fn in_a_ring_every_member_hears_a_majority_and_no_two_the_same() {
    each_cut(
        Shape::MajoritiesRing,
        &Target::All,
        &Standing::default(),
        |roster, cut| {
            let members = roster.members();
            let heard: BTreeSet<_> = members.iter().map(|node| cut.hears(*node, &members)).collect();
            assert_eq!(heard.len(), members.len());
            assert!(heard.iter().all(|set| set.len() == majority(members.len())));
        },
    );
}

#[test]
fn over_a_bridge_one_member_hears_both_sides() {
    for target in [Target::One, Target::Primaries] {
        each_cut(
            Shape::Bridge,
            &target,
            &standing(&["n1", "n2"], &[]),
            |roster, cut| {
                let members = roster.members();
                let heard_all = |node: &NodeId| cut.hears(*node, &members).len() == members.len();
                let hear_all: BTreeSet<_> = members.iter().copied().filter(heard_all).collect();
                assert_eq!(hear_all, cut.nodes);
                assert_eq!(cut.nodes.len(), 1);
            },
        );
    }
}

#[test]
fn one_way_is_really_one_way() {
    each_cut(
        Shape::OneWayIn,
        &Target::One,
        &Standing::default(),
        |roster, cut| {
            assert!(cut.links.iter().all(|link| cut.nodes.contains(&link.to)));
            assert_eq!(cut.links.len(), roster.members().len() - 1);
        },
    );
    each_cut(
        Shape::OneWayOut,
        &Target::One,
        &Standing::default(),
        |roster, cut| {
            assert!(cut.links.iter().all(|link| cut.nodes.contains(&link.from)));
            assert_eq!(cut.links.len(), roster.members().len() - 1);
        },
    );
}

#[test]
fn a_single_link_is_one_direction_and_a_primary_may_be_at_either_end() {
    let mut as_sender = BTreeSet::new();
    each_cut(
        Shape::SingleLink,
        &Target::Primaries,
        &standing(&["n1"], &[]),
        |_, cut| {
            assert_eq!(cut.links.len(), 1);
            let link = cut.links.first().unwrap();
            assert!([link.from, link.to].contains(&node("n1")));
            as_sender.insert(link.from == node("n1"));
        },
    );
    assert_eq!(as_sender, BTreeSet::from([false, true]));
    let named = Target::Named(vec![node("n2"), node("n1")]);
    each_cut(Shape::SingleLink, &named, &Standing::default(), |_, cut| {
        assert_eq!(
            cut.links,
            BTreeSet::from([Link {
                from: node("n2"),
                to: node("n1")
            }])
        );
    });
}

#[test]
fn client_to_node_cuts_that_node_from_the_clients_and_nothing_else() {
    each_cut(
        Shape::ClientToNode,
        &Target::Primaries,
        &standing(&["n2"], &[]),
        |roster, cut| {
            let (primary, clients) = (node("n2"), roster.clients);
            let both_ways = [
                Link {
                    from: primary,
                    to: clients,
                },
                Link {
                    from: clients,
                    to: primary,
                },
            ];
            assert_eq!(cut.links, BTreeSet::from(both_ways));
        },
    );
}

#[test]
fn primary_from_service_cuts_exactly_those_links_both_ways() {
    each_cut(
        Shape::PrimaryFromService,
        &Target::Primaries,
        &standing(&["n2"], &[]),
        |_, cut| {
            let (primary, service) = (node("n2"), node("vs"));
            let both_ways = [
                Link {
                    from: primary,
                    to: service,
                },
                Link {
                    from: service,
                    to: primary,
                },
            ];
            assert_eq!(cut.links, BTreeSet::from(both_ways));
        },
    );
}

#[test]
fn primaries_are_each_alone() {
    each_cut(
        Shape::Primaries,
        &Target::Primaries,
        &standing(&["n1", "n2"], &[]),
        |roster, cut| {
            let members = roster.members();
            assert_eq!(cut.nodes, nodes(&["n1", "n2"]));
            for primary in &cut.nodes {
                assert_eq!(cut.hears(*primary, &members), BTreeSet::from([*primary]));
            }
        },
    );
}

#[test]
fn the_clients_are_in_no_partition_but_their_own() {
    let standing = standing(&["n1"], &[]);
    for shape in Shape::ALL
        .into_iter()
        .filter(|shape| *shape != Shape::ClientToNode)
    {
        let (fault, roster) = (Fault::Partition(shape), roster(5));
        for seed in 0..SEEDS {
            let Resolution::Do {
                action: Action::Cut(links),
                nodes,
                ..
            } = done(fault, fault.target_default(), seed, &roster, &standing)
            else {
                panic!("a partition cuts");
            };
            let cut = Partition { links, nodes };
            assert!(!cut.touches(roster.clients), "{fault} touches the clients");
        }
    }
}
