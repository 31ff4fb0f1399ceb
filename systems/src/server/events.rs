//! The event log: what a node says of itself, one JSON object per line, for another process to follow while it grows.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::node_id::NodeId;
use crate::replica::Incarnation;
use crate::time::Time;

/// One line of an event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLine<E> {
    /// When, in nanoseconds of the machine's monotonic clock (`CLOCK_MONOTONIC`), which is the same for all nodes on one machine.
    pub t: u64,
    /// When, in nanoseconds since the epoch by the node's wall clock.
    pub wall: u64,
    /// Which node.
    pub node: NodeId,
    /// In which of its lives.
    pub incarnation: Incarnation,
    /// What.
    pub event: E,
}

/// An event log that is written. It is for those who watch, so it is never synced: the node keeps no promise with it.
#[derive(Debug)]
pub(super) struct EventLog {
    file: File,
    path: PathBuf,
    node: NodeId,
    incarnation: Incarnation,
    staged: Vec<u8>,
}

impl EventLog {
    /// Opens the log to append to it. A line that an earlier life left unfinished is ended, so that it spoils no other.
    pub(super) fn open(path: &Path, node: NodeId, incarnation: Incarnation) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let staged = if ends_in_newline(&mut file)? {
            Vec::new()
        } else {
            vec![b'\n']
        };
        Ok(Self {
            file,
            path: path.to_owned(),
            node,
            incarnation,
            staged,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes `event`, to be written by the next [`EventLog::flush`].
    pub(super) fn stage(&mut self, now: Time, wall: u64, event: &impl Serialize) {
        let (node, incarnation) = (self.node, self.incarnation);
        let before = self.staged.len();
        let line = EventLine {
            t: now.as_nanos(),
            wall,
            node,
            incarnation,
            event,
        };
        match serde_json::to_writer(&mut self.staged, &line) {
            Ok(()) => self.staged.push(b'\n'),
            Err(error) => {
                warn!(%error, "lost an event that has no form in JSON");
                self.staged.truncate(before);
            }
        }
    }

    /// Notes a line that is said in words of its own.
    pub(super) fn stage_words(&mut self, line: &impl fmt::Display) {
        writeln!(self.staged, "{line}").expect("memory takes everything");
    }

    /// Writes what was noted, with one write.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.staged.is_empty() {
            self.file.write_all(&self.staged)?;
            self.staged.clear();
        }
        Ok(())
    }
}

fn ends_in_newline(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{EventLine, EventLog};
    use crate::node_id::NodeId;
    use crate::replica::Incarnation;
    use crate::time::Time;

    #[test]
    fn lines_of_two_lives_stand_in_one_file_even_when_the_first_was_torn() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.jsonl");
        for life in 1..=2 {
            let mut log = EventLog::open(&path, NodeId::replica(1), Incarnation(life)).unwrap();
            log.stage(Time::from_nanos(7), 9, &("became", life));
            log.flush().unwrap();
            fs::write(&path, [fs::read(&path).unwrap(), b"{\"t\":1".to_vec()].concat()).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text
            .lines()
            .map(serde_json::from_str::<EventLine<(String, u64)>>)
            .collect();
        assert_eq!(lines.len(), 4);
        for (line, life) in [(&lines[0], 1), (&lines[2], 2)] {
            let event = ("became".to_owned(), life);
            let (node, incarnation) = (NodeId::replica(1), Incarnation(life));
            assert_eq!(
                line.as_ref().unwrap(),
                &EventLine {
                    t: 7,
                    wall: 9,
                    node,
                    incarnation,
                    event
                }
            );
        }
        assert!(text.starts_with(
            "{\"t\":7,\"wall\":9,\"node\":\"n1\",\"incarnation\":1,\"event\":[\"became\",1]}\n"
        ));
    }
}
