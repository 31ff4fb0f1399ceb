//! All registers of a history. One pass over it puts the operations of each together, in the order of time: fetching them object by
//! object would cost a miss of the cache for each where there are many objects. A string that nothing is appended to is a register.

use super::object::{Case, Decided};
use crate::checker::proof;
use crate::checker::span::Span;
use crate::checker::special::Special;
use crate::checker::zones::{self, Homes};
use crate::history::{Ending, Objects, Operation, OperationId, Order};
use crate::model::register::{Register, RegisterOp};
use crate::model::{Mismatch, Model, ModelName, Reading};
use crate::op::Function;
use crate::values::{Datum, Symbol, Values};

/// The registers, and what deciding them takes.
pub(super) struct Registers<'a> {
    case: Case<'a>,
    model: Register,
    objects: Vec<Content>,
    homes: Homes,
}

/// What is known of an object.
enum Content {
    /// Its operations, in the order of their calls.
    Register(Vec<Span<RegisterOp>>),
    /// It is not a register.
    Other,
}

impl<'a> Registers<'a> {
    /// The registers of a history that behave like `model`.
    ///
    /// # Errors
    /// When the model does not know an operation.
    pub(super) fn of(case: Case<'a>, objects: &Objects<'a>, model: ModelName) -> Result<Self, Mismatch> {
        let mut register = match model {
            ModelName::CasRegister => Register::with_cas(),
            _ => Register::plain(),
        };
        let mut registers = Self::empty(case, objects, register);
        for (object, id, operation) in objects.operations() {
            let reading = register.read(&operation, case.history.values())?;
            registers.objects[object].push(reading, id, operation.order);
        }
        Ok(registers)
    }

    /// The strings of a history; where the empty string occurs nowhere, null stands for it, which is no string.
    pub(super) fn of_strings(case: Case<'a>, objects: &Objects<'a>) -> Self {
        let values = case.history.values();
        let empty = values.find_str("").unwrap_or(Symbol::NULL);
        let mut registers = Self::empty(case, objects, Register::of_strings(empty));
        for (object, id, operation) in objects.operations() {
            match string_op(&operation, values) {
                Some(reading) => registers.objects[object].push(reading, id, operation.order),
                None => registers.objects[object] = Content::Other,
            }
        }
        registers
    }

    fn empty(case: Case<'a>, objects: &Objects<'a>, model: Register) -> Self {
        let object = |object| Content::Register(Vec::with_capacity(objects.count(object)));
        Self {
            case,
            model,
            objects: (0..objects.len()).map(object).collect(),
            homes: Homes::of(case.history.values()),
        }
    }

    /// Decides an object; none if it is no register. Its operations are forgotten.
    pub(super) fn decide(&mut self, object: usize) -> Option<Decided> {
        match std::mem::replace(&mut self.objects[object], Content::Other) {
            Content::Register(spans) => Some(self.register(&spans)),
            Content::Other => None,
        }
    }

    fn register(&mut self, spans: &[Span<RegisterOp>]) -> Decided {
        let (narrator, initial) = (self.case.narrator(), self.model.initial());
        let found = zones::decide(spans, initial, &mut self.homes, narrator);
        if found != Special::NotApplicable {
            return self.case.or_search(found, &mut self.model, spans);
        }
        if let Some(anomaly) = proof::stale::foreseen(spans, initial, narrator) {
            return Decided::Broken(anomaly);
        }
        let plain = |core: &[Span<RegisterOp>]| proof::stale::find(spans, core, initial, narrator);
        self.case.search(&mut self.model, spans, plain)
    }
}

impl Content {
    fn push(&mut self, reading: Reading<RegisterOp>, id: OperationId, order: Order) {
        if let Self::Register(spans) = self
            && let Some(span) = Span::of(reading, id, order)
        {
            spans.push(span);
        }
    }
}

/// What an operation on a string says of a register; none if that is no register.
fn string_op(operation: &Operation<'_>, values: &Values) -> Option<Reading<RegisterOp>> {
    let string = |datum: Datum<'_>| match datum {
        Datum::One(symbol) => values.is_text(symbol).then_some(symbol),
        Datum::Many(_) => None,
    };
    Some(match (operation.f, operation.ending) {
        (Function::Get, Ending::Ok(answer)) => Reading::Must(RegisterOp::Read(string(answer)?)),
        (Function::Get, _) | (Function::Put, Ending::Fail { .. }) => Reading::Nothing,
        (Function::Put, Ending::Ok(_)) => Reading::Must(RegisterOp::Write(string(operation.value)?)),
        (Function::Put, _) => Reading::May(RegisterOp::Write(string(operation.value)?)),
        (_, _) => return None,
    })
}
