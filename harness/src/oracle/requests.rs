//! The clients' requests as the history tells of them, under the numbers that nodes know them by.

use std::collections::BTreeMap;

use histories::{Anomaly, AnomalyKind, Function, Operation, Process};
use systems::ClientId;
use systems::service::RequestNumber;

use super::Hindsight;

/// A client's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RequestId {
    pub(super) client: ClientId,
    pub(super) request: RequestNumber,
}

/// All operations, each with the number its client's session gave it: the first of a process has number 1.
pub(super) fn requests<'a>(hindsight: &'a Hindsight<'_>) -> impl Iterator<Item = (RequestId, Operation<'a>)> {
    let mut counts: BTreeMap<Process, u64> = BTreeMap::new();
    hindsight.history.operations().iter().map(move |operation| {
        let count = counts.entry(operation.process).or_default();
        *count += 1;
        let (client, request) = (ClientId(operation.process.0), RequestNumber(*count));
        (RequestId { client, request }, operation)
    })
}

/// Whether what is asked changes anything.
pub(super) const fn writes(f: Function) -> bool {
    !matches!(f, Function::Read | Function::Get)
}

/// An anomaly that an operation of a client proves.
pub(super) fn evidence(kind: AnomalyKind, operation: &Operation<'_>, sentence: String) -> Anomaly {
    Anomaly {
        kind,
        key: operation.key.map(ToString::to_string),
        ops: vec![operation.index],
        sentence,
    }
}

/// An anomaly that no operation of a client proves.
pub(super) const fn bare(kind: AnomalyKind, sentence: String) -> Anomaly {
    Anomaly {
        kind,
        key: None,
        ops: Vec::new(),
        sentence,
    }
}
