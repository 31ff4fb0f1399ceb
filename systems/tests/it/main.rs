//! The systems in virtual time: whole clusters in one thread, the same for a seed.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod kv;
mod paxos;
mod pb;
mod script;
mod storm;
mod vr;
mod world;
