//! The forms in which histories come: our own journal, Jepsen's EDN, and the files of Porcupine's test suite.

pub mod certificate;
pub mod edn;
pub mod porcupine;
mod write;

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::str::FromStr;

use crate::history::{Defect, History, HistoryError, Parsed};

pub use write::{CannotHold, write};

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Found out from the first characters.
    Auto,
    /// The journal's JSON lines.
    Jsonl,
    /// Jepsen's `history.edn`.
    Edn,
    /// A log of Jepsen's etcd test or a key-value log, as Porcupine's tests have them.
    Porcupine,
}

/// A name that no form has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{0}`; known are {known}", known = Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat(pub String);

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Jsonl, Self::Edn, Self::Porcupine];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Jsonl => "jsonl",
            Self::Edn => "edn",
            Self::Porcupine => "porcupine",
        }
    }

    /// The form of a file that begins with `head`.
    fn of(head: &[u8]) -> Self {
        let head = head.trim_ascii_start();
        let inner = head.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
        match (head.first(), inner.and_then(|inner| inner.first())) {
            (Some(b'{'), Some(b':')) | (Some(b'[' | b'(' | b'#' | b';'), _) => Self::Edn,
            (Some(b'I'), _) => Self::Porcupine,
            _ => Self::Jsonl,
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Reads the history in the file at `path`.
///
/// # Errors
/// The first defect, with its line.
pub fn read_file(path: &Path, format: Format) -> Result<Parsed, HistoryError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
    read(BufReader::with_capacity(BUFFER_BYTES, file), &name, format)
}

/// Reads the history in `input`, which sentences call `file_name`.
///
/// # Errors
/// The first defect, with its line.
pub fn read(mut input: impl BufRead, file_name: &str, format: Format) -> Result<Parsed, HistoryError> {
    skip_byte_order_mark(&mut input).map_err(|error| unreadable(file_name, &error))?;
    let head = input.fill_buf().map_err(|error| unreadable(file_name, &error))?;
    let format = match format {
        Format::Auto => Format::of(head),
        other => other,
    };
    match format {
        Format::Auto | Format::Jsonl => History::parse(input, file_name),
        Format::Edn => edn::read(input, file_name),
        Format::Porcupine => porcupine::read(input, file_name),
    }
}

/// Goes past the mark that may stand before the text.
fn skip_byte_order_mark(input: &mut impl BufRead) -> std::io::Result<()> {
    if input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        input.consume(BYTE_ORDER_MARK.len());
    }
    Ok(())
}

/// What some editors put before UTF-8; it is no part of the text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How much is read at once, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

fn unreadable(name: &str, error: &std::io::Error) -> HistoryError {
    HistoryError {
        file: name.to_owned(),
        line: None,
        defect: Defect::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_shows_in_the_first_characters() {
        let form = |head: &str| Format::of(head.as_bytes());
        assert_eq!(form("{\"format\":1}"), Format::Jsonl);
        assert_eq!(form("\n { \"i\":0"), Format::Jsonl);
        assert_eq!(form("{:index 0"), Format::Edn);
        assert_eq!(form("[{:index 0"), Format::Edn);
        assert_eq!(form("#jepsen.history.Op{:index 0"), Format::Edn);
        assert_eq!(form("INFO  jepsen.util - 0\t:invoke"), Format::Porcupine);
        assert_eq!(form(""), Format::Jsonl);
    }

    #[test]
    fn every_format_is_found_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        let error = "jsonlines".parse::<Format>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown format `jsonlines`; known are auto, jsonl, edn, porcupine"
        );
    }
}
