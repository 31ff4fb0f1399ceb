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
//! One whose value was seen did happen. A compare-and-set that did not match and does not say what it saw is left to the general
//! search, after the rest has been found in order.

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
#[derive(Debug, Clone, Default)]
struct Cluster {
    /// None for the value the register starts with.
    writer: Option<Place>,
    /// The value that the writer replaced, if it is a compare-and-set.
    parent: Option<usize>,
    /// The compare-and-set that took effect on it.
    child: Option<usize>,
    reads: Vec<Place>,
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
        Ok(_) if clusters.leaves_something_out() => Special::NotApplicable,
        Ok(blocks) => Special::Order(clusters.order(&blocks)),
    }
}

struct Clusters<'a> {
    spans: &'a [Span<RegisterOp>],
    all: Vec<Cluster>,
    by_value: HashMap<Symbol, usize, FxBuildHasher>,
}

/// The cluster of the value a register starts with.
const INITIAL: usize = 0;

impl<'a> Clusters<'a> {
    /// A cluster for each value written; none if a value is written twice, or what the register starts with is written.
    fn of_writers(spans: &'a [Span<RegisterOp>], initial: Symbol) -> Option<Self> {
        let mut clusters = Self {
            spans,
            all: Vec::new(),
            by_value: HashMap::default(),
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
        disjoint(self.blocks()?)
    }

    /// All operations in the order of the blocks; inside a group of a block by their calls.
    fn order(&self, blocks: &[(u64, Block)]) -> Vec<OperationId> {
        let mut order = Vec::with_capacity(self.spans.len());
        for (_, block) in blocks {
            for cluster in self.chain(block.root) {
                let Cluster { writer, reads, .. } = &self.all[cluster];
                order.extend(writer.iter().chain(reads).map(|&place| self.spans[place].id));
            }
        }
        self.with_refusals(order)
    }

    /// The same with the compare-and-sets that did not match a value which never was there: they fit in anywhere.
    fn with_refusals(&self, order: Vec<OperationId>) -> Vec<OperationId> {
        let is_refusal = |span: &&Span<RegisterOp>| matches!(span.op, RegisterOp::Differs(_));
        let mut refusals = self.spans.iter().filter(is_refusal).peekable();
        if refusals.peek().is_none() {
            return order;
        }
        let calls: HashMap<OperationId, u32, FxBuildHasher> =
            self.spans.iter().map(|span| (span.id, span.call)).collect();
        let mut all = Vec::with_capacity(self.spans.len());
        let mut latest_call = 0;
        for id in order {
            latest_call = latest_call.max(calls[&id]);
            while let Some(refusal) = refusals.next_if(|refusal| refusal.call < latest_call) {
                all.push(refusal.id);
            }
            all.push(id);
        }
        all.extend(refusals.map(|refusal| refusal.id));
        all
    }

    /// Puts each read into its cluster, and finds out which indeterminate writers must have taken effect.
    fn take_observations(&mut self) -> Result<(), Conflict> {
        for (place, span) in self.spans.iter().enumerate() {
            match span.op {
                RegisterOp::Contradiction => return Err(Conflict::Contradiction(place)),
                RegisterOp::Read(value) => {
                    let cluster = self.seen(value, place)?;
                    self.all[cluster].reads.push(place);
                }
                RegisterOp::Cas { from, .. } if span.duty == Duty::Must => {
                    self.seen(from, place)?;
                }
                RegisterOp::Cas { .. } | RegisterOp::Write(_) | RegisterOp::Differs(_) => {}
            }
        }
        Ok(())
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
            let Cluster { writer, reads, .. } = &self.all[cluster];
            for group in [writer.as_slice(), reads] {
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

    /// Whether an operation said only what the register did not hold, about a value that it did hold at some time.
    fn leaves_something_out(&self) -> bool {
        self.spans.iter().any(|span| match span.op {
            RegisterOp::Differs(value) => self
                .by_value
                .get(&value)
                .is_some_and(|&cluster| self.all[cluster].effective),
            RegisterOp::Read(_)
            | RegisterOp::Write(_)
            | RegisterOp::Cas { .. }
            | RegisterOp::Contradiction => false,
        })
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
