//! What became of the clients' requests: each was carried out before it was answered, and no write took effect twice (I7, I8).

use std::collections::BTreeMap;
use std::fmt::Display;

use histories::history::Ending;
use histories::{Anomaly, AnomalyKind, Operation};

use super::requests::{RequestId, evidence, requests, writes};
use super::{EVIDENCE_MAX, Hindsight};

/// What every request came to, at positions `P`.
#[derive(Debug)]
pub(super) struct Fates<P> {
    fates: BTreeMap<RequestId, Fate<P>>,
}

/// What carrying out a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It took effect (or was read) there.
    Now,
    /// It had taken effect before, and the recorded answer was given again.
    Before,
    /// It came too late to have any.
    Nothing,
}

#[derive(Debug, Clone, Copy)]
struct Fate<P> {
    /// When it was first carried out, or the recorded answer given again.
    first: u64,
    /// Where it took effect, the first two times.
    effects: [Option<P>; 2],
}

impl<P> Default for Fates<P> {
    fn default() -> Self {
        Self {
            fates: BTreeMap::new(),
        }
    }
}

impl<P: Copy + PartialEq + Display> Fates<P> {
    /// `request` was carried out at `position`. Whoever does it after the first says nothing new.
    pub(super) fn note(&mut self, t: u64, position: P, request: RequestId, effect: Effect) {
        if effect == Effect::Nothing {
            return;
        }
        let fate = self.fates.entry(request).or_insert(Fate {
            first: t,
            effects: [None; 2],
        });
        if effect == Effect::Now && !fate.effects.contains(&Some(position)) {
            match &mut fate.effects {
                [first @ None, _] => *first = Some(position),
                [Some(_), second] => *second = Some(position),
            }
        }
    }

    /// Answered operations that nobody had carried out when they were answered.
    pub(super) fn unexecuted(&self, hindsight: &Hindsight<'_>) -> Vec<Anomaly> {
        let answered = requests(hindsight).filter_map(|(id, operation)| {
            let answer = matches!(operation.ending, Ending::Ok(_)).then_some(operation.completed)??;
            let in_time = |fate: &Fate<P>| fate.first <= hindsight.began_ns + answer.0;
            let missing = !self.fates.get(&id).is_some_and(in_time);
            missing.then(|| {
                let sentence = format!(
                    "{} of process {} was answered, and nobody had carried it out in its turn",
                    operation.f, operation.process
                );
                evidence(AnomalyKind::NotReplicated, &operation, sentence)
            })
        });
        answered.take(EVIDENCE_MAX).collect()
    }

    /// Writes that took effect more than once.
    pub(super) fn twice(&self, hindsight: &Hindsight<'_>) -> Vec<Anomaly> {
        let repeated = requests(hindsight).filter_map(|(id, operation)| {
            let [Some(first), Some(second)] = self.fates.get(&id)?.effects else {
                return None;
            };
            writes(operation.f).then(|| twice(&operation, first, second))
        });
        repeated.take(EVIDENCE_MAX).collect()
    }
}

fn twice<P: Display>(operation: &Operation<'_>, first: P, second: P) -> Anomaly {
    let sentence = format!(
        "{} of process {} took effect as {first} and again as {second}",
        operation.f, operation.process
    );
    evidence(AnomalyKind::AppliedTwice, operation, sentence)
}
