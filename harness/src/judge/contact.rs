//! When enough nodes were up, awake and in touch with each other, as far as the faults in force tell; and whether they answered.
//!
//! A system that replicates by majorities claims to answer while a majority is in touch, whatever becomes of the others: that is what
//! is demanded here, of every majority and at any time of the run. It does not claim to answer clients who cannot reach the one that leads,
//! and the one that leads may be any; so nothing is demanded while any node is out of the clients' reach. Faults come and go: what counts is how long *one* set of nodes was left
//! alone. From the first change of members on nothing is demanded. The checker of the answers knows nothing of this; it hears of plain windows of time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use histories::checker::availability::Outage;
use histories::checker::progress::Window;
use histories::history::Time;
use nemesis::{Action, Link, Roster};
use systems::NodeId;

use crate::testimony::FaultRecord;

/// Where there are more sets of enough nodes than this, none is looked at.
const SETS_MAX: usize = 10_000;

/// What a disturbed link carried may come so much later: a slow line has at most so much before it.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// Enough nodes in touch, from when until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contact {
    /// Which.
    pub(super) nodes: Vec<NodeId>,
    /// For how long they were left alone.
    pub(super) window: Window,
}

/// A time in which enough nodes were in touch, and nobody was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silence {
    /// When.
    pub(super) outage: Outage,
    /// While these were in touch.
    pub(super) contact: Contact,
}

/// Something that is not as it should be, in nanoseconds from when until when.
#[derive(Debug)]
struct Trouble {
    part: Part,
    from: u64,
    to: u64,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Node(NodeId),
    Link(Link),
    Everybody,
}

/// The longest part of any of `outages` in which one of `contacts` lasted, if any did.
pub(super) fn longest_silence(outages: &[Outage], contacts: &[Contact]) -> Option<Silence> {
    let silences = outages.iter().flat_map(|outage| {
        contacts.iter().filter_map(|contact| {
            let (outage, contact) = (outage.within(contact.window)?, contact.clone());
            Some(Silence { outage, contact })
        })
    });
    silences.max_by_key(|silence| silence.outage.length_ns())
}

/// Whenever `enough` of the replicas of `roster` were left alone by `faults`, until `end`; every such set of nodes by itself.
pub(super) fn contacts(faults: &[FaultRecord], roster: &Roster, enough: usize, end: Time) -> Vec<Contact> {
    let troubles: Vec<Trouble> = faults.iter().flat_map(troubles).collect();
    let sets = sets(&roster.replicas, enough);
    sets.into_iter()
        .flat_map(|nodes| {
            let troubles = troubles
                .iter()
                .filter(|trouble| trouble.concerns(&nodes, roster.clients));
            free(troubles, end)
                .into_iter()
                .map(|window| Contact {
                    nodes: nodes.clone(),
                    window,
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn troubles(fault: &FaultRecord) -> Vec<Trouble> {
    let (from, to) = (fault.begin_ns, fault.end_ns);
    let nodes = |nodes: &BTreeSet<NodeId>| nodes.iter().copied().map(Part::Node).collect();
    let links = |links: &BTreeSet<Link>| links.iter().copied().map(Part::Link).collect();
    let (parts, to): (Vec<Part>, u64) = match &fault.action {
        None => (Vec::new(), to),
        Some(Action::Cut(cut)) => (links(cut), to),
        Some(Action::Pause(hit) | Action::Kill(hit)) => (nodes(hit), to),
        Some(Action::Disturb(disturbance)) => {
            let afterwards = u64::try_from(AFTERWARDS.as_nanos()).unwrap_or(u64::MAX);
            (links(&disturbance.links), to.saturating_add(afterwards))
        }
        // Who the members are from then on, and how many of them are enough, does not follow from the faults.
        Some(Action::Change(_)) => (vec![Part::Everybody], u64::MAX),
    };
    parts.into_iter().map(|part| Trouble { part, from, to }).collect()
}

impl Trouble {
    /// Whether it keeps `nodes` from being in touch, or anybody from the `clients`.
    fn concerns(&self, nodes: &[NodeId], clients: NodeId) -> bool {
        match self.part {
            Part::Everybody => true,
            Part::Node(node) => nodes.contains(&node),
            Part::Link(Link { from, to }) if from == clients || to == clients => true,
            Part::Link(Link { from, to }) => nodes.contains(&from) && nodes.contains(&to),
        }
    }
}

/// The windows from the begin to `end` in which there is none of `troubles`.
fn free<'a>(troubles: impl Iterator<Item = &'a Trouble>, end: Time) -> Vec<Window> {
    let mut spans: BTreeMap<u64, u64> = BTreeMap::new();
    for &Trouble { from, to, .. } in troubles {
        let until = spans.entry(from).or_insert(to);
        *until = to.max(*until);
    }
    let (mut windows, mut from) = (Vec::new(), 0);
    for (begin, until) in spans.into_iter().chain([(end.0, end.0)]) {
        let to = begin.min(end.0);
        if from < to {
            windows.push(Window {
                from: Time(from),
                to: Time(to),
            });
        }
        from = until.max(from);
    }
    windows
}

/// All sets of `size` of `nodes`; none at all when those would be too many.
fn sets(nodes: &[NodeId], size: usize) -> Vec<Vec<NodeId>> {
    let mut sets: Vec<Vec<NodeId>> = vec![Vec::new()];
    for (place, &node) in nodes.iter().enumerate() {
        let left = nodes.len() - place - 1;
        let with = sets.iter().filter(|set| set.len() < size).map(|set| {
            let mut set = set.clone();
            set.push(node);
            set
        });
        let with: Vec<Vec<NodeId>> = with.collect();
        // What cannot become large enough any more is dropped.
        sets.retain(|set| size <= set.len() + left);
        sets.extend(with);
        if SETS_MAX < sets.len() {
            return Vec::new();
        }
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn roster(replicas: usize) -> Roster {
        Roster {
            replicas: (1..=replicas).map(NodeId::replica).collect(),
            reserve: Vec::new(),
            services: Vec::new(),
            clients: "clients".parse().expect("it is a node's name"),
            spares: 1,
        }
    }

    fn fault(from_s: u64, to_s: u64, action: Action) -> FaultRecord {
        FaultRecord {
            id: 1,
            family: String::new(),
            fault: String::new(),
            target: String::new(),
            nodes: Vec::new(),
            begin_ns: from_s * S,
            end_ns: to_s * S,
            verified: true,
            resolved: String::new(),
            skipped: None,
            seen_instead: None,
            action: Some(action),
        }
    }

    fn pause(node: usize) -> Action {
        Action::Pause(BTreeSet::from([NodeId::replica(node)]))
    }

    fn cut(from: NodeId, to: NodeId) -> Action {
        Action::Cut(BTreeSet::from([Link { from, to }]))
    }

    /// The windows of each set of nodes, in seconds.
    fn windows(faults: &[FaultRecord], replicas: usize, enough: usize) -> Vec<(Vec<usize>, u64, u64)> {
        let contacts = contacts(faults, &roster(replicas), enough, Time(20 * S));
        let number = |node: &NodeId| {
            (1..=replicas)
                .find(|&number| NodeId::replica(number) == *node)
                .expect("it is a replica")
        };
        let mut windows: Vec<(Vec<usize>, u64, u64)> = contacts
            .into_iter()
            .map(|Contact { nodes, window }| {
                let nodes = nodes.iter().map(number).collect();
                (nodes, window.from.0 / S, window.to.0 / S)
            })
            .collect();
        windows.sort();
        windows
    }

    #[test]
    fn every_majority_counts_by_itself() {
        assert_eq!(sets(&roster(5).replicas, 3).len(), 10);
        assert_eq!(sets(&roster(1).replicas, 1).len(), 1);
        let paused = [fault(2, 5, pause(3))];
        assert_eq!(
            windows(&paused, 3, 2),
            [
                (vec![1, 2], 0, 20),
                (vec![1, 3], 0, 2),
                (vec![1, 3], 5, 20),
                (vec![2, 3], 0, 2),
                (vec![2, 3], 5, 20)
            ]
        );
    }

    #[test]
    fn a_link_in_one_direction_is_enough_to_be_out_of_touch() {
        let [one, two, clients] = [NodeId::replica(1), NodeId::replica(2), roster(2).clients];
        assert_eq!(
            windows(&[fault(2, 5, cut(two, one))], 2, 2),
            [(vec![1, 2], 0, 2), (vec![1, 2], 5, 20)]
        );
        assert_eq!(
            windows(&[fault(0, 5, cut(clients, one)), fault(4, 20, pause(1))], 2, 2),
            []
        );
    }

    #[test]
    fn nothing_is_demanded_while_clients_cannot_reach_somebody_who_may_lead() {
        let [two, clients] = [NodeId::replica(2), roster(2).clients];
        let cut_off = fault(3, 20, cut(two, clients));
        assert_eq!(
            windows(&[cut_off, fault(0, 1, pause(3))], 2, 1)[..],
            [(vec![1], 0, 3), (vec![2], 0, 3)]
        );
    }

    #[test]
    fn faults_that_overlap_end_with_the_last_of_them() {
        let faults = [
            fault(1, 9, pause(1)),
            fault(2, 4, pause(1)),
            fault(8, 12, pause(2)),
        ];
        assert_eq!(windows(&faults, 2, 2), [(vec![1, 2], 0, 1), (vec![1, 2], 12, 20)]);
    }

    #[test]
    fn a_silence_lasts_for_as_long_as_the_same_nodes_are_in_touch() {
        let window = |from: u64, to: u64| Window {
            from: Time(from * S),
            to: Time(to * S),
        };
        let contact = |from, to| Contact {
            nodes: Vec::new(),
            window: window(from, to),
        };
        let outages = [Outage {
            from: Time(2 * S),
            to: Time(10 * S),
        }];
        let longest = longest_silence(&outages, &[contact(0, 4), contact(5, 9)]);
        assert_eq!(longest.expect("there is one").outage.length_ns(), 4 * S);
        assert_eq!(longest_silence(&outages, &[contact(0, 2)]), None);
    }
}
