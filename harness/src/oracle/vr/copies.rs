//! What stands in each replica's log, as it said after that was durable.
//!
//! A place is named by the digest of the log up to it, so two logs that agree at a place agree before it.

use std::collections::BTreeMap;

use histories::AnomalyKind;
use systems::NodeId;
use systems::service::Digest;
use systems::vr::View;
use systems::vr::event::Logged;

use crate::oracle::Findings;
use crate::oracle::log::Index;

/// A place and the log up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tip {
    pub(super) index: Index,
    pub(super) prefix: Digest,
}

/// Where a log ends, and of which view it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) log_view: View,
    pub(super) through: Index,
}

/// A snapshot that takes the place of what a replica holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot {
    pub(super) tip: Tip,
    pub(super) digest: Digest,
}

/// The logs of all replicas.
#[derive(Debug, Default)]
pub(super) struct Copies {
    copies: BTreeMap<NodeId, Copy>,
    /// Which log a place continues, for all places that anybody told of.
    links: BTreeMap<Index, Vec<Link>>,
}

#[derive(Debug)]
struct Copy {
    log_view: View,
    through: Index,
    /// The log up to each place, as far as it was told and matters.
    places: BTreeMap<Index, Digest>,
    /// Whether it holds something that it did not live to tell.
    silent: bool,
    snapshot: Option<Snapshot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link {
    prefix: Digest,
    parent: Digest,
}

impl Copies {
    /// `node` came to life with the log of `log_view`, which ends there.
    pub(super) fn start(&mut self, t: u64, node: NodeId, log_view: View, tip: Tip, findings: &mut Findings) {
        let former = self.copies.remove(&node);
        if let Some(former) = &former
            && let Some(problem) = former.loses(log_view, tip)
        {
            findings.add(
                AnomalyKind::Forgotten,
                t,
                format!(
                    "{node} came to life with a log of view {log_view} that ends with place {}: {problem}",
                    tip.index
                ),
            );
        }
        let path = self.path(tip);
        let known = tip.index == Index(0) || !path.is_empty();
        let kept = former.filter(|former| !known && former.log_view == log_view);
        let mut places = kept.map_or(path, |former| former.places);
        places.insert(tip.index, tip.prefix);
        let copy = Copy {
            log_view,
            through: tip.index,
            places,
            silent: !known,
            snapshot: None,
        };
        self.copies.insert(node, copy);
    }

    /// A snapshot will take the place of what `node` holds as soon as it takes up a view.
    pub(super) fn stage_snapshot(&mut self, node: NodeId, tip: Tip, digest: Digest) {
        self.copy(node).snapshot = Some(Snapshot { tip, digest });
    }

    /// The snapshot that takes the place of what `node` holds.
    pub(super) fn snapshot(&self, node: NodeId) -> Option<Snapshot> {
        self.copies.get(&node)?.snapshot
    }

    /// `node` has taken up the log of `view`.
    pub(super) fn install(
        &mut self,
        t: u64,
        node: NodeId,
        view: View,
        after: Index,
        entries: &[Logged],
        findings: &mut Findings,
    ) {
        let copy = self.copy(node);
        copy.log_view = view;
        if let Some(Snapshot { tip, .. }) = copy.snapshot.take() {
            copy.through = tip.index;
            copy.places = BTreeMap::from([(tip.index, tip.prefix)]);
            copy.silent = false;
        }
        if copy.through < after {
            findings.add(
                AnomalyKind::Hole,
                t,
                format!(
                    "{node} took up view {view} with entries after place {after} when its log ended with place {}",
                    copy.through
                ),
            );
        }
        self.extend(node, after, entries);
    }

    /// The log of `node` is that of `view` from now on, the first of an epoch, if it ends where that begins. Otherwise it takes up another.
    pub(super) fn enter(&mut self, node: NodeId, view: View, began: Tip) {
        let copy = self.copy(node);
        // What stands there is not known any more where others are long past it.
        let known = copy.places.get(&began.index);
        let ends_there = copy.through == began.index && known.is_none_or(|prefix| *prefix == began.prefix);
        if ends_there && copy.log_view < view {
            copy.log_view = view;
        }
    }

    /// The log of `node` goes on.
    pub(super) fn append(
        &mut self,
        t: u64,
        node: NodeId,
        view: View,
        after: Index,
        entries: &[Logged],
        findings: &mut Findings,
    ) {
        let copy = self.copy(node);
        let (through, log_view) = (copy.through, copy.log_view);
        if through != after {
            findings.add(
                if through < after {
                    AnomalyKind::Hole
                } else {
                    AnomalyKind::Forgotten
                },
                t,
                format!("{node} took entries after place {after} when its log ended with place {through}"),
            );
        }
        if view != log_view {
            findings.add(
                AnomalyKind::OutOfTurn,
                t,
                format!("{node} took entries of view {view} into its log of view {log_view}"),
            );
        }
        self.extend(node, after, entries);
    }

    /// Where the log of `node` ends.
    pub(super) fn through(&self, node: NodeId) -> Index {
        self.held(node).map_or(Index(0), |held| held.through)
    }

    /// What `node` holds, if it ever said.
    pub(super) fn held(&self, node: NodeId) -> Option<Held> {
        self.copies.get(&node).map(|copy| Held {
            log_view: copy.log_view,
            through: copy.through,
        })
    }

    /// The log of `node` up to a place, if that is known.
    pub(super) fn prefix(&self, node: NodeId, index: Index) -> Option<Digest> {
        self.copies.get(&node)?.places.get(&index).copied()
    }

    /// Who holds something at a place in `view` without having told what.
    pub(super) fn silent_holders(&self, view: View, index: Index) -> Vec<NodeId> {
        let silent = self.copies.iter().filter(|(_, copy)| {
            copy.silent && copy.log_view == view && index <= copy.through && !copy.places.contains_key(&index)
        });
        silent.map(|(node, _)| *node).collect()
    }

    /// Whose log is of a later view than `view` and ends before a place.
    pub(super) fn shorter_in_later_views(&self, view: View, index: Index) -> Vec<(NodeId, View)> {
        let short = self
            .copies
            .iter()
            .filter(|(_, copy)| view < copy.log_view && copy.through < index);
        short.map(|(node, copy)| (*node, copy.log_view)).collect()
    }

    /// What stands at the places through `index` does not matter any more.
    pub(super) fn prune(&mut self, index: Index) {
        self.links = self.links.split_off(&index);
        for copy in self.copies.values_mut() {
            copy.places = copy.places.split_off(&index);
        }
    }

    fn copy(&mut self, node: NodeId) -> &mut Copy {
        self.copies.entry(node).or_insert_with(|| Copy {
            log_view: View::FIRST,
            through: Index(0),
            places: BTreeMap::from([(Index(0), Digest::default())]),
            silent: false,
            snapshot: None,
        })
    }

    /// What follows `after` in the log of `node` is `entries` from now on.
    fn extend(&mut self, node: NodeId, after: Index, entries: &[Logged]) {
        let copy = self.copy(node);
        copy.places.split_off(&after.next());
        copy.through = after.plus(entries.len());
        let mut parent = copy.places.get(&after).copied();
        for (number, entry) in entries.iter().enumerate() {
            let (index, prefix) = (after.plus(number + 1), entry.prefix);
            self.copy(node).places.insert(index, prefix);
            if let Some(parent) = parent {
                self.link(index, Link { prefix, parent });
            }
            parent = Some(prefix);
        }
    }

    fn link(&mut self, index: Index, link: Link) {
        let links = self.links.entry(index).or_default();
        if !links.contains(&link) {
            links.push(link);
        }
    }

    /// The log that ends there, as far back as it is known; empty when nobody ever told of it.
    fn path(&self, tip: Tip) -> BTreeMap<Index, Digest> {
        let mut places = BTreeMap::new();
        let Tip {
            mut index,
            mut prefix,
        } = tip;
        while let Some(link) = self.parent(index, prefix) {
            places.insert(index, prefix);
            (index, prefix) = (index.minus(1), link.parent);
            places.insert(index, prefix);
        }
        places
    }

    fn parent(&self, index: Index, prefix: Digest) -> Option<&Link> {
        self.links.get(&index)?.iter().find(|link| link.prefix == prefix)
    }
}

impl Copy {
    /// What of it is missing in a log of `log_view` that ends there. A later view may have replaced anything that was not committed.
    fn loses(&self, log_view: View, tip: Tip) -> Option<String> {
        if self.log_view < log_view {
            None
        } else if log_view < self.log_view {
            Some(format!("it held one of view {}", self.log_view))
        } else if tip.index < self.through {
            Some(format!("it held one through place {}", self.through))
        } else {
            let other = self
                .places
                .get(&tip.index)
                .is_some_and(|prefix| *prefix != tip.prefix);
            other.then(|| "it held another".to_owned())
        }
    }
}
