//! A list to which tokens are appended and which is read whole. It starts empty.

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

use super::{Mismatch, Model, ModelName, Nature, Reading};
use crate::history::{Ending, Operation};
use crate::op::Function;
use crate::values::{Datum, Symbol, Values};

/// A list of tokens. Lists are kept as a tree of their prefixes, so that each is one number.
#[derive(Debug, Clone)]
pub struct Append {
    /// For each list but the empty one the list without its last token, and that token.
    lists: Vec<(List, Symbol)>,
    longer: HashTable<List>,
}

/// A list, by its number; 0 is the empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct List(u32);

/// What was asked of a list and what it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AppendOp {
    /// The token is its last now.
    Append(Symbol),
    /// It was this.
    Read(List),
}

/// What an operation on a list says, with the list as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told<'a> {
    /// The token is its last now.
    Append(Symbol),
    /// It was this.
    Read(&'a [Symbol]),
}

/// How many tokens of a list stand in a sentence.
const TOKENS_SHOWN_MAX: usize = 6;

impl Default for Append {
    fn default() -> Self {
        Self {
            lists: vec![(List(0), Symbol::NULL)],
            longer: HashTable::new(),
        }
    }
}

impl Append {
    /// What `operation` says. A list that does not exist yet may be read as null.
    pub(crate) fn told(operation: &Operation) -> Result<Reading<Told<'_>>, Mismatch> {
        match (operation.f, &operation.value, operation.answer()) {
            (Function::Append, Datum::One(token), _) => Ok(match operation.ending {
                Ending::Ok(_) => Reading::Must(Told::Append(*token)),
                Ending::Fail { .. } => Reading::Nothing,
                Ending::Info { .. } | Ending::Unfinished => Reading::May(Told::Append(*token)),
            }),
            (Function::Read, _, Some(Datum::Many(tokens))) => Ok(Reading::Must(Told::Read(tokens))),
            (Function::Read, _, Some(&Datum::NULL)) => Ok(Reading::Must(Told::Read(&[]))),
            (Function::Read, _, None) => Ok(Reading::Nothing),
            (Function::Append, Datum::Many(_), _) => Err(bad(operation, "wants one token in an `append`")),
            (Function::Read, _, Some(Datum::One(_))) => {
                Err(bad(operation, "wants an array of tokens from a `read`"))
            }
            _ => Err(ModelName::Append.does_not_know(operation)),
        }
    }

    fn with(&mut self, list: List, token: Symbol) -> List {
        let hash = hash_of(list, token);
        let lists = &self.lists;
        if let Some(&known) = self
            .longer
            .find(hash, |longer| lists[longer.0 as usize] == (list, token))
        {
            return known;
        }
        let longer = List(u32::try_from(lists.len()).expect("fewer than four billion lists fit in memory"));
        self.lists.push((list, token));
        let lists = &self.lists;
        self.longer.insert_unique(hash, longer, |list| {
            let (shorter, token) = lists[list.0 as usize];
            hash_of(shorter, token)
        });
        longer
    }

    fn tokens(&self, mut list: List) -> Vec<Symbol> {
        let mut tokens = Vec::new();
        while list != List(0) {
            let (shorter, token) = self.lists[list.0 as usize];
            tokens.push(token);
            list = shorter;
        }
        tokens.reverse();
        tokens
    }
}

impl Model for Append {
    type State = List;
    type Op = AppendOp;

    fn read(&mut self, operation: &Operation, _: &Values) -> Result<Reading<AppendOp>, Mismatch> {
        Ok(Self::told(operation)?.map(|told| match told {
            Told::Append(token) => AppendOp::Append(token),
            Told::Read(tokens) => {
                AppendOp::Read(tokens.iter().fold(List(0), |list, &token| self.with(list, token)))
            }
        }))
    }

    fn init(&self) -> List {
        List(0)
    }

    fn step(&mut self, state: List, op: AppendOp) -> Option<List> {
        match op {
            AppendOp::Append(token) => Some(self.with(state, token)),
            AppendOp::Read(list) => (state == list).then_some(state),
        }
    }

    fn nature(&self, op: AppendOp) -> Nature {
        match op {
            AppendOp::Append(_) => Nature::Total,
            AppendOp::Read(_) => Nature::Pure,
        }
    }

    fn any_state(&self, _: &[AppendOp]) -> Option<Vec<List>> {
        None
    }

    fn show(&self, state: List, values: &Values) -> String {
        let tokens = self.tokens(state);
        let shown = tokens.len().saturating_sub(TOKENS_SHOWN_MAX);
        let tail: Vec<String> = tokens[shown..]
            .iter()
            .map(|&token| values.show(token).to_string())
            .collect();
        format!("[{}{}]", if shown == 0 { "" } else { ".. " }, tail.join(" "))
    }

    fn memory_bytes(&self) -> u64 {
        (self.lists.capacity() * size_of::<(List, Symbol)>() + self.longer.allocation_size()) as u64
    }
}

fn bad(operation: &Operation, reason: &str) -> Mismatch {
    ModelName::Append.mismatch(operation, reason.to_owned())
}

fn hash_of(list: List, token: Symbol) -> u64 {
    let mut hasher = FxHasher::default();
    (list, token).hash(&mut hasher);
    hasher.finish()
}
