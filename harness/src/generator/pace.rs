//! Operations at a mean rate with exponential gaps, as independent users would make them.

use std::time::Duration;

use histories::{Completion, Invocation, Process};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

use super::{Generator, Next};

/// Passes on what `inner` draws at `rate` operations a second.
#[derive(Debug)]
pub struct Pace<G> {
    inner: G,
    mean_gap: Duration,
    due: Duration,
    rng: ChaCha12Rng,
}

impl<G: Generator> Pace<G> {
    /// `inner` at `rate` operations a second in total.
    ///
    /// # Panics
    /// When `rate` is not positive; the command line refuses that.
    pub fn new(inner: G, rate: f64, rng: ChaCha12Rng) -> Self {
        assert!(rate > 0.0, "a rate is positive");
        Self {
            inner,
            mean_gap: Duration::from_secs_f64(1.0 / rate),
            due: Duration::ZERO,
            rng,
        }
    }

    fn gap(&mut self) -> Duration {
        let uniform: f64 = self.rng.random_range(f64::EPSILON..1.0);
        self.mean_gap.mul_f64(-uniform.ln())
    }
}

impl<G: Generator> Generator for Pace<G> {
    fn next(&mut self, now: Duration, process: Process) -> Next {
        if now < self.due {
            return Next::Pending(self.due);
        }
        let next = self.inner.next(now, process);
        if matches!(next, Next::Op(_)) {
            let gap = self.gap();
            self.due += gap;
        }
        next
    }

    fn learn(&mut self, invocation: &Invocation, completion: &Completion) {
        self.inner.learn(invocation, completion);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::Op;
    use histories::Function;
    use rand::SeedableRng;
    use serde_json::Value;

    #[derive(Debug)]
    struct Endless;

    impl Generator for Endless {
        fn next(&mut self, _: Duration, _: Process) -> Next {
            Next::Op(Op {
                f: Function::Read,
                key: "k".into(),
                value: Value::Null,
            })
        }

        fn learn(&mut self, _: &Invocation, _: &Completion) {}
    }

    #[test]
    fn the_mean_rate_is_kept_over_many_draws() {
        let mut pace = Pace::new(Endless, 500.0, ChaCha12Rng::seed_from_u64(1));
        let (mut now, mut drawn) = (Duration::ZERO, 0);
        while now < Duration::from_secs(20) {
            match pace.next(now, Process(0)) {
                Next::Op(_) => drawn += 1,
                Next::Pending(until) => now = until,
                Next::Done => unreachable!("the source is endless"),
            }
        }
        assert!(
            (9_500..10_500).contains(&drawn),
            "{drawn} operations in 20 s at 500 a second"
        );
    }
}
