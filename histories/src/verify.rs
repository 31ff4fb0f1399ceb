//! Whether certificates show that a history is linearizable, found out without the checker: by going along them and asking objects of
//! the verifier's own, or a [`Model`] of yours. Linear in the history.

mod doubt;
mod follower;
mod object;

use std::collections::BTreeSet;

use crate::checker::certificate::Certificate;
use crate::history::{History, OperationId};
use crate::model::{Model, ModelName};
use crate::values::Symbol;
use follower::Follower;
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

/// So many operations are read at a time, and each certificate is followed through them. Those of one object lie far apart in a long
/// history: going along one certificate after the other would fetch each of them from far away.
const OPERATIONS_AT_ONCE: usize = 4096;

fn replay<O: Object>(
    history: &History,
    fresh: impl Fn() -> O,
    certificates: &[Certificate],
) -> Result<(), Doubt> {
    let keys: BTreeSet<_> = certificates.iter().map(|certificate| &certificate.key).collect();
    if keys.len() < certificates.len() {
        return Err(Doubt::TwoOrders);
    }
    let mut is_placed = vec![false; history.operations().len()];
    let mut followers: Vec<Follower<'_, O>> = certificates
        .iter()
        .map(|certificate| Follower::of(certificate, fresh()))
        .collect();
    let mut operations = history.operations().iter().peekable();
    let mut near = Vec::with_capacity(OPERATIONS_AT_ONCE);
    while operations.peek().is_some() {
        let from = history.operations().len() - operations.len();
        near.clear();
        near.extend(operations.by_ref().take(OPERATIONS_AT_ONCE));
        for follower in &mut followers {
            follower.go_on(history, (from, &near), &mut is_placed)?;
        }
    }
    for follower in &followers {
        follower.end(history, &mut is_placed)?;
    }
    let left = (0..).zip(is_placed).filter(|&(_, is_placed)| !is_placed);
    for (number, _) in left {
        let operation = history.operation(OperationId(number));
        let says_nothing = || Ok::<_, Doubt>(fresh().take(&operation, history.values())? == Took::Nothing);
        if operation.is_indeterminate() || !says_nothing()? {
            return Err(Doubt::Missing(operation.index));
        }
    }
    Ok(())
}
