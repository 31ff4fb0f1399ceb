//! Where runs are kept: one folder a run, `latest` links, everything readable without this program.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;
use systems::NodeId;

use crate::test::Test;

/// The folder of all runs.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl Store {
    /// The store at `root`; made when the first run is.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A fresh folder for a run of `test` begun at `started`; `latest` points to it from now on.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn create(&self, test: &Test, started: Timestamp) -> io::Result<RunFolder> {
        let named = self.root.join(test.name());
        let stamp = started.strftime("%Y%m%dT%H%M%S%.3fZ");
        let path = named.join(format!("{stamp}-{}", test.seed));
        fs::create_dir_all(&named).map_err(|error| failed("make the folder", &named, &error))?;
        fs::create_dir(&path).map_err(|error| failed("make the folder", &path, &error))?;
        let path = path.canonicalize()?;
        for link in [named.join("latest"), self.root.join("latest")] {
            point(&link, &path).map_err(|error| failed("make the link", &link, &error))?;
        }
        Ok(RunFolder { path })
    }

    /// The run that `name` means: a folder, `latest`, or a run's name within the store.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<RunFolder> {
        [PathBuf::from(name), self.root.join(name)]
            .into_iter()
            .find(|path| path.join("test.toml").is_file())
            .map(|path| RunFolder { path })
    }
}

impl RunFolder {
    /// The folder of a run that exists at `path`.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `test.toml`: everything needed to run it again.
    #[must_use]
    pub fn test(&self) -> PathBuf {
        self.path.join("test.toml")
    }

    /// `schedule.toml`: the faults, drawn beforehand.
    #[must_use]
    pub fn schedule(&self) -> PathBuf {
        self.path.join("schedule.toml")
    }

    /// `journal.jsonl`: the record.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// `results.json`: the judgement.
    #[must_use]
    pub fn results(&self) -> PathBuf {
        self.path.join("results.json")
    }

    /// `certificate.jsonl`: what shows that the verdict valid is right.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.path.join("certificate.jsonl")
    }

    /// `report.html`: what was found, drawn.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// `history.edn`: the history in Jepsen's form.
    #[must_use]
    pub fn edn(&self) -> PathBuf {
        self.path.join("history.edn")
    }

    /// The folder of a node: its output, its event log, its data.
    #[must_use]
    pub fn node(&self, node: NodeId) -> PathBuf {
        self.path.join(node.as_str())
    }

    /// The event log of a node.
    #[must_use]
    pub fn events(&self, node: NodeId) -> PathBuf {
        self.node(node).join("events.jsonl")
    }

    /// Writes `test.toml`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_test(&self, test: &Test) -> io::Result<()> {
        let text = toml::to_string(test).map_err(io::Error::other)?;
        fs::write(self.test(), text)
    }

    /// Reads `test.toml`.
    ///
    /// # Errors
    /// When it cannot be read or is not what [`RunFolder::write_test`] writes.
    pub fn read_test(&self) -> io::Result<Test> {
        let path = self.test();
        let text = fs::read_to_string(&path).map_err(|error| failed("read", &path, &error))?;
        toml::from_str(&text).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    }

    /// A journal for `test`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create_journal(&self, test: &Test) -> io::Result<histories::journal::Journal<BufWriter<File>>> {
        let out = BufWriter::new(File::create_new(self.journal())?);
        histories::journal::Journal::create(out, test.seed, &json!(test))
    }
}

/// The journal of the run that `path` is the folder of, or `path` itself.
#[must_use]
pub fn journal_of(path: &Path) -> PathBuf {
    let run = path
        .to_str()
        .filter(|_| !path.is_file())
        .and_then(|name| Store::at("store").find(name));
    run.as_ref().map_or_else(|| path.to_owned(), RunFolder::journal)
}

/// Where the certificate of the history at `path` lies: in the folder of its run, or beside the file.
#[must_use]
pub fn certificate_of(path: &Path) -> PathBuf {
    let folder = RunFolder::open(path.parent().unwrap_or(Path::new("")));
    if folder.test().is_file() {
        return folder.certificate();
    }
    let mut name = OsString::from(path);
    name.push(".certificate");
    name.into()
}

/// An error that says what was tried, and with which file.
fn failed(to: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("failed to {to} {}: {error}", path.display()),
    )
}

/// Makes `link` point to `target`, replacing what it was in one step.
fn point(link: &Path, target: &Path) -> io::Result<()> {
    let fresh = link.with_extension(format!("new-{}", std::process::id()));
    symlink(target, &fresh)?;
    fs::rename(&fresh, link)
}
