//! Writes a journal as Jepsen's `history.edn`, line by line.

use std::io::{self, BufRead, Write};

use super::line::{ClientLine, put_nemesis};
use crate::format::skip_byte_order_mark;
use crate::history::{HistoryError, Warning};
use crate::journal::{Entry, Event, Reader};
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
    mut input: impl BufRead,
    file_name: &str,
    mut out: impl Write,
) -> Result<Vec<Warning>, ExportError> {
    skip_byte_order_mark(&mut input)?;
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
    let json = |item| values.json(values.datum(item));
    match &entry.event {
        Event::Nemesis(nemesis) => put_nemesis(line, entry.index.0, entry.t.0, nemesis),
        Event::Client(client) => ClientLine {
            index: entry.index.0,
            time: Some(entry.t.0),
            edge: client.edge,
            process: client.process,
            f: client.f,
            key: client.key.as_ref().map(|key| &*key.0),
            value: json(client.value),
            error: client.error.as_deref(),
            saw: client.saw.map(json),
            node: client.node.as_deref(),
        }
        .put(line),
    }
}
