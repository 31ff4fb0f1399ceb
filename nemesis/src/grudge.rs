//! Who must not hear whom, as pure data: for each destination, the sources it must not hear.
//!
//! A grudge knows no reason and no cluster; the constructors are the shapes a partition can have. None of them ever holds
//! anything against a node itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use systems::NodeId;

use crate::cluster::Link;
use crate::target::{list, majority};

/// For each destination the sources it must not hear; a destination without an entry hears everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grudge(BTreeMap<NodeId, BTreeSet<NodeId>>);

impl Grudge {
    /// `left` and `right` hear nothing of each other.
    #[must_use]
    pub fn between(left: &[NodeId], right: &[NodeId]) -> Self {
        let mut grudge = Self::deaf(left, right);
        grudge.extend(Self::deaf(right, left));
        grudge
    }

    /// Each of `alone` and every other of `members` hear nothing of each other.
    #[must_use]
    pub fn isolate(alone: &[NodeId], members: &[NodeId]) -> Self {
        let mut grudge = Self::default();
        for node in alone {
            grudge.extend(Self::between(&[*node], members));
        }
        grudge
    }

    /// The `destinations` do not hear the `sources`.
    #[must_use]
    pub fn deaf(destinations: &[NodeId], sources: &[NodeId]) -> Self {
        let mut grudge = Self::default();
        for destination in destinations {
            for source in sources {
                grudge.hold(*destination, *source);
            }
        }
        grudge
    }

    /// Nothing goes from `from` to `to`.
    #[must_use]
    pub fn link(from: NodeId, to: NodeId) -> Self {
        Self::deaf(&[to], &[from])
    }

    /// The others of `members`, halved in their order, hear nothing of the other half; `bridge` hears all and is heard by all.
    #[must_use]
    pub fn bridge(bridge: NodeId, members: &[NodeId]) -> Self {
        let [left, right] = sides(bridge, members);
        Self::between(&left, &right)
    }

    /// Each node hears the majority around it when the nodes stand in this circle, so that no two hear the same one.
    ///
    /// After Jepsen's `majorities-ring`: the windows of `majority(n)` nodes around the circle are all different, and the
    /// node in the middle of each hears that window.
    #[must_use]
    pub fn ring(circle: &[NodeId]) -> Self {
        let (count, heard) = (circle.len(), majority(circle.len()));
        let mut grudge = Self::default();
        for start in 0..count {
            let middle = circle[(start + heard / 2) % count];
            for beyond in heard..count {
                grudge.hold(middle, circle[(start + beyond) % count]);
            }
        }
        grudge
    }

    /// Whether nothing is held against anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `destination` hears `source`.
    #[must_use]
    pub fn hears(&self, destination: NodeId, source: NodeId) -> bool {
        !self
            .0
            .get(&destination)
            .is_some_and(|sources| sources.contains(&source))
    }

    /// The links that must carry nothing.
    #[must_use]
    pub fn links(&self) -> BTreeSet<Link> {
        let of = |(to, sources): (&NodeId, &BTreeSet<NodeId>)| {
            let to = *to;
            sources
                .iter()
                .map(move |from| Link { from: *from, to })
                .collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    fn hold(&mut self, destination: NodeId, source: NodeId) {
        if destination != source {
            self.0.entry(destination).or_default().insert(source);
        }
    }

    fn extend(&mut self, other: Self) {
        for (destination, sources) in other.0 {
            self.0.entry(destination).or_default().extend(sources);
        }
    }
}

/// The two sides a bridge joins: the others of `members`, halved in their order.
pub(crate) fn sides(bridge: NodeId, members: &[NodeId]) -> [Vec<NodeId>; 2] {
    let others: Vec<NodeId> = members.iter().copied().filter(|node| *node != bridge).collect();
    let (left, right) = others.split_at(others.len() / 2);
    [left.to_vec(), right.to_vec()]
}

impl fmt::Display for Grudge {
    /// `n1 does not hear n2, n3; n2 does not hear n1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (destination, sources)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let sources: Vec<NodeId> = sources.iter().copied().collect();
            write!(f, "{separator}{destination} does not hear {}", list(&sources))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use systems::NodeId;

    use super::{Grudge, sides};
    use crate::cluster::Link;
    use crate::target::majority;

    const SIZES: [usize; 4] = [3, 4, 5, 7];

    fn nodes(count: usize) -> Vec<NodeId> {
        (1..=count).map(NodeId::replica).collect()
    }

    fn heard_by(grudge: &Grudge, node: NodeId, all: &[NodeId]) -> BTreeSet<NodeId> {
        all.iter()
            .copied()
            .filter(|source| grudge.hears(node, *source))
            .collect()
    }

    #[test]
    fn in_a_ring_each_hears_a_majority_with_itself_and_no_two_the_same() {
        for count in SIZES {
            let circle = nodes(count);
            let grudge = Grudge::ring(&circle);
            let heard: BTreeSet<_> = circle
                .iter()
                .map(|node| heard_by(&grudge, *node, &circle))
                .collect();
            assert_eq!(heard.len(), count, "two of {count} hear the same");
            assert!(
                heard.iter().all(|set| set.len() == majority(count)),
                "{count}: {grudge}"
            );
            assert!(circle.iter().all(|node| grudge.hears(*node, *node)));
        }
    }

    #[test]
    fn in_a_ring_of_four_or_five_hearing_is_mutual() {
        for count in [4, 5] {
            let circle = nodes(count);
            let grudge = Grudge::ring(&circle);
            for (one, other) in circle
                .iter()
                .flat_map(|one| circle.iter().map(move |other| (*one, *other)))
            {
                assert_eq!(grudge.hears(one, other), grudge.hears(other, one), "{grudge}");
            }
        }
    }

    #[test]
    fn a_bridge_joins_sides_of_the_same_size_or_nearly() {
        for count in SIZES {
            let [left, right] = sides(NodeId::replica(1), &nodes(count)).map(|side| side.len());
            assert_eq!(left + right, count - 1);
            assert!(
                left <= right && right <= left + 1,
                "{left} and {right} of {count}"
            );
        }
    }

    #[test]
    fn over_a_bridge_exactly_one_hears_both_sides_and_the_sides_do_not_hear_each_other() {
        for count in SIZES {
            let all = nodes(count);
            for bridge in all.clone() {
                let grudge = Grudge::bridge(bridge, &all);
                let hear_all: Vec<_> = all
                    .iter()
                    .copied()
                    .filter(|node| heard_by(&grudge, *node, &all).len() == count)
                    .collect();
                assert_eq!(hear_all, [bridge]);
                let sides: BTreeSet<_> = all
                    .iter()
                    .filter(|node| **node != bridge)
                    .map(|node| heard_by(&grudge, *node, &all))
                    .collect();
                assert_eq!(sides.len(), 2, "{grudge}");
                let both = sides.iter().next().unwrap() & sides.iter().last().unwrap();
                assert_eq!(both, BTreeSet::from([bridge]));
            }
        }
    }

    #[test]
    fn an_isolated_node_neither_hears_nor_is_heard_and_the_others_hear_each_other() {
        for count in SIZES {
            let all = nodes(count);
            let grudge = Grudge::isolate(&all[..1], &all);
            for from in &all {
                for to in &all {
                    let apart = from != to && (*from == all[0] || *to == all[0]);
                    assert_eq!(grudge.hears(*to, *from), !apart, "{from} -> {to}");
                }
            }
        }
    }

    #[test]
    fn two_isolated_nodes_do_not_hear_each_other_either() {
        let all = nodes(4);
        let grudge = Grudge::isolate(&all[..2], &all);
        assert!(!grudge.hears(all[0], all[1]) && !grudge.hears(all[1], all[0]));
        assert!(grudge.hears(all[2], all[3]) && grudge.hears(all[3], all[2]));
    }

    #[test]
    fn a_link_is_one_direction() {
        let all = nodes(2);
        let grudge = Grudge::link(all[0], all[1]);
        assert_eq!(
            grudge.links(),
            BTreeSet::from([Link {
                from: all[0],
                to: all[1]
            }])
        );
        assert_eq!(grudge.to_string(), "n2 does not hear n1");
    }

    #[test]
    fn every_cut_link_is_a_direction_that_is_not_heard() {
        let all = nodes(5);
        let grudge = Grudge::ring(&all);
        let links = grudge.links();
        for from in &all {
            for to in &all {
                assert_eq!(
                    links.contains(&Link { from: *from, to: *to }),
                    !grudge.hears(*to, *from)
                );
            }
        }
    }
}
