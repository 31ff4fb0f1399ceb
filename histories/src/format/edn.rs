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
        let forms = match parse(&text) {
            Ok(forms) => forms,
            Err(_) if texts.is_at_end()? => {
                texts.torn();
                break;
            }
            Err(reason) => return Err(texts.error(Defect::Syntax(reason))),
        };
        for form in &forms {
            let taken = match form {
                Form::Sequence(all) => all.iter().try_for_each(|form| events.take(form, texts.begin)),
                one => events.take(one, texts.begin),
            };
            taken.map_err(|defect| texts.error(defect))?;
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
}

impl Events {
    fn take(&mut self, form: &Form<'_>, line: u64) -> Result<(), Defect> {
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

/// The text of a file, in pieces that hold whole forms.
struct Texts<'a, R> {
    input: R,
    file: &'a str,
    line: u64,
    /// The line on which the text begins.
    begin: u64,
    warnings: Vec<Warning>,
}

impl<'a, R: BufRead> Texts<'a, R> {
    const fn new(input: R, file: &'a str) -> Self {
        Self {
            input,
            file,
            line: 0,
            begin: 0,
            warnings: Vec::new(),
        }
    }

    /// Reads whole lines up to one after which everything that was opened is closed; false at the end.
    fn fill(&mut self, text: &mut Vec<u8>) -> Result<bool, HistoryError> {
        let mut balance = Balance::default();
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
                if !text.is_empty() {
                    self.torn();
                }
                return Ok(false);
            }
            balance.feed(&text[from..]);
            if balance.is_even() {
                return Ok(true);
            }
        }
    }

    fn is_at_end(&mut self) -> Result<bool, HistoryError> {
        let rest = self.input.fill_buf().map(<[u8]>::is_empty);
        rest.map_err(|error| self.error(Defect::Unreadable(error.to_string())))
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

fn parse(text: &[u8]) -> Result<Vec<Form<'_>>, String> {
    str::from_utf8(text)
        .map_err(|_| "not UTF-8".to_owned())
        .and_then(form::parse_all)
}
