//! What an object would answer if its operations came one after the other: sequential specifications.
//!
//! A [`Model`] reads the operations of a history into its own small form, in which question and answer are one ([`Model::Op`]),
//! and says by [`Model::step`] whether that answer can be given in a state, and what state follows. States are small numbers;
//! a model with big states keeps each of them once and numbers them.
//!
//! A model of your own needs three methods: [`Model::read`], [`Model::init`] and [`Model::step`]. The others tell the search what it may take for
//! granted; what they say when they are left out is always right, and what they can say makes it faster and its proofs smaller. The
//! guide on the first page of this crate has an example.

pub mod append;
pub mod counter;
pub mod kv;
pub mod lock;
pub(crate) mod member;
pub mod queue;
pub mod register;
pub mod set;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;

use crate::history::{Ending, History, Operation, PRECONDITION_FAILED};
use crate::journal::Index;
use crate::op::Function;
use crate::values::{Symbol, Values, one_line};

/// A sequential specification.
pub trait Model {
    /// What an object holds.
    type State: Copy + Eq + Hash + Debug;
    /// What was asked and what was answered.
    type Op: Copy + Eq + Hash + Debug;

    /// What an operation of the history says about its object.
    ///
    /// # Errors
    /// When the model does not know such an operation.
    fn read(&mut self, operation: &Operation, values: &Values) -> Result<Reading<Self::Op>, Mismatch>;

    /// What every object holds at first.
    fn init(&self) -> Self::State;

    /// The state after `op`, or none if its answer cannot be given in `state`.
    fn step(&mut self, state: Self::State, op: Self::Op) -> Option<Self::State>;

    /// What is known of `op` whatever the state. [`Nature::Conditional`] is always right.
    fn nature(&self, _op: Self::Op) -> Nature {
        Nature::Conditional
    }

    /// The only state in which `op` can be answered so, if there is just one.
    fn needs(&self, _op: Self::Op) -> Option<Self::State> {
        None
    }

    /// What `op` leaves behind when it was legal.
    fn gives(&self, op: Self::Op) -> Gives<Self::State> {
        match self.nature(op) {
            Nature::Pure => Gives::Nothing,
            Nature::Blind | Nature::Total | Nature::Conditional => Gives::Anything,
        }
    }

    /// Whether any operations lead to finitely many states, however often they are applied.
    const FINITE: bool = false;

    /// Every state that matters to `ops`, whatever came before them: if they, or some of them, can be answered in order from any
    /// state at all, then also from one of these. None if there are too many, or that is not known; proofs are larger then.
    fn any_state(&mut self, _ops: &[Self::Op]) -> Option<Vec<Self::State>> {
        None
    }

    /// Whether every operation is pure, blind or total, and states only grow but for blind ones: then [`Model::may_lead_to`] is
    /// worth asking.
    const GROWS: bool = false;

    /// Whether the pure operation `op` may become legal after `state` without a blind operation in between. May err by yes.
    fn may_lead_to(&self, _state: Self::State, _op: Self::Op) -> bool {
        true
    }

    /// What a state is called in a sentence.
    fn show(&self, state: Self::State, _values: &Values) -> String {
        format!("{state:?}")
    }

    /// How many bytes the model has asked for, beside the states that the search keeps; counted against the limit.
    fn memory_bytes(&self) -> u64 {
        0
    }
}

/// What an operation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading<Op> {
    /// It did happen, between its edges.
    Must(Op),
    /// It may have happened, or may yet happen, at any time after its call, or never.
    May(Op),
    /// Nothing: it surely did not happen, or nobody knows its answer and it changes nothing.
    Nothing,
}

impl<Op> Reading<Op> {
    /// The same said in other terms.
    pub fn map<T>(self, terms: impl FnOnce(Op) -> T) -> Reading<T> {
        match self {
            Self::Must(op) => Reading::Must(terms(op)),
            Self::May(op) => Reading::May(terms(op)),
            Self::Nothing => Reading::Nothing,
        }
    }
}

/// What an operation leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives<S> {
    /// What was there before.
    Nothing,
    /// This state.
    State(S),
    /// It depends.
    Anything,
}

/// What is known of an operation whatever the state. The search lives on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Never changes the state.
    Pure,
    /// Can always be answered so, and the state after it does not depend on the state before.
    Blind,
    /// Can always be answered so.
    Total,
    /// None of these.
    Conditional,
}

/// The models there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelName {
    /// `read`, `write`.
    Register,
    /// `read`, `write`, `cas`.
    CasRegister,
    /// `append` of tokens, `read` of the whole list.
    Append,
    /// `get`, `put`, `append` of strings.
    Kv,
    /// `add`, `remove`, `contains`, `read` of the whole set.
    Set,
    /// `acquire`, `release`.
    Lock,
    /// `inc`, `read`.
    Counter,
    /// `enqueue`, `dequeue`.
    Queue,
}

/// An operation that a model does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operation {}: the model {model} {reason}", index.0)]
pub struct Mismatch {
    /// Its journal line.
    pub index: Index,
    /// Which model.
    pub model: &'static str,
    /// What it does not know.
    pub reason: String,
}

impl Mismatch {
    /// The model of that name does not know `operation`, for this `reason`: "does not know `add`", "wants a number in a `write`".
    #[must_use]
    pub fn new(model: &'static str, operation: &Operation<'_>, reason: impl Into<String>) -> Self {
        Self {
            index: operation.index,
            model,
            reason: reason.into(),
        }
    }
}

/// A name that no model has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown model `{}`; known are {known}", one_line(.0), known = ModelName::ALL.map(ModelName::name).join(", "))]
pub struct UnknownModel(pub String);

impl ModelName {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Register,
        Self::CasRegister,
        Self::Append,
        Self::Kv,
        Self::Set,
        Self::Lock,
        Self::Counter,
        Self::Queue,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::CasRegister => "cas-register",
            Self::Append => "append",
            Self::Kv => "kv",
            Self::Set => "set",
            Self::Lock => "lock",
            Self::Counter => "counter",
            Self::Queue => "queue",
        }
    }

    /// The model whose operations `history` is made of; none when no model knows them all.
    #[must_use]
    pub fn of(history: &History) -> Option<Self> {
        let asked: BTreeSet<Function> = history.operations().iter().map(|operation| operation.f).collect();
        Self::ALL
            .into_iter()
            .find(|model| asked.iter().all(|f| model.functions().contains(f)))
    }

    /// What can be asked.
    const fn functions(self) -> &'static [Function] {
        match self {
            Self::Register => &[Function::Read, Function::Write],
            Self::CasRegister => &[Function::Read, Function::Write, Function::Cas],
            Self::Append => &[Function::Read, Function::Append],
            Self::Kv => &[Function::Get, Function::Put, Function::Append],
            Self::Set => &[
                Function::Add,
                Function::Remove,
                Function::Contains,
                Function::Read,
            ],
            Self::Lock => &[Function::Acquire, Function::Release],
            Self::Counter => &[Function::Inc, Function::Read],
            Self::Queue => &[Function::Enqueue, Function::Dequeue],
        }
    }

    pub(crate) fn does_not_know(self, operation: &Operation) -> Mismatch {
        self.mismatch(operation, format!("does not know `{}`", operation.f))
    }

    pub(crate) fn mismatch(self, operation: &Operation, reason: String) -> Mismatch {
        Mismatch::new(self.name(), operation, reason)
    }
}

/// The whole number that a value is, if it is one.
fn integer(values: &Values, symbol: Symbol) -> Option<i64> {
    values.int(symbol)
}

/// True or false, if a value is one of them.
fn truth(values: &Values, symbol: Symbol) -> Option<bool> {
    values.bool(symbol)
}

/// Whether `operation` was evaluated and found that it could not be done.
fn is_refusal(operation: &Operation) -> bool {
    matches!(&operation.ending, Ending::Fail { error, .. } if *error == PRECONDITION_FAILED)
}

/// What an operation that changes something says, by what came of it.
fn change<Op>(operation: &Operation, op: Op) -> Reading<Op> {
    match operation.ending {
        Ending::Ok(_) => Reading::Must(op),
        Ending::Fail { .. } => Reading::Nothing,
        Ending::Info { .. } | Ending::Unfinished => Reading::May(op),
    }
}

impl std::str::FromStr for ModelName {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        Self::ALL
            .into_iter()
            .find(|model| model.name() == name)
            .ok_or_else(|| UnknownModel(name.to_owned()))
    }
}

impl std::fmt::Display for ModelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
