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
//! The file is only ever appended to; compaction writes a new one and renames it into its place.

mod scan;
mod tail;

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::codec::{CodecError, Position};
use crate::node_id::NodeId;
pub(super) use scan::Entry;
use scan::Scan;
use tail::Tail;

/// The version of the file's format.
const LOG_VERSION: u16 = 1;

/// The bytes before each record in a frame: its length.
const RECORD_PREFIX: usize = 4;

/// How the first frame's payload begins.
const LOG_MAGIC: [u8; 8] = *b"triblog\n";

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

/// A write-ahead file that is open for appending.
#[derive(Debug)]
pub(super) struct Log {
    directory: PathBuf,
    node: NodeId,
    tail: Tail,
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
            create(directory, node, &[(); 0])?;
            sync_parent(directory)?;
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
        let log = Self {
            directory: directory.to_owned(),
            node,
            tail: Tail::new(file, path, end),
            _lock: lock,
        };
        Ok((log, entries))
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        self.tail.path()
    }

    /// The bytes that wait for the next commit.
    pub(super) fn staged_bytes(&self) -> usize {
        self.tail.staged_bytes()
    }

    /// Adds `record` to the next commit. Commits what was staged before, should both not fit into one frame.
    ///
    /// # Errors
    /// When the record is too long, or that commit fails.
    pub(super) fn stage(&mut self, record: &impl Serialize) -> Result<(), LogError> {
        self.tail.stage(record)
    }

    /// Makes durable what was staged.
    ///
    /// # Errors
    /// When it cannot. The log is of no use any more then.
    pub(super) fn commit(&mut self) -> Result<(), LogError> {
        self.tail.commit()
    }

    /// Puts `records` in the place of all that there are, staged ones included. They are durable then; a crash before that leaves
    /// what was durable.
    ///
    /// # Errors
    /// When a record is too long, or the operating system refuses. The log is of no use any more then.
    pub(super) fn replace(&mut self, records: &[impl Serialize]) -> Result<(), LogError> {
        self.tail = create(&self.directory, self.node, records)?;
        Ok(())
    }
}

#[cfg(test)]
impl Log {
    /// Makes every write fail.
    pub(super) fn fail_from_now_on(&mut self) {
        let path = self.path().to_owned();
        let end = self.tail.end();
        self.tail = Tail::new(File::open(&path).expect("the log is there"), path, end);
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

/// Makes a log of `records` in one atomic step, whatever is in its place: one without its header, or with only some of them, cannot
/// come to be.
fn create(directory: &Path, node: NodeId, records: &[impl Serialize]) -> Result<Tail, LogError> {
    let draft = directory.join("log.new");
    let mut header = LOG_MAGIC.to_vec();
    header.extend_from_slice(&LOG_VERSION.to_le_bytes());
    let header = postcard::to_extend(&node, header).expect("a name has a serialized form");
    let mut tail = Tail::create(draft.clone(), header)?;
    for record in records {
        tail.stage(record)?;
    }
    tail.commit()?;
    let path = directory.join("log");
    fs::rename(&draft, &path).map_err(io_error("create", &path))?;
    sync_directory(directory)?;
    Ok(tail.renamed(path))
}

fn sync_parent(directory: &Path) -> Result<(), LogError> {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Entry, Log, LogError};
    use crate::codec::FRAME_PAYLOAD_MAX;
    use crate::node_id::NodeId;

    fn node() -> NodeId {
        NodeId::replica(1)
    }

    #[test]
    fn a_directory_in_use_is_refused_until_its_user_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let first = Log::open(directory.path(), node()).unwrap();
        assert!(matches!(
            Log::open(directory.path(), node()),
            Err(LogError::InUse(_))
        ));
        drop(first);
        assert!(Log::open(directory.path(), node()).is_ok());
    }

    #[test]
    fn the_log_of_another_node_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        Log::open(directory.path(), node()).unwrap();
        let error = Log::open(directory.path(), NodeId::replica(2)).unwrap_err();
        assert!(error.to_string().ends_with("log: it is the log of n1"), "{error}");
    }

    #[test]
    fn a_log_of_another_version_is_refused_by_its_number() {
        let directory = tempfile::tempdir().unwrap();
        let frame = crate::codec::frame(b"triblog\n\x07\0rest", crate::codec::Position(0)).unwrap();
        fs::write(directory.path().join("log"), frame).unwrap();
        let error = Log::open(directory.path(), node()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("it is of version 7, and this program knows version 1"),
            "{error}"
        );
    }

    #[test]
    fn a_creation_that_was_interrupted_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("log.new"), b"torn").unwrap();
        assert!(Log::open(directory.path(), node()).unwrap().1.is_empty());
    }

    /// What a log holds when it is opened again, as bytes.
    fn reopened(directory: &std::path::Path) -> Vec<u8> {
        let (_, entries) = Log::open(directory, node()).unwrap();
        entries
            .into_iter()
            .flat_map(|Entry { record, .. }| record)
            .collect()
    }

    #[test]
    fn a_replaced_log_holds_the_new_records_and_what_follows_and_nothing_staged_before() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(directory.path(), node()).unwrap();
        log.stage(&1_u8).unwrap();
        log.commit().unwrap();
        log.stage(&2_u8).unwrap();
        log.replace(&[3_u8, 4]).unwrap();
        assert_eq!(log.staged_bytes(), 0);
        log.stage(&5_u8).unwrap();
        log.commit().unwrap();
        drop(log);
        assert_eq!(reopened(directory.path()), [3, 4, 5]);
    }

    #[test]
    fn a_replacement_that_was_interrupted_leaves_what_was_durable() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(directory.path(), node()).unwrap();
        log.stage(&1_u8).unwrap();
        log.commit().unwrap();
        drop(log);
        fs::write(directory.path().join("log.new"), b"torn").unwrap();
        assert_eq!(reopened(directory.path()), [1]);
    }

    #[test]
    fn a_record_too_long_is_refused_and_the_longest_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(directory.path(), node()).unwrap();
        assert!(matches!(
            log.stage(&vec![0_u8; FRAME_PAYLOAD_MAX]),
            Err(LogError::RecordTooLong(_))
        ));
        // Four bytes for the record's length in the frame, four for the vector's in the record.
        log.stage(&vec![1_u8]).unwrap();
        log.stage(&vec![2_u8; FRAME_PAYLOAD_MAX - 8]).unwrap();
        log.commit().unwrap();
        drop(log);
        let (_, entries) = Log::open(directory.path(), node()).unwrap();
        assert_eq!(
            entries.iter().map(|entry| entry.record.len()).collect::<Vec<_>>(),
            [2, FRAME_PAYLOAD_MAX - 4]
        );
    }

    #[test]
    fn a_write_that_fails_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(directory.path(), node()).unwrap();
        log.fail_from_now_on();
        log.stage(&1_u8).unwrap();
        assert!(log.commit().unwrap_err().to_string().starts_with("append to "));
    }
}
