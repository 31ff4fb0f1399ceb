//! The write-ahead file: records that are durable once [`Log::commit`] has returned.
//!
//! The file `log` in the node's data directory is a row of frames as [`codec`](crate::codec) makes them, each at its own position. The
//! first says what the file is, in which version, and whose. Every other holds the records of one commit, each as its length
//! (u32 LE) and its bytes. A commit is one write and one fdatasync, and nothing is written before the last one is durable; so a crash
//! can damage the last frame only, and whatever it held had been promised to nobody. Opening the log cuts such a torn tail off, with a
//! warning. Damage anywhere else means that the disk lost what it had promised to keep: opening fails then, because a node that
//! goes on without these records breaks promises of its own.
//!
//! A last frame that was durable and rotted later cannot be told from a torn one. After a write or a sync has failed nothing is
//! known of the file any more, so the node has to stop; what it finds at its next start is made durable before it is used.
//!
//! The file is only ever appended to; compaction will write a new one and rename it into place.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tracing::warn;

use crate::codec::{self, CodecError, FRAME_HEADER_LENGTH, FRAME_PAYLOAD_MAX, Parsed, Position};
use crate::node_id::NodeId;

/// The version of the file's format.
const LOG_VERSION: u16 = 1;

/// How the first frame's payload begins.
const LOG_MAGIC: [u8; 8] = *b"triblog\n";

/// The bytes before each record in a frame: its length.
const RECORD_PREFIX: usize = 4;

/// The longest a frame can be.
const FRAME_LENGTH_MAX: usize = FRAME_HEADER_LENGTH + FRAME_PAYLOAD_MAX;

/// Why a log cannot be used; completes the sentence "failed to ..".
#[derive(Debug)]
pub enum LogError {
    /// The operating system refused.
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process uses the directory.
    InUse(PathBuf),
    /// The file is none of ours, or of a version unknown.
    NotALog {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// The file belongs to another node.
    OtherNode {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: NodeId,
    },
    /// The disk lost what it had promised to keep.
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage begins, in bytes.
        position: Position,
        /// What was seen there.
        why: String,
    },
    /// A record is longer than a frame can be.
    RecordTooLong(CodecError),
}

/// A record that was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where its frame begins.
    pub(super) position: Position,
    /// Its bytes.
    pub(super) record: Vec<u8>,
}

/// A write-ahead file that is open for appending.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    path: PathBuf,
    end: Position,
    /// Room for a frame's header, and the records of the next commit.
    staged: Vec<u8>,
    /// Held for as long as the log is open; the operating system gives it up when the process ends, however it ends.
    _lock: File,
}

impl Log {
    /// Opens the log in `directory`, which is created when there is none, and reads back all records.
    ///
    /// # Errors
    /// When another process has it open, it belongs to another node than `node`, it is damaged, or the operating system refuses.
    pub(super) fn open(directory: &Path, node: NodeId) -> Result<(Self, Vec<Entry>), LogError> {
        fs::create_dir_all(directory).map_err(io_error("create", directory))?;
        let lock = lock(directory)?;
        let path = directory.join("log");
        if !path.try_exists().map_err(io_error("look for", &path))? {
            create(directory, &path, node)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(io_error("open", &path))?;
        let mut scan = Scan::begin(&file, &path)?;
        scan.check_owner(node)?;
        let entries = scan.entries()?;
        let end = scan.position;
        // What a process wrote and did not live to sync is read back here; it must not be lost after it was acted upon.
        file.sync_all().map_err(io_error("sync", &path))?;
        let staged = vec![0; FRAME_HEADER_LENGTH];
        Ok((
            Self {
                file,
                path,
                end,
                staged,
                _lock: lock,
            },
            entries,
        ))
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes that wait for the next commit.
    pub(super) fn staged_bytes(&self) -> usize {
        self.staged.len() - FRAME_HEADER_LENGTH
    }

    /// Adds `record` to the next commit. Commits what was staged before, should both not fit into one frame.
    ///
    /// # Errors
    /// When the record is too long, or that commit fails.
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

    /// Makes durable what was staged.
    ///
    /// # Errors
    /// When it cannot. The log is of no use any more then.
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

/// Reads a log from its beginning to its end.
struct Scan<'a> {
    file: BufReader<&'a File>,
    path: &'a Path,
    /// Where the next frame begins.
    position: Position,
    length: u64,
}

/// What stands at a place of a log.
enum Found {
    Payload(Vec<u8>),
    End,
    Torn(String),
}

impl<'a> Scan<'a> {
    fn begin(file: &'a File, path: &'a Path) -> Result<Self, LogError> {
        let length = file.metadata().map_err(io_error("look at", path))?.len();
        Ok(Self {
            file: BufReader::new(file),
            path,
            position: Position(0),
            length,
        })
    }

    /// Reads the first frame.
    fn check_owner(&mut self, node: NodeId) -> Result<(), LogError> {
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
    fn entries(&mut self) -> Result<Vec<Entry>, LogError> {
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

fn lock(directory: &Path) -> Result<File, LogError> {
    let path = directory.join("lock");
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let lock = lock.map_err(io_error("open", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(LogError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
    }
}

/// Makes an empty log in one atomic step: a log without its header cannot come to be.
fn create(directory: &Path, path: &Path, node: NodeId) -> Result<(), LogError> {
    let mut payload = LOG_MAGIC.to_vec();
    payload.extend_from_slice(&LOG_VERSION.to_le_bytes());
    let payload = postcard::to_extend(&node, payload).expect("a name has a serialized form");
    let frame = codec::frame(&payload, Position(0)).expect("a header is far shorter than the longest frame");
    let draft = directory.join("log.new");
    let file = File::create(&draft).map_err(io_error("create", &draft))?;
    file.write_all_at(&frame, 0).map_err(io_error("write", &draft))?;
    file.sync_all().map_err(io_error("sync", &draft))?;
    fs::rename(&draft, path).map_err(io_error("create", path))?;
    sync_directory(directory)?;
    match directory.parent() {
        Some(parent) if parent == Path::new("") => sync_directory(Path::new(".")),
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}

/// Makes durable which files there are: a synced file is lost all the same when its name is not.
fn sync_directory(directory: &Path) -> Result<(), LogError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io_error("sync", directory))
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    move |source| LogError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, path, source } => write!(f, "{action} {}: {source}", path.display()),
            Self::InUse(directory) => {
                write!(f, "use {}: another process has its log open", directory.display())
            }
            Self::NotALog { path, why } => write!(f, "read {}: {why}", path.display()),
            Self::OtherNode { path, owner } => write!(f, "use {}: it is the log of {owner}", path.display()),
            Self::Damaged { path, position, why } => {
                write!(
                    f,
                    "read {}: it is damaged at byte {}: {why}",
                    path.display(),
                    position.0
                )
            }
            Self::RecordTooLong(why) => write!(f, "append a record: {why}"),
        }
    }
}

impl std::error::Error for LogError {}
