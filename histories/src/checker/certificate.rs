//! What shows that the history of an object is linearizable: an order of its operations that explains every answer.
//!
//! Whoever doubts the checker need not read it. A certificate is right if
//!
//! * every operation of the object that is known to have been evaluated stands in [`Certificate::order`], exactly once: all that
//!   ended `ok`, and all that ended `fail` with [`PRECONDITION_FAILED`](crate::history::PRECONDITION_FAILED);
//! * nothing else stands there but operations of unknown outcome, each at most once, and those that do not are in
//!   [`Certificate::left_out`];
//! * nothing returned before something that stands earlier was called;
//! * the object, starting anew, gives all these answers when it is asked in that order.

use crate::history::{History, OperationId};
use crate::op::Key;

/// An order that explains the answers of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The object; none where the history is about a single one.
    pub key: Option<Key>,
    /// The operations in the order in which they can have taken effect.
    pub order: Vec<OperationId>,
    /// The operations of unknown outcome that need not have taken effect, in the order of their calls.
    pub left_out: Vec<OperationId>,
}

impl Certificate {
    /// The certificate of the object `key`, all of whose operations stand in `order`.
    pub(crate) const fn complete(key: Option<Key>, order: Vec<OperationId>) -> Self {
        Self {
            key,
            order,
            left_out: Vec::new(),
        }
    }

    /// The certificate of the object `key`, all of whose operations are `ids`, by the order that was found for it.
    pub(crate) fn new(
        history: &History,
        key: Option<Key>,
        ids: &[OperationId],
        order: Vec<OperationId>,
    ) -> Self {
        let mut unknown: Vec<OperationId> = ids
            .iter()
            .copied()
            .filter(|&id| history.operation(id).is_indeterminate())
            .collect();
        if !unknown.is_empty() {
            let mut used: Vec<OperationId> = order
                .iter()
                .copied()
                .filter(|&id| history.operation(id).is_indeterminate())
                .collect();
            used.sort_unstable();
            unknown.retain(|id| used.binary_search(id).is_err());
        }
        Self {
            key,
            order,
            left_out: unknown,
        }
    }
}
