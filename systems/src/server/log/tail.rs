//! The end of a log, where records are added.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{LogError, RECORD_PREFIX, io_error};
use crate::codec::{self, CodecError, FRAME_HEADER_LENGTH, FRAME_PAYLOAD_MAX, Position};

/// A file of frames, and the frame that will be its next.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    path: PathBuf,
    end: Position,
    /// Room for a frame's header, and the records of the next commit.
    staged: Vec<u8>,
}

impl Tail {
    /// The end of `file`, which is at `path` and `end` bytes long.
    pub(super) fn new(file: File, path: PathBuf, end: Position) -> Self {
        let staged = vec![0; FRAME_HEADER_LENGTH];
        Self {
            file,
            path,
            end,
            staged,
        }
    }

    /// Makes a new file of one frame, durable, but for its name.
    pub(super) fn create(path: PathBuf, payload: Vec<u8>) -> Result<Self, LogError> {
        let file = File::create(&path).map_err(io_error("create", &path))?;
        let mut tail = Self::new(file, path, Position(0));
        tail.staged.extend(payload);
        tail.commit()?;
        Ok(tail)
    }

    /// The same file, which has a new name by now.
    pub(super) fn renamed(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    #[cfg(test)]
    pub(super) const fn end(&self) -> Position {
        self.end
    }

    pub(super) fn staged_bytes(&self) -> usize {
        self.staged.len() - FRAME_HEADER_LENGTH
    }

    pub(super) fn stage(&mut self, record: &impl Serialize) -> Result<(), LogError> {
        let bytes = postcard::to_stdvec(record)
            .map_err(|error| LogError::RecordTooLong(CodecError::Malformed(error.to_string())))?;
        let length = RECORD_PREFIX + bytes.len();
        if FRAME_PAYLOAD_MAX < length {
            let (length, bound) = (bytes.len() as u64, FRAME_PAYLOAD_MAX - RECORD_PREFIX);
            return Err(LogError::RecordTooLong(CodecError::TooLong { length, bound }));
        }
        if FRAME_PAYLOAD_MAX < self.staged_bytes() + length {
            self.commit()?;
        }
        let prefix = u32::try_from(bytes.len()).expect("a record is shorter than a frame");
        self.staged.extend_from_slice(&prefix.to_le_bytes());
        self.staged.extend_from_slice(&bytes);
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Result<(), LogError> {
        if self.staged_bytes() == 0 {
            return Ok(());
        }
        let staged = std::mem::take(&mut self.staged);
        let mut frame = codec::seal(staged, self.end).expect("no more is staged than fits into a frame");
        self.file
            .write_all_at(&frame, self.end.0)
            .map_err(io_error("append to", &self.path))?;
        self.file.sync_data().map_err(io_error("sync", &self.path))?;
        self.end.0 += frame.len() as u64;
        frame.truncate(FRAME_HEADER_LENGTH);
        self.staged = frame;
        Ok(())
    }
}
