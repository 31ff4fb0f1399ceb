//! One object: by the special case that fits, else by the search.

use super::Method;
use super::elements;
use crate::checker::narrator::Narrator;
use crate::checker::proof::Suspect;
use crate::checker::rests::Rested;
use crate::checker::search::{Budget, Forgets, Found, GaveUp, Lookahead, Stuck, search, search_on};
use crate::checker::span::{Span, spans};
use crate::checker::special::Special;
use crate::checker::supply::pooled;
use crate::checker::tokens::Book;
use crate::checker::watch::Watch;
use crate::checker::{
    Limits, append_order, count_order, growth_order, hold_order, proof, queue_order, rests,
};
use crate::history::{History, OperationId};
use crate::model::append::Append;
use crate::model::counter::Counter;
use crate::model::kv::{Kv, KvOp};
use crate::model::lock::Lock;
use crate::model::queue::Queue;
use crate::model::register::Register;
use crate::model::set::Set;
use crate::model::{Mismatch, Model, ModelName};
use crate::verdict::Anomaly;

/// After so many steps without getting further, for each operation that is open at most, the search looks whether the last few events
/// before the one it cannot pass prove by themselves that nothing can.
const STALL_FIRST: u64 = 1 << 6;

/// After so many steps, and four for each operation, an order that counts the uses of operations of unknown outcome is not looked for any
/// longer: there may be none to be found so.
const COUNTED_STEPS_MAX: u64 = 1 << 16;

/// What all functions here need to know.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) history: &'a History,
    pub(super) limits: &'a Limits<'a>,
    pub(super) method: Method,
    /// The bytes of memory that one search may take.
    pub(super) memory_bytes_max: u64,
}

/// What was found about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decided {
    /// This order explains all answers.
    Order(Vec<OperationId>),
    /// No order does.
    Broken(Anomaly),
    /// It could not be found out, for this reason.
    Unknown(String),
}

/// An order of the spans, by their places, or why there is none.
pub(super) type Searched = Result<Vec<usize>, Decided>;

impl<'a> Case<'a> {
    pub(super) fn object(self, model: ModelName, ids: &[OperationId]) -> Result<Decided, Mismatch> {
        match model {
            ModelName::Register => self.special(Register::plain(), ids, |_, _, _| Special::NotApplicable),
            ModelName::CasRegister => {
                self.special(Register::with_cas(), ids, |_, _, _| Special::NotApplicable)
            }
            ModelName::Append => self.append(ids),
            ModelName::Kv => self.strings(ids),
            ModelName::Set => self.set(ids),
            ModelName::Lock => self.special(Lock, ids, hold_order::decide),
            ModelName::Counter => self.special(Counter, ids, count_order::decide),
            ModelName::Queue => self.special(Queue::default(), ids, queue_order::decide),
        }
    }

    /// The same where `hands` searches go on at a time.
    pub(super) fn share(self, hands: usize) -> Self {
        let memory_bytes_max = self.memory_bytes_max / hands as u64;
        Self {
            memory_bytes_max,
            ..self
        }
    }

    pub(super) const fn narrator(self) -> Narrator<'a> {
        Narrator::new(self.history)
    }

    /// By the special case `decide`, else by the search.
    pub(super) fn special<M: Model>(
        self,
        mut model: M,
        ids: &[OperationId],
        decide: impl Fn(&[Span<M::Op>], Narrator<'a>, &Watch<'_>) -> Special,
    ) -> Result<Decided, Mismatch> {
        let watch = Watch::of(self.limits);
        let spans = spans(&mut model, self.history, ids, &watch)?;
        if watch.is_up() {
            return Ok(self.out_of_time());
        }
        let found = match self.method {
            Method::Fitting => decide(&spans, self.narrator(), &watch),
            Method::Search | Method::Impatient | Method::Forgetful => Special::NotApplicable,
        };
        if watch.is_up() {
            return Ok(self.out_of_time());
        }
        Ok(self.or_search(found, &mut model, &spans))
    }

    pub(super) fn or_search<M: Model>(self, found: Special, model: &mut M, spans: &[Span<M::Op>]) -> Decided {
        match found {
            Special::Order(order) => Decided::Order(order),
            Special::Broken(anomaly) => Decided::Broken(anomaly),
            Special::Stuck(span) => self.refuted(model, spans, &Stuck::at(span), |_| None),
            Special::NotApplicable => self.search(model, spans, |_| None),
        }
    }

    fn strings(self, ids: &[OperationId]) -> Result<Decided, Mismatch> {
        let mut model = Kv::default();
        let watch = Watch::of(self.limits);
        let spans = spans(&mut model, self.history, ids, &watch)?;
        if watch.is_up() {
            return Ok(self.out_of_time());
        }
        let plain = |core: &[Span<KvOp>]| proof::lost::find(&spans, core, self.narrator());
        Ok(self.search(&mut model, &spans, plain))
    }

    fn append(self, ids: &[OperationId]) -> Result<Decided, Mismatch> {
        let watch = Watch::of(self.limits);
        let found = match self.method {
            Method::Fitting => match Book::of(self.history, ids, &watch)? {
                _ if watch.is_up() => return Ok(self.out_of_time()),
                book => append_order::decide(&book, &watch),
            },
            Method::Search | Method::Impatient | Method::Forgetful => Special::NotApplicable,
        };
        match found {
            _ if watch.is_up() => Ok(self.out_of_time()),
            Special::Order(order) => Ok(Decided::Order(order)),
            Special::Broken(anomaly) => Ok(Decided::Broken(anomaly)),
            Special::Stuck(_) | Special::NotApplicable => {
                self.special(Append::default(), ids, |_, _, _| Special::NotApplicable)
            }
        }
    }

    fn set(self, ids: &[OperationId]) -> Result<Decided, Mismatch> {
        let whole = || self.special(Set::default(), ids, |_, _, _| Special::NotApplicable);
        match self.method {
            Method::Fitting => {}
            Method::Search | Method::Impatient | Method::Forgetful => return whole(),
        }
        if let Some(decided) = elements::decide(self, ids)? {
            return Ok(decided);
        }
        let watch = Watch::of(self.limits);
        match growth_order::decide(self.history, ids, &watch)? {
            _ if watch.is_up() => Ok(self.out_of_time()),
            Special::Order(order) => Ok(Decided::Order(order)),
            Special::Broken(anomaly) => Ok(Decided::Broken(anomaly)),
            Special::Stuck(_) | Special::NotApplicable => whole(),
        }
    }

    /// Decides by the search; `plain` may have a plainer sentence for the operations that prove it.
    pub(super) fn search<M: Model>(
        self,
        model: &mut M,
        spans: &[Span<M::Op>],
        plain: impl Fn(&[Span<M::Op>]) -> Option<Anomaly>,
    ) -> Decided {
        match self.searched(model, spans, plain) {
            Ok(order) => Decided::Order(order.into_iter().map(|place| spans[place].id).collect()),
            Err(decided) => decided,
        }
    }

    /// The same, with the order by places. Operations of unknown outcome that say the same are taken together at first.
    pub(super) fn searched<M: Model>(
        self,
        model: &mut M,
        spans: &[Span<M::Op>],
        plain: impl Fn(&[Span<M::Op>]) -> Option<Anomaly>,
    ) -> Searched {
        let watch = Watch::of(self.limits);
        if self.method == Method::Fitting
            && let Some(rested) = rests::decide(model, spans, &watch)
        {
            return match rested {
                Rested::Order(order) => Ok(order),
                Rested::Stuck(span) => Err(self.refuted(model, spans, &Stuck::at(span), plain)),
            };
        }
        if watch.is_up() {
            return Err(self.out_of_time());
        }
        // What may be used without end goes round for ever where it is forgotten that this leads nowhere new.
        if self.method != Method::Forgetful
            && let Some(pooled) = pooled::<M>(spans)
        {
            let counted = Budget {
                counted: Some(&pooled.calls),
                steps_max: COUNTED_STEPS_MAX.saturating_add(spans.len() as u64 * 4),
                ..self.budget()
            };
            let start = model.init();
            let found = match search(model, &pooled.spans, &[start], &counted) {
                Found::Order(order) => order,
                Found::Refuted(stuck) => return Err(self.refuted(model, &pooled.spans, &stuck, plain)),
                Found::GaveUp(..) => self.searched_apart(model, &pooled.spans, &plain)?,
            };
            if let Some(order) = pooled.unpooled(spans, &found) {
                return Ok(order);
            }
        }
        self.searched_apart(model, spans, plain)
    }

    fn searched_apart<M: Model>(
        self,
        model: &mut M,
        spans: &[Span<M::Op>],
        plain: impl Fn(&[Span<M::Op>]) -> Option<Anomaly>,
    ) -> Searched {
        let (budget, start) = (self.budget(), model.init());
        let (mut obvious, mut suspect) = (None, None);
        let mut stalled = |model: &mut M, stuck: &Stuck<M::State>| {
            obvious = plain(&[spans[stuck.span]]);
            if obvious.is_none() {
                suspect = proof::suspect_window(model, spans, stuck, &budget);
            }
            obvious.is_some() || suspect.is_some()
        };
        let found = search_on(model, spans, &[start], &budget, &mut stalled);
        if let Some(anomaly) = obvious {
            return Err(Decided::Broken(anomaly));
        }
        match (suspect, found) {
            (_, Found::Order(order)) => Ok(order),
            (Some(suspect), Found::Refuted(_) | Found::GaveUp(..)) => {
                Err(self.proven(model, suspect, &budget, plain))
            }
            (None, Found::Refuted(stuck)) => Err(self.refuted(model, spans, &stuck, plain)),
            (None, Found::GaveUp(reason, stuck)) => {
                Err(Decided::Unknown(self.gave_up(reason, stuck.as_ref(), spans)))
            }
        }
    }

    /// The proof that the operation that is `stuck` cannot have returned, which is known: it may be plainly wrong, else the proof is
    /// made small.
    fn refuted<M: Model>(
        self,
        model: &mut M,
        spans: &[Span<M::Op>],
        stuck: &Stuck<M::State>,
        plain: impl Fn(&[Span<M::Op>]) -> Option<Anomaly>,
    ) -> Decided {
        if let Some(anomaly) = plain(&[spans[stuck.span]]) {
            return Decided::Broken(anomaly);
        }
        let budget = self.budget();
        let window = proof::suspect_window(model, spans, stuck, &budget);
        let suspect = window.unwrap_or_else(|| proof::suspect_all(model, spans, stuck));
        self.proven(model, suspect, &budget, plain)
    }

    /// The proof in what cannot be explained, made small.
    fn proven<M: Model>(
        self,
        model: &mut M,
        suspect: Suspect<M>,
        budget: &Budget<'_>,
        plain: impl Fn(&[Span<M::Op>]) -> Option<Anomaly>,
    ) -> Decided {
        let proof = proof::shrink(model, suspect, budget);
        Decided::Broken(plain(&proof.core).unwrap_or_else(|| proof.tell(model, self.history)))
    }

    fn budget(self) -> Budget<'a> {
        Budget {
            memory_bytes_max: self.memory_bytes_max,
            steps_max: u64::MAX,
            stall_max: match self.method {
                Method::Impatient => 0,
                Method::Fitting | Method::Search | Method::Forgetful => STALL_FIRST,
            },
            forgets: match self.method {
                Method::Forgetful => Forgets::Often,
                Method::Fitting | Method::Search | Method::Impatient => Forgets::WhenFull,
            },
            lookahead: Lookahead::On,
            counted: None,
            may_go_on: self.limits.may_go_on,
        }
    }

    /// Time was up before anything was found.
    pub(super) fn out_of_time(self) -> Decided {
        Decided::Unknown(self.gave_up(GaveUp::Time, None::<&Stuck<()>>, &[] as &[Span<()>]))
    }

    fn gave_up<S, Op>(self, reason: GaveUp, stuck: Option<&Stuck<S>>, spans: &[Span<Op>]) -> String {
        let why = match reason {
            GaveUp::Time => "time ran out".to_owned(),
            GaveUp::Memory => {
                format!("the search reached its {} bytes of memory", self.memory_bytes_max)
            }
            GaveUp::Steps => "the search reached its number of steps".to_owned(),
            GaveUp::Open(open) => format!("{open} operations are open at a time"),
        };
        let reached = stuck.map_or_else(String::new, |stuck| {
            let at = &spans[stuck.span];
            let before = spans.iter().filter(|span| span.ret < at.ret).count();
            let open = spans.iter().filter(|span| span.call < at.ret && span.ret >= at.ret).count();
            let unknown = spans.iter().filter(|span| span.call < at.ret && span.is_indeterminate()).count();
            format!(
                " at {}, after {before} of {} operations, where {open} were open, {unknown} of them with an unknown outcome",
                self.narrator().told(at.id),
                spans.len()
            )
        });
        format!(
            "{why}{reached}; allow more (--memory, --timeout), or make it easier to judge: unique values, fewer clients per key"
        )
    }
}
