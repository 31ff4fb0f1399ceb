//! Jepsen's `history.edn`: one map per event, such as
//! `{:index 0, :type :invoke, :f :append, :value ["k1" "t9"], :process 0, :time 12}`.
//!
//! A value that belongs to a key is a pair `[key value]`, as `jepsen.independent` makes them; events of the nemesis are `:info` at
//! both edges. What Jepsen adds to an event beyond these fields is passed over. A history without `:time` is taken as an order only.
//! Transactions are not read.

pub(super) mod event;
pub mod export;
pub(super) mod form;

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use crate::history::{Builder, Clock, Defect, HistoryError, Parsed, Warning};
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
    let mut forms = Forms::new(input, file_name);
    let mut events = Events::default();
    while let Some((line, form)) = forms.next_form()? {
        let defect = |defect| HistoryError {
            file: file_name.to_owned(),
            line: Some(line),
            defect,
        };
        match form {
            Form::Sequence(all) => {
                all.iter()
                    .try_for_each(|form| events.take(form, line))
                    .map_err(defect)?;
            }
            one => events.take(&one, line).map_err(defect)?,
        }
    }
    let history = events
        .builder
        .unwrap_or_else(|| Builder::new(Clock::Ranks))
        .finish();
    Ok(Parsed {
        history,
        warnings: forms.warnings,
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
}

impl Events {
    fn take(&mut self, form: &Form, line: u64) -> Result<(), Defect> {
        let Form::Map(fields) = form else {
            return Err(Defect::Syntax("an event must be a map".to_owned()));
        };
        let raw = Raw::of(fields)?;
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

/// The forms of a file, each with the line on which it begins.
struct Forms<'a, R> {
    input: R,
    file: &'a str,
    line: u64,
    ready: std::vec::IntoIter<Form>,
    begin: u64,
    warnings: Vec<Warning>,
}

impl<'a, R: BufRead> Forms<'a, R> {
    fn new(input: R, file: &'a str) -> Self {
        Self {
            input,
            file,
            line: 0,
            ready: Vec::new().into_iter(),
            begin: 0,
            warnings: Vec::new(),
        }
    }

    fn next_form(&mut self) -> Result<Option<(u64, Form)>, HistoryError> {
        loop {
            if let Some(form) = self.ready.next() {
                return Ok(Some((self.begin, form)));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads whole lines up to one after which everything that was opened is closed; false at the end.
    fn fill(&mut self) -> Result<bool, HistoryError> {
        let mut text = Vec::new();
        let mut balance = Balance::default();
        self.begin = self.line + 1;
        loop {
            self.line += 1;
            let from = text.len();
            let room = LINE_BYTES_MAX.saturating_sub(from as u64);
            let read = self.input.by_ref().take(room).read_until(b'\n', &mut text);
            if room == 0 {
                return Err(self.error(Defect::LineTooLong(LINE_BYTES_MAX)));
            }
            if read.map_err(|error| self.error(Defect::Unreadable(error.to_string())))? == 0 {
                return if text.is_empty() { Ok(false) } else { self.torn() };
            }
            balance.feed(&text[from..]);
            if balance.is_even() {
                return self.parse(&text);
            }
        }
    }

    fn parse(&mut self, text: &[u8]) -> Result<bool, HistoryError> {
        let parsed = str::from_utf8(text)
            .map_err(|_| "not UTF-8".to_owned())
            .and_then(form::parse_all);
        match parsed {
            Ok(forms) => {
                self.ready = forms.into_iter();
                Ok(true)
            }
            Err(_) if self.is_at_end()? => self.torn(),
            Err(reason) => Err(self.error(Defect::Syntax(reason))),
        }
    }

    fn is_at_end(&mut self) -> Result<bool, HistoryError> {
        let rest = self.input.fill_buf().map(<[u8]>::is_empty);
        rest.map_err(|error| self.error(Defect::Unreadable(error.to_string())))
    }

    fn torn(&mut self) -> Result<bool, HistoryError> {
        let text = "the last event is torn; everything before it is used".to_owned();
        self.warnings.push(Warning {
            file: self.file.to_owned(),
            line: self.begin,
            text,
        });
        Ok(false)
    }

    fn error(&self, defect: Defect) -> HistoryError {
        HistoryError {
            file: self.file.to_owned(),
            line: Some(self.begin),
            defect,
        }
    }
}
