//! The plain cases among the refutations of a register: a value that nobody can have written yet, or that had been replaced.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::checker::narrator::{Narrator, Proof};
use crate::checker::span::{Duty, Span};
use crate::model::register::RegisterOp;
use crate::op::Function;
use crate::values::Symbol;
use crate::verdict::{Anomaly, AnomalyKind};

/// A read among `core` of which a few of all operations `spans` prove that it is stale or a phantom.
pub(in crate::checker) fn find(
    spans: &[Span<RegisterOp>],
    core: &[Span<RegisterOp>],
    initial: Symbol,
    narrator: Narrator<'_>,
) -> Option<Anomaly> {
    core.iter().find_map(|span| match span.op {
        RegisterOp::Read(value) => explain(spans, *span, (value, initial), narrator),
        RegisterOp::Cas { from, .. } if span.duty == Duty::Must => {
            phantom(spans, *span, (from, initial), narrator)
        }
        RegisterOp::Cas { .. }
        | RegisterOp::Write(_)
        | RegisterOp::Differs(_)
        | RegisterOp::Contradiction => None,
    })
}

/// A value that was found before anybody had asked to write it: nothing needs to be searched for that.
pub(in crate::checker) fn foreseen(
    spans: &[Span<RegisterOp>],
    initial: Symbol,
    narrator: Narrator<'_>,
) -> Option<Anomaly> {
    let mut first_call: HashMap<Symbol, u32, FxBuildHasher> = HashMap::default();
    first_call.insert(initial, 0);
    for span in spans {
        if let Some(value) = written(span) {
            first_call.entry(value).or_insert(span.call);
        }
    }
    let is_early =
        |value, span: &Span<RegisterOp>| first_call.get(&value).is_none_or(|&call| span.ret < call);
    spans
        .iter()
        .filter(|span| span.duty == Duty::Must)
        .find_map(|span| match span.op {
            RegisterOp::Read(value) | RegisterOp::Cas { from: value, .. } if is_early(value, span) => {
                phantom(spans, *span, (value, initial), narrator)
            }
            _ => None,
        })
}

fn explain(
    spans: &[Span<RegisterOp>],
    read: Span<RegisterOp>,
    (value, initial): (Symbol, Symbol),
    narrator: Narrator<'_>,
) -> Option<Anomaly> {
    phantom(spans, read, (value, initial), narrator).or_else(|| replaced(spans, read, value, narrator))
}

fn written(span: &Span<RegisterOp>) -> Option<Symbol> {
    match span.op {
        RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. } => Some(value),
        RegisterOp::Read(_) | RegisterOp::Differs(_) | RegisterOp::Contradiction => None,
    }
}

/// Nobody had asked to write the value when it was found.
fn phantom(
    spans: &[Span<RegisterOp>],
    finder: Span<RegisterOp>,
    (value, initial): (Symbol, Symbol),
    narrator: Narrator<'_>,
) -> Option<Anomaly> {
    let writers = || {
        spans
            .iter()
            .filter(move |span| written(span) == Some(value) && span.id != finder.id)
    };
    if value == initial || writers().any(|span| span.call < finder.ret) {
        return None;
    }
    let told = narrator.told(finder.id);
    let name = narrator.value(value);
    let (ops, sentence) = match writers().next() {
        None => (
            vec![finder.id],
            format!("{told} found {name}, which nobody wrote"),
        ),
        Some(writer) => {
            let (asked, called) = (narrator.asked(writer.id), narrator.called(writer.id));
            let sentence =
                format!("{told} found {name}, which nobody wrote before {asked} was called at {called}");
            (vec![finder.id, writer.id], sentence)
        }
    };
    Some(narrator.anomaly(
        Proof {
            kind: AnomalyKind::Phantom,
            ops: &ops,
        },
        sentence,
    ))
}

/// Everything that wrote the value had ended before something else was written, which ended before the read was called.
fn replaced(
    spans: &[Span<RegisterOp>],
    read: Span<RegisterOp>,
    value: Symbol,
    narrator: Narrator<'_>,
) -> Option<Anomaly> {
    let ended_before = |span: &&Span<RegisterOp>| span.ret < read.call;
    let other =
        |span: &&Span<RegisterOp>| span.duty == Duty::Must && written(span).is_some_and(|it| it != value);
    let replacing = spans
        .iter()
        .filter(other)
        .filter(ended_before)
        .max_by_key(|span| span.call)?;
    let writers = || {
        spans
            .iter()
            .filter(|span| written(span) == Some(value) && span.call < read.ret)
    };
    if writers().any(|span| span.ret >= replacing.call) {
        return None;
    }
    let [returned, called] = narrator.returned_called(replacing.id, read.id);
    let (asked, name) = (narrator.asked(read.id), narrator.value(value));
    let found = if narrator.operation(read.id).f != Function::Cas {
        "returned"
    } else {
        "found"
    };
    let sentence = format!(
        "{asked} {found} {name} although {} was acknowledged at {returned} before the {asked} was called at {called}, and \
         nothing wrote {name} after it",
        narrator.asked(replacing.id)
    );
    let last_writer = writers().max_by_key(|span| span.ret).map(|span| span.id);
    let ops: Vec<_> = last_writer.into_iter().chain([replacing.id, read.id]).collect();
    Some(narrator.anomaly(
        Proof {
            kind: AnomalyKind::StaleRead,
            ops: &ops,
        },
        sentence,
    ))
}
