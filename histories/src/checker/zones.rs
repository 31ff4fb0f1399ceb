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

mod cluster;
mod evidence;
mod refusals;

use super::narrator::Narrator;
use super::span::{Duty, Span};
use super::special::Special;
use super::watch::Watch;
use crate::history::{FOREVER, OperationId};
use crate::model::register::RegisterOp;
use crate::values::Symbol;
use cluster::{Cluster, Link};

pub(super) use cluster::Homes;

/// An operation, by its place among the spans.
type Place = usize;

/// A chain of clusters, with its zone.
#[derive(Debug, Clone, Copy)]
struct Block {
    root: u32,
    /// The operation with the earliest return; none if that is the start of the history.
    first_return: Link,
    /// The operation with the latest call.
    last_call: Link,
    /// The earliest return, from 1; 0 is the start.
    f: u32,
    /// The latest call, from 1.
    s: u32,
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
pub(super) fn decide(
    spans: &[Span<RegisterOp>],
    initial: Symbol,
    homes: &mut Homes,
    narrator: Narrator<'_>,
    watch: &Watch<'_>,
) -> Special {
    let Some(mut clusters) = Clusters::of_writers(spans, initial, homes, watch) else {
        return Special::NotApplicable;
    };
    match clusters.conflict(watch) {
        _ if watch.is_up() => Special::NotApplicable,
        Err(conflict) => Special::Broken(
            evidence::Evidence {
                clusters: &clusters,
                narrator,
            }
            .tell(conflict),
        ),
        Ok(blocks) => clusters
            .order(&blocks, watch)
            .map_or(Special::NotApplicable, Special::Order),
    }
}

struct Clusters<'a> {
    spans: &'a [Span<RegisterOp>],
    all: Vec<Cluster>,
    homes: &'a mut Homes,
    /// For each read the one of the same value that was called before.
    read_before: Vec<Link>,
    /// How many compare-and-sets were refused and do not say why.
    refusals: usize,
}

/// The cluster of the value a register starts with.
const INITIAL: usize = 0;

impl<'a> Clusters<'a> {
    /// A cluster for each value written; none if a value is written twice, or what the register starts with is written.
    fn of_writers(
        spans: &'a [Span<RegisterOp>],
        initial: Symbol,
        homes: &'a mut Homes,
        watch: &Watch<'_>,
    ) -> Option<Self> {
        homes.clear(spans.len() + 1);
        let mut clusters = Self {
            spans,
            all: Vec::with_capacity(spans.len() / 2 + 1),
            homes,
            read_before: Vec::new(),
            refusals: 0,
        };
        clusters.add(Cluster {
            effective: true,
            ..Cluster::new(initial, Link::NONE)
        })?;
        for (place, span) in watch.over(spans.iter().enumerate()) {
            match span.op {
                RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. } => {
                    clusters.add(Cluster {
                        effective: span.duty == Duty::Must,
                        ..Cluster::new(value, Link::to(place))
                    })?;
                }
                RegisterOp::Read(_) | RegisterOp::Differs(_) | RegisterOp::Contradiction => {}
            }
        }
        Some(clusters)
    }

    fn add(&mut self, cluster: Cluster) -> Option<()> {
        let known = self.homes.set(cluster.value, self.all.len());
        self.all.push(cluster);
        known.is_none().then_some(())
    }

    /// The cluster of `value`.
    fn of(&self, value: Symbol) -> Option<usize> {
        self.homes.find(value)
    }

    /// The blocks in the order in which they can be executed.
    fn conflict(&mut self, watch: &Watch<'_>) -> Result<Vec<Block>, Conflict> {
        self.take_observations(watch)?;
        if watch.look() {
            return Ok(Vec::new());
        }
        self.glue()?;
        let mut blocks = self.blocks()?;
        if watch.look() {
            return Ok(Vec::new());
        }
        disjoint(&mut blocks)?;
        self.refusals_fit()?;
        Ok(blocks)
    }

    /// All operations in the order of the blocks; inside a group of a block by their calls. None if a refused compare-and-set finds no
    /// place in that order.
    fn order(&self, blocks: &[Block], watch: &Watch<'_>) -> Option<Vec<OperationId>> {
        let mut order: Vec<u32> = Vec::with_capacity(self.spans.len());
        let number = |place: Place| u32::try_from(place).expect("events are limited to EVENTS_MAX");
        for block in watch.over(blocks) {
            for cluster in self.chain(block.root as usize) {
                order.extend(self.all[cluster].writer.get().map(number));
                let from = order.len();
                order.resize(from + self.all[cluster].reads as usize, 0);
                for (at, read) in order[from..].iter_mut().rev().zip(self.reads(cluster)) {
                    *at = number(read);
                }
            }
        }
        if self.refusals > 0 && !watch.look() {
            order = self.with_refusals(&order)?;
        }
        Some(
            order
                .into_iter()
                .map(|place| self.spans[place as usize].id)
                .collect(),
        )
    }

    /// Puts each read into its cluster, and finds out which indeterminate writers must have taken effect.
    fn take_observations(&mut self, watch: &Watch<'_>) -> Result<(), Conflict> {
        self.read_before = vec![Link::NONE; self.spans.len()];
        for (place, span) in watch.over(self.spans.iter().enumerate()) {
            match span.op {
                RegisterOp::Contradiction => return Err(Conflict::Contradiction(place)),
                RegisterOp::Read(value) => self.take_read(value, place, span.ret)?,
                RegisterOp::Cas { from, .. } if span.duty == Duty::Must => {
                    self.seen(from, place)?;
                }
                RegisterOp::Differs(_) => self.refusals += 1,
                RegisterOp::Cas { .. } | RegisterOp::Write(_) => {}
            }
        }
        Ok(())
    }

    fn take_read(&mut self, value: Symbol, place: Place, ret: u32) -> Result<(), Conflict> {
        let cluster = self.seen(value, place)?;
        let cluster = &mut self.all[cluster];
        self.read_before[place] = cluster.last_read;
        cluster.last_read = Link::to(place);
        cluster.reads += 1;
        match cluster.first_read.get() {
            Some(first) if self.spans[first].ret < ret => {}
            Some(_) | None => cluster.first_read = Link::to(place),
        }
        Ok(())
    }

    /// The reads of a cluster, the one that was called last first.
    fn reads(&self, cluster: usize) -> impl Iterator<Item = Place> {
        let last = self.all[cluster].last_read.get();
        std::iter::successors(last, |&read| self.read_before[read].get())
    }

    /// The operation of a cluster that returned first.
    fn first_return(&self, cluster: usize) -> Option<Place> {
        let Cluster {
            writer, first_read, ..
        } = &self.all[cluster];
        let both = [writer.get(), first_read.get()];
        both.into_iter()
            .flatten()
            .min_by_key(|&place| self.spans[place].ret)
    }

    /// The cluster of a value that was seen: its writer took effect, and so did those it depends on.
    fn seen(&mut self, value: Symbol, by: Place) -> Result<usize, Conflict> {
        let found = self.of(value).ok_or(Conflict::NeverWritten(by))?;
        let mut cluster = found;
        while !self.all[cluster].effective {
            self.all[cluster].effective = true;
            self.all[cluster].seen_by = Link::to(by);
            let writer = self.all[cluster]
                .writer
                .get()
                .expect("only the initial value has no writer, and it is effective");
            let RegisterOp::Cas { from, .. } = self.spans[writer].op else {
                break;
            };
            cluster = self.of(from).ok_or(Conflict::Baseless(by, writer))?;
        }
        Ok(found)
    }

    /// Ties each cluster to the one whose value its writer replaced.
    fn glue(&mut self) -> Result<(), Conflict> {
        for number in 0..self.all.len() {
            let Some(writer) = self.all[number]
                .writer
                .get()
                .filter(|_| self.all[number].effective)
            else {
                continue;
            };
            let RegisterOp::Cas { from, .. } = self.spans[writer].op else {
                continue;
            };
            let parent = self.of(from).ok_or(Conflict::NeverWritten(writer))?;
            if let Some(other) = self.all[parent]
                .child
                .get()
                .and_then(|child| self.all[child].writer.get())
            {
                return Err(Conflict::Forked(other, writer));
            }
            self.all[parent].child = Link::to(number);
            self.all[number].parent = Link::to(parent);
        }
        Ok(())
    }

    fn blocks(&self) -> Result<Vec<Block>, Conflict> {
        let mut blocks = Vec::with_capacity(self.all.len());
        let mut reached = 0;
        for root in 0..self.all.len() {
            if self.all[root].effective && self.all[root].parent == Link::NONE {
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
        std::iter::successors(Some(root), |&cluster| self.all[cluster].child.get())
    }

    /// The zone of a block, once its inner order holds; none if it has no operations.
    fn block(&self, root: usize) -> Result<Option<Block>, Conflict> {
        // The latest call of everything before the group at hand; operations of one group are free among themselves.
        let mut last_call: Option<Place> = None;
        let mut first_return: Option<Place> = None;
        for cluster in self.chain(root) {
            let Cluster {
                writer,
                first_read,
                last_read,
                ..
            } = self.all[cluster];
            for (first, last) in [(writer, writer), (first_read, last_read)] {
                let (Some(first), Some(last)) = (first.get(), last.get()) else {
                    continue;
                };
                if let Some(earlier) = last_call
                    && self.spans[first].ret < self.spans[earlier].call
                {
                    let later = first;
                    return Err(Conflict::Backwards { later, earlier });
                }
                let (calls, returns) = ([last_call, Some(last)], [first_return, Some(first)]);
                last_call = calls.into_iter().flatten().max_by_key(|&op| self.spans[op].call);
                first_return = returns.into_iter().flatten().min_by_key(|&op| self.spans[op].ret);
            }
        }
        let (Some(last_call), Some(earliest)) = (last_call, first_return) else {
            return Ok(None);
        };
        let (first_return, f) = match root {
            INITIAL => (Link::NONE, 0),
            _ => (Link::to(earliest), self.spans[earliest].ret.saturating_add(1)),
        };
        Ok(Some(Block {
            root: u32::try_from(root).expect("events are limited to EVENTS_MAX"),
            first_return,
            last_call: Link::to(last_call),
            f,
            s: self.spans[last_call].call + 1,
        }))
    }

    /// Some operation of a ring; there is one if a chain without a beginning is left.
    fn ring(&self) -> Conflict {
        let mut reached = vec![false; self.all.len()];
        for root in 0..self.all.len() {
            if self.all[root].effective && self.all[root].parent == Link::NONE {
                self.chain(root).for_each(|cluster| reached[cluster] = true);
            }
        }
        let left = self
            .all
            .iter()
            .zip(&reached)
            .find(|(cluster, reached)| cluster.effective && !**reached);
        let writer = left.and_then(|(cluster, _)| cluster.writer.get());
        Conflict::Ring(writer.expect("a cluster that no root reaches has a compare-and-set as its writer"))
    }
}

/// No two forward zones overlap, and no backward zone lies inside a forward one. Then each backward zone is left an instant at
/// which no forward zone holds the register: its beginning, or the end of the forward zone that it begins in. So the blocks can be
/// executed in the order in which their zones begin, which is how they are left.
fn disjoint(blocks: &mut [Block]) -> Result<(), Conflict> {
    blocks.sort_unstable_by_key(|block| block.f.min(block.s));
    // The latest forward zone so far.
    let mut held: Option<Block> = None;
    for &block in &*blocks {
        match held {
            Some(zone) if block.f < zone.s => {
                return Err(if block.f < block.s {
                    Conflict::Overlap(zone, block)
                } else {
                    Conflict::Inside(zone, block)
                });
            }
            _ if block.f < block.s => held = Some(block),
            _ => {}
        }
    }
    Ok(())
}

/// Whether one operation ended before the other began.
fn precedes(spans: &[Span<RegisterOp>], first: Place, second: Place) -> bool {
    spans[first].ret != FOREVER && spans[first].ret < spans[second].call
}
