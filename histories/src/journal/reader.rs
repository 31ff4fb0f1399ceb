//! Reads a journal line by line: typed entries, or one sentence that names the line.
//!
//! It checks each line by itself and that time and line numbers run forward; that invocations and completions belong together is
//! the business of [`crate::history`]. Lines of the nemesis are kept and not interpreted. It never panics, whatever the bytes.

mod raw;
mod scan;
#[cfg(test)]
mod tests;

use std::io::{BufRead, Read};

use serde::de::DeserializeSeed;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::entry::{Client, Edge, Entry, Event, Header, Nemesis};
use super::{FORMAT, Index};
use crate::history::{Defect, HistoryError, Time, Warning};
use crate::names::Names;
use crate::op::{Function, Process};
use crate::values::{Item, ItemSeed, Values};
use raw::{RawLine, key, odd_field, optional_string, reason, string, syntax, whole_number};

/// A longer line is refused.
pub const LINE_BYTES_MAX: u64 = 256 << 20;

/// Reads a journal. Memory grows with the distinct values in it, not with its length.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    file: String,
    buffer: Vec<u8>,
    line: u64,
    entries: u64,
    last: Option<(Index, Time)>,
    header: Option<Header>,
    warnings: Vec<Warning>,
    values: Values,
    /// The keys and nodes so far.
    names: Names,
}

/// Whether a line was used or stood, torn, at the end of the file.
enum Line {
    Entry(Entry),
    Torn,
}

impl<R: BufRead> Reader<R> {
    /// A reader of `input`, which sentences call `file`. A header is read at once, if there is one.
    ///
    /// # Errors
    /// When the header is of an unknown version, or `input` cannot be read.
    pub fn open(input: R, file: &str) -> Result<Self, HistoryError> {
        let mut reader = Self {
            input,
            file: file.to_owned(),
            buffer: Vec::new(),
            line: 0,
            entries: 0,
            last: None,
            header: None,
            warnings: Vec::new(),
            values: Values::default(),
            names: Names::default(),
        };
        if reader.fill()? {
            reader.header = reader.parse_header().map_err(|defect| reader.error(defect))?;
        }
        if reader.header.is_some() {
            reader.buffer.clear();
        }
        Ok(reader)
    }

    /// The next entry, or none at the end.
    ///
    /// # Errors
    /// What is wrong with the line. After an error the reader is at the next line.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, HistoryError> {
        if self.buffer.is_empty() && !self.fill()? {
            return Ok(None);
        }
        let parsed = self.parse_line();
        self.buffer.clear();
        match parsed.map_err(|defect| self.error(defect))? {
            Line::Entry(entry) => Ok(Some(entry)),
            Line::Torn => {
                let text = "the last line is torn; everything before it is used".to_owned();
                self.warnings.push(Warning {
                    file: self.file.clone(),
                    line: self.line,
                    text,
                });
                Ok(None)
            }
        }
    }

    /// The header, if the journal has one.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// What was passed over so far.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The table that the values of the entries refer to.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// Leaves out the arrays of all entries so far, so that memory does not grow with them.
    pub(crate) fn forget_lists(&mut self) {
        self.values.forget_lists();
    }

    /// The header, the warnings and the table, when all is read.
    pub(crate) fn into_parts(self) -> (Option<Header>, Vec<Warning>, Values) {
        (self.header, self.warnings, self.values)
    }

    fn error(&self, defect: Defect) -> HistoryError {
        HistoryError {
            file: self.file.clone(),
            line: Some(self.line),
            defect,
        }
    }

    /// Reads the next line that is not blank; false at the end.
    fn fill(&mut self) -> Result<bool, HistoryError> {
        loop {
            self.buffer.clear();
            self.line += 1;
            let read = self
                .input
                .by_ref()
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut self.buffer);
            let length = read.map_err(|error| self.error(Defect::Unreadable(error.to_string())))?;
            if length == 0 {
                return Ok(false);
            }
            if length as u64 == LINE_BYTES_MAX && self.buffer.last() != Some(&b'\n') {
                return Err(self.error(Defect::LineTooLong(LINE_BYTES_MAX)));
            }
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn parse_header(&self) -> Result<Option<Header>, Defect> {
        let Ok(Value::Object(mut fields)) = serde_json::from_slice(&self.buffer) else {
            return Ok(None);
        };
        match fields.get("format") {
            None => Ok(None),
            Some(version) if *version == FORMAT => Ok(Some(Header {
                seed: fields.get("seed").and_then(Value::as_u64),
                test: fields.remove("test").unwrap_or(Value::Null),
            })),
            Some(version) => Err(Defect::UnknownVersion(version.to_string())),
        }
    }

    fn parse_line(&mut self) -> Result<Line, Defect> {
        let buffer = std::mem::take(&mut self.buffer);
        let text = buffer.trim_ascii();
        let line = match scan::scan(text, &mut self.values) {
            Some(plain) => self.parse_plain(&plain),
            None => self.parse_any(text),
        };
        self.buffer = buffer;
        line
    }

    /// A line as most are.
    fn parse_plain(&mut self, plain: &scan::Plain<'_>) -> Result<Line, Defect> {
        let (index, t) = self.stamp(plain.i, plain.t)?;
        let client = Client {
            process: plain.process,
            edge: plain.edge,
            f: plain.f,
            key: plain.key.map(|key| self.names.shared(key)),
            value: plain.value,
            error: plain.error.map(str::to_owned),
            saw: plain.saw,
            node: plain.node.map(|node| self.names.shared(node).0),
        };
        Ok(Line::Entry(self.entry(index, t, Event::Client(client))))
    }

    /// Any line at all; each thing that may be wrong has its own sentence.
    fn parse_any(&mut self, text: &[u8]) -> Result<Line, Defect> {
        match serde_json::from_slice::<RawLine<'_>>(text) {
            Ok(raw) if text.starts_with(b"{") => self.parse_raw(&raw, text),
            // Serde would take an array for the fields in their order.
            Ok(_) => Err(Defect::Syntax("a line must be a JSON object".to_owned())),
            Err(error) => self.parse_odd(text, &error),
        }
    }

    fn parse_raw(&mut self, raw: &RawLine<'_>, buffer: &[u8]) -> Result<Line, Defect> {
        if raw.format.is_some() && raw.r#type.is_none() {
            return Err(Defect::Syntax(
                "a second header: two journals in one file".to_owned(),
            ));
        }
        if raw.format.is_some() {
            return Err(Defect::UnknownField("format".to_owned()));
        }
        let process = raw.process.ok_or(Defect::MissingField("process"))?;
        if process.get() == "\"nemesis\"" {
            let fields = serde_json::from_slice(buffer).map_err(|error| syntax(&error))?;
            return self.nemesis(fields).map(Line::Entry);
        }
        let (index, t) = self.stamp_text(raw.i.map(RawValue::get), raw.t.map(RawValue::get))?;
        let client = self.client(raw, process)?;
        Ok(Line::Entry(self.entry(index, t, Event::Client(client))))
    }

    /// A line that does not fit: of the nemesis, which may say what it likes; or torn; or wrong.
    fn parse_odd(&mut self, buffer: &[u8], error: &serde_json::Error) -> Result<Line, Defect> {
        match serde_json::from_slice::<Value>(buffer) {
            Ok(Value::Object(fields))
                if fields.get("process").is_some_and(|process| process == "nemesis") =>
            {
                self.nemesis(fields).map(Line::Entry)
            }
            Ok(Value::Object(fields)) => Err(odd_field(&fields, error)),
            Ok(_) => Err(Defect::Syntax("a line must be a JSON object".to_owned())),
            Err(_) if self.is_journal(buffer) && self.at_end()? => Ok(Line::Torn),
            Err(error) => Err(syntax(&error)),
        }
    }

    /// Whether `line` belongs to a journal at all: one before it did, or it begins as one does.
    fn is_journal(&self, line: &[u8]) -> bool {
        self.header.is_some() || self.entries > 0 || line.starts_with(b"{")
    }

    fn at_end(&mut self) -> Result<bool, Defect> {
        let rest = self
            .input
            .fill_buf()
            .map_err(|error| Defect::Unreadable(error.to_string()))?;
        Ok(rest.is_empty())
    }

    fn nemesis(&mut self, fields: Map<String, Value>) -> Result<Entry, Defect> {
        let text = |name: &str| fields.get(name).map(Value::to_string);
        let (index, t) = self.stamp_text(text("i").as_deref(), text("t").as_deref())?;
        let f = fields
            .get("f")
            .and_then(Value::as_str)
            .ok_or(Defect::MissingField("f"))?
            .to_owned();
        Ok(self.entry(index, t, Event::Nemesis(Nemesis { f, fields })))
    }

    fn entry(&mut self, index: Index, t: Time, event: Event) -> Entry {
        self.entries += 1;
        self.last = Some((index, t));
        Entry {
            index,
            t,
            line: self.line,
            event,
        }
    }

    fn stamp_text(&self, i: Option<&str>, t: Option<&str>) -> Result<(Index, Time), Defect> {
        let number = |text: &str, field| text.parse::<u64>().map_err(|_| whole_number(field));
        let i = i.map(|text| number(text, "i")).transpose()?;
        let t = t.ok_or(Defect::MissingField("t"))?;
        self.stamp(i, number(t, "t")?)
    }

    fn stamp(&self, i: Option<u64>, t: u64) -> Result<(Index, Time), Defect> {
        let next = || {
            self.last
                .map_or(self.entries, |(last, _)| last.0.saturating_add(1))
        };
        let (index, t) = (Index(i.unwrap_or_else(next)), Time(t));
        match self.last {
            Some((before, _)) if index <= before => Err(Defect::IndexBackwards { before, after: index }),
            Some((_, before)) if t < before => Err(Defect::Backwards {
                before: before.0,
                after: t.0,
            }),
            _ => Ok((index, t)),
        }
    }

    fn client(&mut self, raw: &RawLine<'_>, process: &RawValue) -> Result<Client, Defect> {
        let edge = string(raw.r#type.ok_or(Defect::MissingField("type"))?, "type")?;
        let f = string(raw.f.ok_or(Defect::MissingField("f"))?, "f")?;
        let process = process.get().parse().map_err(|_| Defect::BadField {
            field: "process",
            expected: "a whole number, or \"nemesis\"",
        })?;
        Ok(Client {
            process: Process(process),
            edge: Edge::named(&edge).ok_or_else(|| Defect::UnknownType(edge.into_owned()))?,
            f: Function::named(&f).ok_or_else(|| Defect::UnknownFunction(f.into_owned()))?,
            key: raw.key.map_or(Ok(None), |raw| key(raw, &mut self.names))?,
            value: raw.value.map_or(Ok(Item::NULL), |value| self.item(value))?,
            error: raw
                .error
                .map_or(Ok(None), |error| optional_string(error, "error"))?,
            saw: raw.saw.map(|saw| self.item(saw)).transpose()?,
            node: raw
                .node
                .map_or(Ok(None), |node| optional_string(node, "node"))?
                .map(|node| self.names.shared(&node).0),
        })
    }

    fn item(&mut self, value: &RawValue) -> Result<Item, Defect> {
        let seed = ItemSeed(&mut self.values);
        seed.deserialize(&mut serde_json::Deserializer::from_str(value.get()))
            .map_err(|error| Defect::Syntax(format!("a value that cannot be used: {}", reason(&error))))
    }
}
