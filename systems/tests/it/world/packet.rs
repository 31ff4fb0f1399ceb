//! What is under way between nodes and clients, and words for the kinds of it.

use systems::pb::{Message, Request, Response};
use systems::{ClientId, NodeId};

/// Somebody who sends and receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Node(NodeId),
    Client(ClientId),
}

/// What is under way.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Message(Message),
    Request(Request),
    Response(Response),
    /// The connection to this node could not be made.
    Unreachable(NodeId),
}

#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) from: Place,
    pub(crate) to: Place,
    pub(crate) body: Body,
}

impl Packet {
    pub(crate) fn is_between(&self, one: NodeId, other: NodeId) -> bool {
        let (one, other) = (Place::Node(one), Place::Node(other));
        (self.from, self.to) == (one, other) || (self.from, self.to) == (other, one)
    }

    pub(crate) fn goes(&self, from: NodeId, to: NodeId) -> bool {
        (self.from, self.to) == (Place::Node(from), Place::Node(to))
    }

    pub(crate) fn comes_from(&self, node: NodeId) -> bool {
        self.from == Place::Node(node)
    }

    pub(crate) fn goes_to(&self, node: NodeId) -> bool {
        self.to == Place::Node(node)
    }

    pub(crate) fn concerns(&self, node: NodeId) -> bool {
        self.comes_from(node) || self.goes_to(node)
    }

    pub(crate) fn is_among_nodes(&self) -> bool {
        matches!((self.from, self.to), (Place::Node(_), Place::Node(_)))
    }

    pub(crate) fn is_ping(&self) -> bool {
        matches!(self.body, Body::Message(Message::Ping { .. }))
    }

    pub(crate) fn is_forward(&self) -> bool {
        matches!(self.body, Body::Message(Message::Forward { .. }))
    }

    pub(crate) fn is_sync(&self) -> bool {
        matches!(self.body, Body::Message(Message::Sync(_)))
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.body, Body::Response(Response::Done { .. }))
    }

    pub(crate) fn is_do(&self) -> bool {
        matches!(self.body, Body::Request(Request::Do { .. }))
    }
}
