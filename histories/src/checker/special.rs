//! What an exact algorithm for some sort of object and history says.

use crate::history::OperationId;
use crate::verdict::Anomaly;

/// The answer of a special case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Special {
    /// Linearizable, in this order.
    Order(Vec<OperationId>),
    /// Not linearizable, and this proves it.
    Broken(Anomaly),
    /// Not linearizable: the operation in this place among the spans cannot have returned.
    Stuck(usize),
    /// The history is not of the sort that it can judge.
    NotApplicable,
}
