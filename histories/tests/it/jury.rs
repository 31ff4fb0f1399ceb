//! One history judged in every way there is, and compared with the oracle.

use histories::checker::certificate::Certificate;
use histories::checker::linearizable::Method;
use histories::history::{Ending, History};
use histories::journal::Index;
use histories::verify::verify;
use histories::{Checker, ExactlyOnce, Limits, Linearizable, Operation, Verdict};

use crate::generate::Sort;
use crate::oracle;

/// What is to come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Linearizable,
    Broken,
}

/// What came of it when all agreed.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) is_linearizable: bool,
    /// How many operations each proof has.
    pub(crate) proofs: Vec<usize>,
}

/// Judges a small history in every way there is, and compares with a search through every order: a certificate must hold before two verifiers, and
/// of a proof the operations that are named must be inexplicable even if all others are optional.
pub(crate) fn judge(history: &History, sort: Sort) -> Result<Found, String> {
    let is_linearizable = |named: &[Index]| {
        let is_named = |operation: &Operation<'_>| named.is_empty() || named.contains(&operation.index);
        oracle::is_linearizable(history, sort.model(), is_named)
    };
    let expected = Expected::from(is_linearizable(&[]));
    compare(history, sort, expected, |named| !is_linearizable(named))
}

/// Judges a history in every way there is, and compares with what is `expected`; `is_proof` says whether so many operations suffice to prove that it
/// is not linearizable.
pub(crate) fn compare(
    history: &History,
    sort: Sort,
    expected: Expected,
    is_proof: impl Fn(&[Index]) -> bool,
) -> Result<Found, String> {
    let mut proofs = Vec::new();
    let is_linearizable = expected == Expected::Linearizable;
    for method in [
        Method::Fitting,
        Method::Search,
        Method::Impatient,
        Method::Forgetful,
    ] {
        let checker = Linearizable::new(sort.model()).with_method(method);
        let report = checker.check(history, &Limits::patient());
        match &report.verdict {
            Verdict::Valid if is_linearizable => {
                if let Some(doubt) = oracle::doubt(history, sort.model(), &report.certificates) {
                    return Err(format!("{method:?}: {doubt}: {:?}", report.certificates));
                }
                verify(history, sort.model(), &report.certificates)
                    .map_err(|doubt| format!("{method:?}: verify says {doubt}: {:?}", report.certificates))?;
                if method == Method::Fitting {
                    exchange(history, sort, &report.certificates)?;
                }
            }
            Verdict::Unknown(reason) if is_linearizable && reason.starts_with("vacuous") => {}
            Verdict::Invalid(anomalies) if !is_linearizable => {
                for anomaly in anomalies {
                    if anomaly.ops.is_empty() || !is_proof(&anomaly.ops) {
                        return Err(format!("{method:?}: the proof is none: {anomaly:?}"));
                    }
                    proofs.push(anomaly.ops.len());
                }
            }
            wrong => {
                return Err(format!(
                    "{method:?}: {expected:?} was expected, but it said {wrong:?}"
                ));
            }
        }
    }
    if sort == Sort::Append {
        let verdict = ExactlyOnce.check(history, &Limits::patient()).verdict;
        if matches!(verdict, Verdict::Invalid(_)) == is_linearizable {
            return Err(format!(
                "exactly-once: {expected:?} was expected, but it said {verdict:?}"
            ));
        }
    }
    Ok(Found {
        is_linearizable,
        proofs,
    })
}

impl From<bool> for Expected {
    fn from(is_linearizable: bool) -> Self {
        if is_linearizable {
            Self::Linearizable
        } else {
            Self::Broken
        }
    }
}

/// Of a certificate with two neighbours exchanged both verifiers say the same: it may still be right.
fn exchange(history: &History, sort: Sort, certificates: &[Certificate]) -> Result<(), String> {
    let [certificate] = certificates else {
        return Ok(());
    };
    for place in 1..certificate.order.len() {
        let mut exchanged = certificate.clone();
        exchanged.order.swap(place - 1, place);
        let exchanged = [exchanged];
        let oracle = oracle::doubt(history, sort.model(), &exchanged);
        let ours = verify(history, sort.model(), &exchanged);
        if oracle.is_none() != ours.is_ok() {
            return Err(format!(
                "verify says {ours:?}, the oracle {oracle:?}: {exchanged:?}"
            ));
        }
    }
    Ok(())
}

/// The history as lines.
pub(crate) fn show(history: &History) -> String {
    let values = history.values();
    let lines = history.operations().iter().map(|operation| {
        let histories::Operation {
            index,
            process,
            f,
            value,
            call,
            ret,
            ending,
            ..
        } = operation;
        let answer = match ending {
            Ending::Ok(answer) => format!("ok {}", values.json(answer)),
            Ending::Fail { error, saw } => format!("{error} {:?}", saw.as_ref().map(|saw| values.json(saw))),
            Ending::Info { .. } | Ending::Unfinished => "unknown".to_owned(),
        };
        format!(
            "{}: {process} {f} {} [{}, {:?}] {answer}\n",
            index.0,
            values.json(value),
            call.0,
            ret.map(|ret| ret.0)
        )
    });
    lines.collect()
}
