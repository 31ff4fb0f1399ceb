//! Words for the kinds of packets.

use systems::pb::{Message, Node, Request, Response};

use crate::world::{Body, Packet};

pub(super) fn is_ping(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Message(Message::Ping { .. }))
}

pub(super) fn is_forward(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Message(Message::Forward { .. }))
}

pub(super) fn is_sync(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Message(Message::Sync(_)))
}

/// A client asks the view service who is in charge.
pub(super) fn is_question(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Request(Request::View))
}

pub(super) fn is_do(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Request(Request::Do { .. }))
}

pub(super) fn is_done(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Response(Response::Done { .. }))
}
