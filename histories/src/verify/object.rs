//! Objects as they are: what they hold changes as they are asked. Written apart from the models, so that an error in one of them does
//! not bear out itself, and in place, so that an operation costs no more than what it was asked and answered.

use std::collections::VecDeque;

use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;

use crate::history::{Ending, Operation, PRECONDITION_FAILED};
use crate::model::{Mismatch, Model, Reading};
use crate::op::Function;
use crate::values::{Datum, Symbol, Values};

/// Something that is asked and answers.
pub(super) trait Object {
    /// Asks for `operation`.
    ///
    /// # Errors
    /// When the object does not know such an operation.
    fn take(&mut self, operation: &Operation<'_>, values: &Values) -> Result<Took, Mismatch>;
}

/// What an object did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Took {
    /// It answers so, if it was answered, and has changed accordingly.
    Effect,
    /// It would not answer so.
    Refused,
    /// The operation says nothing: it surely did not happen, or nobody knows its answer and it changes nothing.
    Nothing,
}

/// Whether it answers so.
impl From<bool> for Took {
    fn from(answers_so: bool) -> Self {
        if answers_so { Self::Effect } else { Self::Refused }
    }
}

/// What is known of an operation, whatever the object.
#[derive(Debug, Clone, Copy)]
enum Known<'a> {
    /// It took effect and was answered so.
    Answer(Datum<'a>),
    /// It was evaluated and could not be done; what was there instead, where that is known.
    Declined(Option<Datum<'a>>),
    /// Nobody knows.
    Unknown,
}

/// What is known of `operation`; nothing if it surely did not happen.
fn known<'a>(operation: &Operation<'a>) -> Option<Known<'a>> {
    match operation.ending {
        Ending::Ok(answer) => Some(Known::Answer(answer)),
        Ending::Fail { error, saw } if error == PRECONDITION_FAILED => Some(Known::Declined(saw)),
        Ending::Fail { .. } => None,
        Ending::Info { .. } | Ending::Unfinished => Some(Known::Unknown),
    }
}

/// One value, null at first.
#[derive(Debug)]
pub(super) struct Register(pub(super) Symbol);

impl Object for Register {
    fn take(&mut self, operation: &Operation<'_>, _: &Values) -> Result<Took, Mismatch> {
        let held = Datum::One(self.0);
        Ok(match (operation.f, known(operation), operation.value) {
            (Function::Read, Some(Known::Answer(answer)), _) => Took::from(answer == held),
            (Function::Write, Some(Known::Answer(_) | Known::Unknown), Datum::One(value)) => {
                self.0 = value;
                Took::Effect
            }
            (Function::Cas, Some(Known::Answer(_) | Known::Unknown), Datum::Many(&[old, new])) => {
                let matches = self.0 == old;
                self.0 = if matches { new } else { self.0 };
                Took::from(matches)
            }
            (Function::Cas, Some(Known::Declined(saw)), Datum::Many(&[old, _])) => {
                Took::from(self.0 != old && saw.is_none_or(|saw| saw == held))
            }
            _ => Took::Nothing,
        })
    }
}

/// A list of tokens, empty at first.
#[derive(Debug, Default)]
pub(super) struct List(Vec<Symbol>);

impl Object for List {
    fn take(&mut self, operation: &Operation<'_>, _: &Values) -> Result<Took, Mismatch> {
        Ok(match (operation.f, known(operation), operation.value) {
            (Function::Read, Some(Known::Answer(Datum::Many(tokens))), _) => Took::from(tokens == self.0),
            (Function::Read, Some(Known::Answer(answer)), _) => {
                Took::from(answer == Datum::NULL && self.0.is_empty())
            }
            (Function::Append, Some(Known::Answer(_) | Known::Unknown), Datum::One(token)) => {
                self.0.push(token);
                Took::Effect
            }
            _ => Took::Nothing,
        })
    }
}

/// A string, empty at first.
#[derive(Debug)]
pub(super) enum Text {
    /// What was put or got, whole.
    One(Symbol),
    /// What was put together.
    Joined(String),
}

impl Default for Text {
    fn default() -> Self {
        Self::Joined(String::new())
    }
}

impl Text {
    fn content<'a>(&'a self, values: &'a Values) -> &'a str {
        match self {
            Self::One(symbol) => values.text(*symbol).unwrap_or_default(),
            Self::Joined(text) => text,
        }
    }

    fn is(&self, answer: Symbol, values: &Values) -> bool {
        matches!(self, Self::One(held) if *held == answer)
            || values.text(answer) == Some(self.content(values))
    }
}

impl Object for Text {
    fn take(&mut self, operation: &Operation<'_>, values: &Values) -> Result<Took, Mismatch> {
        let string = |datum| match datum {
            Datum::One(symbol) => Some(symbol).filter(|&symbol| values.is_text(symbol)),
            Datum::Many(_) => None,
        };
        Ok(match (operation.f, known(operation)) {
            (Function::Get, Some(Known::Answer(Datum::One(answer)))) => Took::from(self.is(answer, values)),
            (Function::Get, Some(Known::Answer(Datum::Many(_)))) => Took::Refused,
            (Function::Put, Some(Known::Answer(_) | Known::Unknown)) => match string(operation.value) {
                Some(put) => {
                    *self = Self::One(put);
                    Took::Effect
                }
                None => Took::Nothing,
            },
            (Function::Append, Some(Known::Answer(_) | Known::Unknown)) => match string(operation.value) {
                Some(tail) => {
                    let tail = values.text(tail).unwrap_or_default();
                    match self {
                        Self::One(held) => {
                            *self = Self::Joined([values.text(*held).unwrap_or_default(), tail].concat())
                        }
                        Self::Joined(text) => text.push_str(tail),
                    }
                    Took::Effect
                }
                None => Took::Nothing,
            },
            _ => Took::Nothing,
        })
    }
}

/// A set, empty at first.
#[derive(Debug, Default)]
pub(super) struct Set(HashSet<Symbol, FxBuildHasher>);

impl Set {
    fn is(&self, members: &[Symbol]) -> bool {
        let mut seen: HashSet<Symbol, FxBuildHasher> = HashSet::default();
        let is_member = |member: &Symbol| self.0.contains(member) && seen.insert(*member);
        members.len() == self.0.len() && members.iter().all(is_member)
    }
}

impl Object for Set {
    fn take(&mut self, operation: &Operation<'_>, values: &Values) -> Result<Took, Mismatch> {
        Ok(match (operation.f, known(operation), operation.value) {
            (Function::Read, Some(Known::Answer(Datum::Many(members))), _) => Took::from(self.is(members)),
            (Function::Read, Some(Known::Answer(answer)), _) => {
                Took::from(answer == Datum::NULL && self.0.is_empty())
            }
            (Function::Contains, Some(Known::Answer(answer)), Datum::One(value)) => {
                let said = match answer {
                    Datum::One(said) | Datum::Many(&[_, said]) => values.bool(said),
                    Datum::Many(_) => None,
                };
                Took::from(said == Some(self.0.contains(&value)))
            }
            (Function::Add, Some(Known::Answer(_) | Known::Unknown), Datum::One(value)) => {
                self.0.insert(value);
                Took::Effect
            }
            (Function::Remove, Some(Known::Answer(_) | Known::Unknown), Datum::One(value)) => {
                self.0.remove(&value);
                Took::Effect
            }
            _ => Took::Nothing,
        })
    }
}

/// A lock, free at first.
#[derive(Debug, Default)]
pub(super) struct Lock(Option<Symbol>);

impl Object for Lock {
    fn take(&mut self, operation: &Operation<'_>, _: &Values) -> Result<Took, Mismatch> {
        let Datum::One(holder) = operation.value else {
            return Ok(Took::Nothing);
        };
        let (is_free, is_holder) = (self.0.is_none(), self.0 == Some(holder));
        Ok(match (operation.f, known(operation)) {
            (Function::Acquire, Some(Known::Answer(_) | Known::Unknown)) => {
                self.0.get_or_insert(holder);
                Took::from(is_free)
            }
            (Function::Release, Some(Known::Answer(_) | Known::Unknown)) => {
                self.0 = None;
                Took::from(is_holder)
            }
            (Function::Acquire, Some(Known::Declined(_))) => Took::from(!is_free),
            (Function::Release, Some(Known::Declined(_))) => Took::from(!is_holder),
            _ => Took::Nothing,
        })
    }
}

/// A counter, 0 at first. To ask for no amount is to ask for 1.
#[derive(Debug, Default)]
pub(super) struct Counter(i128);

impl Object for Counter {
    fn take(&mut self, operation: &Operation<'_>, values: &Values) -> Result<Took, Mismatch> {
        let amount = |datum| match datum {
            Datum::One(symbol) => values.int(symbol).map(i128::from),
            Datum::Many(_) => None,
        };
        Ok(match (operation.f, known(operation)) {
            (Function::Read, Some(Known::Answer(answer))) => Took::from(amount(answer) == Some(self.0)),
            (Function::Inc, Some(Known::Answer(_) | Known::Unknown)) => {
                let by = if operation.value == Datum::NULL {
                    Some(1)
                } else {
                    amount(operation.value)
                };
                self.0 += by.unwrap_or_default();
                Took::from(by.is_some())
            }
            _ => Took::Nothing,
        })
    }
}

/// A queue, empty at first.
#[derive(Debug, Default)]
pub(super) struct Queue(VecDeque<Symbol>);

impl Object for Queue {
    fn take(&mut self, operation: &Operation<'_>, _: &Values) -> Result<Took, Mismatch> {
        Ok(match (operation.f, known(operation), operation.value) {
            (Function::Enqueue, Some(Known::Answer(_) | Known::Unknown), Datum::One(value)) => {
                self.0.push_back(value);
                Took::Effect
            }
            (Function::Dequeue, Some(Known::Declined(_) | Known::Answer(Datum::NULL)), _) => {
                Took::from(self.0.is_empty())
            }
            (Function::Dequeue, Some(Known::Answer(answer)), _) => {
                Took::from(self.0.pop_front().map(Datum::One) == Some(answer))
            }
            (Function::Dequeue, Some(Known::Unknown), _) => {
                self.0.pop_front();
                Took::Effect
            }
            _ => Took::Nothing,
        })
    }
}

/// An object that behaves like a model of anybody's making.
#[derive(Debug)]
pub(super) struct Modelled<M: Model> {
    model: M,
    state: M::State,
}

impl<M: Model> Modelled<M> {
    pub(super) fn new(model: M) -> Self {
        Self {
            state: model.init(),
            model,
        }
    }
}

impl<M: Model> Object for Modelled<M> {
    fn take(&mut self, operation: &Operation<'_>, values: &Values) -> Result<Took, Mismatch> {
        let (Reading::Must(op) | Reading::May(op)) = self.model.read(operation, values)? else {
            return Ok(Took::Nothing);
        };
        let next = self.model.step(self.state, op);
        self.state = next.unwrap_or(self.state);
        Ok(Took::from(next.is_some()))
    }
}
