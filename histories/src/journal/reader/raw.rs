//! A line of JSON as it stands there, and what is wrong with it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::history::Defect;
use crate::names::Names;
use crate::op::Key;
use crate::values::one_line;

/// A line as it stands there; what it means is decided field by field, so that each defect has its own sentence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLine<'a> {
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) format: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) i: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) t: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) r#type: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) process: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) f: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) key: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) value: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) error: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) saw: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) node: Option<&'a RawValue>,
}

/// Unlike serde's own rule for options, an explicit null is there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

const FIELDS: [&str; 11] = [
    "i", "t", "type", "process", "f", "key", "value", "error", "node", "saw", "format",
];

pub(super) fn odd_field(fields: &Map<String, Value>, error: &serde_json::Error) -> Defect {
    match fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        Some(name) => Defect::UnknownField(name.clone()),
        None => syntax(error),
    }
}

pub(super) fn syntax(error: &serde_json::Error) -> Defect {
    Defect::Syntax(format!(
        "not a whole JSON line: {} at column {}",
        reason(error),
        error.column()
    ))
}

/// What is wrong, without the place: that is of the text the parser was given, which may be a part of the line.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    one_line(text.split(" at line ").next().unwrap_or_default())
}

pub(super) const fn whole_number(field: &'static str) -> Defect {
    Defect::BadField {
        field,
        expected: "a whole number that is not negative",
    }
}

pub(super) fn string<'a>(raw: &'a RawValue, field: &'static str) -> Result<Cow<'a, str>, Defect> {
    // Names hold no escapes, so that the text between the quotes is the name; anything else takes the long way.
    match raw
        .get()
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    {
        Some(text) if !text.contains('\\') => Ok(Cow::Borrowed(text)),
        _ => match serde_json::from_str(raw.get()) {
            Ok(Value::String(text)) => Ok(Cow::Owned(text)),
            _ => Err(Defect::BadField {
                field,
                expected: "a string",
            }),
        },
    }
}

pub(super) fn optional_string(raw: &RawValue, field: &'static str) -> Result<Option<String>, Defect> {
    if raw.get() == "null" {
        Ok(None)
    } else {
        string(raw, field).map(|text| Some(text.into_owned()))
    }
}

pub(super) fn key(raw: &RawValue, names: &mut Names) -> Result<Option<Key>, Defect> {
    if raw.get() == "null" {
        return Ok(None);
    }
    match string(raw, "key") {
        Ok(name) => Ok(Some(names.shared(&name))),
        Err(_) if raw.get().parse::<i64>().is_ok() => Ok(Some(names.shared(raw.get()))),
        Err(_) => Err(Defect::BadField {
            field: "key",
            expected: "a string or a whole number",
        }),
    }
}
