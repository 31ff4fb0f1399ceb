//! What the search has been to already.
//!
//! For each event and state it keeps the statuses it came with, without those that another one dominates: where everything
//! allowed to B is also allowed to A, going on from B is pointless after A.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::mask::Mask;

/// The places the search has been to.
#[derive(Debug)]
pub(super) struct Memo<S, const W: usize> {
    entries: Vec<Entry<S, W>>,
    /// The first entry of each event and state.
    heads: HashTable<u32>,
}

#[derive(Debug)]
struct Entry<S, const W: usize> {
    skip: Mask<W>,
    usable: Mask<W>,
    state: S,
    position: u32,
    /// The next entry of the same event and state; [`LAST`] if there is none.
    next: u32,
}

const LAST: u32 = u32::MAX;

/// Room for so many is made at first.
const ENTRIES_FIRST: usize = 64;

/// Places are numbered by 32 bits; the search asks for [`Memo::bytes`] long before the last thousands are used up.
const ENTRIES_MAX: usize = (u32::MAX - (1 << 20)) as usize;

/// Room for more places is made by this part of what is there.
const GROWTH: u64 = 2;

/// Whether a place is worth going on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    New,
    Dominated,
}

impl<S: Copy + Eq + Hash, const W: usize> Memo<S, W> {
    pub(super) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            heads: HashTable::new(),
        }
    }

    /// The memory it takes when `more` places are noted, while it grows; more than any cap when it can note no more.
    pub(super) fn bytes_soon(&self, more: u64) -> u64 {
        let entries = self.entries.len() as u64 + more;
        if entries >= ENTRIES_MAX as u64 {
            return u64::MAX;
        }
        // A table that is full is copied into one of twice the size.
        let heads = self.heads.allocation_size() as u64;
        let heads = if self.heads.len() as u64 + more <= self.heads.capacity() as u64 {
            heads
        } else {
            3 * heads
        };
        let room = (self.entries.capacity() as u64).max(entries + entries / GROWTH);
        room * size_of::<Entry<S, W>>() as u64 + heads
    }

    /// Forgets the half of the places that lies furthest back, all of an event or none; everything if that is not many.
    pub(super) fn forget(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        let mut positions: Vec<u32> = self.entries.iter().map(|entry| entry.position).collect();
        let middle = positions.len() / 2;
        let cut = positions.select_nth_unstable(middle).1.saturating_add(1);
        // Places are noted anew at the end, so that the links between them have to be made anew as well.
        let kept: Vec<Entry<S, W>> = self
            .entries
            .extract_if(.., |entry| entry.position >= cut)
            .collect();
        self.entries = Vec::new();
        self.heads = HashTable::new();
        for entry in kept {
            let hash = hash_of(entry.position, entry.state);
            let entries = &self.entries;
            let same = |&head: &u32| {
                let head = &entries[head as usize];
                head.position == entry.position && head.state == entry.state
            };
            let head = self.heads.find(hash, same).copied();
            self.add(hash, head, Entry { next: LAST, ..entry });
        }
    }

    /// Notes the place, unless one that allows as much is noted already.
    pub(super) fn visit(&mut self, position: u32, state: S, skip: Mask<W>, usable: Mask<W>) -> Visit {
        let hash = hash_of(position, state);
        let entries = &self.entries;
        let same = |&head: &u32| {
            let head = &entries[head as usize];
            head.position == position && head.state == state
        };
        let head = self.heads.find(hash, same).copied();
        let mut at = head;
        while let Some(place) = at {
            let entry = &mut self.entries[place as usize];
            if entry.skip.contains(&skip) && entry.usable.contains(&usable) {
                return Visit::Dominated;
            }
            if skip.contains(&entry.skip) && usable.contains(&entry.usable) {
                // The new one allows more; it takes the place of the old one.
                entry.skip = skip;
                entry.usable = usable;
                return Visit::New;
            }
            at = (entry.next != LAST).then_some(entry.next);
        }
        self.add(
            hash,
            head,
            Entry {
                skip,
                usable,
                state,
                position,
                next: LAST,
            },
        );
        Visit::New
    }

    fn add(&mut self, hash: u64, head: Option<u32>, mut entry: Entry<S, W>) {
        let place = u32::try_from(self.entries.len()).expect("the search gives up at ENTRIES_MAX");
        if self.entries.len() == self.entries.capacity() {
            self.entries
                .reserve_exact(self.entries.len() / GROWTH as usize + ENTRIES_FIRST);
        }
        match head {
            Some(head) => {
                let first = &mut self.entries[head as usize];
                entry.next = first.next;
                first.next = place;
                self.entries.push(entry);
            }
            None => {
                self.entries.push(entry);
                let entries = &self.entries;
                self.heads.insert_unique(hash, place, |&head| {
                    let head = &entries[head as usize];
                    hash_of(head.position, head.state)
                });
            }
        }
    }
}

fn hash_of<S: Hash>(position: u32, state: S) -> u64 {
    let mut hasher = FxHasher::default();
    position.hash(&mut hasher);
    state.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(slots: &[u16]) -> Mask<1> {
        let mut mask = Mask::EMPTY;
        slots.iter().for_each(|&slot| mask.add(slot));
        mask
    }

    #[test]
    fn only_what_allows_no_more_is_dominated() {
        let mut memo = Memo::<u32, 1>::new();
        let mut visit = |position, state, skip: &[u16], usable: &[u16]| {
            memo.visit(position, state, mask(skip), mask(usable))
        };
        assert_eq!(visit(1, 7, &[0], &[1]), Visit::New);
        assert_eq!(visit(1, 7, &[0], &[1]), Visit::Dominated);
        assert_eq!(visit(1, 7, &[], &[1]), Visit::Dominated);
        assert_eq!(visit(1, 7, &[1], &[0]), Visit::New, "neither allows more");
        assert_eq!(visit(1, 7, &[0, 1], &[1]), Visit::New);
        assert_eq!(visit(1, 7, &[0, 1], &[]), Visit::Dominated);
        assert_eq!(visit(2, 7, &[0], &[1]), Visit::New);
        assert_eq!(visit(1, 8, &[0], &[1]), Visit::New);
        assert_eq!(
            visit(1, 7, &[1], &[0]),
            Visit::Dominated,
            "still kept beside the others"
        );
    }

    #[test]
    fn the_places_furthest_back_are_forgotten_first() {
        let mut memo = Memo::<u8, 1>::new();
        let mask = |slot: u16| {
            let mut mask = Mask::EMPTY;
            mask.add(slot);
            mask
        };
        let places = || (0..20).flat_map(|position| [0, 1].map(|slot| (position, slot)));
        for (position, slot) in places() {
            assert_eq!(memo.visit(position, 7, mask(slot), mask(slot)), Visit::New);
        }
        let before = memo.bytes_soon(0);
        memo.forget();
        assert!(memo.bytes_soon(0) < before);
        for (position, slot) in places() {
            let expected = if position <= 10 {
                Visit::New
            } else {
                Visit::Dominated
            };
            assert_eq!(
                memo.visit(position, 7, mask(slot), mask(slot)),
                expected,
                "{position}"
            );
        }
        (0..8).for_each(|_| memo.forget());
        assert_eq!(memo.bytes_soon(0), 0, "nothing is left to forget");
    }
}
