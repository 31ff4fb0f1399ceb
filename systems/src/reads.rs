//! How a system can answer reads, where there is more than one way: each by its name, with what it rests on.
//!
//! What a way means is the system's own; here is only how it is called, told and found.

use std::error::Error;
use std::fmt;

/// A way to answer reads, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadPath {
    /// Its name on the command line.
    pub name: &'static str,
    /// How it goes, in one line.
    pub summary: &'static str,
    /// What it rests on beside what the system needs anyway; none when on nothing.
    pub assumes: Option<&'static str>,
}

/// A name that none of a system's ways to answer reads has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownReads {
    asked: String,
    offered: Vec<&'static str>,
}

/// The one of `all` ways whose `path` is called `name`.
///
/// # Errors
/// When none is.
pub fn find<R: Copy>(all: &[R], path: impl Fn(R) -> ReadPath, name: &str) -> Result<R, UnknownReads> {
    let found = all.iter().copied().find(|&way| path(way).name == name);
    found.ok_or_else(|| UnknownReads::new(name, all.iter().map(|&way| path(way))))
}

impl UnknownReads {
    /// `asked` is the name of none of the ways `offered`.
    pub fn new(asked: &str, offered: impl IntoIterator<Item = ReadPath>) -> Self {
        Self {
            asked: asked.to_owned(),
            offered: offered.into_iter().map(|path| path.name).collect(),
        }
    }
}

impl fmt::Display for UnknownReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "does not answer reads by {:?}, ", self.asked)?;
        match &self.offered[..] {
            [] => f.write_str("but in one way only, which has no name"),
            names => write!(f, "but by {}", names.join(" or ")),
        }
    }
}

impl Error for UnknownReads {}

impl fmt::Display for ReadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.summary)?;
        match self.assumes {
            Some(assumption) => write!(f, "; this rests on {assumption}"),
            None => Ok(()),
        }
    }
}
