//! Does every operation seem to take effect at one instant between its call and its return (Herlihy and Wing 1990)?
//!
//! Objects are decided one by one. Where the workload was made for it, by an exact algorithm that takes hardly longer than reading
//! the history: registers with unique values (`zones`), lists of unique tokens (`append_order`). Else by the
//! general search (`search`), which gives up when time or memory are up.

use super::append_order::{self, AppendOrder};
use super::certificate::Certificate;
use super::narrator::Narrator;
use super::proof;
use super::search::{Budget, Found, GaveUp, Lookahead, Stuck, search};
use super::span::{Span, spans};
use super::tokens::Book;
use super::zones::{self, Zones};
use super::{Checker, Limits, Report, verdict_of};
use crate::history::{Ending, History, OperationId, PRECONDITION_FAILED};
use crate::model::append::Append;
use crate::model::counter::Counter;
use crate::model::kv::Kv;
use crate::model::lock::Lock;
use crate::model::queue::Queue;
use crate::model::register::{Register, RegisterOp};
use crate::model::set::Set;
use crate::model::{Mismatch, Model, ModelName};
use crate::verdict::{Anomaly, Verdict};

/// The checker, for one model.
#[derive(Debug, Clone, Copy)]
pub struct Linearizable {
    model: ModelName,
    method: Method,
}

/// How an object is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By the exact algorithm for such objects where there is one, else by the search.
    Fitting,
    /// By the search, always: to check the one against the other.
    Search,
    /// By a search that gives up at once and looks for a proof in the last few events instead, again and again: to check that.
    Impatient,
}

/// After so many steps the search looks whether the last few events before the one it cannot pass prove by themselves that nothing
/// can; if not it begins anew with [`STEPS_FACTOR`] times as many.
const STEPS_FIRST: u64 = 1 << 16;

/// How much longer the search goes on each time.
const STEPS_FACTOR: u64 = 4;

/// What all functions here need to know.
#[derive(Clone, Copy)]
struct Case<'a> {
    history: &'a History,
    limits: &'a Limits<'a>,
    method: Method,
}

/// What was found about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Decided {
    /// This order explains all answers.
    Order(Vec<OperationId>),
    /// No order does.
    Broken(Anomaly),
    /// It could not be found out, for this reason.
    Unknown(String),
}

impl Linearizable {
    /// A checker for objects that behave like `model`.
    #[must_use]
    pub const fn new(model: ModelName) -> Self {
        Self {
            model,
            method: Method::Fitting,
        }
    }

    /// The same by `method`.
    #[must_use]
    pub const fn with_method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// What follows from `history`.
    ///
    /// # Errors
    /// When the model does not know one of its operations.
    pub fn judge(&self, history: &History, limits: &Limits<'_>) -> Result<Report, Mismatch> {
        let case = Case {
            history,
            limits,
            method: self.method,
        };
        let mut verdicts = Vec::new();
        let mut certificates = Vec::new();
        let mut checked_keys = 0;
        for (key, ids) in history.by_key() {
            let decided = case.object(self.model, &ids)?;
            checked_keys += u64::from(!matches!(decided, Decided::Unknown(_)));
            verdicts.push(match decided {
                Decided::Order(order) => {
                    certificates.push(Certificate::new(history, key, &ids, order));
                    Verdict::Valid
                }
                Decided::Broken(anomaly) => Verdict::Invalid(vec![anomaly]),
                Decided::Unknown(reason) => {
                    let place = key.map_or_else(String::new, |key| format!("key {key}: "));
                    Verdict::Unknown(format!("{place}{reason}"))
                }
            });
        }
        let verdict = match verdict_of(verdicts) {
            Verdict::Valid if !says_anything(history) => {
                Verdict::Unknown("vacuous: no operation succeeded".to_owned())
            }
            verdict => verdict,
        };
        Ok(Report {
            name: self.name(),
            verdict,
            checked_keys,
            certificates,
        })
    }
}

impl Checker for Linearizable {
    fn name(&self) -> &'static str {
        "linearizable"
    }

    fn check(&self, history: &History, limits: &Limits<'_>) -> Report {
        self.judge(history, limits).unwrap_or_else(|mismatch| Report {
            name: self.name(),
            verdict: Verdict::Unknown(mismatch.to_string()),
            checked_keys: 0,
            certificates: Vec::new(),
        })
    }
}

fn says_anything(history: &History) -> bool {
    history
        .operations()
        .iter()
        .any(|operation| match &operation.ending {
            Ending::Ok(_) => true,
            Ending::Fail { error, .. } => **error == *PRECONDITION_FAILED,
            Ending::Info { .. } | Ending::Unfinished => false,
        })
}

impl Case<'_> {
    fn object(self, model: ModelName, ids: &[OperationId]) -> Result<Decided, Mismatch> {
        match model {
            ModelName::Register => self.register(Register::plain(), ids),
            ModelName::CasRegister => self.register(Register::with_cas(), ids),
            ModelName::Append => self.append(ids),
            ModelName::Kv => self.by_search(Kv::default(), ids),
            ModelName::Set => self.by_search(Set::default(), ids),
            ModelName::Lock => self.by_search(Lock, ids),
            ModelName::Counter => self.by_search(Counter, ids),
            ModelName::Queue => self.by_search(Queue::default(), ids),
        }
    }

    fn by_search<M: Model>(self, mut model: M, ids: &[OperationId]) -> Result<Decided, Mismatch> {
        let spans = spans(&mut model, self.history, ids)?;
        Ok(self.search(&mut model, &spans, |_| None))
    }

    fn register(self, mut model: Register, ids: &[OperationId]) -> Result<Decided, Mismatch> {
        let spans = spans(&mut model, self.history, ids)?;
        let narrator = Narrator::new(self.history);
        let decided = match self.method {
            Method::Fitting => zones::decide(&spans, narrator),
            Method::Search | Method::Impatient => Zones::NotApplicable,
        };
        Ok(match decided {
            Zones::Order(order) => Decided::Order(order),
            Zones::Broken(anomaly) => Decided::Broken(anomaly),
            Zones::NotApplicable => {
                if self.method == Method::Fitting
                    && let Some(anomaly) = proof::stale::foreseen(&spans, narrator)
                {
                    return Ok(Decided::Broken(anomaly));
                }
                let plain = |core: &[Span<RegisterOp>]| proof::stale::find(&spans, core, narrator);
                self.search(&mut model, &spans, plain)
            }
        })
    }

    fn append(self, ids: &[OperationId]) -> Result<Decided, Mismatch> {
        let decided = match self.method {
            Method::Fitting => append_order::decide(&Book::of(self.history, ids)?),
            Method::Search | Method::Impatient => AppendOrder::NotApplicable,
        };
        Ok(match decided {
            AppendOrder::Order(order) => Decided::Order(order),
            AppendOrder::Broken(anomaly) => Decided::Broken(anomaly),
            AppendOrder::NotApplicable => {
                let mut model = Append::default();
                let spans = spans(&mut model, self.history, ids)?;
                self.search(&mut model, &spans, |_| None)
            }
        })
    }

    /// Decides by the search; `plain` may have a plainer sentence for the operations that prove it.
    fn search<M: Model>(
        self,
        model: &mut M,
        spans: &[Span<M::Op>],
        plain: impl Fn(&[Span<M::Op>]) -> Option<Anomaly>,
    ) -> Decided {
        let mut budget = Budget {
            memory_bytes_max: self.limits.memory_bytes_max,
            steps_max: if self.method == Method::Impatient {
                1
            } else {
                STEPS_FIRST
            },
            lookahead: Lookahead::On,
            may_go_on: self.limits.may_go_on,
        };
        let start = model.init();
        let suspect = loop {
            let suspect = match search(model, spans, &[start], &budget) {
                Found::Order(order) => {
                    return Decided::Order(order.into_iter().map(|place| spans[place].id).collect());
                }
                Found::Refuted(stuck) => {
                    let window = proof::suspect_window(model, spans, &stuck, &budget);
                    Some(window.unwrap_or_else(|| proof::suspect_all(model, spans, &stuck)))
                }
                Found::GaveUp(GaveUp::Steps, stuck) => {
                    stuck.and_then(|stuck| proof::suspect_window(model, spans, &stuck, &budget))
                }
                Found::GaveUp(reason, stuck) => {
                    return Decided::Unknown(self.gave_up(reason, stuck.as_ref(), spans));
                }
            };
            match suspect {
                Some(suspect) => break suspect,
                None => budget.steps_max = budget.steps_max.saturating_mul(STEPS_FACTOR),
            }
        };
        let proof = proof::shrink(model, suspect, &budget);
        Decided::Broken(plain(&proof.core).unwrap_or_else(|| proof.tell(model, self.history)))
    }

    fn gave_up<S, Op>(self, reason: GaveUp, stuck: Option<&Stuck<S>>, spans: &[Span<Op>]) -> String {
        let why = match reason {
            GaveUp::Time => "time ran out".to_owned(),
            GaveUp::Memory => {
                format!(
                    "the search reached its {} bytes of memory",
                    self.limits.memory_bytes_max
                )
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
                Narrator::new(self.history).told(at.id),
                spans.len()
            )
        });
        format!(
            "{why}{reached}; allow more (--memory, --timeout), or make it easier to judge: unique values, fewer clients per key"
        )
    }
}
