//! The tests of the crate through its doors.

mod agreement;
mod edn;
mod exactly_once;
mod files;
mod generate;
mod journal;
mod jury;
mod limits;
mod oracle;
mod script;
mod verify;
