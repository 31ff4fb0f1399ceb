//! The appends and the whole-value reads of one list, and who appended which token.

pub(super) mod defects;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::narrator::Narrator;
use super::watch::Watch;
use crate::history::{Ending, FOREVER, History, OperationId};
use crate::model::append::{Append, Told};
use crate::model::{Mismatch, Reading};
use crate::op::Function;
use crate::values::{Datum, Symbol};

/// The operations on one list.
#[derive(Debug)]
pub(crate) struct Book<'a> {
    pub(super) narrator: Narrator<'a>,
    /// In the order of their calls.
    pub(super) reads: Vec<Read<'a>>,
    /// In the order of their calls; without the refused ones.
    pub(super) appends: Vec<Appended>,
    /// The longest read, by its place.
    pub(super) reference: Option<usize>,
    by_token: HashMap<Symbol, Token, FxBuildHasher>,
    /// Two appends of the same token, neither of which was refused.
    pub(super) reused: Option<(OperationId, OperationId)>,
}

/// A read and its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read<'a> {
    pub(super) id: OperationId,
    pub(super) call: u32,
    pub(super) ret: u32,
    pub(super) tokens: &'a [Symbol],
}

/// An append that took effect, or may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Appended {
    pub(super) id: OperationId,
    pub(super) token: Symbol,
    pub(super) call: u32,
    /// [`FOREVER`] if nobody knows whether it took effect.
    pub(super) ret: u32,
}

/// What is known of a token.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token {
    /// The append that was not refused, by its place.
    pub(super) append: Option<usize>,
    /// An append of it that was refused.
    pub(super) refused: Option<OperationId>,
    /// Where the longest read has it first.
    pub(super) position: Option<usize>,
}

impl<'a> Book<'a> {
    /// The operations `ids` of a list.
    pub(super) fn of(history: &'a History, ids: &[OperationId], watch: &Watch<'_>) -> Result<Self, Mismatch> {
        let mut book = Self {
            narrator: Narrator::new(history),
            reads: Vec::new(),
            appends: Vec::new(),
            reference: None,
            by_token: HashMap::default(),
            reused: None,
        };
        for &id in watch.over(ids) {
            book.enter(history, id)?;
        }
        book.choose_reference();
        Ok(book)
    }

    /// What is known of `token`.
    pub(super) fn token(&self, token: Symbol) -> Token {
        self.by_token.get(&token).copied().unwrap_or_default()
    }

    /// The append of `token` that was not refused.
    pub(super) fn append(&self, token: Symbol) -> Option<Appended> {
        self.token(token).append.map(|place| self.appends[place])
    }

    /// What the longest read answered.
    pub(super) fn order(&self) -> &'a [Symbol] {
        self.reference.map_or(&[], |place| self.reads[place].tokens)
    }

    /// Acknowledged appends that are not in the longest read, in the order of their calls.
    pub(super) fn unseen(&self) -> impl Iterator<Item = Appended> {
        let is_unseen =
            |append: &Appended| append.ret != FOREVER && self.token(append.token).position.is_none();
        self.appends.iter().copied().filter(is_unseen)
    }

    fn enter(&mut self, history: &'a History, id: OperationId) -> Result<(), Mismatch> {
        let operation = history.operation(id);
        let (call, ret) = (operation.order.call, operation.order.ret);
        match Append::told(&operation)? {
            Reading::Must(Told::Read(tokens)) => self.reads.push(Read {
                id,
                call,
                ret,
                tokens,
            }),
            Reading::Must(Told::Append(token)) => self.enter_append(Appended { id, token, call, ret }),
            Reading::May(Told::Append(token)) => {
                self.enter_append(Appended {
                    id,
                    token,
                    call,
                    ret: FOREVER,
                });
            }
            Reading::May(Told::Read(_)) | Reading::Nothing => {
                if let (Function::Append, Datum::One(token), Ending::Fail { .. }) =
                    (operation.f, operation.value, operation.ending)
                {
                    self.by_token.entry(token).or_default().refused = Some(id);
                }
            }
        }
        Ok(())
    }

    fn enter_append(&mut self, append: Appended) {
        let known = self.by_token.entry(append.token).or_default();
        match known.append {
            Some(place) => self.reused = Some((self.appends[place].id, append.id)),
            None => known.append = Some(self.appends.len()),
        }
        self.appends.push(append);
    }

    fn choose_reference(&mut self) {
        let longest = self.reads.iter().map(|read| read.tokens.len()).max();
        self.reference = self
            .reads
            .iter()
            .position(|read| Some(read.tokens.len()) == longest);
        for (position, &token) in self.order().iter().enumerate() {
            self.by_token
                .entry(token)
                .or_default()
                .position
                .get_or_insert(position);
        }
    }
}
