//! Does every operation seem to take effect at one instant between its call and its return (Herlihy and Wing 1990)?
//!
//! Objects are decided one by one. Where the workload was made for it, by an exact algorithm that takes hardly longer than reading
//! the history: registers with unique values (`zones`), lists of unique tokens (`append_order`), sets that only grow
//! (`growth_order`), locks (`hold_order`), counters of ones (`count_order`), queues of unique values (`queue_order`). Else by the
//! general search (`search`), which gives up when time or memory are up.

mod docket;
mod elements;
mod object;
mod registers;

use super::certificate::Certificate;
use super::special::Special;
use super::{Checker, Limits, Report, verdict_of};
use crate::history::{Ending, History, Objects, OperationId, PRECONDITION_FAILED};
use crate::model::{Mismatch, Model, ModelName};
use crate::verdict::Verdict;
use object::{Case, Decided};
use registers::Registers;

/// The checker, for one model.
#[derive(Debug, Clone, Copy)]
pub struct Linearizable {
    model: ModelName,
    method: Method,
    extent: Extent,
}

/// How much is looked at once something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All objects, so that every broken one is told of.
    Everything,
    /// No more objects than it takes to tell which is the first that is broken, in the order of their keys.
    FirstViolation,
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
    /// By a search that forgets half of where it has been every few steps, as one does whose memory is full: to check that.
    Forgetful,
}

/// What the checker is called in results.
const NAME: &str = "linearizable";

impl Linearizable {
    /// A checker for objects that behave like `model`.
    #[must_use]
    pub const fn new(model: ModelName) -> Self {
        Self {
            model,
            method: Method::Fitting,
            extent: Extent::Everything,
        }
    }

    /// The same, which looks at so much.
    #[must_use]
    pub const fn with_extent(self, extent: Extent) -> Self {
        Self { extent, ..self }
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
            memory_bytes_max: limits.memory_bytes_max,
        };
        let objects = history.objects();
        let registers = match (self.method, self.model) {
            (Method::Fitting, ModelName::Register | ModelName::CasRegister) => {
                Some(Registers::of(case, &objects, self.model)?)
            }
            (Method::Fitting, ModelName::Kv) => Some(Registers::of_strings(case, &objects)),
            (Method::Fitting | Method::Search | Method::Impatient | Method::Forgetful, _) => None,
        };
        all(
            &objects,
            case,
            self.extent,
            &|case, object, homes| match registers
                .as_ref()
                .and_then(|registers| registers.decide(case, object, homes))
            {
                Some(decided) => Ok(decided),
                None => case.object(self.model, objects.ids(object)),
            },
        )
    }
}

/// What follows from `history` for objects that behave like a `model` of your own making, decided by the search.
///
/// # Errors
/// When the model does not know one of its operations.
pub fn judge_model<M: Model>(
    history: &History,
    model: impl Fn() -> M + Sync,
    limits: &Limits<'_>,
) -> Result<Report, Mismatch> {
    let case = Case {
        history,
        limits,
        method: Method::Fitting,
        memory_bytes_max: limits.memory_bytes_max,
    };
    let objects = history.objects();
    all(&objects, case, Extent::Everything, &|case, object, _| {
        case.special(model(), objects.ids(object), |_, _, _| Special::NotApplicable)
    })
}

impl Checker for Linearizable {
    fn name(&self) -> &'static str {
        NAME
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

/// What `decide` says of each object.
fn all(
    objects: &Objects<'_>,
    case: Case<'_>,
    extent: Extent,
    decide: &docket::Decide<'_>,
) -> Result<Report, Mismatch> {
    let decided = docket::decide(objects, case, extent, decide);
    let mut verdicts = Vec::with_capacity(objects.len());
    let mut certificates = Vec::with_capacity(objects.len());
    let mut checked_keys = 0;
    for (object, decided) in decided {
        let decided = decided?;
        checked_keys += u64::from(!matches!(decided, Decided::Unknown(_)));
        verdicts.push(match decided {
            Decided::Order(order) => {
                certificates.push(certificate(objects, case.history, object, order));
                Verdict::Valid
            }
            Decided::Broken(anomaly) => Verdict::Invalid(vec![anomaly]),
            Decided::Unknown(reason) => {
                let place = objects
                    .key(object)
                    .map_or_else(String::new, |key| format!("key {key}: "));
                Verdict::Unknown(format!("{place}{reason}"))
            }
        });
    }
    let (seen, all) = (verdicts.len(), objects.len());
    if seen < all
        && !verdicts
            .iter()
            .any(|verdict| matches!(verdict, Verdict::Invalid(_)))
    {
        verdicts.push(Verdict::Unknown(format!(
            "time ran out after {seen} of {all} keys"
        )));
    }
    let verdict = match verdict_of(verdicts) {
        Verdict::Valid if !says_anything(case.history) => {
            Verdict::Unknown("vacuous: no operation succeeded".to_owned())
        }
        verdict => verdict,
    };
    Ok(Report {
        name: NAME,
        verdict,
        checked_keys,
        certificates,
    })
}

/// The certificate that `order` is. Where every operation has its place there is nothing to look for.
fn certificate(
    objects: &Objects<'_>,
    history: &History,
    object: usize,
    order: Vec<OperationId>,
) -> Certificate {
    let key = objects.key(object).cloned();
    if order.len() == objects.count(object) {
        return Certificate::complete(key, order);
    }
    Certificate::new(history, key, objects.ids(object), order)
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
