//! A node's disk: records that are durable, and one that is being written.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What of a node survives its deaths.
#[derive(Debug)]
pub(super) struct Disk<R> {
    durable: Vec<R>,
    /// Handed over and not known to be durable yet.
    tail: Option<Write<R>>,
}

/// A change of what is durable.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Write<R> {
    /// One record more.
    Append(R),
    /// These records, in the place of all there are.
    Replace(Vec<R>),
}

impl<R: Clone> Disk<R> {
    pub(super) const fn new() -> Self {
        Self {
            durable: Vec::new(),
            tail: None,
        }
    }

    /// Begins a write; the one before is durable.
    pub(super) fn write(&mut self, write: Write<R>) {
        assert!(
            self.tail.is_none(),
            "nothing follows a record that is not durable"
        );
        self.tail = Some(write);
    }

    /// What was being written is durable.
    pub(super) fn sync(&mut self) {
        match self.tail.take() {
            Some(Write::Append(record)) => self.durable.push(record),
            Some(Write::Replace(records)) => self.durable = records,
            None => {}
        }
    }

    /// The node dies. What was being written is on the disk or is not: a record that is there in part is found out by its checksum
    /// and counts as not there, and a replacement takes place when its file gets its name.
    pub(super) fn crash(&mut self, rng: &mut ChaCha8Rng) {
        if self.tail.is_some() && rng.random_range(0..2) == 0 {
            self.sync();
        }
        self.tail = None;
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
            disk.write(Write::Append('a'));
            disk.sync();
            disk.write(Write::Append('b'));
            disk.crash(&mut rng);
            found[disk.records().len()] += 1;
        }
        assert_eq!(found[0], 0);
        assert!(20 < found[1] && 20 < found[2], "{found:?}");
    }

    #[test]
    fn a_replacement_takes_place_as_a_whole_or_not_at_all() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut found = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let mut disk = Disk::new();
            disk.write(Write::Append('a'));
            disk.sync();
            disk.write(Write::Replace(vec!['b', 'c']));
            disk.crash(&mut rng);
            found.insert(disk.records());
        }
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [vec!['a'], vec!['b', 'c']]);
    }
}
