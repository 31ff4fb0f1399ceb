//! What is under way between nodes and clients of a simulated cluster.

use std::fmt::Debug;

use histories::Process;
use serde::Serialize;
use systems::{NodeId, Replica};

use super::network::Cargo;

/// One thing under way.
#[derive(Debug, Clone)]
pub(super) enum Packet<R: Replica> {
    /// From node to node.
    Message {
        from: NodeId,
        to: NodeId,
        message: R::Message,
    },
    /// From a client to a node.
    Request {
        from: Process,
        to: NodeId,
        request: R::Request,
    },
    /// From a node to a client.
    Response {
        from: NodeId,
        to: Process,
        response: R::Response,
    },
    /// A client learns that its connection to a node is none, or is broken.
    Unreachable { to: Process, node: NodeId },
}

/// The kind of what clients ask, where kinds of messages are named.
pub(super) const REQUEST: &str = "request";
/// The kind of what clients are answered.
pub(super) const RESPONSE: &str = "response";

impl<R: Replica> Cargo for Packet<R> {
    fn bytes(&self) -> u64 {
        match self {
            Self::Message { message, .. } => length(message),
            Self::Request { request, .. } => length(request),
            Self::Response { response, .. } => length(response),
            Self::Unreachable { .. } => 0,
        }
    }
}

/// As long as it is on a real wire. What has no form there would not be sent there either.
fn length(content: &impl Serialize) -> u64 {
    systems::codec::encode(content, systems::codec::Position::WIRE).map_or(0, |frame| frame.len() as u64)
}
