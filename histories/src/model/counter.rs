//! A number that is added to and read. It starts as 0.

use std::collections::BTreeSet;

use super::{Mismatch, Model, ModelName, Nature, Reading, change, integer};
use crate::history::Operation;
use crate::op::Function;
use crate::values::{Datum, Symbol, Values};

/// A counter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counter;

/// What was asked of a counter and what it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CounterOp {
    /// It is more by this much now; less, if that is negative.
    Inc(i64),
    /// It was this.
    Read(i64),
}

/// More states than this are not tried as the beginning of a proof.
const ANY_STATES_MAX: usize = 4096;

impl Counter {
    /// What `operation` says. To ask for no amount is to ask for 1.
    fn told(operation: &Operation, values: &Values) -> Result<Reading<CounterOp>, Mismatch> {
        let wants = |what: &str| ModelName::Counter.mismatch(operation, format!("wants {what}"));
        match (operation.f, operation.value, operation.answer().copied()) {
            (Function::Inc, Datum::NULL, _) => Ok(change(operation, CounterOp::Inc(1))),
            (Function::Inc, Datum::One(amount), _) => integer(values, amount)
                .map(|amount| change(operation, CounterOp::Inc(amount)))
                .ok_or_else(|| wants("a whole number in an `inc`")),
            (Function::Inc, Datum::Many(_), _) => Err(wants("a whole number in an `inc`")),
            (Function::Read, _, None) => Ok(Reading::Nothing),
            (Function::Read, _, Some(Datum::One(value))) if value != Symbol::NULL => integer(values, value)
                .map(|value| Reading::Must(CounterOp::Read(value)))
                .ok_or_else(|| wants("a whole number from a `read`")),
            (Function::Read, _, Some(_)) => Err(wants("a whole number from a `read`")),
            _ => Err(ModelName::Counter.does_not_know(operation)),
        }
    }
}

impl Model for Counter {
    /// Sums of all amounts there can be fit.
    type State = i128;
    type Op = CounterOp;

    fn read(&mut self, operation: &Operation, values: &Values) -> Result<Reading<CounterOp>, Mismatch> {
        Self::told(operation, values)
    }

    fn init(&self) -> i128 {
        0
    }

    fn step(&mut self, state: i128, op: CounterOp) -> Option<i128> {
        match op {
            CounterOp::Inc(amount) => Some(state + i128::from(amount)),
            CounterOp::Read(value) => (state == i128::from(value)).then_some(state),
        }
    }

    fn nature(&self, op: CounterOp) -> Nature {
        match op {
            CounterOp::Inc(_) => Nature::Total,
            CounterOp::Read(_) => Nature::Pure,
        }
    }

    /// What was read, less what can have been added before.
    fn any_state(&mut self, ops: &[CounterOp]) -> Option<Vec<i128>> {
        let mut states = BTreeSet::from([0]);
        states.extend(ops.iter().filter_map(|op| match *op {
            CounterOp::Read(value) => Some(i128::from(value)),
            CounterOp::Inc(_) => None,
        }));
        for op in ops {
            let CounterOp::Inc(amount) = *op else { continue };
            let before: Vec<i128> = states.iter().map(|state| state - i128::from(amount)).collect();
            states.extend(before);
            if states.len() > ANY_STATES_MAX {
                return None;
            }
        }
        Some(states.into_iter().collect())
    }

    fn show(&self, state: i128, _: &Values) -> String {
        state.to_string()
    }

    fn memory_bytes(&self) -> u64 {
        0
    }
}
