//! Whether everybody catches up: when all has been quiet for a while, every node that lives has carried out what was carried out
//! before (I10).
//!
//! That copies at the same position are the same is checked as they come there (`prefix`); this is about copies that never come.

use std::collections::{BTreeMap, BTreeSet};

use histories::{Anomaly, AnomalyKind};
use systems::NodeId;

use super::Hindsight;
use super::log::{Index, Words};
use super::requests::bare;

/// So long a node may lag behind when nothing is wrong, in nanoseconds.
const LAG_NS_MAX: u64 = 3_000_000_000;

/// Who stands where is remembered for every tenth of a second.
const TICK_NS: u64 = 100_000_000;

/// So many ticks are remembered, the latest: the end of a run is what counts.
const TICKS_KEPT_MAX: usize = 1 << 14;

/// How far everybody was, and when.
#[derive(Debug)]
pub(super) struct Settled {
    words: Words,
    /// The last position that anybody had carried out at the end of each tick.
    highest: BTreeMap<u64, Index>,
    nodes: BTreeMap<NodeId, Watched>,
    /// Of whom it is expected; of everybody where members do not change.
    members: Option<BTreeSet<NodeId>>,
}

#[derive(Debug, Default)]
struct Watched {
    /// How far it was at the end of each tick in which it moved.
    through: BTreeMap<u64, Index>,
    /// When it last said anything.
    heard: u64,
    /// Since when it has been a member.
    since: u64,
}

impl Settled {
    pub(super) const fn new(words: Words) -> Self {
        Self {
            words,
            highest: BTreeMap::new(),
            nodes: BTreeMap::new(),
            members: None,
        }
    }

    /// From now on it is expected of these nodes only; of those that were not among them before, after some time.
    pub(super) fn follow(&mut self, t: u64, members: &BTreeSet<NodeId>) {
        self.nodes.retain(|node, _| members.contains(node));
        for &node in members {
            let joins = self
                .members
                .as_ref()
                .is_some_and(|former| !former.contains(&node));
            let watched = self.nodes.entry(node).or_default();
            if joins {
                watched.since = t;
            }
        }
        self.members = Some(members.clone());
    }

    /// `node` said something when it had carried out everything through a position, and somebody had come as far as `highest`.
    pub(super) fn note(&mut self, t: u64, node: NodeId, through: Index, highest: Index) {
        keep(&mut self.highest, t, highest);
        if self
            .members
            .as_ref()
            .is_some_and(|members| !members.contains(&node))
        {
            return;
        }
        let watched = self.nodes.entry(node).or_default();
        watched.heard = t;
        keep(&mut watched.through, t, through);
    }

    /// Whoever lived and stayed behind although all was quiet.
    pub(super) fn conclude(&self, hindsight: &Hindsight<'_>) -> Vec<Anomaly> {
        let Some(quiet) = hindsight.quiet else {
            return Vec::new();
        };
        let from = hindsight.began_ns + quiet.from.0;
        let until = hindsight.began_ns + quiet.to.0;
        let since = until.saturating_sub(LAG_NS_MAX);
        if since < from {
            return Vec::new();
        }
        let goal = at(&self.highest, (since / TICK_NS).saturating_sub(1));
        let lagging = self.nodes.iter().filter_map(|(node, watched)| {
            let lives = (from..until).contains(&watched.heard) || until <= watched.heard;
            let through = at(&watched.through, until / TICK_NS);
            (lives && watched.since <= since && through < goal)
                .then(|| self.behind(*node, through, goal, until - since))
        });
        lagging.collect()
    }

    fn behind(&self, node: NodeId, through: Index, goal: Index, ns: u64) -> Anomaly {
        let (noun, seconds) = (self.words.index, ns / 1_000_000_000);
        bare(
            AnomalyKind::DivergentState,
            format!(
                "{node} had not come further than {noun} {through} after everything had been healed, and {noun} {goal} had been carried out {seconds} s before"
            ),
        )
    }
}

fn keep(ticks: &mut BTreeMap<u64, Index>, t: u64, index: Index) {
    ticks.insert(t / TICK_NS, index);
    if TICKS_KEPT_MAX < ticks.len() {
        ticks.pop_first();
    }
}

fn at(ticks: &BTreeMap<u64, Index>, tick: u64) -> Index {
    ticks
        .range(..=tick)
        .next_back()
        .map_or(Index(0), |(_, index)| *index)
}
