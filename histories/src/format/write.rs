//! Histories as files again, in any of the forms.
//!
//! The events of a history are in the order of time; of equal times what was asked earlier ends first, and what is asked comes before its
//! own end. Read again, the history is the same but for the numbers of the lines. What the nemesis did is left out.

use std::io::{self, BufWriter, Write};

use serde_json::Value;

use super::Format;
use super::edn::line::{ClientLine, put, put_json, put_text};
use crate::history::{Clock, Ending, History, Operation, OperationId, PRECONDITION_FAILED, Time};
use crate::journal::{Edge, Journal};
use crate::op::{Completion, Function, Invocation, Key, Outcome};

/// Writes `history` in the given form; [`Format::Auto`] is the journal's.
///
/// # Errors
/// What `out` answers, or that the form cannot hold such a history ([`Format::can_hold`]).
pub fn write(out: impl Write, history: &History, format: Format) -> io::Result<()> {
    format
        .can_hold(history)
        .map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))?;
    let out = BufWriter::with_capacity(BUFFER_BYTES, out);
    match format {
        Format::Auto | Format::Jsonl => write_journal(out, history),
        Format::Edn => write_lines(out, history, put_edn),
        Format::Porcupine if is_about_strings(history) => write_lines(out, history, put_string),
        Format::Porcupine => write_lines(out, history, put_log),
    }
}

/// What a form cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log of Porcupine's is about one register, or about strings")]
pub struct CannotHold;

impl Format {
    /// Whether `history` can be written in this form.
    ///
    /// # Errors
    /// A log of Porcupine's is about one register, or about strings.
    pub fn can_hold(self, history: &History) -> Result<(), CannotHold> {
        let is_register = |operation: Operation<'_>| {
            matches!(operation.f, Function::Read | Function::Write | Function::Cas)
        };
        let fits = match self {
            Self::Auto | Self::Jsonl | Self::Edn => true,
            Self::Porcupine => {
                is_about_strings(history)
                    || (history.key_count() <= 1 && history.operations().iter().all(is_register))
            }
        };
        if fits { Ok(()) } else { Err(CannotHold) }
    }
}

fn is_about_strings(history: &History) -> bool {
    let is_string =
        |operation: Operation<'_>| matches!(operation.f, Function::Get | Function::Put | Function::Append);
    history.operations().iter().all(is_string)
}

/// How much is written at once, in bytes.
const BUFFER_BYTES: usize = 1 << 18;

/// An edge of an operation.
struct Event<'a> {
    history: &'a History,
    index: u64,
    time: Time,
    edge: Edge,
    operation: Operation<'a>,
}

/// Where an edge stands: by time; what began before that time ends first; then by the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    time: Time,
    rank: Rank,
    id: OperationId,
    side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    EndOfOlder,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Call,
    End,
}

fn events(history: &History) -> impl Iterator<Item = Event<'_>> {
    let mut places = Vec::with_capacity(history.operations().len() * 2);
    for (id, operation) in (0..).map(OperationId).zip(history.operations()) {
        let call = Place {
            time: operation.call,
            rank: Rank::Other,
            id,
            side: Side::Call,
        };
        places.push(call);
        places.extend(operation.completed.map(|time| Place {
            time,
            rank: if operation.call < time {
                Rank::EndOfOlder
            } else {
                Rank::Other
            },
            id,
            side: Side::End,
        }));
    }
    places.sort_unstable();
    (0..).zip(places).map(move |(index, place)| {
        let operation = history.operation(place.id);
        let edge = match (place.side, operation.ending) {
            (Side::Call, _) => Edge::Invoke,
            (Side::End, Ending::Ok(_)) => Edge::Ok,
            (Side::End, Ending::Fail { .. }) => Edge::Fail,
            (Side::End, Ending::Info { .. } | Ending::Unfinished) => Edge::Info,
        };
        Event {
            history,
            index,
            time: place.time,
            edge,
            operation,
        }
    })
}

impl Event<'_> {
    /// The argument, or in an `ok` the answer.
    fn value(&self) -> Value {
        let answer = self.operation.answer().filter(|_| self.edge == Edge::Ok);
        self.history
            .values()
            .json(answer.unwrap_or(&self.operation.value))
    }

    fn error(&self) -> Option<&str> {
        match self.operation.ending {
            Ending::Fail { error, .. } | Ending::Info { error }
                if self.edge != Edge::Invoke && !error.is_empty() =>
            {
                Some(error)
            }
            Ending::Ok(_) | Ending::Fail { .. } | Ending::Info { .. } | Ending::Unfinished => None,
        }
    }

    fn saw(&self) -> Option<Value> {
        match self.operation.ending {
            Ending::Fail { saw, .. } => saw.map(|saw| self.history.values().json(saw)),
            Ending::Ok(_) | Ending::Info { .. } | Ending::Unfinished => None,
        }
    }

    fn outcome(&self) -> Outcome {
        let error = self.error().unwrap_or_default().to_owned();
        match self.edge {
            Edge::Ok | Edge::Invoke => Outcome::Ok(self.value()),
            Edge::Fail => Outcome::Fail {
                error,
                saw: self.saw(),
            },
            Edge::Info => Outcome::Info { error },
        }
    }
}

fn write_journal(out: impl Write, history: &History) -> io::Result<()> {
    let mut journal = Journal::create(out, 0, &Value::Null)?;
    for event in events(history) {
        let operation = &event.operation;
        let invocation = Invocation {
            process: operation.process,
            f: operation.f,
            key: operation.key.cloned().unwrap_or_else(|| Key::from("")),
            value: history.values().json(operation.value),
        };
        let completion = Completion {
            process: operation.process,
            outcome: event.outcome(),
        };
        match event.edge {
            Edge::Invoke => journal.invoke(event.time.0, &invocation, None)?,
            Edge::Ok | Edge::Fail | Edge::Info => journal.complete(event.time.0, &invocation, &completion)?,
        };
    }
    journal.flush()
}

fn write_lines(
    mut out: impl Write,
    history: &History,
    put_event: fn(&mut String, &Event<'_>),
) -> io::Result<()> {
    let mut line = String::new();
    for event in events(history) {
        line.clear();
        put_event(&mut line, &event);
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    out.flush()
}

fn put_edn(line: &mut String, event: &Event<'_>) {
    let time = match event.history.clock() {
        Clock::Nanoseconds => Some(event.time.0),
        Clock::Ranks => None,
    };
    let client = ClientLine {
        index: event.index,
        time,
        edge: event.edge,
        process: event.operation.process,
        f: event.operation.f,
        key: event.operation.key.map(|key| &*key.0),
        value: event.value(),
        error: event.error(),
        saw: event.saw().filter(|_| event.edge == Edge::Fail),
        node: None,
    };
    client.put(line);
}

/// An event of a key-value log.
fn put_string(line: &mut String, event: &Event<'_>) {
    let (process, edge, f) = (event.operation.process, event.edge.name(), event.operation.f);
    put(line, format_args!("{{:process {process}, :type :{edge}, :f :{f}"));
    if let Some(key) = event.operation.key {
        line.push_str(", :key ");
        put_text(line, &key.0);
    }
    line.push_str(", :value ");
    put_json(line, &event.value());
    line.push('}');
}

/// An event of the log of a register; a compare-and-set that did not match has its argument, and everything else that is not ok a reason.
fn put_log(line: &mut String, event: &Event<'_>) {
    let (process, edge, f) = (event.operation.process, event.edge.name(), event.operation.f);
    put(
        line,
        format_args!("INFO  jepsen.util - {process}\t:{edge}\t:{f}\t"),
    );
    match (event.edge, event.error()) {
        (Edge::Invoke | Edge::Ok, _) | (Edge::Fail, Some(PRECONDITION_FAILED)) => {
            put_json(line, &event.value())
        }
        (Edge::Fail, _) => line.push_str(":refused"),
        (Edge::Info, _) => line.push_str(":timed-out"),
    }
}
