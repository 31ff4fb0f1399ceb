//! One history judged in every way there is, and compared with the oracle.

use histories::checker::linearizable::Method;
use histories::history::{Ending, History};
use histories::{Checker, ExactlyOnce, Limits, Linearizable, Verdict};

use crate::generate::Sort;
use crate::oracle::{doubt, is_linearizable};

/// Judges one history in every way there is; the answer is whether it is linearizable.
pub(crate) fn judge(history: &History, sort: Sort) -> Result<bool, String> {
    let expected = is_linearizable(history, sort.model(), |_| true);
    for method in [Method::Fitting, Method::Search, Method::Impatient] {
        let checker = Linearizable::new(sort.model()).with_method(method);
        let report = checker.check(history, &Limits::patient());
        match &report.verdict {
            Verdict::Valid if expected => {
                if let Some(doubt) = doubt(history, sort.model(), &report.certificates) {
                    return Err(format!("{method:?}: {doubt}: {:?}", report.certificates));
                }
            }
            Verdict::Unknown(reason) if expected && reason.starts_with("vacuous") => {}
            Verdict::Invalid(anomalies) if !expected => {
                for anomaly in anomalies {
                    let is_named = |operation: &histories::Operation| anomaly.ops.contains(&operation.index);
                    if anomaly.ops.is_empty() || is_linearizable(history, sort.model(), is_named) {
                        return Err(format!("{method:?}: the proof is none: {anomaly:?}"));
                    }
                }
            }
            wrong => {
                return Err(format!(
                    "{method:?}: linearizable is {expected}, but it said {wrong:?}"
                ));
            }
        }
    }
    if sort == Sort::Append {
        let verdict = ExactlyOnce.check(history, &Limits::patient()).verdict;
        if matches!(verdict, Verdict::Invalid(_)) == expected {
            return Err(format!(
                "exactly-once: linearizable is {expected}, but it said {verdict:?}"
            ));
        }
    }
    Ok(expected)
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
