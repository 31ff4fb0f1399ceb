//! Registers whose written values are unique, decided exactly in O(n log n), however many clients there are.
//!
//! The operations on one value form a *cluster*: its write and its reads. A successful compare-and-set glues the cluster of the
//! value it replaces to that of the value it writes: a maximal chain of clusters is a *block*, which is executed without any other
//! block in between. Let f be the earliest return and s the latest call in a block. If f < s the block surely holds the register
//! from f to s (a forward zone), else it can be executed at any one instant from s to f (a backward zone). The history is
//! linearizable if and only if inside each block nothing returns before something that comes earlier in the chain is called, no two
//! forward zones overlap, and no backward zone lies inside a forward zone (Gibbons and Korach 1997, theorem 4.1 for clusters; it
//! holds for blocks since the operations of a block, in the order of the chain, fit into its zone).
//!
//! An indeterminate write or compare-and-set whose value nobody ever saw is dropped: nobody needs it, and removing it hurts nobody.
//! One whose value was seen did happen.
//!
//! A compare-and-set that did not match and does not say what it saw contradicts the rest if the register surely held the value from
//! its call to its return. Otherwise it is put into the order of the others where it was called, after the write that comes next, or
//! before the write of the value; if none of them fits the search decides, for another order may suit it better.

mod evidence;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::narrator::Narrator;
use super::span::{Duty, Span};
use super::special::Special;
use crate::history::{FOREVER, OperationId};
use crate::model::register::RegisterOp;
use crate::values::Symbol;

/// An operation, by its place among the spans.
type Place = usize;

/// The operations on one value.
#[derive(Debug, Clone, Copy, Default)]
struct Cluster {
    /// None for the value the register starts with.
    writer: Option<Place>,
    /// The value that the writer replaced, if it is a compare-and-set.
    parent: Option<usize>,
    /// The compare-and-set that took effect on it.
    child: Option<usize>,
    /// Whether the writer is known to have taken effect.
    effective: bool,
    /// How that is known of an indeterminate writer: an operation that saw its value, or one that follows from it.
    seen_by: Option<Place>,
}

/// A chain of clusters, with its zone.
#[derive(Debug, Clone, Copy)]
struct Block {
    root: usize,
    /// The operation with the earliest return; none if that is the start of the history.
    first_return: Option<Place>,
    /// The operation with the latest call.
    last_call: Place,
    /// The earliest return, from 1; 0 is the start.
    f: u64,
    /// The latest call, from 1.
    s: u64,
}

/// What contradicts linearizability.
#[derive(Debug, Clone, Copy)]
enum Conflict {
    /// A value was seen or replaced that nobody wrote.
    NeverWritten(Place),
    /// The first operation saw what only the second can have led to, and that replaced a value that nobody wrote.
    Baseless(Place, Place),
    /// A compare-and-set answered against itself.
    Contradiction(Place),
    /// Two compare-and-sets both replaced the same value.
    Forked(Place, Place),
    /// Compare-and-sets that each need the one before, in a ring.
    Ring(Place),
    /// `later` comes after `earlier` in the chain but returned before it was called.
    Backwards { later: Place, earlier: Place },
    /// The register held what a compare-and-set was to match from before its call until after its return.
    Refused {
        first: Option<Place>,
        last: Place,
        refused: Place,
    },
    /// Two blocks each hold the register at a time at which the other does.
    Overlap(Block, Block),
    /// The second block had to be executed while the first held the register.
    Inside(Block, Block),
}

/// Decides the history `spans` of a register that starts as `initial`, if it can.
pub(super) fn decide(spans: &[Span<RegisterOp>], initial: Symbol, narrator: Narrator<'_>) -> Special {
    let Some(mut clusters) = Clusters::of_writers(spans, initial) else {
        return Special::NotApplicable;
    };
    match clusters.conflict() {
        Err(conflict) => Special::Broken(
            evidence::Evidence {
                clusters: &clusters,
                narrator,
            }
            .tell(conflict),
        ),
        Ok(blocks) => clusters
            .order(&blocks)
            .map_or(Special::NotApplicable, Special::Order),
    }
}

struct Clusters<'a> {
    spans: &'a [Span<RegisterOp>],
    all: Vec<Cluster>,
    /// The reads of all clusters, one cluster after the other, and where those of each begin.
    reads: Vec<Place>,
    reads_from: Vec<u32>,
    by_value: HashMap<Symbol, usize, FxBuildHasher>,
}

/// The cluster of the value a register starts with.
const INITIAL: usize = 0;

impl<'a> Clusters<'a> {
    /// A cluster for each value written; none if a value is written twice, or what the register starts with is written.
    fn of_writers(spans: &'a [Span<RegisterOp>], initial: Symbol) -> Option<Self> {
        let mut clusters = Self {
            spans,
            all: Vec::with_capacity(spans.len() / 2 + 1),
            reads: Vec::new(),
            reads_from: Vec::new(),
            by_value: HashMap::with_capacity_and_hasher(spans.len() / 2 + 1, FxBuildHasher),
        };
        clusters.add(
            initial,
            Cluster {
                effective: true,
                ..Cluster::default()
            },
        )?;
        for (place, span) in spans.iter().enumerate() {
            match span.op {
                RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. } => {
                    let effective = span.duty == Duty::Must;
                    clusters.add(
                        value,
                        Cluster {
                            writer: Some(place),
                            effective,
                            ..Cluster::default()
                        },
                    )?;
                }
                RegisterOp::Read(_) | RegisterOp::Differs(_) | RegisterOp::Contradiction => {}
            }
        }
        Some(clusters)
    }

    fn add(&mut self, value: Symbol, cluster: Cluster) -> Option<()> {
        let is_new = self.by_value.insert(value, self.all.len()).is_none();
        self.all.push(cluster);
        is_new.then_some(())
    }

    /// The blocks in the order in which they can be executed, each with the instant it begins at.
    fn conflict(&mut self) -> Result<Vec<(u64, Block)>, Conflict> {
        self.take_observations()?;
        self.glue()?;
        let blocks = disjoint(self.blocks()?)?;
        self.refusals_fit()?;
        Ok(blocks)
    }

    /// All operations in the order of the blocks; inside a group of a block by their calls. None if a refused compare-and-set finds no
    /// place in that order, which does not mean that it has none in another.
    fn order(&self, blocks: &[(u64, Block)]) -> Option<Vec<OperationId>> {
        let mut order: Vec<(Place, usize)> = Vec::with_capacity(self.spans.len());
        for (_, block) in blocks {
            for cluster in self.chain(block.root) {
                let ops = self.all[cluster]
                    .writer
                    .into_iter()
                    .chain(self.reads(cluster).iter().copied());
                order.extend(ops.map(|place| (place, cluster)));
            }
        }
        let order_length = order.len();
        let mut refusals: Vec<(usize, u32, Place)> = Vec::new();
        if order_length < self.spans.len() {
            let points = self.points(&order);
            for (place, span) in self.spans.iter().enumerate() {
                if let RegisterOp::Differs(value) = span.op {
                    refusals.push((self.place_for(&order, &points, span, value)?, span.call, place));
                }
            }
        }
        refusals.sort_unstable();
        let mut all = Vec::with_capacity(self.spans.len());
        let mut refusals = refusals.into_iter().peekable();
        for (at, (place, _)) in order.into_iter().enumerate() {
            while let Some((_, _, refusal)) = refusals.next_if(|&(before, ..)| before == at) {
                all.push(refusal);
            }
            all.push(place);
        }
        all.extend(refusals.map(|(_, _, refusal)| refusal));
        let is_sure = self.spans.len() == order_length || self.is_in_time(&all);
        is_sure.then(|| all.into_iter().map(|place| self.spans[place].id).collect())
    }

    /// The earliest instant that the order leaves to each operation in it.
    fn points(&self, order: &[(Place, usize)]) -> Vec<u32> {
        let mut latest_call = 0;
        let point = |&(place, _): &(Place, usize)| {
            latest_call = self.spans[place].call.max(latest_call);
            latest_call
        };
        order.iter().map(point).collect()
    }

    /// Before which operation of the order a compare-and-set can have found something else than `value`: where it was called, or, if
    /// the register holds the value there, after the next write if that can come before it returns, or before the write of the value
    /// if everything since can wait.
    fn place_for(
        &self,
        order: &[(Place, usize)],
        points: &[u32],
        span: &Span<RegisterOp>,
        value: Symbol,
    ) -> Option<usize> {
        let called = points.partition_point(|&point| point < span.call);
        let Some(&cluster) = self.by_value.get(&value) else {
            return Some(called);
        };
        let held = called.checked_sub(1).map_or(INITIAL, |before| order[before].1);
        if held != cluster {
            return Some(called);
        }
        let next = order[called..].iter().position(|&(_, other)| other != cluster);
        if let Some(next) = next.map(|next| called + next)
            && points[next] < span.ret
        {
            return Some(next + 1);
        }
        let first = order[..called].iter().rposition(|&(_, other)| other != cluster)? + 1;
        let can_wait = |&(place, _): &(Place, usize)| self.spans[place].ret > span.call;
        order[first..called].iter().all(can_wait).then_some(first)
    }

    /// Whether nothing in `order` returned before something that stands earlier was called.
    fn is_in_time(&self, order: &[Place]) -> bool {
        let mut latest_call = 0;
        order.iter().all(|&place| {
            latest_call = self.spans[place].call.max(latest_call);
            latest_call <= self.spans[place].ret
        })
    }

    /// No refused compare-and-set lies wholly inside a time at which the register surely held what it was to match.
    fn refusals_fit(&self) -> Result<(), Conflict> {
        let is_refusal = |(_, span): &(Place, &Span<RegisterOp>)| matches!(span.op, RegisterOp::Differs(_));
        for (refused, span) in self.spans.iter().enumerate().filter(is_refusal) {
            let RegisterOp::Differs(value) = span.op else {
                continue;
            };
            let Some(&cluster) = self.by_value.get(&value) else {
                continue;
            };
            let Cluster { writer, child, .. } = &self.all[cluster];
            let reads = self.reads(cluster);
            if !self.all[cluster].effective {
                continue;
            }
            let replaced = child.and_then(|child| self.all[child].writer);
            let first = writer
                .iter()
                .chain(reads)
                .copied()
                .min_by_key(|&place| self.spans[place].ret);
            let last = reads
                .iter()
                .copied()
                .chain(replaced)
                .max_by_key(|&place| self.spans[place].call);
            let is_there = match first {
                _ if cluster == INITIAL => true,
                Some(first) => self.spans[first].ret < span.call,
                None => false,
            };
            if let Some(last) = last
                && is_there
                && span.ret < self.spans[last].call
            {
                let first = if cluster == INITIAL { None } else { first };
                return Err(Conflict::Refused { first, last, refused });
            }
        }
        Ok(())
    }

    /// Puts each read into its cluster, and finds out which indeterminate writers must have taken effect.
    fn take_observations(&mut self) -> Result<(), Conflict> {
        let mut read: Vec<(u32, u32)> = Vec::with_capacity(self.spans.len());
        let number = |place: usize| u32::try_from(place).expect("events are limited to EVENTS_MAX");
        self.reads_from = vec![0; self.all.len() + 1];
        for (place, span) in self.spans.iter().enumerate() {
            match span.op {
                RegisterOp::Contradiction => return Err(Conflict::Contradiction(place)),
                RegisterOp::Read(value) => {
                    let cluster = self.seen(value, place)?;
                    self.reads_from[cluster + 1] += 1;
                    read.push((number(cluster), number(place)));
                }
                RegisterOp::Cas { from, .. } if span.duty == Duty::Must => {
                    self.seen(from, place)?;
                }
                RegisterOp::Cas { .. } | RegisterOp::Write(_) | RegisterOp::Differs(_) => {}
            }
        }
        for cluster in 1..self.reads_from.len() {
            self.reads_from[cluster] += self.reads_from[cluster - 1];
        }
        let mut next = self.reads_from.clone();
        self.reads = vec![0; read.len()];
        for (cluster, place) in read {
            let at = &mut next[cluster as usize];
            self.reads[*at as usize] = place as Place;
            *at += 1;
        }
        Ok(())
    }

    /// The reads of a cluster, in the order of their calls.
    fn reads(&self, cluster: usize) -> &[Place] {
        &self.reads[self.reads_from[cluster] as usize..self.reads_from[cluster + 1] as usize]
    }

    /// The cluster of a value that was seen: its writer took effect, and so did those it depends on.
    fn seen(&mut self, value: Symbol, by: Place) -> Result<usize, Conflict> {
        let found = *self.by_value.get(&value).ok_or(Conflict::NeverWritten(by))?;
        let mut cluster = found;
        while !self.all[cluster].effective {
            self.all[cluster].effective = true;
            self.all[cluster].seen_by = Some(by);
            let writer = self.all[cluster]
                .writer
                .expect("only the initial value has no writer, and it is effective");
            let RegisterOp::Cas { from, .. } = self.spans[writer].op else {
                break;
            };
            cluster = *self.by_value.get(&from).ok_or(Conflict::Baseless(by, writer))?;
        }
        Ok(found)
    }

    /// Ties each cluster to the one whose value its writer replaced.
    fn glue(&mut self) -> Result<(), Conflict> {
        for number in 0..self.all.len() {
            let Cluster {
                writer: Some(writer),
                effective: true,
                ..
            } = self.all[number]
            else {
                continue;
            };
            let RegisterOp::Cas { from, .. } = self.spans[writer].op else {
                continue;
            };
            let parent = *self.by_value.get(&from).ok_or(Conflict::NeverWritten(writer))?;
            if let Some(other) = self.all[parent].child.and_then(|child| self.all[child].writer) {
                return Err(Conflict::Forked(other, writer));
            }
            self.all[parent].child = Some(number);
            self.all[number].parent = Some(parent);
        }
        Ok(())
    }

    fn blocks(&self) -> Result<Vec<Block>, Conflict> {
        let mut blocks = Vec::new();
        let mut reached = 0;
        for root in 0..self.all.len() {
            if self.all[root].effective && self.all[root].parent.is_none() {
                reached += self.chain(root).count();
                blocks.extend(self.block(root)?);
            }
        }
        if reached < self.all.iter().filter(|cluster| cluster.effective).count() {
            return Err(self.ring());
        }
        Ok(blocks)
    }

    /// The clusters of a block, in order.
    fn chain(&self, root: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(root), |&cluster| self.all[cluster].child)
    }

    /// The zone of a block, once its inner order holds; none if it has no operations.
    fn block(&self, root: usize) -> Result<Option<Block>, Conflict> {
        // The latest call of everything before the group at hand; operations of one group are free among themselves.
        let mut last_call: Option<Place> = None;
        let mut first_return: Option<Place> = None;
        for cluster in self.chain(root) {
            let writer = self.all[cluster].writer;
            for group in [writer.as_slice(), self.reads(cluster)] {
                if let Some(earlier) = last_call
                    && let Some(&later) = group
                        .iter()
                        .find(|&&later| self.spans[later].ret < self.spans[earlier].call)
                {
                    return Err(Conflict::Backwards { later, earlier });
                }
                last_call = last_call
                    .into_iter()
                    .chain(group.iter().copied())
                    .max_by_key(|&op| self.spans[op].call);
                first_return = first_return
                    .into_iter()
                    .chain(group.iter().copied())
                    .min_by_key(|&op| self.spans[op].ret);
            }
        }
        let (Some(last_call), Some(earliest)) = (last_call, first_return) else {
            return Ok(None);
        };
        let from_start = root == INITIAL;
        Ok(Some(Block {
            root,
            first_return: if from_start { None } else { first_return },
            last_call,
            f: if from_start {
                0
            } else {
                u64::from(self.spans[earliest].ret) + 1
            },
            s: u64::from(self.spans[last_call].call) + 1,
        }))
    }

    /// Some operation of a ring; there is one if a chain without a beginning is left.
    fn ring(&self) -> Conflict {
        let mut reached = vec![false; self.all.len()];
        for root in 0..self.all.len() {
            if self.all[root].effective && self.all[root].parent.is_none() {
                self.chain(root).for_each(|cluster| reached[cluster] = true);
            }
        }
        let left = self
            .all
            .iter()
            .zip(&reached)
            .find(|(cluster, reached)| cluster.effective && !**reached);
        let writer = left.and_then(|(cluster, _)| cluster.writer);
        Conflict::Ring(writer.expect("a cluster that no root reaches has a compare-and-set as its writer"))
    }
}

/// No two forward zones overlap, and no backward zone lies inside a forward one. Then each backward zone is left an instant at
/// which no forward zone holds the register: its beginning, or the end of the forward zone that it begins in.
fn disjoint(blocks: Vec<Block>) -> Result<Vec<(u64, Block)>, Conflict> {
    let (mut forward, backward): (Vec<Block>, Vec<Block>) =
        blocks.into_iter().partition(|block| block.f < block.s);
    forward.sort_unstable_by_key(|block| block.f);
    for pair in forward.windows(2) {
        if pair[1].f < pair[0].s {
            return Err(Conflict::Overlap(pair[0], pair[1]));
        }
    }
    let mut placed: Vec<(u64, Block)> = Vec::with_capacity(forward.len() + backward.len());
    for block in backward {
        let place = forward.partition_point(|zone| zone.f < block.s);
        let instant = match forward[..place].last() {
            Some(&zone) if block.f < zone.s => return Err(Conflict::Inside(zone, block)),
            Some(zone) => block.s.max(zone.s),
            None => block.s,
        };
        placed.push((instant, block));
    }
    placed.extend(forward.into_iter().map(|block| (block.f, block)));
    placed.sort_unstable_by_key(|&(instant, _)| instant);
    Ok(placed)
}

/// Whether one operation ended before the other began.
fn precedes(spans: &[Span<RegisterOp>], first: Place, second: Place) -> bool {
    spans[first].ret != FOREVER && spans[first].ret < spans[second].call
}
