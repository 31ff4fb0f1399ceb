//! What may be wrong with a history, said in one sentence with the place.

use std::fmt;

use crate::journal::{FORMAT, Index};
use crate::model::Mismatch;
use crate::op::{Function, Process};
use crate::values::one_line;

/// A history that cannot be used, and the place where that shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct HistoryError {
    /// The file's name as it was given.
    pub file: String,
    /// The line, from 1; none when the file as a whole is meant.
    pub line: Option<u64>,
    /// What is wrong.
    #[source]
    pub defect: Defect,
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, defect } = self;
        match line {
            Some(line) => write!(f, "{file} line {line}: {defect}"),
            None => write!(f, "{file}: {defect}"),
        }
    }
}

/// What may be wrong with a history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// The file could not be read.
    #[error("failed to read: {0}")]
    Unreadable(String),
    /// A line that is not whole, or not in the language of the file.
    #[error("{0}")]
    Syntax(String),
    /// A line longer than any that this program writes.
    #[error("longer than {0} bytes")]
    LineTooLong(u64),
    /// A header of a version that this program does not know.
    #[error("format version {} is not known; this program reads version {FORMAT}", one_line(.0))]
    UnknownVersion(String),
    /// An event of an unknown type.
    #[error("unknown type `{}`; known are invoke, ok, fail, info", one_line(.0))]
    UnknownType(String),
    /// An operation that no model knows.
    #[error("unknown function `{}`; known are {known}", one_line(.0), known = known_functions())]
    UnknownFunction(String),
    /// A field that the form does not have.
    #[error("unknown field `{}`", one_line(.0))]
    UnknownField(String),
    /// A field that must be there.
    #[error("the field `{0}` is missing")]
    MissingField(&'static str),
    /// A field with a value that it cannot have.
    #[error("the field `{field}` must be {expected}")]
    BadField {
        /// Which field.
        field: &'static str,
        /// What it may be.
        expected: &'static str,
    },
    /// A completion without its invocation.
    #[error("completion of process {0} without its invocation")]
    NotInvoked(Process),
    /// A process asked again before it had its answer.
    #[error("second invocation of process {process}, which still waits for its {f} of line {line}")]
    Busy {
        /// Which process.
        process: Process,
        /// What it waits for.
        f: Function,
        /// The line of the invocation.
        line: u64,
    },
    /// A completion that does not fit the invocation.
    #[error("process {process} completes a {completed} but invoked a {invoked} in line {line}")]
    OtherOperation {
        /// Which process.
        process: Process,
        /// What is said to have ended, with its key.
        completed: String,
        /// What was begun, with its key.
        invoked: String,
        /// The line of the invocation.
        line: u64,
    },
    /// Time running backwards.
    #[error("time runs backwards, from {before} to {after}")]
    Backwards {
        /// The time of the event before, in nanoseconds.
        before: u64,
        /// The time of this one.
        after: u64,
    },
    /// Line numbers running backwards.
    #[error("the index {after} follows {before}", before = before.0, after = after.0)]
    IndexBackwards {
        /// The `i` of the line before.
        before: Index,
        /// The `i` of this one.
        after: Index,
    },
    /// An operation that the model does not know.
    #[error(transparent)]
    OtherModel(Mismatch),
    /// More events than a history may have.
    #[error("more than {0} events")]
    TooLong(u64),
}

fn known_functions() -> String {
    Function::ALL.map(Function::name).join(", ")
}

/// Something that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The file's name as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What was passed over, and what was done.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}: {}", self.file, self.line, self.text)
    }
}
