//! The append-only, crash-safe record of a run: versioned JSON lines, readable after a crash up to the last whole line.
//!
//! [`Journal`] writes it, [`Reader`] reads it back line by line. The form is described in `docs/files.md`.

pub mod entry;
pub mod reader;

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::op::{Completion, Function, Invocation, Key, Outcome, Process};

pub use entry::{Client, Edge, Entry, Event, Header, Nemesis};
pub use reader::Reader;

/// The version of the journal's form, in its header.
pub const FORMAT: u32 = 1;

/// Where a line stands in the journal; the `i` of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Index(pub u64);

/// One of the two edges of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The fault is being injected, and now holds.
    Begin,
    /// The fault has been healed.
    End,
}

/// An edge of a fault as the journal keeps it; what it means is not this crate's business.
#[derive(Debug, Clone)]
pub struct FaultEdge {
    /// The number of the fault in its schedule.
    pub fault: u64,
    /// The event's name: `start-partition`, `stop-partition`, `pause`, `resume`, `kill`, `start`.
    pub name: String,
    /// Which edge.
    pub phase: Phase,
    /// The nodes and links meant.
    pub value: Value,
    /// Whether it was seen to hold, where that is known already.
    pub verified: Option<bool>,
}

/// Writes a journal. Every line is handed on whole; [`Journal::flush`] hands them to the operating system.
///
/// Wrap a file in a [`std::io::BufWriter`]: each line is one `write`.
#[derive(Debug)]
pub struct Journal<W: Write> {
    out: W,
    next: u64,
    line: Vec<u8>,
}

/// A client's line, in the order of its fields in the file.
#[derive(Serialize)]
struct ClientLine<'a> {
    i: Index,
    t: u64,
    r#type: &'static str,
    process: Process,
    f: Function,
    /// None where the history is about a single object, whose key is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a Key>,
    value: &'a Value,
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saw: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
}

/// An edge of a fault, in the order of its fields in the file.
#[derive(Serialize)]
struct FaultLine<'a> {
    i: Index,
    t: u64,
    r#type: &'static str,
    process: &'static str,
    f: &'a str,
    fault: u64,
    phase: Phase,
    value: &'a Value,
    verified: Option<bool>,
}

impl<W: Write> Journal<W> {
    /// A journal on `out`, headed by the run's `seed` and a description of the `test`.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn create(out: W, seed: u64, test: &Value) -> io::Result<Self> {
        let mut journal = Self {
            out,
            next: 0,
            line: Vec::new(),
        };
        journal.write_line(&json!({"format": FORMAT, "seed": seed, "test": test}))?;
        Ok(journal)
    }

    /// Records that `invocation` was made at `t_ns` nanoseconds since the start of the run, through the client of `node`.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn invoke(&mut self, t_ns: u64, invocation: &Invocation, node: Option<&str>) -> io::Result<Index> {
        let line = ClientLine {
            node,
            ..self.client_line(t_ns, invocation)
        };
        self.append(&line)
    }

    /// Records what came of `invocation` at `t_ns`.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn complete(
        &mut self,
        t_ns: u64,
        invocation: &Invocation,
        completion: &Completion,
    ) -> io::Result<Index> {
        let line = self.client_line(t_ns, invocation);
        let line = match &completion.outcome {
            Outcome::Ok(answer) => ClientLine {
                r#type: "ok",
                value: answer,
                ..line
            },
            Outcome::Fail { error, saw } => ClientLine {
                r#type: "fail",
                error: Some(error),
                saw: saw.as_ref(),
                ..line
            },
            Outcome::Info { error } => ClientLine {
                r#type: "info",
                error: Some(error),
                ..line
            },
        };
        self.append(&line)
    }

    /// Records an edge of a fault at `t_ns`.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn fault(&mut self, t_ns: u64, edge: &FaultEdge) -> io::Result<Index> {
        let FaultEdge {
            fault,
            name,
            phase,
            value,
            verified,
        } = edge;
        self.append(&FaultLine {
            i: Index(self.next),
            t: t_ns,
            r#type: "info",
            process: "nemesis",
            f: name,
            fault: *fault,
            phase: *phase,
            value,
            verified: *verified,
        })
    }

    /// Hands everything recorded so far to the operating system; it then survives any death of this process.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn client_line<'a>(&self, t_ns: u64, invocation: &'a Invocation) -> ClientLine<'a> {
        let Invocation {
            process,
            f,
            key,
            value,
        } = invocation;
        ClientLine {
            i: Index(self.next),
            t: t_ns,
            r#type: "invoke",
            process: *process,
            f: *f,
            key: Some(key).filter(|key| !key.0.is_empty()),
            value,
            error: None,
            saw: None,
            node: None,
        }
    }

    fn append(&mut self, line: &impl Serialize) -> io::Result<Index> {
        self.write_line(line)?;
        let index = Index(self.next);
        self.next += 1;
        Ok(index)
    }

    fn write_line(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}
