//! All registers of a history. One pass over it puts the operations of each together, in the order of time: fetching them object by
//! object would cost a miss of the cache for each where there are many objects. A string that nothing is appended to is a register.

use super::object::{Case, Decided};
use crate::checker::proof;
use crate::checker::span::Span;
use crate::checker::special::Special;
use crate::checker::watch::Watch;
use crate::checker::zones::{self, Homes};
use crate::history::{Ending, Objects, Operation, OperationId, Order};
use crate::model::register::{Register, RegisterOp};
use crate::model::{Mismatch, Model, ModelName, Reading};
use crate::op::Function;
use crate::values::{Datum, Symbol, Values};

/// The registers.
pub(super) struct Registers {
    model: Register,
    objects: Vec<Content>,
    /// Whether time was left for all operations.
    is_whole: bool,
}

/// What is known of an object.
enum Content {
    /// Its operations, in the order of their calls.
    Register(Vec<Span<RegisterOp>>),
    /// It is not a register.
    Other,
}

impl Registers {
    /// The registers of a history that behave like `model`.
    ///
    /// # Errors
    /// When the model does not know an operation.
    pub(super) fn of(case: Case<'_>, objects: &Objects<'_>, model: ModelName) -> Result<Self, Mismatch> {
        let mut register = match model {
            ModelName::CasRegister => Register::with_cas(),
            _ => Register::plain(),
        };
        let mut registers = Self::empty(objects, register);
        let watch = Watch::of(case.limits);
        for (object, id, operation) in watch.over(objects.operations()) {
            let reading = register.read(&operation, case.history.values())?;
            registers.objects[object].push(reading, id, operation.order);
        }
        registers.is_whole = !watch.is_up();
        Ok(registers)
    }

    /// The strings of a history; where the empty string occurs nowhere, null stands for it, which is no string.
    pub(super) fn of_strings(case: Case<'_>, objects: &Objects<'_>) -> Self {
        let values = case.history.values();
        let empty = values.find_str("").unwrap_or(Symbol::NULL);
        let mut registers = Self::empty(objects, Register::of_strings(empty));
        let watch = Watch::of(case.limits);
        for (object, id, operation) in watch.over(objects.operations()) {
            match string_op(&operation, values) {
                Some(reading) => registers.objects[object].push(reading, id, operation.order),
                None => registers.objects[object] = Content::Other,
            }
        }
        registers.is_whole = !watch.is_up();
        registers
    }

    fn empty(objects: &Objects<'_>, model: Register) -> Self {
        let object = |object| Content::Register(Vec::with_capacity(objects.count(object)));
        Self {
            model,
            objects: (0..objects.len()).map(object).collect(),
            is_whole: true,
        }
    }

    /// Decides an object; none if it is no register.
    pub(super) fn decide(&self, case: Case<'_>, object: usize, homes: &mut Homes) -> Option<Decided> {
        if !self.is_whole {
            return Some(case.out_of_time());
        }
        let Content::Register(spans) = &self.objects[object] else {
            return None;
        };
        let (mut model, initial, narrator) = (self.model, self.model.initial(), case.narrator());
        let watch = Watch::of(case.limits);
        let found = zones::decide(spans, initial, homes, narrator, &watch);
        if watch.is_up() {
            return Some(case.out_of_time());
        }
        if found != Special::NotApplicable {
            return Some(case.or_search(found, &mut model, spans));
        }
        if let Some(anomaly) = proof::stale::foreseen(spans, initial, narrator) {
            return Some(Decided::Broken(anomaly));
        }
        let plain = |core: &[Span<RegisterOp>]| proof::stale::find(spans, core, initial, narrator);
        Some(case.search(&mut model, spans, plain))
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
