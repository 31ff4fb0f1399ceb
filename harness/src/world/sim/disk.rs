//! A node's disk: records that are durable, and one that is being written.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What of a node survives its deaths.
#[derive(Debug)]
pub(super) struct Disk<R> {
    durable: Vec<R>,
    /// Handed over and not known to be durable yet.
    tail: Option<R>,
}

impl<R: Clone> Disk<R> {
    pub(super) const fn new() -> Self {
        Self {
            durable: Vec::new(),
            tail: None,
        }
    }

    /// Begins to write `record`; the one before is durable.
    pub(super) fn write(&mut self, record: R) {
        assert!(
            self.tail.is_none(),
            "nothing follows a record that is not durable"
        );
        self.tail = Some(record);
    }

    /// What was being written is durable.
    pub(super) fn sync(&mut self) {
        self.durable.extend(self.tail.take());
    }

    /// The node dies. What was being written is on the disk or is not; a record that is there in part is found out by its
    /// checksum and counts as not there.
    pub(super) fn crash(&mut self, rng: &mut ChaCha8Rng) {
        if let Some(record) = self.tail.take()
            && rng.random_range(0..2) == 0
        {
            self.durable.push(record);
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
            disk.write('a');
            disk.sync();
            disk.write('b');
            disk.crash(&mut rng);
            found[disk.records().len()] += 1;
        }
        assert_eq!(found[0], 0);
        assert!(20 < found[1] && 20 < found[2], "{found:?}");
    }
}
