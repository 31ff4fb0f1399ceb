//! The kind of a message, a record or an event, in the words in which scripts speak of them: `SyncProgress` is `sync-progress`.

use serde::Serialize;
use serde_json::Value;
use systems::Replica;

use crate::world::{Body, Packet};

/// What `it` is called: the name of its variant, or what an internal tag says.
pub(crate) fn kind(it: &impl Serialize) -> String {
    let name = match serde_json::to_value(it) {
        Ok(Value::String(name)) => name,
        Ok(Value::Object(fields)) => match fields.get("event") {
            Some(Value::String(tag)) => tag.clone(),
            _ => fields
                .into_iter()
                .next()
                .map(|(name, _)| name)
                .unwrap_or_default(),
        },
        _ => String::new(),
    };
    kebab(&name)
}

/// What is under way, as JSON.
pub(super) fn content<R: Replica>(packet: &Packet<R>) -> Value {
    let content = match &packet.body {
        Body::Message(message) => serde_json::to_value(message),
        Body::Request(request) => serde_json::to_value(request),
        Body::Response(response) => serde_json::to_value(response),
        Body::Unreachable(node) => Ok(serde_json::json!({ "Unreachable": { "node": node } })),
    };
    content.expect("a message can be written down")
}

/// The kind of what is under way.
pub(super) fn packet_kind<R: Replica>(packet: &Packet<R>) -> String {
    kind(&content(packet))
}

/// `SyncProgress` as `sync-progress`.
pub(super) fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}
