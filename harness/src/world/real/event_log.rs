//! Reads a node's event log as it grows.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// A reader of one growing file of lines.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: Option<File>,
    partial: Vec<u8>,
}

impl EventLog {
    /// A reader of the file at `path`, which need not exist yet.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            partial: Vec::new(),
        }
    }

    /// The whole lines that have come since the last call.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn fresh_lines(&mut self) -> io::Result<Vec<String>> {
        if self.file.is_none() {
            self.file = match File::open(&self.path) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
        }
        if let Some(file) = &mut self.file {
            file.read_to_end(&mut self.partial)?;
        }
        let Some(end) = self.partial.iter().rposition(|&byte| byte == b'\n') else {
            return Ok(Vec::new());
        };
        let rest = self.partial.split_off(end + 1);
        let whole = std::mem::replace(&mut self.partial, rest);
        Ok(String::from_utf8_lossy(&whole)
            .lines()
            .map(str::to_owned)
            .collect())
    }
}
