//! The smallest case that still fails in the same way: fewer faults, shorter ones, fewer clients, keys and operations, and conditions
//! as they usually are.
//!
//! Each reduction offers smaller cases, the boldest first; the first one that still fails is kept, and when no reduction has anything left to offer
//! that fails, the case is a local minimum. (After Zeller and Hildebrandt, *Simplifying and isolating failure-inducing input*, 2002.)

mod reduction;

use std::io;

use nemesis::Roster;

use crate::adapter;
use crate::case::Case;
use crate::failure::Failure;
use crate::results::Results;

use self::reduction::{REDUCTIONS, Reduction};

/// Somebody who tries cases.
pub trait Court {
    /// A trial of `case` that failed in the way of `failure`, if there is one: the case as it was tried and what came of it.
    ///
    /// # Errors
    /// When the case cannot be tried.
    fn convict(&mut self, case: &Case, failure: &Failure) -> io::Result<Option<(Case, Results)>>;
}

/// What became of a case by shrinking.
#[derive(Debug)]
pub struct Shrunk {
    /// The smallest case that was found.
    pub case: Case,
    /// What came of it.
    pub results: Results,
    /// How many cases were tried.
    pub tried: u64,
    /// Whether nothing smaller is left to try.
    pub end: End,
}

/// Why shrinking ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// No single reduction leads to a smaller case that fails.
    LocalMinimum,
    /// There were no more trials.
    OutOfTrials,
}

/// Makes a case smaller.
#[derive(Debug)]
pub struct Shrinker<'a, C> {
    court: &'a mut C,
    failure: Failure,
    roster: fn(&Case) -> Option<Roster>,
    tried: u64,
    tries_max: u64,
}

impl<'a, C: Court> Shrinker<'a, C> {
    /// Tries at most `tries_max` cases before `court`, which must fail in the way of `failure`.
    pub fn new(court: &'a mut C, failure: Failure, tries_max: u64) -> Self {
        Self {
            court,
            failure,
            roster: roster_of,
            tried: 0,
            tries_max,
        }
    }

    /// The smallest case that fails as `case` does; none when `case` does not. `watch` is told of every smaller case that is found.
    ///
    /// # Errors
    /// When a case cannot be tried.
    pub fn shrink(mut self, case: &Case, mut watch: impl FnMut(&Case, u64)) -> io::Result<Option<Shrunk>> {
        let Some((mut case, mut results)) = self.convict(case)? else {
            return Ok(None);
        };
        let mut end = End::LocalMinimum;
        'again: loop {
            for reduction in REDUCTIONS {
                match self.reduce(&case, reduction)? {
                    Step::Smaller(smaller) => {
                        (case, results) = *smaller;
                        watch(&case, self.tried);
                        continue 'again;
                    }
                    Step::Nothing => {}
                    Step::OutOfTrials => {
                        end = End::OutOfTrials;
                        break 'again;
                    }
                }
            }
            break;
        }
        let tried = self.tried;
        Ok(Some(Shrunk {
            case,
            results,
            tried,
            end,
        }))
    }

    fn reduce(&mut self, case: &Case, reduction: &Reduction) -> io::Result<Step> {
        let Some(roster) = (self.roster)(case) else {
            return Ok(Step::Nothing);
        };
        for smaller in reduction(case, &roster) {
            if self.tries_max <= self.tried {
                return Ok(Step::OutOfTrials);
            }
            if let Some(convicted) = self.convict(&smaller)? {
                return Ok(Step::Smaller(Box::new(convicted)));
            }
        }
        Ok(Step::Nothing)
    }

    fn convict(&mut self, case: &Case) -> io::Result<Option<(Case, Results)>> {
        self.tried += 1;
        self.court.convict(case, &self.failure)
    }
}

enum Step {
    Smaller(Box<(Case, Results)>),
    Nothing,
    OutOfTrials,
}

fn roster_of(case: &Case) -> Option<Roster> {
    adapter::system(&case.test.system).map(|system| system.cast(case.test.nodes, case.test.reserve))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use nemesis::{Episode, FaultId, Schedule};

    use super::*;
    use crate::judge;
    use crate::results::Cause;
    use crate::test::{Test, WorldKind};
    use crate::world::sim::Conditions;

    /// Fails whenever two certain faults overlap and there are at least two clients.
    struct Picky;

    impl Court for Picky {
        fn convict(&mut self, case: &Case, _: &Failure) -> io::Result<Option<(Case, Results)>> {
            let find = |fault: &str| {
                let mut episodes = case.schedule.episodes().iter();
                episodes.find(|episode| episode.fault.to_string() == fault)
            };
            let overlap = |one: &Episode, other: &Episode| one.from < other.until && other.from < one.until;
            let fails = match (find("pause"), find("kill")) {
                (Some(one), Some(other)) => overlap(one, other) && 2 <= case.test.concurrency,
                _ => false,
            };
            let results = judge::not_judged(&case.test, &io::Error::other("picky"));
            Ok(fails.then(|| (case.clone(), results)))
        }
    }

    fn case(episodes: Vec<Episode>) -> Case {
        let test = Test {
            system: "pb".into(),
            workload: "append".into(),
            nemesis: Vec::new(),
            flaw: None,
            reads: None,
            world: WorldKind::Sim,
            nodes: 3,
            reserve: 0,
            concurrency: 9,
            rate: 100.0,
            time_limit_s: 10.0,
            nemesis_interval_s: 2.0,
            recovery_s: 10.0,
            keys: 5,
            ops_per_key: 100,
            seed: 1,
            version: "0".into(),
            commit: "test".into(),
            conditions: Some(Conditions::default()),
        };
        let roster = adapter::system("pb").expect("pb is ours").roster(3);
        let schedule = Schedule::new(episodes, &roster).expect("the episodes fit");
        Case { test, schedule }
    }

    fn episode(id: u64, from_ms: u64, fault: &str) -> Episode {
        let fault: nemesis::Fault = fault.parse().expect("a fault's name");
        Episode {
            id: FaultId(id),
            from: Duration::from_millis(from_ms),
            until: Duration::from_millis(from_ms + 2_000),
            fault,
            target: fault.target_default(),
            seed: id,
        }
    }

    #[test]
    fn what_has_nothing_to_do_with_the_failure_goes_and_what_has_stays() {
        let faults = ["one", "pause", "loss", "kill", "hold", "bridge", "pause", "slow"];
        let episodes = (1..)
            .zip(faults)
            .map(|(id, fault)| episode(id, id * 900, fault))
            .collect();
        let failure = Failure {
            cause: Cause::Violation,
            kinds: BTreeSet::new(),
        };
        let mut court = Picky;
        let shrinker = Shrinker::new(&mut court, failure, 5_000);
        let shrunk = shrinker.shrink(&case(episodes), |_, _| {}).unwrap().unwrap();
        let left: BTreeSet<String> = shrunk
            .case
            .schedule
            .episodes()
            .iter()
            .map(|episode| episode.fault.to_string())
            .collect();
        assert_eq!(left, BTreeSet::from(["kill", "pause"].map(str::to_owned)));
        assert_eq!((shrunk.case.test.concurrency, shrunk.case.test.keys), (2, 1));
        assert_eq!(shrunk.end, End::LocalMinimum);
        assert!(
            shrunk.case.test.time_limit_s < 6.0,
            "{}",
            shrunk.case.test.time_limit_s
        );
    }

    #[test]
    fn a_case_that_does_not_fail_is_not_shrunk() {
        let failure = Failure {
            cause: Cause::Violation,
            kinds: BTreeSet::new(),
        };
        let mut court = Picky;
        let shrinker = Shrinker::new(&mut court, failure, 10);
        let shrunk = shrinker.shrink(&case(Vec::new()), |_, _| {}).unwrap();
        assert!(shrunk.is_none());
    }
}
