//! The plain case among the refutations of a string: what had been written before it was read is not in it, and nothing can have
//! replaced it.

use crate::checker::narrator::{Narrator, Proof};
use crate::checker::span::{Duty, Span};
use crate::history::OperationId;
use crate::model::kv::KvOp;
use crate::values::Datum;
use crate::verdict::{Anomaly, AnomalyKind};

/// A get among `core` that lacks what one of all operations `spans` had written.
pub(in crate::checker) fn find(
    spans: &[Span<KvOp>],
    core: &[Span<KvOp>],
    narrator: Narrator<'_>,
) -> Option<Anomaly> {
    core.iter()
        .filter(|span| matches!(span.op, KvOp::Get(_)))
        .find_map(|get| lacking(spans, get, narrator))
}

fn lacking(spans: &[Span<KvOp>], get: &Span<KvOp>, narrator: Narrator<'_>) -> Option<Anomaly> {
    let Datum::One(answer) = *narrator.operation(get.id).answer()? else {
        return None;
    };
    let answer = narrator.text(answer)?;
    // Whoever was called later than any put that may come before the get returned has written what is still there.
    let puts = spans
        .iter()
        .filter(|span| matches!(span.op, KvOp::Put(_)) && span.call < get.ret);
    let mut returns: Vec<(u32, OperationId)> = puts.map(|put| (put.ret, put.id)).collect();
    returns.sort_unstable();
    let stays = |span: &&Span<KvOp>| {
        let other = returns.iter().rev().find(|&&(_, id)| id != span.id);
        span.duty == Duty::Must && span.ret < get.call && other.is_none_or(|&(ret, _)| ret < span.call)
    };
    let written = |span: &Span<KvOp>| match narrator.operation(span.id).value {
        Datum::One(symbol) => narrator.text(symbol),
        Datum::Many(_) => None,
    };
    let lacks = |span: &&Span<KvOp>| match span.op {
        KvOp::Get(_) => false,
        KvOp::Put(_) => written(span).is_some_and(|text| !answer.starts_with(text)),
        KvOp::Append(_) => written(span).is_some_and(|text| !answer.contains(text)),
    };
    let lost = spans.iter().filter(stays).find(lacks)?;
    Some(tell(lost, get, narrator))
}

fn tell(lost: &Span<KvOp>, get: &Span<KvOp>, narrator: Narrator<'_>) -> Anomaly {
    let [returned, called] = narrator.returned_called(lost.id, get.id);
    let asked = narrator.asked(lost.id);
    let (kind, held) = match lost.op {
        KvOp::Put(_) => (AnomalyKind::StaleRead, "does not begin with it"),
        KvOp::Get(_) | KvOp::Append(_) => (AnomalyKind::LostAppend, "does not contain it"),
    };
    let sentence = format!(
        "{asked} was acknowledged at {returned} and nothing can have been put after it, but what the get called at {called} \
         returned {held}"
    );
    let ops = [lost.id, get.id];
    narrator.anomaly(Proof { kind, ops: &ops }, sentence)
}
