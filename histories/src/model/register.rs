//! One value that is read, replaced, and compared and replaced. It starts as null.

use super::{Gives, Mismatch, Model, ModelName, Nature, Reading};
use crate::history::{Ending, Operation, PRECONDITION_FAILED};
use crate::op::Function;
use crate::values::{Datum, Symbol, Values};

/// A register, with compare-and-set or without.
#[derive(Debug, Clone, Copy)]
pub struct Register {
    name: ModelName,
    initial: Symbol,
}

/// What was asked of a register and what it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RegisterOp {
    /// It held this.
    Read(Symbol),
    /// Now it holds this.
    Write(Symbol),
    /// It held `from` and now holds `to`, which is another value.
    Cas {
        /// What it held.
        from: Symbol,
        /// What it holds now.
        to: Symbol,
    },
    /// It held something else.
    Differs(Symbol),
    /// A compare-and-set that did not match although it saw what it was to match: no state explains it.
    Contradiction,
}

/// What a register holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Held {
    /// This value.
    Value(Symbol),
    /// Some value that no operation mentions.
    Other,
}

impl Register {
    /// A register that is read and written.
    #[must_use]
    pub const fn plain() -> Self {
        Self {
            name: ModelName::Register,
            initial: Symbol::NULL,
        }
    }

    /// A register that is also compared and set.
    #[must_use]
    pub const fn with_cas() -> Self {
        Self {
            name: ModelName::CasRegister,
            initial: Symbol::NULL,
        }
    }

    /// The register that a key-value object is if nothing is appended; `empty` is the symbol of the empty string.
    pub(crate) const fn of_strings(empty: Symbol) -> Self {
        Self {
            name: ModelName::Kv,
            initial: empty,
        }
    }

    /// What it starts as.
    pub(crate) const fn initial(self) -> Symbol {
        self.initial
    }

    fn scalar(self, operation: &Operation, datum: Datum<'_>) -> Result<Symbol, Mismatch> {
        match datum {
            Datum::One(symbol) => Ok(symbol),
            Datum::Many(_) => {
                let reason = format!("wants one value in a `{}`, not an array", operation.f);
                Err(self.name.mismatch(operation, reason))
            }
        }
    }

    fn read_read(self, operation: &Operation) -> Result<Reading<RegisterOp>, Mismatch> {
        match operation.answer() {
            Some(answer) => Ok(Reading::Must(RegisterOp::Read(self.scalar(operation, *answer)?))),
            None => Ok(Reading::Nothing),
        }
    }

    fn read_write(self, operation: &Operation) -> Result<Reading<RegisterOp>, Mismatch> {
        let op = RegisterOp::Write(self.scalar(operation, operation.value)?);
        Ok(match operation.ending {
            Ending::Ok(_) => Reading::Must(op),
            Ending::Fail { .. } => Reading::Nothing,
            Ending::Info { .. } | Ending::Unfinished => Reading::May(op),
        })
    }

    fn read_cas(self, operation: &Operation) -> Result<Reading<RegisterOp>, Mismatch> {
        let Datum::Many(pair) = operation.value else {
            return Err(self.not_a_pair(operation));
        };
        let &[from, to] = pair else {
            return Err(self.not_a_pair(operation));
        };
        Ok(match &operation.ending {
            Ending::Ok(_) if from == to => Reading::Must(RegisterOp::Read(from)),
            Ending::Ok(_) => Reading::Must(RegisterOp::Cas { from, to }),
            Ending::Fail { error, saw } if **error == *PRECONDITION_FAILED => match saw {
                None => Reading::Must(RegisterOp::Differs(from)),
                Some(saw) if *saw == Datum::One(from) => Reading::Must(RegisterOp::Contradiction),
                Some(saw) => Reading::Must(RegisterOp::Read(self.scalar(operation, *saw)?)),
            },
            Ending::Fail { .. } => Reading::Nothing,
            Ending::Info { .. } | Ending::Unfinished if from == to => Reading::Nothing,
            Ending::Info { .. } | Ending::Unfinished => Reading::May(RegisterOp::Cas { from, to }),
        })
    }

    fn not_a_pair(self, operation: &Operation) -> Mismatch {
        self.name
            .mismatch(operation, "wants `[old, new]` in a `cas`".to_owned())
    }
}

impl Model for Register {
    type State = Held;
    type Op = RegisterOp;

    fn read(&mut self, operation: &Operation, _: &Values) -> Result<Reading<RegisterOp>, Mismatch> {
        match operation.f {
            Function::Get if self.name == ModelName::Kv => self.read_read(operation),
            Function::Put if self.name == ModelName::Kv => self.read_write(operation),
            Function::Read => self.read_read(operation),
            Function::Write => self.read_write(operation),
            Function::Cas if self.name == ModelName::CasRegister => self.read_cas(operation),
            _ => Err(self.name.does_not_know(operation)),
        }
    }

    fn init(&self) -> Held {
        Held::Value(self.initial)
    }

    fn step(&mut self, state: Held, op: RegisterOp) -> Option<Held> {
        match op {
            RegisterOp::Read(value) => (state == Held::Value(value)).then_some(state),
            RegisterOp::Write(value) => Some(Held::Value(value)),
            RegisterOp::Cas { from, to } => (state == Held::Value(from)).then_some(Held::Value(to)),
            RegisterOp::Differs(value) => (state != Held::Value(value)).then_some(state),
            RegisterOp::Contradiction => None,
        }
    }

    fn nature(&self, op: RegisterOp) -> Nature {
        match op {
            RegisterOp::Read(_) | RegisterOp::Differs(_) | RegisterOp::Contradiction => Nature::Pure,
            RegisterOp::Write(_) => Nature::Blind,
            RegisterOp::Cas { .. } => Nature::Conditional,
        }
    }

    fn needs(&self, op: RegisterOp) -> Option<Held> {
        match op {
            RegisterOp::Read(value) | RegisterOp::Cas { from: value, .. } => Some(Held::Value(value)),
            RegisterOp::Write(_) | RegisterOp::Differs(_) | RegisterOp::Contradiction => None,
        }
    }

    fn gives(&self, op: RegisterOp) -> Gives<Held> {
        match op {
            RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. } => Gives::State(Held::Value(value)),
            RegisterOp::Read(_) | RegisterOp::Differs(_) | RegisterOp::Contradiction => Gives::Nothing,
        }
    }

    const FINITE: bool = true;

    fn any_state(&mut self, ops: &[RegisterOp]) -> Option<Vec<Held>> {
        let mentioned = |op: &RegisterOp| match *op {
            RegisterOp::Read(value) | RegisterOp::Differs(value) => Some(value),
            RegisterOp::Cas { from, .. } => Some(from),
            RegisterOp::Write(_) | RegisterOp::Contradiction => None,
        };
        let mut values: Vec<Symbol> = ops.iter().filter_map(mentioned).collect();
        values.sort_unstable();
        values.dedup();
        Some(values.into_iter().map(Held::Value).chain([Held::Other]).collect())
    }

    fn show(&self, state: Held, values: &Values) -> String {
        match state {
            Held::Value(symbol) => values.show(symbol).to_string(),
            Held::Other => "some other value".to_owned(),
        }
    }

    fn memory_bytes(&self) -> u64 {
        0
    }
}
