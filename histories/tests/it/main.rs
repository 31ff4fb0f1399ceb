//! The tests of the crate through its doors.

mod agreement;
mod files;
mod generate;
mod oracle;
