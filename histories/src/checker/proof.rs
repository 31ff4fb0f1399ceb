//! Makes a refutation small enough for a person, and stays a proof all the while.
//!
//! Deleting an operation from a history that is not linearizable does not prove anything about the whole: the deleted one might
//! have explained what is left. Three things are sound, for each makes the history easier to explain:
//!
//! * cutting what came before, if one may start from *any* state, and whatever was open at the cut may or may not take effect;
//! * dropping an operation that changes nothing;
//! * loosening one that does: it may take effect at any time after its call, or never.
//!
//! What cannot be loosened without the rest becoming explicable is the core.

pub(super) mod lost;
pub(super) mod stale;

use super::narrator::{Narrator, Proof};
use super::search::{Budget, Found, Lookahead, Stuck, search};
use super::span::Span;
use crate::history::{FOREVER, History, OperationId};
use crate::model::{Model, Nature};
use crate::verdict::{Anomaly, AnomalyKind};

/// How many events before the furthest one are tried as the beginning.
const WINDOWS: [usize; 7] = [4, 8, 16, 32, 64, 128, 256];

/// Steps of one search while shrinking.
const STEPS_MAX: u64 = 20_000;

/// Steps of all searches while shrinking, as a rough sum.
const ALL_STEPS_MAX: u64 = 400_000;

/// More operations than this are not named as the proof.
const CORE_NAMED_MAX: usize = 40;

/// More operations than this are only counted in a sentence.
const OTHERS_SHOWN_MAX: usize = 2;

/// More states than this are not listed in a sentence.
const STATES_SHOWN_MAX: usize = 5;

/// A history that is not linearizable, with little in it that could be left out.
#[derive(Debug)]
pub(super) struct Shrunk<M: Model> {
    /// The operations that cannot be loosened.
    pub(super) core: Vec<Span<M::Op>>,
    /// Where the search through them got stuck.
    stuck: OperationId,
    states: Vec<M::State>,
}

/// Operations that no order explains, from any of the states `starts`.
#[derive(Debug, Clone)]
pub(super) struct Suspect<M: Model> {
    spans: Vec<Span<M::Op>>,
    starts: Vec<M::State>,
    stuck: Stuck<M::State>,
}

/// The last few events before `stuck`, if they cannot be explained whatever came before: then no order explains `spans` either,
/// however far a search through all of them would have to go.
pub(super) fn suspect_window<M: Model>(
    model: &mut M,
    spans: &[Span<M::Op>],
    stuck: &Stuck<M::State>,
    budget: &Budget<'_>,
) -> Option<Suspect<M>> {
    let beginning = beginning(model, spans, spans[stuck.span].ret);
    window(
        model,
        &beginning,
        &Budget {
            steps_max: STEPS_MAX,
            ..*budget
        },
    )
}

/// Everything up to `stuck`, which a search through all of `spans` did not come past.
pub(super) fn suspect_all<M: Model>(model: &M, spans: &[Span<M::Op>], stuck: &Stuck<M::State>) -> Suspect<M> {
    let beginning = beginning(model, spans, spans[stuck.span].ret);
    let place = beginning.iter().position(|span| span.id == spans[stuck.span].id);
    let span = place.expect("the operation itself is kept");
    let stuck = Stuck {
        span,
        states: stuck.states.clone(),
    };
    Suspect {
        starts: vec![model.init()],
        spans: beginning,
        stuck,
    }
}

/// The small proof in `suspect`.
pub(super) fn shrink<M: Model>(model: &mut M, mut suspect: Suspect<M>, budget: &Budget<'_>) -> Shrunk<M> {
    let budget = Budget {
        steps_max: STEPS_MAX,
        ..*budget
    };
    loosen(model, &mut suspect, &budget);
    let exact = Budget {
        lookahead: Lookahead::Off,
        ..budget
    };
    match search(model, &suspect.spans, &suspect.starts, &exact) {
        Found::Refuted(stuck) => suspect.stuck = stuck,
        Found::GaveUp(..) | Found::Order(_) => suspect.stuck.states.clear(),
    }
    let is_core = |span: &&Span<M::Op>| !span.is_indeterminate();
    Shrunk {
        core: suspect.spans.iter().filter(is_core).copied().collect(),
        stuck: suspect.spans[suspect.stuck.span].id,
        states: suspect.stuck.states,
    }
}

/// What was called before the event `until`; what has not returned by then need not have happened.
fn beginning<M: Model>(model: &M, spans: &[Span<M::Op>], until: u32) -> Vec<Span<M::Op>> {
    let called = spans.iter().filter(|span| span.call < until);
    called
        .filter_map(|span| {
            if span.ret <= until {
                Some(*span)
            } else {
                loosened(model, *span)
            }
        })
        .collect()
}

/// The same operation with nothing demanded of it; none if nothing is left of it then.
fn loosened<M: Model>(model: &M, span: Span<M::Op>) -> Option<Span<M::Op>> {
    match model.nature(span.op) {
        Nature::Pure => None,
        Nature::Blind | Nature::Total | Nature::Conditional => Some(Span {
            ret: FOREVER,
            ..span.optional()
        }),
    }
}

/// The last few events of `spans`, if they cannot be explained whatever came before.
fn window<M: Model>(model: &mut M, spans: &[Span<M::Op>], budget: &Budget<'_>) -> Option<Suspect<M>> {
    let events = last_events(spans);
    for length in WINDOWS.into_iter().filter(|&length| length < events.len()) {
        let from = events[events.len() - length];
        let kept = spans.iter().filter(|span| span.ret >= from);
        let spans: Vec<_> = kept.filter_map(|&span| opened(model, span, from)).collect();
        let ops: Vec<M::Op> = spans.iter().map(|span| span.op).collect();
        let starts = model.any_state(&ops)?;
        if let Found::Refuted(stuck) = search(model, &spans, &starts, budget) {
            return Some(Suspect { spans, starts, stuck });
        }
    }
    None
}

/// The last events of `spans` in order, at least as many as the longest window and one more, if there are so many.
fn last_events<Op>(spans: &[Span<Op>]) -> Vec<u32> {
    // The calls alone are that many from here on.
    let first = spans.len().saturating_sub(WINDOWS[WINDOWS.len() - 1] + 1);
    let from = spans.get(first).map_or(0, |span| span.call);
    let ends = spans
        .iter()
        .map(|span| span.ret)
        .filter(|&ret| from <= ret && ret != FOREVER);
    let mut events: Vec<u32> = spans[first..].iter().map(|span| span.call).chain(ends).collect();
    events.sort_unstable();
    events
}

/// An operation that was open when the window begins may have taken effect before.
fn opened<M: Model>(model: &M, span: Span<M::Op>, from: u32) -> Option<Span<M::Op>> {
    if span.call >= from {
        return Some(span);
    }
    match model.nature(span.op) {
        Nature::Pure => None,
        Nature::Blind | Nature::Total | Nature::Conditional => Some(span.optional()),
    }
}

/// Loosens whatever can be loosened, many at a time at first.
fn loosen<M: Model>(model: &mut M, suspect: &mut Suspect<M>, budget: &Budget<'_>) {
    let mut steps = 0;
    let mut size = suspect.spans.len().next_power_of_two() / 2;
    while size > 0 {
        let ids: Vec<OperationId> = suspect
            .spans
            .iter()
            .filter(|span| !span.is_indeterminate())
            .map(|span| span.id)
            .collect();
        for chunk in ids.chunks(size) {
            if steps > ALL_STEPS_MAX || !(budget.may_go_on)() {
                return;
            }
            let loose = |span: &Span<M::Op>| {
                if chunk.contains(&span.id) {
                    loosened(model, *span)
                } else {
                    Some(*span)
                }
            };
            let spans: Vec<_> = suspect.spans.iter().filter_map(loose).collect();
            steps += (spans.len() * suspect.starts.len()) as u64;
            match search(model, &spans, &suspect.starts, budget) {
                Found::Refuted(stuck) => {
                    suspect.spans = spans;
                    suspect.stuck = stuck;
                }
                Found::GaveUp(..) => steps += budget.steps_max,
                Found::Order(_) => {}
            }
        }
        size /= 2;
    }
}

impl<M: Model> Shrunk<M> {
    /// The sentence: which operation has no place, and what the object can hold there.
    pub(super) fn tell(&self, model: &M, history: &History) -> Anomaly {
        let narrator = Narrator::new(history);
        let mut ops: Vec<OperationId> = self.core.iter().map(|span| span.id).collect();
        let named = ops.len().saturating_sub(CORE_NAMED_MAX);
        ops.drain(..named);
        ops.retain(|&id| id != self.stuck);
        ops.insert(0, self.stuck);
        let others: Vec<String> = ops[1..].iter().map(|&id| narrator.told(id)).collect();
        let together = match &others[..] {
            [] => String::new(),
            few if few.len() <= OTHERS_SHOWN_MAX => format!(", given {}", few.join(" and ")),
            many => format!(", given {} other operations", many.len()),
        };
        let sentence = format!(
            "no order of the operations explains {}{together}{}",
            narrator.told(self.stuck),
            self.held(model, history)
        );
        narrator.anomaly(
            Proof {
                kind: AnomalyKind::NotLinearizable,
                ops: &ops,
            },
            sentence,
        )
    }

    /// What the object can have held when the operation that has no place ended.
    fn held(&self, model: &M, history: &History) -> String {
        let mut held: Vec<String> = self
            .states
            .iter()
            .map(|&state| model.show(state, history.values()))
            .collect();
        if held.is_empty() {
            return String::new();
        }
        let more = held.len().saturating_sub(STATES_SHOWN_MAX);
        held.truncate(STATES_SHOWN_MAX);
        let more = if more > 0 {
            format!(" or one of {more} other values")
        } else {
            String::new()
        };
        format!(
            ": when it ended, the object can only have held {}{more}",
            held.join(" or ")
        )
    }
}
