//! A replicated log: nodes take turns as leaders, read what the others accepted, impose it, and then propose and commit.

pub mod ballot;
pub mod event;

pub use ballot::{Ballot, Round, Slot};
pub use event::{Cause, CommandId, Event, Outcome, Reason, Role};
