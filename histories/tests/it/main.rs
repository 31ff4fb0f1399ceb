//! The tests of the crate through its doors.

mod agreement;
mod docket;
mod edn;
mod exactly_once;
mod files;
mod generate;
mod hostile;
mod journal;
mod jury;
mod limits;
mod long_history;
mod oracle;
mod planted;
mod script;
mod tally;
mod verify;
