//! A set of values that is added to, removed from, asked for one value, and read whole. It starts empty.
//!
//! What `add` and `remove` are answered with says nothing beside that they took effect.

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use super::{Mismatch, Model, ModelName, Nature, Reading, change, truth};
use crate::history::Operation;
use crate::op::Function;
use crate::values::{Datum, Symbol, Values};

/// A set. Each one that occurs is kept once, in the order of its symbols.
#[derive(Debug, Clone)]
pub struct Set {
    sets: Vec<Box<[Symbol]>>,
    by_content: HashTable<Members>,
    bytes: usize,
}

/// What is in a set, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Members(u32);

const EMPTY: Members = Members(0);

/// What was asked of a set and what it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetOp {
    /// This is in it now.
    Add(Symbol),
    /// This is not in it now.
    Remove(Symbol),
    /// This was in it.
    Has(Symbol),
    /// This was not in it.
    Lacks(Symbol),
    /// It was this.
    Read(Members),
    /// It was read, and had a value twice: no state explains that.
    Contradiction,
}

/// What an operation on a set says, with the set as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told<'a> {
    /// This is in it now.
    Add(Symbol),
    /// This is not in it now.
    Remove(Symbol),
    /// This was in it.
    Has(Symbol),
    /// This was not in it.
    Lacks(Symbol),
    /// It was this, in any order.
    Read(&'a [Symbol]),
}

/// More sets than this are not tried as the beginning of a proof.
const ANY_STATES_MAX: usize = 1024;

/// So many values of a set stand in a sentence.
const SHOWN_MAX: usize = 6;

impl Default for Set {
    fn default() -> Self {
        let mut set = Self {
            sets: Vec::new(),
            by_content: HashTable::new(),
            bytes: 0,
        };
        let empty = set.intern(Vec::new());
        assert_eq!(empty, EMPTY, "the empty set is the first");
        set
    }
}

impl Set {
    /// What `operation` says. A set that does not exist yet may be read as null.
    pub(crate) fn told<'a>(
        operation: &Operation<'a>,
        values: &Values,
    ) -> Result<Reading<Told<'a>>, Mismatch> {
        let wants = |what: &str| ModelName::Set.mismatch(operation, format!("wants {what}"));
        match (operation.f, operation.value, operation.answer().copied()) {
            (Function::Read, _, None) => Ok(Reading::Nothing),
            (Function::Read, _, Some(Datum::Many(members))) => Ok(Reading::Must(Told::Read(members))),
            (Function::Read, _, Some(Datum::NULL)) => Ok(Reading::Must(Told::Read(&[]))),
            (Function::Read, _, Some(Datum::One(_))) => Err(wants("an array of values from a `read`")),
            (Function::Add, Datum::One(value), _) => Ok(change(operation, Told::Add(value))),
            (Function::Remove, Datum::One(value), _) => Ok(change(operation, Told::Remove(value))),
            (Function::Contains, Datum::One(_), None) => Ok(Reading::Nothing),
            // The value may stand beside the answer, as in `[7, true]`.
            (Function::Contains, Datum::One(value), Some(Datum::One(answer) | Datum::Many(&[_, answer]))) => {
                match truth(values, answer) {
                    Some(true) => Ok(Reading::Must(Told::Has(value))),
                    Some(false) => Ok(Reading::Must(Told::Lacks(value))),
                    None => Err(wants("true or false from a `contains`")),
                }
            }
            (Function::Contains, Datum::One(_), Some(Datum::Many(_))) => {
                Err(wants("true or false from a `contains`"))
            }
            (Function::Add | Function::Remove | Function::Contains, Datum::Many(_), _) => {
                Err(wants("one value, not an array"))
            }
            _ => Err(ModelName::Set.does_not_know(operation)),
        }
    }

    fn intern(&mut self, members: Vec<Symbol>) -> Members {
        let hash = hash_of(&members);
        let is_same = |set: &Members| *self.sets[set.0 as usize] == *members;
        if let Some(&known) = self.by_content.find(hash, is_same) {
            return known;
        }
        let set =
            Members(u32::try_from(self.sets.len()).expect("fewer than four billion sets fit in memory"));
        self.bytes += members.len() * size_of::<Symbol>();
        self.sets.push(members.into_boxed_slice());
        let sets = &self.sets;
        self.by_content
            .insert_unique(hash, set, |set| hash_of(&sets[set.0 as usize]));
        set
    }

    fn members(&self, set: Members) -> &[Symbol] {
        &self.sets[set.0 as usize]
    }

    fn read_whole(&mut self, members: &[Symbol]) -> SetOp {
        let mut sorted = members.to_vec();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return SetOp::Contradiction;
        }
        SetOp::Read(self.intern(sorted))
    }
}

impl Model for Set {
    type State = Members;
    type Op = SetOp;

    fn read(&mut self, operation: &Operation, values: &Values) -> Result<Reading<SetOp>, Mismatch> {
        Ok(Self::told(operation, values)?.map(|told| match told {
            Told::Add(value) => SetOp::Add(value),
            Told::Remove(value) => SetOp::Remove(value),
            Told::Has(value) => SetOp::Has(value),
            Told::Lacks(value) => SetOp::Lacks(value),
            Told::Read(members) => self.read_whole(members),
        }))
    }

    fn init(&self) -> Members {
        EMPTY
    }

    fn step(&mut self, state: Members, op: SetOp) -> Option<Members> {
        let place = |value| self.members(state).binary_search(&value);
        match op {
            SetOp::Add(value) => Some(match place(value) {
                Ok(_) => state,
                Err(at) => {
                    let mut members = self.members(state).to_vec();
                    members.insert(at, value);
                    self.intern(members)
                }
            }),
            SetOp::Remove(value) => Some(match place(value) {
                Err(_) => state,
                Ok(at) => {
                    let mut members = self.members(state).to_vec();
                    members.remove(at);
                    self.intern(members)
                }
            }),
            SetOp::Has(value) => place(value).is_ok().then_some(state),
            SetOp::Lacks(value) => place(value).is_err().then_some(state),
            SetOp::Read(members) => (members == state).then_some(state),
            SetOp::Contradiction => None,
        }
    }

    fn nature(&self, op: SetOp) -> Nature {
        match op {
            SetOp::Add(_) | SetOp::Remove(_) => Nature::Total,
            SetOp::Has(_) | SetOp::Lacks(_) | SetOp::Read(_) | SetOp::Contradiction => Nature::Pure,
        }
    }

    /// Any set that was read, or the empty one, with any of the values that were also added, removed or asked for.
    fn any_state(&mut self, ops: &[SetOp]) -> Option<Vec<Members>> {
        let mut open = BTreeSet::new();
        let mut read = BTreeSet::from([EMPTY]);
        for op in ops {
            match *op {
                SetOp::Add(value) | SetOp::Remove(value) | SetOp::Has(value) | SetOp::Lacks(value) => {
                    open.insert(value);
                }
                SetOp::Read(members) => drop(read.insert(members)),
                SetOp::Contradiction => {}
            }
        }
        let fixed = |&set: &Members| {
            let members = self.members(set).iter().copied();
            members
                .filter(|value| !open.contains(value))
                .collect::<BTreeSet<Symbol>>()
        };
        let mut sets: BTreeSet<BTreeSet<Symbol>> = read.iter().map(fixed).collect();
        for value in open {
            if sets.len() > ANY_STATES_MAX {
                return None;
            }
            let with = |set: &BTreeSet<Symbol>| set.iter().copied().chain([value]).collect();
            let more: Vec<BTreeSet<Symbol>> = sets.iter().map(with).collect();
            sets.extend(more);
        }
        Some(
            sets.into_iter()
                .map(|set| self.intern(set.into_iter().collect()))
                .collect(),
        )
    }

    fn show(&self, state: Members, values: &Values) -> String {
        let members = self.members(state);
        let shown: Vec<String> = members
            .iter()
            .take(SHOWN_MAX)
            .map(|&value| values.show(value).to_string())
            .collect();
        let more = if members.len() > SHOWN_MAX { " .." } else { "" };
        format!("{{{}{more}}}", shown.join(" "))
    }

    fn memory_bytes(&self) -> u64 {
        let tables = self.by_content.allocation_size() + self.sets.capacity() * size_of::<Box<[Symbol]>>();
        (self.bytes + tables) as u64
    }
}

fn hash_of(members: &[Symbol]) -> u64 {
    let mut hasher = FxHasher::default();
    members.hash(&mut hasher);
    hasher.finish()
}
