//! The tests of the crate through its doors.

mod agreement;
mod generate;
mod oracle;
