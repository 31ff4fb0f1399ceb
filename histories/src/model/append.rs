//! A list to which tokens are appended and which is read whole. It starts empty.

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use super::{Mismatch, Model, ModelName, Nature, Reading};
use crate::history::{Ending, Operation};
use crate::op::Function;
use crate::values::{Datum, Symbol, Values};

/// A list of tokens. Lists are kept as a tree of their prefixes, so that each is one number.
#[derive(Debug, Clone)]
pub struct Append {
    lists: Vec<Node>,
    longer: HashTable<List>,
}

/// A list, as the list without its last token, and that token.
#[derive(Debug, Clone, Copy)]
struct Node {
    shorter: List,
    token: Symbol,
    length: u32,
    /// A list far shorter, so that any beginning is found in a logarithmic number of steps (Myers 1983).
    far_shorter: List,
}

/// A list, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List(u32);

const EMPTY: List = List(0);

/// Some list that no read can have begun with; it stays so.
const OTHER: List = List(u32::MAX);

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
        let empty = Node {
            shorter: EMPTY,
            token: Symbol::NULL,
            length: 0,
            far_shorter: EMPTY,
        };
        Self {
            lists: vec![empty],
            longer: HashTable::new(),
        }
    }
}

impl Append {
    /// What `operation` says. A list that does not exist yet may be read as null.
    pub(crate) fn told<'a>(operation: &Operation<'a>) -> Result<Reading<Told<'a>>, Mismatch> {
        match (operation.f, operation.value, operation.answer().copied()) {
            (Function::Append, Datum::One(token), _) => Ok(match operation.ending {
                Ending::Ok(_) => Reading::Must(Told::Append(token)),
                Ending::Fail { .. } => Reading::Nothing,
                Ending::Info { .. } | Ending::Unfinished => Reading::May(Told::Append(token)),
            }),
            (Function::Read, _, Some(Datum::Many(tokens))) => Ok(Reading::Must(Told::Read(tokens))),
            (Function::Read, _, Some(Datum::NULL)) => Ok(Reading::Must(Told::Read(&[]))),
            (Function::Read, _, None) => Ok(Reading::Nothing),
            (Function::Append, Datum::Many(_), _) => Err(bad(operation, "wants one token in an `append`")),
            (Function::Read, _, Some(Datum::One(_))) => {
                Err(bad(operation, "wants an array of tokens from a `read`"))
            }
            _ => Err(ModelName::Append.does_not_know(operation)),
        }
    }

    fn with(&mut self, shorter: List, token: Symbol) -> List {
        if shorter == OTHER {
            return OTHER;
        }
        let hash = hash_of(shorter, token);
        let is_same = |list: &List| {
            let node = self.node(*list);
            (node.shorter, node.token) == (shorter, token)
        };
        if let Some(&known) = self.longer.find(hash, is_same) {
            return known;
        }
        let list =
            List(u32::try_from(self.lists.len()).expect("fewer than four billion lists fit in memory"));
        let node = Node {
            shorter,
            token,
            length: self.node(shorter).length + 1,
            far_shorter: self.jump(shorter),
        };
        self.lists.push(node);
        let lists = &self.lists;
        self.longer.insert_unique(hash, list, |list| {
            let node = lists[list.0 as usize];
            hash_of(node.shorter, node.token)
        });
        list
    }

    fn node(&self, list: List) -> Node {
        self.lists[list.0 as usize]
    }

    /// Where the list after `shorter` jumps to: two jumps of equal length are joined into one.
    fn jump(&self, shorter: List) -> List {
        let first = self.node(shorter);
        let second = self.node(first.far_shorter);
        let third = self.node(second.far_shorter);
        if first.length - second.length == second.length - third.length {
            second.far_shorter
        } else {
            shorter
        }
    }

    /// Whether `beginning` is one of `list`.
    fn begins_with(&self, mut list: List, beginning: List) -> bool {
        let length = self.node(beginning).length;
        while self.node(list).length > length {
            let node = self.node(list);
            list = if self.node(node.far_shorter).length >= length {
                node.far_shorter
            } else {
                node.shorter
            };
        }
        list == beginning
    }

    fn tokens(&self, mut list: List) -> Vec<Symbol> {
        let mut tokens = Vec::new();
        while list != EMPTY {
            tokens.push(self.node(list).token);
            list = self.node(list).shorter;
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
                AppendOp::Read(tokens.iter().fold(EMPTY, |list, &token| self.with(list, token)))
            }
        }))
    }

    fn init(&self) -> List {
        EMPTY
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

    /// Any list that was read, less tokens at its end that may have been appended since.
    fn any_state(&mut self, ops: &[AppendOp]) -> Option<Vec<List>> {
        let appended = |op: &AppendOp| match *op {
            AppendOp::Append(token) => Some(token),
            AppendOp::Read(_) => None,
        };
        let appended: BTreeSet<Symbol> = ops.iter().filter_map(appended).collect();
        let mut states = BTreeSet::from([OTHER]);
        for op in ops {
            let AppendOp::Read(mut list) = *op else { continue };
            while states.insert(list) && list != EMPTY && appended.contains(&self.node(list).token) {
                list = self.node(list).shorter;
            }
        }
        Some(states.into_iter().collect())
    }

    const GROWS: bool = true;

    fn may_lead_to(&self, state: List, op: AppendOp) -> bool {
        match op {
            AppendOp::Append(_) => true,
            AppendOp::Read(list) => state != OTHER && self.begins_with(list, state),
        }
    }

    fn show(&self, state: List, values: &Values) -> String {
        if state == OTHER {
            return "something else".to_owned();
        }
        let tokens = self.tokens(state);
        let shown = tokens.len().saturating_sub(TOKENS_SHOWN_MAX);
        let tail: Vec<String> = tokens[shown..]
            .iter()
            .map(|&token| values.show(token).to_string())
            .collect();
        format!("[{}{}]", if shown == 0 { "" } else { ".. " }, tail.join(" "))
    }

    fn memory_bytes(&self) -> u64 {
        (self.lists.capacity() * size_of::<Node>() + self.longer.allocation_size()) as u64
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
