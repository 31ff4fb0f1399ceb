//! One life of a node: between two of them it is down, and all that was not durable is gone.

use systems::server::EventLine;
use systems::{Incarnation, NodeId};

/// One life of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life {
    pub(super) node: NodeId,
    pub(super) incarnation: Incarnation,
}

impl Life {
    /// The life that said `line`.
    pub(super) const fn of<E>(line: &EventLine<E>) -> Self {
        Self {
            node: line.node,
            incarnation: line.incarnation,
        }
    }
}
