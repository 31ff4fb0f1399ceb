//! Random small histories, judged by the checker, by every order, and by the peer.

use fastrand::Rng;
use histories::checker::linearizable::Method;
use histories::{Checker, Limits, Linearizable, Verdict};
use porcupine_rs::check_operations;

use crate::generate::{Sort, history, shape};
use crate::oracle::{doubt, is_linearizable};
use crate::peer;

/// So many histories between two lines of progress.
const BETWEEN_LINES: u64 = 50_000;

/// Compares on `count` histories; panics at the first disagreement.
pub fn run(count: u64) {
    let (mut valid, mut unknown) = (0_u64, 0_u64);
    for number in 0..count {
        let sort = Sort::ALL[(number % Sort::ALL.len() as u64) as usize];
        let mut rng = Rng::with_seed(number ^ 0x5eed_0000_0000);
        let shape = shape(&mut rng, sort);
        let history = history(&mut rng, shape);
        let model = sort.model();
        let expected = is_linearizable(&history, model, |_| true);
        valid += u64::from(expected);
        unknown += u64::from(
            history
                .operations()
                .iter()
                .any(|operation| operation.is_indeterminate()),
        );
        assert_eq!(
            check_operations(&peer::operations(&history, model)),
            expected,
            "the oracles disagree on {sort:?} number {number}: {history:?}"
        );
        for method in [Method::Fitting, Method::Search, Method::Impatient] {
            let report = Linearizable::new(model)
                .with_method(method)
                .check(&history, &Limits::patient());
            let agrees = match &report.verdict {
                Verdict::Valid => expected && doubt(&history, model, &report.certificates).is_none(),
                Verdict::Unknown(reason) => expected && reason.starts_with("vacuous"),
                Verdict::Invalid(anomalies) => {
                    !expected
                        && anomalies.iter().all(|anomaly| {
                            let is_named =
                                |operation: &histories::Operation| anomaly.ops.contains(&operation.index);
                            !anomaly.ops.is_empty() && !is_linearizable(&history, model, is_named)
                        })
                }
            };
            assert!(
                agrees,
                "{sort:?} number {number} by {method:?}: {expected}, but {:?}\n{history:?}",
                report.verdict
            );
        }
        if (number + 1) % BETWEEN_LINES == 0 {
            println!(
                "{} histories, {valid} of them valid, {unknown} with unknown outcomes: no disagreement",
                number + 1
            );
        }
    }
}
