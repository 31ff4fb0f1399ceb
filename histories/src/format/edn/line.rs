//! An event as a line of EDN.

use std::fmt::Write as _;

use serde_json::Value;

use crate::journal::{Edge, Nemesis};
use crate::op::{Function, Process};

/// An edge of an operation, with its values as JSON.
#[derive(Debug, Clone)]
pub(in crate::format) struct ClientLine<'a> {
    pub(in crate::format) index: u64,
    /// None where the order is all there is.
    pub(in crate::format) time: Option<u64>,
    pub(in crate::format) edge: Edge,
    pub(in crate::format) process: Process,
    pub(in crate::format) f: Function,
    pub(in crate::format) key: Option<&'a str>,
    pub(in crate::format) value: Value,
    pub(in crate::format) error: Option<&'a str>,
    pub(in crate::format) saw: Option<Value>,
    pub(in crate::format) node: Option<&'a str>,
}

impl ClientLine<'_> {
    /// Adds the line to `out`, without its end.
    pub(in crate::format) fn put(&self, out: &mut String) {
        let Self { index, edge, f, .. } = self;
        put(
            out,
            format_args!(
                "{{:index {index}, :type :{}, :f :{}, :value ",
                edge.name(),
                name(*f)
            ),
        );
        let with_value = self.key.filter(|_| self.can_stand_before_value());
        match with_value {
            None => put_json(out, &self.value),
            Some(key) => {
                out.push('[');
                put_text(out, key);
                out.push(' ');
                put_json(out, &self.value);
                out.push(']');
            }
        }
        match self.key {
            None if self.looks_keyed() => out.push_str(", :key nil"),
            Some(key) if with_value.is_none() => {
                out.push_str(", :key ");
                put_text(out, key);
            }
            None | Some(_) => {}
        }
        put(out, format_args!(", :process {}", self.process));
        if let Some(time) = self.time {
            put(out, format_args!(", :time {time}"));
        }
        if let Some(error) = self.error {
            out.push_str(", :error ");
            put_name(out, error);
        }
        if let (Edge::Fail, Some(saw)) = (self.edge, &self.saw) {
            out.push_str(", :saw ");
            put_json(out, saw);
        }
        if let Some(node) = self.node {
            out.push_str(", :node ");
            put_text(out, node);
        }
        out.push('}');
    }

    /// Whether a key before the value would be taken for one: with anything but a pair behind it, it would be what a compare-and-set expects.
    fn can_stand_before_value(&self) -> bool {
        self.f != Function::Cas || self.value.is_array()
    }

    /// Whether the value would be taken for a key and a value, though there is no key.
    fn looks_keyed(&self) -> bool {
        match (self.key, self.value.as_array().map(Vec::as_slice)) {
            (None, Some([_, inner])) => self.f != Function::Cas || inner.is_array(),
            (None, _) | (Some(_), _) => false,
        }
    }
}

/// Adds something the nemesis did to `out`, without the end of its line.
pub(in crate::format) fn put_nemesis(out: &mut String, index: u64, time: u64, nemesis: &Nemesis) {
    let Nemesis { f, fields } = nemesis;
    put(out, format_args!("{{:index {index}, :type :info, :f "));
    put_name(out, f);
    out.push_str(", :value ");
    put_json(out, fields.get("value").unwrap_or(&Value::Null));
    put(out, format_args!(", :process :nemesis, :time {time}}}"));
}

/// What Jepsen calls it.
const fn name(f: Function) -> &'static str {
    match f {
        Function::Inc => Function::Add.name(),
        Function::Read
        | Function::Write
        | Function::Cas
        | Function::Append
        | Function::Acquire
        | Function::Release
        | Function::Enqueue
        | Function::Dequeue
        | Function::Add
        | Function::Remove
        | Function::Contains
        | Function::Put
        | Function::Get => f.name(),
    }
}

pub(in crate::format) fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes everything");
}

pub(in crate::format) fn put_json(line: &mut String, value: &Value) {
    match value {
        Value::Null => line.push_str("nil"),
        Value::Bool(_) | Value::Number(_) => put(line, format_args!("{value}")),
        Value::String(text) => put_text(line, text),
        Value::Array(items) => {
            line.push('[');
            for (place, item) in items.iter().enumerate() {
                line.push_str(if place == 0 { "" } else { " " });
                put_json(line, item);
            }
            line.push(']');
        }
        Value::Object(fields) => {
            line.push('{');
            for (place, (name, field)) in fields.iter().enumerate() {
                line.push_str(if place == 0 { "" } else { ", " });
                put_name(line, name);
                line.push(' ');
                put_json(line, field);
            }
            line.push('}');
        }
    }
}

/// A keyword where the name can be one, else a string.
fn put_name(line: &mut String, name: &str) {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '?' | '!');
    if name.starts_with(|char: char| char.is_ascii_alphabetic()) && name.chars().all(is_plain) {
        put(line, format_args!(":{name}"));
    } else {
        put_text(line, name);
    }
}

pub(in crate::format) fn put_text(line: &mut String, text: &str) {
    line.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => line.extend(['\\', char]),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            control if control.is_control() => put(line, format_args!("\\u{:04x}", u32::from(control))),
            plain => line.push(plain),
        }
    }
    line.push('"');
}
