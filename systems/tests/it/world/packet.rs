//! What is under way between nodes and clients.

use systems::{ClientId, NodeId, Replica};

/// Somebody who sends and receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Node(NodeId),
    Client(ClientId),
}

/// What is under way.
#[derive(Debug, Clone)]
pub(crate) enum Body<R: Replica> {
    Message(R::Message),
    Request(R::Request),
    Response(R::Response),
    /// The connection to this node could not be made.
    Unreachable(NodeId),
}

#[derive(Debug, Clone)]
pub(crate) struct Packet<R: Replica> {
    pub(crate) from: Place,
    pub(crate) to: Place,
    pub(crate) body: Body<R>,
}

impl<R: Replica> Packet<R> {
    /// How long it is on the wire.
    pub(super) fn bytes(&self) -> usize {
        let encoded = match &self.body {
            Body::Message(message) => postcard::to_stdvec(message),
            Body::Request(request) => postcard::to_stdvec(request),
            Body::Response(response) => postcard::to_stdvec(response),
            Body::Unreachable(_) => Ok(Vec::new()),
        };
        encoded.expect("plain data can be encoded").len()
    }

    pub(crate) fn is_between(&self, one: NodeId, other: NodeId) -> bool {
        self.goes(one, other) || self.goes(other, one)
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
}
