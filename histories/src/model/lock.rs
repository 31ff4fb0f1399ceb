//! A lock that one at a time holds. It starts free.
//!
//! The argument of `acquire` and `release` says for whom; null says nothing of that, and then anybody may give back what anybody took.
//! A lock is not taken twice by the same holder.

use super::{Gives, Mismatch, Model, ModelName, Nature, Reading, change, is_refusal};
use crate::history::Operation;
use crate::op::Function;
use crate::values::{Datum, Symbol, Values};

/// A lock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lock;

/// What was asked of a lock and what it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockOp {
    /// It was free, and this one holds it now.
    Acquire(Symbol),
    /// This one held it, and it is free now.
    Release(Symbol),
    /// An `acquire` was refused: somebody held it.
    Busy,
    /// A `release` was refused: this one did not hold it.
    NotHeldBy(Symbol),
}

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// This one.
    Named(Symbol),
    /// Somebody whom no operation mentions.
    Other,
}

impl Model for Lock {
    type State = Holder;
    type Op = LockOp;

    fn read(&mut self, operation: &Operation, _: &Values) -> Result<Reading<LockOp>, Mismatch> {
        let Datum::One(holder) = operation.value else {
            let reason = format!("wants one holder in `{}`, not an array", operation.f);
            return Err(ModelName::Lock.mismatch(operation, reason));
        };
        match operation.f {
            Function::Acquire if is_refusal(operation) => Ok(Reading::Must(LockOp::Busy)),
            Function::Release if is_refusal(operation) => Ok(Reading::Must(LockOp::NotHeldBy(holder))),
            Function::Acquire => Ok(change(operation, LockOp::Acquire(holder))),
            Function::Release => Ok(change(operation, LockOp::Release(holder))),
            _ => Err(ModelName::Lock.does_not_know(operation)),
        }
    }

    fn init(&self) -> Holder {
        Holder::Nobody
    }

    fn step(&mut self, state: Holder, op: LockOp) -> Option<Holder> {
        match op {
            LockOp::Acquire(holder) => (state == Holder::Nobody).then_some(Holder::Named(holder)),
            LockOp::Release(holder) => (state == Holder::Named(holder)).then_some(Holder::Nobody),
            LockOp::Busy => (state != Holder::Nobody).then_some(state),
            LockOp::NotHeldBy(holder) => (state != Holder::Named(holder)).then_some(state),
        }
    }

    fn nature(&self, op: LockOp) -> Nature {
        match op {
            LockOp::Acquire(_) | LockOp::Release(_) => Nature::Conditional,
            LockOp::Busy | LockOp::NotHeldBy(_) => Nature::Pure,
        }
    }

    fn needs(&self, op: LockOp) -> Option<Holder> {
        match op {
            LockOp::Acquire(_) => Some(Holder::Nobody),
            LockOp::Release(holder) => Some(Holder::Named(holder)),
            LockOp::Busy | LockOp::NotHeldBy(_) => None,
        }
    }

    fn gives(&self, op: LockOp) -> Gives<Holder> {
        match op {
            LockOp::Acquire(holder) => Gives::State(Holder::Named(holder)),
            LockOp::Release(_) => Gives::State(Holder::Nobody),
            LockOp::Busy | LockOp::NotHeldBy(_) => Gives::Nothing,
        }
    }

    const FINITE: bool = true;

    fn any_state(&mut self, ops: &[LockOp]) -> Option<Vec<Holder>> {
        let mentioned = |op: &LockOp| match *op {
            LockOp::Release(holder) | LockOp::NotHeldBy(holder) => Some(holder),
            LockOp::Acquire(_) | LockOp::Busy => None,
        };
        let mut holders: Vec<Symbol> = ops.iter().filter_map(mentioned).collect();
        holders.sort_unstable();
        holders.dedup();
        let named = holders.into_iter().map(Holder::Named);
        Some(named.chain([Holder::Nobody, Holder::Other]).collect())
    }

    fn show(&self, state: Holder, values: &Values) -> String {
        match state {
            Holder::Nobody => "nobody as its holder".to_owned(),
            Holder::Named(Symbol::NULL) | Holder::Other => "somebody as its holder".to_owned(),
            Holder::Named(holder) => format!("{} as its holder", values.show(holder)),
        }
    }

    fn memory_bytes(&self) -> u64 {
        0
    }
}
