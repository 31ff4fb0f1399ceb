//! One line of an instance log.

use std::fmt;

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Whether it was proposed or committed.
    pub kind: Kind,
    /// What.
    pub data: String,
    /// In which position.
    pub seq: u64,
    /// When, in units of the writer's choosing.
    pub at: u64,
}

/// Whether an instance was proposed or committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A proposal of it arrived.
    Generate,
    /// It was committed.
    Commit,
}

/// A line that has neither form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// Which line, counted from 1.
    pub line: usize,
}

impl Instance {
    /// The instance that `line`, the `number`-th, tells of.
    pub(super) fn parse(line: &[u8], number: usize) -> Result<Self, LineError> {
        let text = str::from_utf8(line).ok();
        text.and_then(Self::read).ok_or(LineError { line: number })
    }

    fn read(line: &str) -> Option<Self> {
        let (kind, rest) = match line.strip_prefix("generate Instance[") {
            Some(rest) => (Kind::Generate, rest),
            None => (Kind::Commit, line.strip_prefix("commit Instance[")?),
        };
        let (data, rest) = rest.split_once("] in seq ")?;
        let (seq, at) = rest.split_once(" at ")?;
        Some(Self {
            kind,
            data: data.to_owned(),
            seq: number(seq)?,
            at: number(at)?,
        })
    }
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.kind {
            Kind::Generate => "generate",
            Kind::Commit => "commit",
        };
        write!(
            f,
            "{word} Instance[{}] in seq {} at {}",
            self.data, self.seq, self.at
        )
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} is neither a generate line nor a commit line",
            self.line
        )
    }
}

impl std::error::Error for LineError {}

#[cfg(test)]
mod tests {
    use super::{Instance, Kind, LineError};

    #[test]
    fn a_line_comes_back_as_it_was_written() {
        for kind in [Kind::Generate, Kind::Commit] {
            let instance = Instance {
                kind,
                data: "a [b] in".into(),
                seq: 7,
                at: 1_766_000_000,
            };
            assert_eq!(Instance::parse(instance.to_string().as_bytes(), 1), Ok(instance));
        }
    }

    #[test]
    fn a_time_that_is_no_integer_is_refused() {
        let error = Err(LineError { line: 3 });
        assert_eq!(
            Instance::parse(b"commit Instance[x] in seq 1 at 2024-05-01", 3),
            error
        );
        assert_eq!(Instance::parse(b"commit Instance[x] in seq -1 at 2", 3), error);
        assert_eq!(Instance::parse(b"commit Instance[x in seq 1 at 2", 3), error);
        assert_eq!(Instance::parse(b"", 3), error);
    }
}
