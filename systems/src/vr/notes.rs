//! Rules that published notes on the protocol have where they leave something out, so that a test can show what comes of them.
//!
//! Unlike a [`Flaw`](crate::vr::Flaw), which somebody may really have, none of them makes a system that works in quiet times for long;
//! so they cannot be asked for on the command line.

/// A rule of the notes in place of the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotesRule {
    /// N3: a PREPARE does not say what is committed, and an idle primary says nothing.
    NoCommitNumber,
    /// N4: a command is committed when f + 1 *others* have it.
    OneMoreThanEnough,
    /// N8: who lacks something is never given it.
    NoStateTransfer,
    /// N14: nothing is said twice.
    NothingAgain,
    /// N14: nothing is ever dropped from a log.
    NoSnapshots,
}
