//! Where a certificate is left.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use histories::checker::certificate::Certificate;
use histories::format::certificate;

use super::Judged;
use crate::store;

/// Where the certificate of a valid history is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deposit {
    /// In the folder of the run, or beside the file.
    Beside,
    /// Here.
    At(PathBuf),
    /// Nowhere.
    None,
}

/// What came of leaving it.
#[derive(Debug)]
pub(super) enum Left {
    /// It is there.
    At(PathBuf),
    /// It was not wanted.
    Nowhere,
    /// It could not be written there, and why.
    Failed(PathBuf, io::Error),
}

impl FromStr for Deposit {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "none" => Self::None,
            path => Self::At(path.into()),
        })
    }
}

impl Deposit {
    /// Leaves the `certificates` of the history that was judged.
    pub(super) fn leave(&self, judged: &Judged, certificates: &[Certificate]) -> Left {
        let path = match self {
            Self::None => return Left::Nowhere,
            Self::Beside => store::certificate_of(&judged.path),
            Self::At(path) => path.clone(),
        };
        let write = |out| certificate::write(out, judged.model, judged.operations as u64, certificates);
        match write_whole(&path, write) {
            Ok(()) => Left::At(path),
            Err(error) => Left::Failed(path, error),
        }
    }
}

/// Writes the file at `path` whole or not at all.
fn write_whole(path: &Path, write: impl FnOnce(BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let written = File::create(&fresh).and_then(|file| write(BufWriter::with_capacity(BUFFER_BYTES, file)));
    written.and_then(|()| fs::rename(&fresh, path)).inspect_err(|_| {
        // What is left of it is of no use; that it cannot be removed is no news after the first error.
        drop(fs::remove_file(&fresh));
    })
}

/// How much is written at once, in bytes.
const BUFFER_BYTES: usize = 1 << 18;
