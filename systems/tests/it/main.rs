//! The systems in virtual time: whole clusters in one thread, the same for a seed.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod client_session;
mod findings;
mod flaws;
mod oracle;
mod primary_backup;
mod search;
mod world;

mod view_service;
