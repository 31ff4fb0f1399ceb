//! The files of Porcupine's test suite.
//!
//! * Logs of Jepsen's etcd test: `INFO  jepsen.util - 2<tab>:invoke<tab>:cas<tab>[4 1]`. One register that starts as nil. A write or
//!   compare-and-set that ended as `:info :timed-out` may take effect at any later time or never; `:fail :cas` was evaluated and did
//!   not match.
//! * Key-value logs: one map of EDN a line, with `get`, `put` and `append` of strings per `:key`. These are read as EDN.

use std::io::{BufRead, Read};

use crate::format::edn::form::{Form, parse_all};
use crate::history::builder::Happening;
use crate::history::{Builder, Clock, Defect, HistoryError, PRECONDITION_FAILED, Parsed, Time, Warning};
use crate::journal::reader::LINE_BYTES_MAX;
use crate::journal::{Edge, Index};
use crate::op::{Function, Process};

/// What stands before an event in a log, and before nearly all.
const MARK: &str = "jepsen.util - ";
const HEAD: &[u8] = b"INFO  jepsen.util - ";

/// Reads the history in `input`, which sentences call `file_name`.
///
/// # Errors
/// The first defect, with its line.
pub fn read(mut input: impl BufRead, file_name: &str) -> Result<Parsed, HistoryError> {
    let error = |line, defect| HistoryError {
        file: file_name.to_owned(),
        line,
        defect,
    };
    let head = input
        .fill_buf()
        .map_err(|problem| error(None, Defect::Unreadable(problem.to_string())))?;
    if head.trim_ascii_start().starts_with(b"{") {
        return super::edn::read(input, file_name);
    }
    let mut builder = Builder::new(Clock::Ranks);
    let mut events = 0;
    let mut others: Option<(u64, u64)> = None;
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let read = input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text);
        let length = read.map_err(|problem| error(Some(number), Defect::Unreadable(problem.to_string())))?;
        if length == 0 {
            break;
        }
        if length as u64 == LINE_BYTES_MAX && text.last() != Some(&b'\n') {
            return Err(error(Some(number), Defect::LineTooLong(LINE_BYTES_MAX)));
        }
        match event(&text) {
            Some(event) => {
                let taken = str::from_utf8(event)
                    .map_err(|_| Defect::Syntax("not UTF-8".to_owned()))
                    .and_then(|event| take(&mut builder, event.trim(), number, events));
                taken.map_err(|defect| error(Some(number), defect))?;
                events += 1;
            }
            None if text.trim_ascii().is_empty() => {}
            None => others = Some(others.map_or((number, 1), |(first, count)| (first, count + 1))),
        }
    }
    if let Some((first, _)) = others.filter(|_| events == 0) {
        let problem =
            "no line is an event such as `INFO  jepsen.util - 0 :invoke :write 3`, this one is the first";
        return Err(error(Some(first), Defect::Syntax(problem.to_owned())));
    }
    let warnings = others.map(|(line, count)| Warning {
        file: file_name.to_owned(),
        line,
        text: format!("passed over {count} lines that are no events, this one first"),
    });
    Ok(Parsed {
        history: builder.finish(),
        warnings: warnings.into_iter().collect(),
        header: None,
    })
}

/// What stands behind the mark, if the line has one.
fn event(line: &[u8]) -> Option<&[u8]> {
    if let Some(event) = line.strip_prefix(HEAD) {
        return Some(event);
    }
    let mut places = line.windows(MARK.len());
    let at = places.position(|place| place == MARK.as_bytes())?;
    Some(&line[at + MARK.len()..])
}

/// The next field of `rest`, up to a blank or the end.
fn field<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (field, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    *rest = after.trim_start();
    (!field.is_empty()).then_some(field)
}

fn take(builder: &mut Builder, event: &str, line: u64, count: u64) -> Result<(), Defect> {
    let mut rest = event;
    let process = field(&mut rest).ok_or(Defect::MissingField("process"))?;
    if process.starts_with(':') {
        return Ok(());
    }
    let bad_process = Defect::BadField {
        field: "process",
        expected: "a whole number or a keyword",
    };
    let process = Process(process.parse().map_err(|_| bad_process)?);
    let edge = keyword(field(&mut rest), "type")?;
    let edge = Edge::named(edge).ok_or_else(|| Defect::UnknownType(edge.to_owned()))?;
    let f = keyword(field(&mut rest), "f")?;
    let f = Function::named(f).ok_or_else(|| Defect::UnknownFunction(f.to_owned()))?;
    let forms = parse_all(if rest.is_empty() { "nil" } else { rest }).map_err(Defect::Syntax)?;
    let [value] = &forms[..] else {
        return Err(Defect::Syntax("an event has one value".to_owned()));
    };
    let item = value.item(builder.values_mut());
    builder.happen(Happening {
        index: Index(count),
        t: Time(count),
        line,
        process,
        edge,
        f,
        key: None,
        value: item,
        error: error(edge, f, value),
        saw: None,
    })
}

fn keyword<'a>(field: Option<&'a str>, name: &'static str) -> Result<&'a str, Defect> {
    let field = field.ok_or(Defect::MissingField(name))?;
    field.strip_prefix(':').ok_or(Defect::BadField {
        field: name,
        expected: "a keyword",
    })
}

/// An event that is not ok has the reason in the place of the value, unless it is a compare-and-set that did not match.
fn error(edge: Edge, f: Function, value: &Form<'_>) -> Option<String> {
    match (edge, f, value) {
        (Edge::Invoke | Edge::Ok, _, _) => None,
        (Edge::Fail | Edge::Info, _, Form::Keyword(reason)) => Some((*reason).to_owned()),
        (Edge::Fail, Function::Cas, _) => Some(PRECONDITION_FAILED.to_owned()),
        (Edge::Fail | Edge::Info, _, _) => None,
    }
}
