//! Jepsen's `history.edn`: one map per event, such as
//! `{:index 0, :type :invoke, :f :append, :value ["k1" "t9"], :process 0, :time 12}`.
//!
//! A value that belongs to a key is a pair `[key value]`, as `jepsen.independent` makes them; events of the nemesis are `:info` at
//! both edges. What Jepsen adds to an event beyond these fields is passed over. A history without `:time` is taken as an order only.
//!
//! A transaction (`:txn`) of a single operation is read as that operation; others are refused. Jepsen's counters `:add` as its sets
//! do: where every read of a history was answered with a whole number, `:add` is read as `inc`, which is written as `:add`.

pub(super) mod event;
pub mod export;
pub(super) mod form;
pub(super) mod line;

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use crate::history::{Builder, Clock, Defect, HistoryError, Parsed, Warning};
use crate::journal::Index;
use crate::journal::reader::LINE_BYTES_MAX;
use crate::op::{Key, Process};
use event::{Place, Raw};
use form::{Balance, Form};

pub use export::{ExportError, export};

/// Reads the history in `input`, which sentences call `file_name`.
///
/// # Errors
/// The first defect, with its line.
pub fn read(input: impl BufRead, file_name: &str) -> Result<Parsed, HistoryError> {
    let mut texts = Texts::new(input, file_name);
    let mut events = Events::default();
    let mut text = Vec::new();
    while texts.fill(&mut text)? {
        let forms = parse(&text).map_err(|reason| texts.error(Defect::Syntax(reason)))?;
        for form in &forms {
            events
                .take(form, texts.begin)
                .map_err(|defect| texts.error(defect))?;
        }
    }
    let mut builder = events.builder.unwrap_or_else(|| Builder::new(Clock::Ranks));
    builder.take_adds_for_increments();
    Ok(Parsed {
        history: builder.finish(),
        warnings: texts.warnings,
        header: None,
    })
}

/// The events so far.
#[derive(Default)]
struct Events {
    /// Whether there are times shows with the first event.
    builder: Option<Builder>,
    /// Which open operations have a key that stands in their value.
    keyed: BTreeMap<Process, Key>,
    count: u64,
    /// The `:index` of the event before, where it has one.
    last: Option<u64>,
}

impl Events {
    fn take(&mut self, form: &Form<'_>, line: u64) -> Result<(), Defect> {
        let Form::Map(fields) = form else {
            return Err(Defect::Syntax("an event must be a map".to_owned()));
        };
        let raw = Raw::of(fields)?;
        if let (Some(before), Some(after)) = (self.last, raw.index)
            && after <= before
        {
            let [before, after] = [before, after].map(Index);
            return Err(Defect::IndexBackwards { before, after });
        }
        self.last = raw.index;
        let clock = if raw.time.is_some() {
            Clock::Nanoseconds
        } else {
            Clock::Ranks
        };
        let builder = self.builder.get_or_insert_with(|| Builder::new(clock));
        let time = match builder.clock() {
            Clock::Nanoseconds => raw.time.ok_or(Defect::MissingField("time"))?,
            Clock::Ranks => self.count,
        };
        let place = Place {
            index: raw.index.unwrap_or(self.count),
            time,
            line,
        };
        self.count += 1;
        raw.enter(builder, &mut self.keyed, place)
    }
}

/// The text of a file, in pieces that hold whole events.
struct Texts<'a, R> {
    input: R,
    file: &'a str,
    line: u64,
    /// The line on which the text begins.
    begin: u64,
    balance: Balance,
    warnings: Vec<Warning>,
}

impl<'a, R: BufRead> Texts<'a, R> {
    fn new(input: R, file: &'a str) -> Self {
        Self {
            input,
            file,
            line: 0,
            begin: 0,
            balance: Balance::default(),
            warnings: Vec::new(),
        }
    }

    /// Reads whole lines up to one after which every event that began has ended; false at the end.
    fn fill(&mut self, text: &mut Vec<u8>) -> Result<bool, HistoryError> {
        text.clear();
        self.begin = self.line + 1;
        loop {
            self.line += 1;
            let from = text.len();
            let room = LINE_BYTES_MAX.saturating_sub(from as u64);
            let read = self.input.by_ref().take(room).read_until(b'\n', text);
            if room == 0 {
                return Err(self.error(Defect::LineTooLong(LINE_BYTES_MAX)));
            }
            if read.map_err(|error| self.error(Defect::Unreadable(error.to_string())))? == 0 {
                return self.end(text).map(|()| false);
            }
            self.balance.feed(&mut text[from..]);
            if self.balance.is_even() {
                return Ok(true);
            }
        }
    }

    /// The file has ended, with an event of which `text` is the beginning, if it is not empty.
    fn end(&mut self, text: &[u8]) -> Result<(), HistoryError> {
        // Where whole events follow, it is not the end of the file that is missing.
        let mut after = text.split(|&byte| byte == b'\n').skip(1);
        if after.any(is_event) {
            return Err(self.error(Defect::Syntax("the event does not end".to_owned())));
        }
        let is_history = self.begin > 1 || text.trim_ascii_start().starts_with(b"{");
        if !text.is_empty() && !is_history {
            return Err(self.error(Defect::Syntax("an event must be a map".to_owned())));
        }
        if !text.is_empty() || self.balance.is_inside() {
            self.torn();
        }
        Ok(())
    }

    fn torn(&mut self) {
        let text = "the last event is torn; everything before it is used".to_owned();
        self.warnings.push(Warning {
            file: self.file.to_owned(),
            line: self.begin,
            text,
        });
    }

    fn error(&self, defect: Defect) -> HistoryError {
        HistoryError {
            file: self.file.to_owned(),
            line: Some(self.begin),
            defect,
        }
    }
}

/// Whether `line` is an event by itself.
fn is_event(line: &[u8]) -> bool {
    let forms = parse(line).unwrap_or_default();
    matches!(&forms[..], [Form::Map(fields)] if Raw::of(fields).is_ok_and(|raw| raw.is_event()))
}

fn parse(text: &[u8]) -> Result<Vec<Form<'_>>, String> {
    str::from_utf8(text)
        .map_err(|_| "not UTF-8".to_owned())
        .and_then(form::parse_all)
}
