//! Words for the kinds of packets.

use systems::group::Response;
use systems::paxos::{Message, Node, Proposal};

use crate::world::{Body, Packet};

pub(super) fn is_propose(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Message(Message::Propose(_)))
}

/// A proposal with a value in it, of which there are also empty ones.
pub(super) fn proposes_slot(packet: &Packet<Node>, wanted: u64) -> bool {
    let Body::Message(Message::Propose(Proposal { first, values, .. })) = &packet.body else {
        return false;
    };
    first.run(values.len()).any(|slot| slot.0 == wanted)
}

pub(super) fn is_beat(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Message(Message::Beat(_)))
}

pub(super) fn is_gather(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Message(Message::Gather { .. }))
}

pub(super) fn is_ack(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Message(Message::Ack { .. }))
}

pub(super) fn is_confirmed(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Message(Message::Confirmed { .. }))
}

pub(super) fn is_answered(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Response(Response::Answered { .. }))
}

pub(super) fn is_alive(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Message(Message::Alive { .. }))
}
