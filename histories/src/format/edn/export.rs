//! Writes a journal as Jepsen's `history.edn`, line by line.

use std::fmt::Write as _;
use std::io::{self, BufRead, Write};

use serde_json::Value;

use crate::history::{HistoryError, Warning};
use crate::journal::{Client, Edge, Entry, Event, Nemesis, Reader};
use crate::op::Function;
use crate::values::Values;

/// Why a journal could not be written as EDN.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal is not well-formed.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The writer did not take it.
    #[error("failed to write the history: {0}")]
    Write(#[from] io::Error),
}

/// Writes the journal in `input`, which sentences call `file_name`, to `out`; the answer is what was passed over.
///
/// # Errors
/// The first defect of the journal, or what the writer answers.
pub fn export(
    input: impl BufRead,
    file_name: &str,
    mut out: impl Write,
) -> Result<Vec<Warning>, ExportError> {
    let mut reader = Reader::open(input, file_name)?;
    let mut line = String::new();
    while let Some(entry) = reader.next_entry()? {
        line.clear();
        put_entry(&mut line, &entry, reader.values());
        line.push('\n');
        out.write_all(line.as_bytes())?;
        reader.forget_lists();
    }
    out.flush()?;
    Ok(reader.warnings().to_vec())
}

fn put_entry(line: &mut String, entry: &Entry, values: &Values) {
    let index = entry.index.0;
    match &entry.event {
        Event::Client(client) => {
            put(
                line,
                format_args!(
                    "{{:index {index}, :type :{}, :f :{}, :value ",
                    client.edge.name(),
                    name(client.f)
                ),
            );
            put_value(line, client, values);
            put(
                line,
                format_args!(", :process {}, :time {}", client.process, entry.t.0),
            );
            put_rest(line, client, values);
        }
        Event::Nemesis(Nemesis { f, fields }) => {
            put(line, format_args!("{{:index {index}, :type :info, :f "));
            put_name(line, f);
            line.push_str(", :value ");
            put_json(line, fields.get("value").unwrap_or(&Value::Null));
            put(line, format_args!(", :process :nemesis, :time {}", entry.t.0));
        }
    }
    line.push('}');
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

fn put_value(line: &mut String, client: &Client, values: &Values) {
    let value = values.json(values.datum(client.value));
    match &client.key {
        None => put_json(line, &value),
        Some(key) => {
            line.push('[');
            put_text(line, &key.0);
            line.push(' ');
            put_json(line, &value);
            line.push(']');
        }
    }
}

fn put_rest(line: &mut String, client: &Client, values: &Values) {
    if let Some(error) = &client.error {
        line.push_str(", :error ");
        put_name(line, error);
    }
    if let (Edge::Fail, Some(saw)) = (client.edge, &client.saw) {
        line.push_str(", :saw ");
        put_json(line, &values.json(values.datum(*saw)));
    }
    if let Some(node) = &client.node {
        line.push_str(", :node ");
        put_text(line, node);
    }
}

fn put(line: &mut String, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("a string takes everything");
}

fn put_json(line: &mut String, value: &Value) {
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

fn put_text(line: &mut String, text: &str) {
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
