//! A node's disk: records that are durable, and the tail of those that are being written.
//!
//! What is written without anything to be seen in between is under way at the same time, and a crash drops all of that tail, or tears it: the
//! first of its records are there and the others are not. A record that is there in part is found out by its checksum and counts as not there.
//! (The log of the real servers is kinder: the records of one commit share a frame, and so are there together or not at all. The contract of
//! [`Effect::Persist`](systems::Effect) promises an order and no more, so that is what systems are tried with.)

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What of a node survives its deaths.
#[derive(Debug)]
pub(super) struct Disk<R> {
    durable: Vec<R>,
    /// Handed over and not known to be durable yet.
    tail: Vec<Write<R>>,
}

/// A change of what is durable.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Write<R> {
    /// One record more.
    Append(R),
    /// These records, in the place of all there are. It takes place when the new file gets the name of the old one, as a whole.
    Replace(Vec<R>),
}

impl<R: Clone> Disk<R> {
    pub(super) const fn new() -> Self {
        Self {
            durable: Vec::new(),
            tail: Vec::new(),
        }
    }

    /// Begins to write all of `tail`, in order; everything before is durable.
    pub(super) fn write(&mut self, tail: Vec<Write<R>>) {
        assert!(
            self.tail.is_empty(),
            "nothing follows a record that is not durable"
        );
        self.tail = tail;
    }

    /// What was being written is durable.
    pub(super) fn sync(&mut self) {
        for write in std::mem::take(&mut self.tail) {
            match write {
                Write::Append(record) => self.durable.push(record),
                Write::Replace(records) => self.durable = records,
            }
        }
    }

    /// The node dies. Of what was being written the first so many are on the disk, and the others are not.
    pub(super) fn crash(&mut self, rng: &mut ChaCha8Rng) {
        if !self.tail.is_empty() {
            let lost = rng.random_range(0..=self.tail.len());
            self.tail.truncate(self.tail.len() - lost);
            self.sync();
        }
    }

    /// What a new life finds.
    pub(super) fn records(&self) -> Vec<R> {
        self.durable.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_crash_drops_or_keeps_what_was_being_written_and_nothing_else() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut found = [0; 3];
        for _ in 0..100 {
            let mut disk = Disk::new();
            disk.write(vec![Write::Append('a')]);
            disk.sync();
            disk.write(vec![Write::Append('b')]);
            disk.crash(&mut rng);
            found[disk.records().len()] += 1;
        }
        assert_eq!(found[0], 0);
        assert!(20 < found[1] && 20 < found[2], "{found:?}");
    }

    #[test]
    fn a_crash_tears_what_was_being_written_at_any_record_and_keeps_its_order() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut found = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut disk = Disk::new();
            disk.write(vec![Write::Append('a')]);
            disk.sync();
            disk.write("bcd".chars().map(Write::Append).collect());
            disk.crash(&mut rng);
            disk.write(vec![Write::Append('e')]);
            disk.sync();
            found.insert(disk.records().iter().collect::<String>());
        }
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["abcde", "abce", "abe", "ae"]
        );
    }

    #[test]
    fn a_replacement_takes_place_as_a_whole_or_not_at_all() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut found = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let mut disk = Disk::new();
            disk.write(vec![Write::Append('a')]);
            disk.sync();
            disk.write(vec![Write::Replace(vec!['b', 'c'])]);
            disk.crash(&mut rng);
            found.insert(disk.records());
        }
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [vec!['a'], vec!['b', 'c']]);
    }
}
