//! An operation's two edges as they are recorded: who asked what, and what came of it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A logical, sequential client; retired after an [`Outcome::Info`]. (An operating-system process is a *node*.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Process(pub u64);

/// The object an operation is about; objects are independent of each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(pub Arc<str>);

/// What is asked of an object. The values of each are described in `docs/files.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// The whole value (null, a scalar, or a list of tokens).
    Read,
    /// Replace the value.
    Write,
    /// `[old, new]`: replace the value if it is `old`.
    Cas,
    /// Add a token at the end.
    Append,
    /// Take a lock.
    Acquire,
    /// Give a lock back.
    Release,
    /// Add at the tail of a queue.
    Enqueue,
    /// Take from the head of a queue.
    Dequeue,
    /// Add to a set.
    Add,
    /// Remove from a set.
    Remove,
    /// Whether a set holds a value.
    Contains,
    /// Add to a counter.
    Inc,
    /// Replace a string.
    Put,
    /// The whole string.
    Get,
}

/// The first edge: a process asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// Who asks.
    pub process: Process,
    /// What is asked.
    pub f: Function,
    /// Of which object.
    pub key: Key,
    /// With what argument; null for a read.
    pub value: Value,
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It took effect between its two edges; the value is the answer, or the argument again where there is none.
    Ok(Value),
    /// It surely did not take effect and never will.
    Fail {
        /// Why, in the field's words: `precondition-failed`, `no-primary`, ...
        error: String,
        /// The value a compare-and-set that did not match was answered with, when it was.
        saw: Option<Value>,
    },
    /// Nobody knows: it may have taken effect, or may do so at any later time.
    Info {
        /// Why: `timeout`, `connection-lost`, ...
        error: String,
    },
}

/// The second edge: the process learns what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// Whose operation.
    pub process: Process,
    /// What came of it.
    pub outcome: Outcome,
}

impl Function {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 14] = [
        Self::Read,
        Self::Write,
        Self::Cas,
        Self::Append,
        Self::Acquire,
        Self::Release,
        Self::Enqueue,
        Self::Dequeue,
        Self::Add,
        Self::Remove,
        Self::Contains,
        Self::Inc,
        Self::Put,
        Self::Get,
    ];

    /// The function of that name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// The name used in files and on screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Cas => "cas",
            Self::Append => "append",
            Self::Acquire => "acquire",
            Self::Release => "release",
            Self::Enqueue => "enqueue",
            Self::Dequeue => "dequeue",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Contains => "contains",
            Self::Inc => "inc",
            Self::Put => "put",
            Self::Get => "get",
        }
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_found_by_its_name() {
        for f in Function::ALL {
            assert_eq!(Function::named(f.name()), Some(f));
        }
        assert_eq!(Function::named("reed"), None);
    }
}
