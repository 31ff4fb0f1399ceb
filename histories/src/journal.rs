//! The append-only, crash-safe record of a run: versioned JSON lines, readable after a crash up to the last whole line.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::op::{Completion, Invocation, Outcome};

/// The version of the journal's form, in its header.
pub const FORMAT: u32 = 1;

/// Where a line stands in the journal; the `i` of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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

/// Writes a journal. Every line is whole before the next begins; [`Journal::flush`] hands them to the operating system.
#[derive(Debug)]
pub struct Journal<W: Write> {
    out: W,
    next: u64,
}

impl<W: Write> Journal<W> {
    /// A journal on `out`, headed by the run's `seed` and a description of the `test`.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn create(mut out: W, seed: u64, test: &Value) -> io::Result<Self> {
        write_line(&mut out, &json!({"format": FORMAT, "seed": seed, "test": test}))?;
        Ok(Self { out, next: 0 })
    }

    /// Records that `invocation` was made at `t_ns` nanoseconds since the start of the run, through the client of `node`.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn invoke(&mut self, t_ns: u64, invocation: &Invocation, node: Option<&str>) -> io::Result<Index> {
        let Invocation { process, f, key, value } = invocation;
        self.append(json!({"t": t_ns, "type": "invoke", "process": process, "f": f, "key": key, "value": value,
                           "error": null, "node": node}))
    }

    /// Records what came of `invocation` at `t_ns`.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn complete(&mut self, t_ns: u64, invocation: &Invocation, completion: &Completion) -> io::Result<Index> {
        let Invocation { process, f, key, value } = invocation;
        let line = match &completion.outcome {
            Outcome::Ok(answer) => {
                json!({"t": t_ns, "type": "ok", "process": process, "f": f, "key": key, "value": answer, "error": null})
            }
            Outcome::Fail { error, saw: None } => {
                json!({"t": t_ns, "type": "fail", "process": process, "f": f, "key": key, "value": value, "error": error})
            }
            Outcome::Fail { error, saw: Some(saw) } => {
                json!({"t": t_ns, "type": "fail", "process": process, "f": f, "key": key, "value": value, "error": error,
                       "saw": saw})
            }
            Outcome::Info { error } => {
                json!({"t": t_ns, "type": "info", "process": process, "f": f, "key": key, "value": value, "error": error})
            }
        };
        self.append(line)
    }

    /// Records an edge of a fault at `t_ns`.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn fault(&mut self, t_ns: u64, edge: &FaultEdge) -> io::Result<Index> {
        let FaultEdge { fault, name, phase, value, verified } = edge;
        self.append(json!({"t": t_ns, "type": "info", "process": "nemesis", "f": name, "fault": fault, "phase": phase,
                           "value": value, "verified": verified}))
    }

    /// Hands everything recorded so far to the operating system; it then survives any death of this process.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn append(&mut self, mut line: Value) -> io::Result<Index> {
        let index = Index(self.next);
        if let Value::Object(fields) = &mut line {
            fields.shift_insert(0, "i".to_owned(), json!(index));
        }
        write_line(&mut self.out, &line)?;
        self.next += 1;
        Ok(index)
    }
}

fn write_line(out: &mut impl Write, line: &Value) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
