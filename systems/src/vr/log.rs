//! The replicated log: the clients' commands in their order, as far as they are still needed.
//!
//! Each entry carries the view in which it was first given its place. That stamp tells entries apart; it does *not* tell which of two
//! logs is the newer one, because an entry that survives into a later view keeps the stamp of the earlier. What does is the last
//! view in which a replica was normal, and that is kept beside the log.
//!
//! Every place has a digest of everything up to it, so that two logs that agree at one place agree before it as well.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::group::Command;
use crate::service::digest::Digest;
use crate::vr::request::Ask;
use crate::vr::view::{OpNumber, View};

/// A command at its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<O> {
    /// The view in which it was given its place.
    pub view: View,
    /// The command.
    pub command: Command<Ask<O>>,
}

/// The entries after a base, in order.
#[derive(Debug, Clone)]
pub struct Log<O> {
    base: Base,
    kept: VecDeque<Kept<O>>,
}

/// What a log begins after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Base {
    /// The last place that is not in the log any more.
    pub op: OpNumber,
    /// Of everything up to there.
    pub prefix: Digest,
}

#[derive(Debug, Clone)]
struct Kept<O> {
    entry: Entry<O>,
    /// Its length when encoded.
    bytes: usize,
    /// Of everything up to here, this included.
    prefix: Digest,
}

impl<O: Clone + Serialize> Log<O> {
    /// A log without entries after `base`.
    #[must_use]
    pub const fn new(base: Base) -> Self {
        Self {
            base,
            kept: VecDeque::new(),
        }
    }

    /// The last place that has an entry, or the base.
    #[must_use]
    pub fn op(&self) -> OpNumber {
        self.base.op.plus(self.kept.len())
    }

    /// What it begins after.
    #[must_use]
    pub const fn base(&self) -> Base {
        self.base
    }

    /// The entry at `op`, if it is kept.
    #[must_use]
    pub fn get(&self, op: OpNumber) -> Option<&Entry<O>> {
        self.at(op).map(|kept| &kept.entry)
    }

    /// Of everything up to `op`, if that place is the base or kept.
    #[must_use]
    pub fn prefix(&self, op: OpNumber) -> Option<Digest> {
        if op == self.base.op {
            return Some(self.base.prefix);
        }
        self.at(op).map(|kept| kept.prefix)
    }

    /// Whether the last entry asks for other members; not when that is not kept.
    #[must_use]
    pub fn ends_with_members(&self) -> bool {
        self.kept
            .back()
            .is_some_and(|kept| matches!(kept.entry.command.op, Ask::Members(_)))
    }

    /// The stamp of the last entry; that of the first view when none is kept.
    #[must_use]
    pub fn last_stamp(&self) -> View {
        self.kept.back().map_or(View::FIRST, |kept| kept.entry.view)
    }

    /// How long the entry at `op` is when encoded; zero when it is not kept.
    #[must_use]
    pub fn bytes_at(&self, op: OpNumber) -> usize {
        self.at(op).map_or(0, |kept| kept.bytes)
    }

    /// How long the entries after `op` are when encoded.
    #[must_use]
    pub fn bytes_after(&self, op: OpNumber) -> usize {
        self.kept
            .range(self.index_after(op)..)
            .map(|kept| kept.bytes)
            .sum()
    }

    /// Adds `entry` at the next place.
    pub fn push(&mut self, entry: Entry<O>) {
        let encoded = postcard::to_stdvec(&entry).expect("plain data can be encoded");
        let before = self.kept.back().map_or(self.base.prefix, |kept| kept.prefix);
        let (bytes, prefix) = (encoded.len(), before.then(&encoded));
        self.kept.push_back(Kept { entry, bytes, prefix });
    }

    /// Drops everything after `op`.
    pub fn truncate(&mut self, op: OpNumber) {
        self.kept.truncate(op.since(self.base.op));
    }

    /// Drops everything up to and including `op`, which becomes the base. What is not there is not dropped.
    pub fn forget_through(&mut self, op: OpNumber) {
        let op = op.min(self.op());
        if let Some(prefix) = self.prefix(op)
            && self.base.op < op
        {
            self.kept.drain(..op.since(self.base.op));
            self.base = Base { op, prefix };
        }
    }

    /// The entries after `op`, at most `bytes_max` of them unless the first alone is longer. None when the log begins later.
    #[must_use]
    pub fn after(&self, op: OpNumber, bytes_max: usize) -> Option<Vec<Entry<O>>> {
        if op < self.base.op {
            return None;
        }
        let mut bytes = 0;
        let fits = |kept: &&Kept<O>| {
            let first = bytes == 0;
            bytes += kept.bytes;
            first || bytes <= bytes_max
        };
        let entries = self.kept.range(self.index_after(op)..).take_while(fits);
        Some(entries.map(|kept| kept.entry.clone()).collect())
    }

    /// The entries after `op` that are kept, with the digest of everything up to each.
    pub fn prefixes_after(&self, op: OpNumber) -> impl Iterator<Item = (&Entry<O>, Digest)> {
        let kept = self.kept.range(self.index_after(op)..);
        kept.map(|kept| (&kept.entry, kept.prefix))
    }

    fn at(&self, op: OpNumber) -> Option<&Kept<O>> {
        let index = op.since(self.base.op).checked_sub(1)?;
        self.kept.get(index)
    }

    fn index_after(&self, op: OpNumber) -> usize {
        op.since(self.base.op).min(self.kept.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{Base, Entry, Log};
    use crate::group::Command;
    use crate::replica::ClientId;
    use crate::service::RequestNumber;
    use crate::vr::request::Ask;
    use crate::vr::view::{OpNumber, View};

    fn entry(number: u64) -> Entry<String> {
        let command = Command {
            client: ClientId(1),
            number: RequestNumber(number),
            op: Ask::Service("x".repeat(10)),
        };
        Entry {
            view: View::in_first_epoch(1),
            command,
        }
    }

    fn log(entries: u64) -> Log<String> {
        let mut log = Log::new(Base::default());
        (1..=entries).for_each(|number| log.push(entry(number)));
        log
    }

    #[test]
    fn what_was_dropped_in_front_changes_no_place_and_no_digest() {
        let (whole, mut short) = (log(5), log(5));
        short.forget_through(OpNumber(3));
        assert_eq!(short.op(), OpNumber(5));
        assert_eq!(short.get(OpNumber(4)), whole.get(OpNumber(4)));
        assert_eq!(short.get(OpNumber(3)), None);
        for op in [3, 4, 5].map(OpNumber) {
            assert_eq!(short.prefix(op), whole.prefix(op));
        }
        assert_eq!(short.after(OpNumber(2), 1000), None);
    }

    #[test]
    fn a_log_that_was_cut_and_continued_otherwise_has_another_digest_from_there_on() {
        let (one, mut other) = (log(3), log(3));
        other.truncate(OpNumber(2));
        other.push(entry(9));
        assert_eq!(one.prefix(OpNumber(2)), other.prefix(OpNumber(2)));
        assert_ne!(one.prefix(OpNumber(3)), other.prefix(OpNumber(3)));
    }

    #[test]
    fn a_slice_keeps_to_its_bytes_but_is_never_empty_while_there_is_more() {
        let log = log(5);
        assert_eq!(log.after(OpNumber(1), 1).unwrap(), [entry(2)]);
        assert_eq!(log.after(OpNumber(1), 1000).unwrap().len(), 4);
        assert_eq!(log.after(OpNumber(5), 1000).unwrap(), []);
    }

    #[test]
    fn nothing_is_dropped_that_is_not_there() {
        let mut log = log(2);
        log.forget_through(OpNumber(9));
        assert_eq!((log.base().op, log.op()), (OpNumber(2), OpNumber(2)));
        log.truncate(OpNumber(9));
        assert_eq!(log.op(), OpNumber(2));
    }
}
