//! The edges of an object's operations in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::span::Span;
use crate::history::FOREVER;

/// An edge of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Edge {
    Call,
    Return,
}

/// Goes along the edges. Calls are in order already, so that only the operations open at a time need sorting.
pub(super) struct Timeline<'a, Op> {
    spans: &'a [Span<Op>],
    next: u32,
    open: BinaryHeap<Reverse<u64>>,
}

impl<'a, Op> Timeline<'a, Op> {
    /// The edges of `spans`, which are in the order of their calls.
    pub(super) fn of(spans: &'a [Span<Op>]) -> Self {
        Self {
            spans,
            next: 0,
            open: BinaryHeap::new(),
        }
    }
}

impl<Op> Iterator for Timeline<'_, Op> {
    /// The edge, and the place of its operation.
    type Item = (Edge, u32);

    fn next(&mut self) -> Option<(Edge, u32)> {
        let coming = self.spans.get(self.next as usize);
        let first = self.open.peek().map(|&Reverse(entry)| entry);
        match (coming, first) {
            (None, None) => None,
            (Some(span), first) if first.is_none_or(|entry| u64::from(span.call) << 32 < entry) => {
                let place = self.next;
                self.next += 1;
                if span.ret != FOREVER {
                    self.open
                        .push(Reverse(u64::from(span.ret) << 32 | u64::from(place)));
                }
                Some((Edge::Call, place))
            }
            (_, _) => {
                let Reverse(entry) = self.open.pop()?;
                let place = u32::try_from(entry & u64::from(u32::MAX)).expect("the lower half fits");
                Some((Edge::Return, place))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::span::Duty;
    use crate::history::OperationId;

    #[test]
    fn edges_come_in_the_order_of_time() {
        let span = |call, ret| Span {
            op: (),
            id: OperationId(0),
            call,
            ret,
            duty: Duty::Must,
        };
        let spans = [span(0, 5), span(1, FOREVER), span(2, 3), span(4, 6)];
        let edges: Vec<(Edge, u32)> = Timeline::of(&spans).collect();
        let (call, ret) = (Edge::Call, Edge::Return);
        let expected = [
            (call, 0),
            (call, 1),
            (call, 2),
            (ret, 2),
            (call, 3),
            (ret, 0),
            (ret, 3),
        ];
        assert_eq!(edges, expected);
    }
}
