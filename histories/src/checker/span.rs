//! An operation as the search sees it: what it says about its object, and from when until when it may have had its effect.

use super::watch::Watch;
use crate::history::{FOREVER, History, OperationId, Order};
use crate::model::{Mismatch, Model, Reading};

/// What an operation says, and its place among the events of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span<Op> {
    pub(crate) op: Op,
    pub(crate) id: OperationId,
    pub(crate) call: u32,
    /// [`FOREVER`] if it never returned.
    pub(crate) ret: u32,
    pub(crate) duty: Duty,
}

/// Whether an operation has to have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Duty {
    /// By its return.
    Must,
    /// Not at all.
    May,
    /// Not at all; and it may have happened any number of times.
    Endless,
}

impl<Op> Span<Op> {
    /// The operation that `reading` is about; none if it says nothing.
    pub(crate) fn of(reading: Reading<Op>, id: OperationId, order: Order) -> Option<Self> {
        let (op, ret, duty) = match reading {
            Reading::Must(op) => (op, order.ret, Duty::Must),
            Reading::May(op) => (op, FOREVER, Duty::May),
            Reading::Nothing => return None,
        };
        Some(Self {
            op,
            id,
            call: order.call,
            ret,
            duty,
        })
    }

    /// Whether it need not have happened.
    pub(crate) const fn is_optional(&self) -> bool {
        matches!(self.duty, Duty::May | Duty::Endless)
    }

    /// The same, which need not have happened.
    pub(crate) const fn optional(self) -> Self
    where
        Op: Copy,
    {
        let duty = match self.duty {
            Duty::Must | Duty::May => Duty::May,
            Duty::Endless => Duty::Endless,
        };
        Self { duty, ..self }
    }

    /// Whether nothing at all is demanded of it.
    pub(crate) const fn is_indeterminate(&self) -> bool {
        self.ret == FOREVER && self.is_optional()
    }
}

/// The operations `ids` of an object, in the order of their calls; without those that say nothing.
pub(super) fn spans<M: Model>(
    model: &mut M,
    history: &History,
    ids: &[OperationId],
    watch: &Watch<'_>,
) -> Result<Vec<Span<M::Op>>, Mismatch> {
    let mut spans = Vec::with_capacity(ids.len());
    for &id in watch.over(ids) {
        let operation = history.operation(id);
        let reading = model.read(&operation, history.values())?;
        spans.extend(Span::of(reading, id, operation.order));
    }
    spans.sort_unstable_by_key(|span| span.call);
    Ok(spans)
}
