//! Sets that only grow and are read whole, decided exactly in time linear in what was read.
//!
//! Every value is added by one operation at most. Then the reads must contain each other, the smaller ones the earlier, and the
//! operations stand in groups that are totally ordered: reads of the smallest set, additions of what the next larger has more, reads
//! of that, and so on; additions that nobody saw come last. The history is linearizable if and only if no operation returns before one
//! of an earlier group is called, as for lists (`append_order`).
//!
//! An indeterminate addition that was seen did happen; one that was not seen is dropped: nobody needs it.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::narrator::{Narrator, Proof};
use super::special::Special;
use super::watch::Watch;
use crate::history::{Ending, FOREVER, History, OperationId};
use crate::model::set::{Set, Told};
use crate::model::{Mismatch, Reading};
use crate::op::Function;
use crate::values::{Datum, Symbol};
use crate::verdict::{Anomaly, AnomalyKind};

/// An addition, or a read.
#[derive(Debug, Clone, Copy)]
struct Step<'a> {
    id: OperationId,
    call: u32,
    /// [`FOREVER`] if nobody knows whether it took effect.
    ret: u32,
    /// What was read; none if it is an addition.
    read: Option<&'a [Symbol]>,
    /// What was added.
    value: Symbol,
}

/// The operations on a growing set.
struct Growth<'a> {
    narrator: Narrator<'a>,
    adds: Vec<Step<'a>>,
    reads: Vec<Step<'a>>,
    /// The addition of each value, by its place.
    by_value: HashMap<Symbol, usize, FxBuildHasher>,
    /// Additions that were refused.
    refused: HashMap<Symbol, OperationId, FxBuildHasher>,
    /// Whether each addition was placed.
    seen: Vec<bool>,
    /// The read that had each added value last.
    last_in: Vec<Option<OperationId>>,
}

/// Decides the set history of the operations `ids`, if it can.
pub(super) fn decide(history: &History, ids: &[OperationId], watch: &Watch<'_>) -> Result<Special, Mismatch> {
    Ok(match Growth::of(history, ids, watch)? {
        _ if watch.is_up() => Special::NotApplicable,
        None => Special::NotApplicable,
        Some(mut growth) => match growth.sorted() {
            Ok(order) => Special::Order(order),
            Err(anomaly) => Special::Broken(anomaly),
        },
    })
}

impl<'a> Growth<'a> {
    fn of(history: &'a History, ids: &[OperationId], watch: &Watch<'_>) -> Result<Option<Self>, Mismatch> {
        let mut growth = Self {
            narrator: Narrator::new(history),
            adds: Vec::new(),
            reads: Vec::new(),
            by_value: HashMap::default(),
            refused: HashMap::default(),
            seen: Vec::new(),
            last_in: Vec::new(),
        };
        for &id in watch.over(ids) {
            let operation = history.operation(id);
            let (told, ret) = match Set::told(&operation, history.values())? {
                Reading::Must(told) => (told, operation.order.ret),
                Reading::May(told) => (told, FOREVER),
                Reading::Nothing => {
                    if let (Function::Add, Datum::One(value), Ending::Fail { .. }) =
                        (operation.f, operation.value, operation.ending)
                    {
                        growth.refused.insert(value, id);
                    }
                    continue;
                }
            };
            let call = operation.order.call;
            match told {
                Told::Read(read) => growth.reads.push(Step {
                    id,
                    call,
                    ret,
                    read: Some(read),
                    value: Symbol::NULL,
                }),
                Told::Add(value) => {
                    if growth.by_value.insert(value, growth.adds.len()).is_some() {
                        return Ok(None);
                    }
                    growth.adds.push(Step {
                        id,
                        call,
                        ret,
                        read: None,
                        value,
                    });
                }
                Told::Remove(_) | Told::Has(_) | Told::Lacks(_) => return Ok(None),
            }
        }
        growth.seen = vec![false; growth.adds.len()];
        growth.last_in = vec![None; growth.adds.len()];
        Ok(Some(growth))
    }

    fn sorted(&mut self) -> Result<Vec<OperationId>, Anomaly> {
        let mut reads = self.reads.clone();
        reads.sort_by_key(|step| (step.read.map_or(0, <[Symbol]>::len), step.call));
        let mut sweep = Sweep {
            latest: None,
            order: Vec::with_capacity(reads.len() + self.adds.len()),
        };
        let mut smaller: Option<Step<'a>> = None;
        for read in reads {
            let mut more = self.more(smaller, read)?;
            more.sort_unstable();
            for place in more {
                sweep
                    .pass(self.adds[place])
                    .map_err(|pair| self.out_of_order(pair))?;
            }
            sweep.pass(read).map_err(|pair| self.out_of_order(pair))?;
            smaller = Some(read);
        }
        for (add, &seen) in self.adds.iter().zip(&self.seen) {
            if !seen && add.ret != FOREVER {
                sweep.pass(*add).map_err(|pair| self.out_of_order(pair))?;
            }
        }
        Ok(sweep.order)
    }

    /// The additions of what `read` has more than the next `smaller` read.
    fn more(&mut self, smaller: Option<Step<'a>>, read: Step<'a>) -> Result<Vec<usize>, Anomaly> {
        let members = read.read.unwrap_or_default();
        let mut more = Vec::new();
        for &value in members {
            let Some(&place) = self.by_value.get(&value) else {
                return Err(self.phantom(read, value));
            };
            if self.last_in[place].replace(read.id) == Some(read.id) {
                return Err(self.not_larger(smaller, read));
            }
            if !self.seen[place] {
                self.seen[place] = true;
                more.push(place);
            }
        }
        let before = smaller.and_then(|smaller| smaller.read).unwrap_or_default();
        if before.len() + more.len() == members.len() {
            return Ok(more);
        }
        Err(self.not_larger(smaller, read))
    }

    fn phantom(&self, read: Step<'_>, value: Symbol) -> Anomaly {
        let refused = self.refused.get(&value);
        let name = self.narrator.value(value);
        let (kind, why) = match refused {
            Some(_) => (AnomalyKind::Resurrected, "whose addition was refused"),
            None => (AnomalyKind::Phantom, "which nobody added"),
        };
        let sentence = format!("{} contains {name}, {why}", self.narrator.told(read.id));
        self.narrator.anomaly(
            Proof {
                kind,
                ops: &[read.id],
            },
            sentence,
        )
    }

    /// Neither of the two reads contains the other, or the one has a value twice.
    fn not_larger(&self, smaller: Option<Step<'_>>, read: Step<'_>) -> Anomaly {
        let members = read.read.unwrap_or_default();
        let lacks = |&value: &Symbol| !members.contains(&value);
        let other = smaller.and_then(|other| Some((other, other.read?.iter().copied().find(lacks)?)));
        let Some((other, lacking)) = other else {
            let sentence = format!("{} has a value twice", self.narrator.told(read.id));
            let kind = AnomalyKind::DuplicateDelivery;
            return self.narrator.anomaly(
                Proof {
                    kind,
                    ops: &[read.id],
                },
                sentence,
            );
        };
        let before = other.read.unwrap_or_default();
        let own = members
            .iter()
            .copied()
            .find(|value| !before.contains(value))
            .unwrap_or(lacking);
        let sentence = format!(
            "{} lacks {}, and {} lacks {}: neither can have come first",
            self.narrator.told(read.id),
            self.narrator.value(lacking),
            self.narrator.told(other.id),
            self.narrator.value(own)
        );
        let kind = AnomalyKind::Reordered;
        let ops = [read.id, other.id];
        self.narrator.anomaly(Proof { kind, ops: &ops }, sentence)
    }

    /// The first returned before the second, which comes earlier, was called.
    fn out_of_order(&self, (later, earlier): (Step<'_>, Step<'_>)) -> Anomaly {
        let [returned, called] = self.narrator.returned_called(later.id, earlier.id);
        let value = |step: Step<'_>| self.narrator.value(step.value);
        let mut ops = vec![later.id, earlier.id];
        let (kind, sentence) = match (later.read, earlier.read) {
            (None, Some(_)) => (
                AnomalyKind::LostElement,
                format!(
                    "add {} was acknowledged at {returned}; the read called at {called} does not contain it",
                    value(later)
                ),
            ),
            (Some(_), None) => (
                AnomalyKind::Phantom,
                format!(
                    "the read that returned at {returned} contains {}, whose addition was called only at {called}",
                    value(earlier)
                ),
            ),
            (Some(_), Some(_)) => (
                AnomalyKind::LostElement,
                format!(
                    "the read that returned at {returned} contains more than the read called at {called}"
                ),
            ),
            (None, None) => {
                ops.extend(self.parted(earlier, later));
                (
                    AnomalyKind::LostElement,
                    format!(
                        "add {} was acknowledged at {returned}, before add {} was called at {called}, but a read contains only the \
                         second",
                        value(later),
                        value(earlier)
                    ),
                )
            }
        };
        self.narrator.anomaly(Proof { kind, ops: &ops }, sentence)
    }

    /// A read that contains what the first added and not what the second did.
    fn parted(&self, with: Step<'_>, without: Step<'_>) -> Option<OperationId> {
        let is_such = |read: &&Step<'_>| {
            let members = read.read.unwrap_or_default();
            members.contains(&with.value) && !members.contains(&without.value)
        };
        self.reads.iter().find(is_such).map(|read| read.id)
    }
}

/// Goes along the groups, and remembers the operation with the latest call.
struct Sweep<'a> {
    latest: Option<Step<'a>>,
    order: Vec<OperationId>,
}

impl<'a> Sweep<'a> {
    /// Nothing may return before something that it has passed is called.
    fn pass(&mut self, step: Step<'a>) -> Result<(), (Step<'a>, Step<'a>)> {
        match self.latest {
            Some(latest) if step.ret < latest.call => return Err((step, latest)),
            Some(latest) if step.call < latest.call => {}
            _ => self.latest = Some(step),
        }
        self.order.push(step.id);
        Ok(())
    }
}
