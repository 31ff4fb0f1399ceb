//! Reading a log back, and telling a torn tail from damage.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use tracing::warn;

use super::{LOG_MAGIC, LOG_VERSION, LogError, RECORD_PREFIX, io_error};
use crate::codec::{self, CodecError, FRAME_HEADER_LENGTH, FRAME_PAYLOAD_MAX, Parsed, Position};
use crate::node_id::NodeId;

/// The longest a frame can be.
const FRAME_LENGTH_MAX: usize = FRAME_HEADER_LENGTH + FRAME_PAYLOAD_MAX;

/// A record that was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Entry {
    /// Where its frame begins.
    pub(in crate::server) position: Position,
    /// Its bytes.
    pub(in crate::server) record: Vec<u8>,
}

/// Reads a log from its beginning to its end.
pub(super) struct Scan<'a> {
    file: BufReader<&'a File>,
    path: &'a Path,
    /// Where the next frame begins.
    pub(super) position: Position,
    length: u64,
}

/// What stands at a place of a log.
enum Found {
    Payload(Vec<u8>),
    End,
    Torn(String),
}

impl<'a> Scan<'a> {
    pub(super) fn begin(file: &'a File, path: &'a Path) -> Result<Self, LogError> {
        let length = file.metadata().map_err(io_error("look at", path))?.len();
        Ok(Self {
            file: BufReader::new(file),
            path,
            position: Position(0),
            length,
        })
    }

    /// Reads the first frame.
    pub(super) fn check_owner(&mut self, node: NodeId) -> Result<(), LogError> {
        let not_a_log = |why: &str| LogError::NotALog {
            path: self.path.to_owned(),
            why: why.to_owned(),
        };
        let Found::Payload(payload) = self.next()? else {
            return Err(not_a_log("it has no header"));
        };
        let rest = payload
            .strip_prefix(&LOG_MAGIC)
            .ok_or_else(|| not_a_log("its header is of something else"))?;
        let (version, rest) = rest
            .split_first_chunk()
            .ok_or_else(|| not_a_log("its header has no version"))?;
        let version = u16::from_le_bytes(*version);
        if version != LOG_VERSION {
            let why = format!("it is of version {version}, and this program knows version {LOG_VERSION}");
            return Err(not_a_log(&why));
        }
        let owner = codec::decode(rest).map_err(|error| not_a_log(&error.to_string()))?;
        if owner != node {
            return Err(LogError::OtherNode {
                path: self.path.to_owned(),
                owner,
            });
        }
        Ok(())
    }

    /// Reads all records that follow, and cuts a torn tail off.
    pub(super) fn entries(&mut self) -> Result<Vec<Entry>, LogError> {
        let mut entries = Vec::new();
        loop {
            let position = self.position;
            match self.next()? {
                Found::Payload(payload) => self.split(&payload, position, &mut entries)?,
                Found::End => return Ok(entries),
                Found::Torn(why) => {
                    self.cut(&why)?;
                    return Ok(entries);
                }
            }
        }
    }

    fn split(&self, payload: &[u8], position: Position, entries: &mut Vec<Entry>) -> Result<(), LogError> {
        let mut rest = payload;
        while let Some((prefix, tail)) = rest.split_first_chunk::<RECORD_PREFIX>() {
            let length = u32::from_le_bytes(*prefix) as usize;
            let Some((record, tail)) = tail.split_at_checked(length) else {
                break;
            };
            entries.push(Entry {
                position,
                record: record.to_vec(),
            });
            rest = tail;
        }
        if rest.is_empty() {
            return Ok(());
        }
        Err(self.damaged(position, "its records do not fill their frame".to_owned()))
    }

    /// Reads the frame at the current position and moves behind it.
    fn next(&mut self) -> Result<Found, LogError> {
        let remaining = self.length - self.position.0;
        let mut frame = Vec::new();
        loop {
            match codec::parse(&frame, self.position, FRAME_PAYLOAD_MAX) {
                Ok(Parsed::Whole(payload)) => {
                    self.position.0 += payload.end as u64;
                    return Ok(Found::Payload(frame.split_off(payload.start)));
                }
                Ok(Parsed::Partial(_)) if remaining == 0 => return Ok(Found::End),
                Ok(Parsed::Partial(length)) if remaining < length as u64 => {
                    return Ok(Found::Torn(format!("{remaining} bytes of a frame of {length}")));
                }
                Ok(Parsed::Partial(length)) => self.read_to(&mut frame, length)?,
                Err(CodecError::PayloadDamaged) if frame.len() as u64 == remaining => {
                    return Ok(Found::Torn(CodecError::PayloadDamaged.to_string()));
                }
                Err(CodecError::HeaderDamaged) => return self.judge_header(),
                Err(error) => return Err(self.damaged(self.position, error.to_string())),
            }
        }
    }

    fn read_to(&mut self, frame: &mut Vec<u8>, length: usize) -> Result<(), LogError> {
        let before = frame.len();
        frame.resize(length, 0);
        self.file
            .read_exact(&mut frame[before..])
            .map_err(io_error("read", self.path))
    }

    /// A damaged header does not tell where its frame ends. It is that of a torn tail when nothing whole lies behind it, and no more
    /// than one frame could.
    fn judge_header(&mut self) -> Result<Found, LogError> {
        let begin = self.position.0;
        if (FRAME_LENGTH_MAX as u64) < self.length - begin {
            let why = format!("{}, and more than one frame follows", CodecError::HeaderDamaged);
            return Err(self.damaged(self.position, why));
        }
        self.file
            .seek(SeekFrom::Start(begin))
            .map_err(io_error("read", self.path))?;
        let mut tail = Vec::new();
        self.file
            .read_to_end(&mut tail)
            .map_err(io_error("read", self.path))?;
        let whole = (1..tail.len()).find(|&offset| {
            let position = Position(begin + offset as u64);
            matches!(
                codec::parse(&tail[offset..], position, FRAME_PAYLOAD_MAX),
                Ok(Parsed::Whole(_))
            )
        });
        match whole {
            None => Ok(Found::Torn(CodecError::HeaderDamaged.to_string())),
            Some(offset) => {
                let next = begin + offset as u64;
                let why = format!(
                    "{}, and a whole frame follows at byte {next}",
                    CodecError::HeaderDamaged
                );
                Err(self.damaged(self.position, why))
            }
        }
    }

    fn cut(&self, why: &str) -> Result<(), LogError> {
        let (path, position, lost) = (
            self.path.display(),
            self.position.0,
            self.length - self.position.0,
        );
        warn!(%path, position, lost, why, "cut off the torn tail of the log: its write was never finished");
        self.file
            .get_ref()
            .set_len(position)
            .map_err(io_error("cut the torn tail off", self.path))
    }

    fn damaged(&self, position: Position, why: String) -> LogError {
        LogError::Damaged {
            path: self.path.to_owned(),
            position,
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

    use super::super::{Log, LogError};
    use crate::codec;
    use crate::node_id::NodeId;

    /// Writes `commits`, each of some records, and returns where each of them ends in the file.
    fn write(directory: &Path, commits: &[Vec<Vec<u8>>]) -> Vec<usize> {
        let (mut log, _) = Log::open(directory, NodeId::replica(1)).unwrap();
        let mut ends = vec![log.tail.end().0 as usize];
        for records in commits {
            for record in records {
                log.stage(record).unwrap();
            }
            log.commit().unwrap();
            ends.push(log.tail.end().0 as usize);
        }
        ends
    }

    fn read(directory: &Path) -> Result<Vec<Vec<u8>>, LogError> {
        let (_, entries) = Log::open(directory, NodeId::replica(1))?;
        Ok(entries
            .iter()
            .map(|entry| codec::decode(&entry.record).unwrap())
            .collect())
    }

    fn records(number: usize) -> Vec<Vec<Vec<u8>>> {
        (0..number)
            .map(|n| vec![vec![n as u8; 10 * n], vec![n as u8]])
            .collect()
    }

    fn damage(directory: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let path = directory.join("log");
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
    }

    #[test]
    fn what_was_committed_is_read_back_in_order() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &records(5));
        write(directory.path(), &[vec![vec![99]]]);
        let expected = [records(5).concat(), vec![vec![99]]].concat();
        assert_eq!(read(directory.path()).unwrap(), expected);
    }

    #[test]
    fn what_was_staged_and_not_committed_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(directory.path(), NodeId::replica(1)).unwrap();
        log.stage(&vec![1_u8]).unwrap();
        drop(log);
        assert!(read(directory.path()).unwrap().is_empty());
    }

    #[test]
    fn the_log_goes_on_where_a_torn_tail_was_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let ends = write(directory.path(), &records(3));
        damage(directory.path(), |bytes| bytes.truncate(ends[3] - 1));
        assert_eq!(write(directory.path(), &[]), [ends[2]]);
        assert_eq!(
            fs::metadata(directory.path().join("log")).unwrap().len(),
            ends[2] as u64
        );
        write(directory.path(), &[vec![vec![99]]]);
        let expected = [records(2).concat(), vec![vec![99]]].concat();
        assert_eq!(read(directory.path()).unwrap(), expected);
    }

    #[test]
    fn damage_before_the_last_commit_is_told_with_file_and_offset() {
        for in_frame in [0, 5, 9, 12, 17] {
            let directory = tempfile::tempdir().unwrap();
            let ends = write(directory.path(), &records(4));
            damage(directory.path(), |bytes| bytes[ends[2] + in_frame] ^= 0x10);
            let error = read(directory.path()).unwrap_err().to_string();
            let begin = format!(
                "read {}/log: it is damaged at byte {}: ",
                directory.path().display(),
                ends[2]
            );
            assert!(error.starts_with(&begin), "{error}");
        }
    }

    #[test]
    fn a_frame_inside_a_record_is_not_taken_for_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let inner = codec::frame(b"looks like a commit", codec::Position::WIRE).unwrap();
        let ends = write(directory.path(), &[vec![vec![1]], vec![inner]]);
        damage(directory.path(), |bytes| bytes[ends[1]] ^= 1);
        assert_eq!(read(directory.path()).unwrap(), [vec![1]]);
    }

    #[test]
    fn a_tail_longer_than_any_commit_is_damage_and_not_torn() {
        let directory = tempfile::tempdir().unwrap();
        let ends = write(directory.path(), &records(2));
        damage(directory.path(), |bytes| {
            bytes.resize(ends[2] + super::FRAME_LENGTH_MAX + 1, 0)
        });
        assert!(matches!(read(directory.path()), Err(LogError::Damaged { .. })));
    }

    proptest! {
        // Each case syncs several times.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_log_cut_anywhere_keeps_every_whole_commit(commits: Vec<Vec<Vec<u8>>>, cut: prop::sample::Index) {
            let commits: Vec<_> = commits.into_iter().filter(|records| !records.is_empty()).collect();
            let directory = tempfile::tempdir().unwrap();
            let ends = write(directory.path(), &commits);
            let cut = ends[0] + cut.index(ends[ends.len() - 1] - ends[0] + 1);
            damage(directory.path(), |bytes| bytes.truncate(cut));
            let whole = ends[1..].iter().filter(|&&end| end <= cut).count();
            prop_assert_eq!(read(directory.path()).unwrap(), commits[..whole].concat());
        }

        #[test]
        fn a_last_commit_of_any_bytes_at_all_is_cut_off(tail in prop::collection::vec(any::<u8>(), 0..200)) {
            let directory = tempfile::tempdir().unwrap();
            write(directory.path(), &records(2));
            damage(directory.path(), |bytes| bytes.extend_from_slice(&tail));
            prop_assert_eq!(read(directory.path()).unwrap(), records(2).concat());
        }

        #[test]
        fn any_file_at_all_is_survived(bytes: Vec<u8>) {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("log"), bytes).unwrap();
            let refused = matches!(read(directory.path()), Err(LogError::NotALog { .. } | LogError::Damaged { .. }));
            prop_assert!(refused);
        }
    }
}
