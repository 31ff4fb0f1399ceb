//! One value of a set, which is in it or not. It starts outside.

use super::set::Told;
use super::{Gives, Mismatch, Model, ModelName, Nature, Reading};
use crate::history::Operation;
use crate::values::{Symbol, Values};

/// Whether a set has the one value that all operations are about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) value: Symbol,
}

/// What an operation says about the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MemberOp {
    /// It is in the set now.
    Add,
    /// It is not in the set now.
    Remove,
    /// It was in the set.
    Has,
    /// It was not.
    Lacks,
}

impl MemberOp {
    /// What an operation says, and about which value; none for a read of the whole set.
    pub(crate) fn of(told: Told<'_>) -> Option<(Symbol, Self)> {
        match told {
            Told::Add(value) => Some((value, Self::Add)),
            Told::Remove(value) => Some((value, Self::Remove)),
            Told::Has(value) => Some((value, Self::Has)),
            Told::Lacks(value) => Some((value, Self::Lacks)),
            Told::Read(_) => None,
        }
    }
}

impl Model for Member {
    type State = bool;
    type Op = MemberOp;

    fn read(&mut self, operation: &Operation, values: &Values) -> Result<Reading<MemberOp>, Mismatch> {
        let about_one = |told| MemberOp::of(told).map(|(_, op)| op);
        match super::set::Set::told(operation, values)? {
            Reading::Must(told) => about_one(told).map(Reading::Must),
            Reading::May(told) => about_one(told).map(Reading::May),
            Reading::Nothing => Some(Reading::Nothing),
        }
        .ok_or_else(|| ModelName::Set.does_not_know(operation))
    }

    fn init(&self) -> bool {
        false
    }

    fn step(&mut self, state: bool, op: MemberOp) -> Option<bool> {
        match op {
            MemberOp::Add => Some(true),
            MemberOp::Remove => Some(false),
            MemberOp::Has => state.then_some(state),
            MemberOp::Lacks => (!state).then_some(state),
        }
    }

    fn nature(&self, op: MemberOp) -> Nature {
        match op {
            MemberOp::Add | MemberOp::Remove => Nature::Blind,
            MemberOp::Has | MemberOp::Lacks => Nature::Pure,
        }
    }

    fn needs(&self, op: MemberOp) -> Option<bool> {
        match op {
            MemberOp::Has => Some(true),
            MemberOp::Lacks => Some(false),
            MemberOp::Add | MemberOp::Remove => None,
        }
    }

    fn gives(&self, op: MemberOp) -> Gives<bool> {
        match op {
            MemberOp::Add => Gives::State(true),
            MemberOp::Remove => Gives::State(false),
            MemberOp::Has | MemberOp::Lacks => Gives::Nothing,
        }
    }

    const FINITE: bool = true;

    fn any_state(&mut self, _: &[MemberOp]) -> Option<Vec<bool>> {
        Some(vec![false, true])
    }

    fn show(&self, state: bool, values: &Values) -> String {
        let value = values.show(self.value);
        if state {
            format!("{value}")
        } else {
            format!("no {value}")
        }
    }

    fn memory_bytes(&self) -> u64 {
        0
    }
}
