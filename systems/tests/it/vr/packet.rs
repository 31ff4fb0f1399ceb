//! Words for the kinds of packets.

use systems::group::Response;
use systems::service::kv::Op;
use systems::vr::Message;

use super::Node;
use crate::world::{Body, Packet};

/// Whether it is a message, and one for which `is` holds.
pub(super) fn says(packet: &Packet<Node>, is: impl Fn(&Message<Op>) -> bool) -> bool {
    matches!(&packet.body, Body::Message(message) if is(message))
}

pub(super) fn is_prepare(packet: &Packet<Node>) -> bool {
    says(packet, |message| matches!(message, Message::Prepare { .. }))
}

pub(super) fn is_beat(packet: &Packet<Node>) -> bool {
    says(packet, |message| matches!(message, Message::Commit { .. }))
}

pub(super) fn is_answer(packet: &Packet<Node>) -> bool {
    matches!(packet.body, Body::Response(Response::Answered { .. }))
}

/// Part of a change of view.
pub(super) fn is_change(packet: &Packet<Node>) -> bool {
    says(packet, |message| {
        matches!(
            message,
            Message::StartViewChange { .. } | Message::DoViewChange { .. }
        )
    })
}

pub(super) fn is_start_view(packet: &Packet<Node>) -> bool {
    says(packet, |message| matches!(message, Message::StartView { .. }))
}

/// State under way.
pub(super) fn is_state(packet: &Packet<Node>) -> bool {
    says(packet, |message| {
        matches!(message, Message::NewState { .. } | Message::NewSnapshot { .. })
    })
}
