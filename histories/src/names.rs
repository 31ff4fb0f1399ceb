//! Names that come again and again, each kept once.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::op::Key;

/// Names, numbered from zero in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    names: Vec<Key>,
    index: HashTable<u32>,
}

impl Names {
    /// The number of `name`, which is added if it is new.
    pub(crate) fn number(&mut self, name: &str) -> u32 {
        let hash = hash_of(name);
        match self
            .index
            .find(hash, |&known| *self.names[known as usize].0 == *name)
        {
            Some(&known) => known,
            None => self.add(hash, Key::from(name)),
        }
    }

    /// The number of `name`, which is added if it is new, without another copy of its text.
    pub(crate) fn number_of(&mut self, name: &Key) -> u32 {
        let hash = hash_of(&name.0);
        match self
            .index
            .find(hash, |&known| self.names[known as usize] == *name)
        {
            Some(&known) => known,
            None => self.add(hash, name.clone()),
        }
    }

    /// The one copy of `name` there is.
    pub(crate) fn shared(&mut self, name: &str) -> Key {
        let number = self.number(name);
        self.get(number).clone()
    }

    /// The name of that number.
    pub(crate) fn get(&self, number: u32) -> &Key {
        &self.names[number as usize]
    }

    /// The text of the name of that number.
    pub(crate) fn text(&self, number: u32) -> &str {
        &self.names[number as usize].0
    }

    pub(crate) const fn len(&self) -> usize {
        self.names.len()
    }

    fn add(&mut self, hash: u64, name: Key) -> u32 {
        let added = u32::try_from(self.names.len()).expect("events are limited to EVENTS_MAX");
        self.names.push(name);
        let names = &self.names;
        self.index
            .insert_unique(hash, added, |&known| hash_of(&names[known as usize].0));
        added
    }
}

fn hash_of(name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number() {
        let mut names = Names::default();
        let numbers = [
            names.number("a"),
            names.number("b"),
            names.number_of(&Key::from("a")),
        ];
        assert_eq!((numbers, names.len()), ([0, 1, 0], 2));
        assert_eq!(names.shared("b"), Key::from("b"));
        assert_eq!(names.text(1), "b");
    }
}
