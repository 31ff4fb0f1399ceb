//! Says in plain words what an operation was, and when.

use crate::history::{History, Operation, OperationId};
use crate::journal::Index;
use crate::op::Function;
use crate::values::{Datum, Symbol};
use crate::verdict::{Anomaly, AnomalyKind};

/// Speaks about the operations of one history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Narrator<'a> {
    history: &'a History,
}

/// What an anomaly is about, beside its sentence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof<'a> {
    pub(crate) kind: AnomalyKind,
    pub(crate) ops: &'a [OperationId],
}

impl<'a> Narrator<'a> {
    pub(crate) const fn new(history: &'a History) -> Self {
        Self { history }
    }

    pub(crate) fn operation(self, id: OperationId) -> Operation<'a> {
        self.history.operation(id)
    }

    /// A value.
    pub(crate) fn value(self, symbol: Symbol) -> String {
        self.history.values().show(symbol).to_string()
    }

    /// A value if it is a string.
    pub(crate) fn text(self, symbol: Symbol) -> Option<&'a str> {
        self.history.values().text(symbol)
    }

    /// What was asked: `write 7`, `cas [5, 7]`, `read`.
    pub(crate) fn asked(self, id: OperationId) -> String {
        let operation = self.operation(id);
        match operation.f {
            Function::Read | Function::Get | Function::Dequeue => operation.f.to_string(),
            f if operation.value == Datum::NULL => f.to_string(),
            f => format!("{f} {}", self.datum(operation.value)),
        }
    }

    /// What was asked and what came of it, with its process and times.
    pub(crate) fn told(self, id: OperationId) -> String {
        let operation = self.operation(id);
        let (asked, process) = (self.asked(id), operation.process);
        let ret = operation.ret.unwrap_or(operation.call);
        let [called, returned] = self.history.clock().show([operation.call, ret]);
        match (operation.f, operation.answer()) {
            (Function::Read | Function::Get | Function::Dequeue | Function::Contains, Some(answer)) => {
                let answer = self.datum(*answer);
                format!(
                    "the {asked} of process {process} (called at {called}, returned {answer} at {returned})"
                )
            }
            _ if operation.is_indeterminate() => {
                format!("the {asked} of process {process} (called at {called}, outcome unknown)")
            }
            (_, Some(_)) => {
                format!("the {asked} of process {process} (called at {called}, acknowledged at {returned})")
            }
            (_, None) => {
                format!("the {asked} of process {process} (called at {called}, refused at {returned})")
            }
        }
    }

    /// When it was called.
    pub(crate) fn called(self, id: OperationId) -> String {
        let [at] = self.history.clock().show([self.operation(id).call]);
        at
    }

    /// When the first returned and when the second was called, told apart where they differ.
    pub(crate) fn returned_called(self, first: OperationId, second: OperationId) -> [String; 2] {
        let (first, second) = (self.operation(first), self.operation(second));
        self.history
            .clock()
            .show([first.ret.unwrap_or(first.call), second.call])
    }

    /// The finding as results carry it.
    pub(crate) fn anomaly(self, proof: Proof<'_>, sentence: String) -> Anomaly {
        let mut ops: Vec<Index> = proof.ops.iter().map(|&id| self.operation(id).index).collect();
        ops.sort_unstable();
        ops.dedup();
        let key = proof.ops.first().and_then(|&id| self.operation(id).key);
        Anomaly {
            kind: proof.kind,
            key: key.map(ToString::to_string),
            ops,
            sentence,
        }
    }

    /// A value or a list of them.
    pub(crate) fn datum(self, datum: Datum<'_>) -> String {
        match datum {
            Datum::One(symbol) => self.value(symbol),
            Datum::Many(symbols) => {
                let hidden = symbols.len().saturating_sub(ITEMS_SHOWN_MAX);
                let shown: Vec<String> = symbols[hidden..]
                    .iter()
                    .map(|&symbol| self.value(symbol))
                    .collect();
                format!("[{}{}]", if hidden == 0 { "" } else { ".., " }, shown.join(", "))
            }
        }
    }
}

/// Of a longer list only the last items are shown: that is where something happened.
const ITEMS_SHOWN_MAX: usize = 6;
