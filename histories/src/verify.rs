//! Whether certificates show that a history is linearizable, found out without the checker: by going along them and asking objects of
//! the verifier's own, or a [`Model`] of yours. Linear in the history.

mod doubt;
mod object;

use std::collections::BTreeSet;

use crate::checker::certificate::Certificate;
use crate::history::{History, Operation};
use crate::journal::Index;
use crate::model::{Model, ModelName};
use crate::values::Symbol;
use object::{Modelled, Object, Took};

pub use doubt::Doubt;

/// Whether `certificates` show that each object of `history` behaves like `model`.
///
/// # Errors
/// The first thing that is wrong with them.
pub fn verify(history: &History, model: ModelName, certificates: &[Certificate]) -> Result<(), Doubt> {
    match model {
        ModelName::Register | ModelName::CasRegister => {
            replay(history, || object::Register(Symbol::NULL), certificates)
        }
        ModelName::Append => replay(history, object::List::default, certificates),
        ModelName::Kv => replay(history, object::Text::default, certificates),
        ModelName::Set => replay(history, object::Set::default, certificates),
        ModelName::Lock => replay(history, object::Lock::default, certificates),
        ModelName::Counter => replay(history, object::Counter::default, certificates),
        ModelName::Queue => replay(history, object::Queue::default, certificates),
    }
}

/// Whether `certificates` show that each object of `history` behaves like a `model` of anybody's making.
///
/// # Errors
/// The first thing that is wrong with them.
pub fn verify_model<M: Model>(
    history: &History,
    model: impl Fn() -> M,
    certificates: &[Certificate],
) -> Result<(), Doubt> {
    replay(history, || Modelled::new(model()), certificates)
}

/// Operations of one object lie far apart in the memory; so many are fetched before they are looked at, all at the same time.
const OPERATIONS_AT_ONCE: usize = 64;

fn replay<O: Object>(
    history: &History,
    fresh: impl Fn() -> O,
    certificates: &[Certificate],
) -> Result<(), Doubt> {
    let mut is_placed = vec![false; history.operations().len()];
    let mut keys = BTreeSet::new();
    let mut operations = Vec::with_capacity(OPERATIONS_AT_ONCE);
    for Certificate { key, order, left_out } in certificates {
        if !keys.insert(key) {
            return Err(Doubt::TwoOrders);
        }
        let mut place = |id: crate::history::OperationId| {
            let number = id.0 as usize;
            let is_placed = is_placed.get_mut(number).ok_or(Doubt::NoSuchOperation(id.0))?;
            let operation = history.operation(id);
            if std::mem::replace(is_placed, true) {
                Err(Doubt::Twice(operation.index))
            } else if operation.key != key.as_ref() {
                Err(Doubt::OtherObject(operation.index))
            } else {
                Ok(operation)
            }
        };
        let (mut object, mut point) = (fresh(), 0);
        for ids in order.chunks(OPERATIONS_AT_ONCE) {
            operations.clear();
            for &id in ids {
                operations.push(place(id)?);
            }
            for operation in &operations {
                // The earliest instant at which it can have taken effect, after all that stand before it.
                point = operation.order.call.max(point);
                let doubt: fn(Index) -> Doubt = match object.take(operation, history.values())? {
                    Took::Effect if point < operation.order.ret => continue,
                    Took::Effect => Doubt::TooLate,
                    Took::Refused => Doubt::OtherAnswer,
                    Took::Nothing => Doubt::Misplaced,
                };
                return Err(doubt(operation.index));
            }
        }
        for &id in left_out {
            let operation = place(id)?;
            if !operation.is_indeterminate() {
                return Err(Doubt::Misplaced(operation.index));
            }
        }
    }
    let says_nothing = |operation: &Operation<'_>| fresh().take(operation, history.values());
    for (operation, is_placed) in history.operations().iter().zip(is_placed) {
        if !is_placed && (operation.is_indeterminate() || says_nothing(&operation)? != Took::Nothing) {
            return Err(Doubt::Missing(operation.index));
        }
    }
    Ok(())
}
