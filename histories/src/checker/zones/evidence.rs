//! The sentence for each conflict of zones, and the few operations that prove it.

use super::{Block, Clusters, Conflict, Place, precedes};
use crate::checker::narrator::{Narrator, Proof};
use crate::history::OperationId;
use crate::model::register::RegisterOp;
use crate::values::Symbol;
use crate::verdict::{Anomaly, AnomalyKind};

pub(super) struct Evidence<'a> {
    pub(super) clusters: &'a Clusters<'a>,
    pub(super) narrator: Narrator<'a>,
}

impl Evidence<'_> {
    pub(super) fn tell(&self, conflict: Conflict) -> Anomaly {
        match conflict {
            Conflict::NeverWritten(by) => self.never_written(by),
            Conflict::Baseless(by, cas) => self.baseless(by, cas),
            Conflict::Contradiction(cas) => self.contradiction(cas),
            Conflict::Forked(one, other) => self.forked(one, other),
            Conflict::Ring(cas) => self.ring(cas),
            Conflict::Backwards { later, earlier } => self.backwards(later, earlier),
            Conflict::Refused { first, last, refused } => self.refused(first, last, refused),
            Conflict::Overlap(held, other) | Conflict::Inside(held, other) => self.between(held, other),
        }
    }

    fn never_written(&self, by: Place) -> Anomaly {
        let sentence = format!(
            "{} found {}, which nobody wrote",
            self.told(by),
            self.narrator.value(self.found(by))
        );
        self.anomaly(AnomalyKind::Phantom, &[by], sentence)
    }

    fn baseless(&self, by: Place, cas: Place) -> Anomaly {
        let sentence = format!(
            "{} found {}, which can only follow from {}, but nobody wrote {}",
            self.told(by),
            self.narrator.value(self.found(by)),
            self.asked(cas),
            self.narrator.value(self.found(cas))
        );
        self.anomaly(AnomalyKind::Phantom, &[by, cas], sentence)
    }

    fn contradiction(&self, cas: Place) -> Anomaly {
        let sentence = format!(
            "{} did not match, although what it saw is what it was to match",
            self.told(cas)
        );
        self.anomaly(AnomalyKind::NotLinearizable, &[cas], sentence)
    }

    fn forked(&self, one: Place, other: Place) -> Anomaly {
        let took = |place| {
            let how = if self.is_indeterminate(place) {
                "took effect, for it was seen,"
            } else {
                "succeeded"
            };
            format!("{} {how}", self.told(place))
        };
        let sentence = format!(
            "{} and {}, but {} was written only once: one update was lost",
            took(one),
            took(other),
            self.narrator.value(self.found(one))
        );
        let ops = [vec![one, other], self.witnesses(&[one, other])].concat();
        self.anomaly(AnomalyKind::NotLinearizable, &ops, sentence)
    }

    /// The value was there before the compare-and-set was called, and still after it had returned.
    fn refused(&self, first: Option<Place>, last: Place, refused: Place) -> Anomaly {
        let value = self.narrator.value(self.found(refused));
        let since = first.map_or_else(
            || "from the start".to_owned(),
            |first| format!("since {} returned", self.told(first)),
        );
        let sentence = format!(
            "{} did not match, although the register held {value} {since}, and until {} was called at {}",
            self.told(refused),
            self.asked(last),
            self.narrator.called(self.id(last))
        );
        let ops = some([first, Some(last), Some(refused)]);
        self.anomaly(AnomalyKind::NotLinearizable, &ops, sentence)
    }

    fn ring(&self, cas: Place) -> Anomaly {
        let clusters = self.clusters;
        let start = clusters
            .of(self.held(cas))
            .expect("a compare-and-set that took effect has a cluster");
        let ring = clusters
            .chain(start)
            .enumerate()
            .take_while(|&(step, cluster)| step == 0 || cluster != start);
        let writers: Vec<Place> = ring
            .filter_map(|(_, cluster)| clusters.all[cluster].writer.get())
            .collect();
        let ops = [writers.clone(), self.witnesses(&writers)].concat();
        let sentence = format!(
            "{} took effect, but {} was only ever written by compare-and-sets that follow from it",
            self.told(cas),
            self.narrator.value(self.found(cas))
        );
        self.anomaly(AnomalyKind::NotLinearizable, &ops, sentence)
    }

    /// The operations that show that indeterminate writers took effect.
    fn witnesses(&self, writers: &[Place]) -> Vec<Place> {
        let cluster = |&writer: &Place| self.clusters.of(self.held(writer));
        writers
            .iter()
            .filter_map(cluster)
            .filter_map(|cluster| self.clusters.all[cluster].seen_by.get())
            .collect()
    }

    /// Inside a chain: `later` returned before `earlier`, which comes first in the chain, was called.
    fn backwards(&self, later: Place, earlier: Place) -> Anomaly {
        let [returned, called] = self.narrator.returned_called(self.id(later), self.id(earlier));
        let at_first = self.narrator.value(self.held(earlier));
        if self.is_observation(earlier) {
            let sentence = format!(
                "{} although {} at {returned} before the {} was called at {called}, and nothing wrote {at_first} after it",
                self.saw(earlier),
                self.came_to_be(later),
                self.function(earlier),
            );
            let ops = some([self.writer(earlier), Some(later), Some(earlier)]);
            return self.anomaly(AnomalyKind::StaleRead, &ops, sentence);
        }
        if self.held(later) == self.held(earlier) {
            let sentence = format!(
                "{} at {returned}, before {} was called at {called}, and nothing else wrote {at_first}",
                self.saw(later),
                self.asked(earlier)
            );
            return self.anomaly(AnomalyKind::Phantom, &[later, earlier], sentence);
        }
        let sentence = format!(
            "{} at {returned}, but it can only follow {at_first}, and {} was called only at {called}",
            self.came_to_be(later),
            self.asked(earlier)
        );
        let ops = some([self.writer(later), Some(later), Some(earlier)]);
        self.anomaly(AnomalyKind::NotLinearizable, &ops, sentence)
    }

    /// `held` holds the register from its first return to its last call, and `other` did so at a time in between.
    fn between(&self, held: Block, other: Block) -> Anomaly {
        let middle = other
            .first_return
            .get()
            .expect("the block that starts the history is never the second one");
        self.stale(held, middle)
            .unwrap_or_else(|| self.torn(held, other, middle))
    }

    /// The first read that found a value of `held` after `middle` had seen one that was written after it.
    fn stale(&self, held: Block, middle: Place) -> Option<Anomaly> {
        let clusters = self.clusters;
        let reads = clusters
            .chain(held.root as usize)
            .flat_map(|cluster| clusters.reads(cluster));
        let after = reads.filter(|&read| precedes(clusters.spans, middle, read));
        let known = after.filter_map(|read| Some((read, self.known_before(read, middle)?)));
        let (read, known) = known.min_by_key(|(read, _)| clusters.spans[*read].call)?;
        let [returned, called] = self.narrator.returned_called(self.id(middle), self.id(read));
        let sentence = format!(
            "{} although {} at {returned} before the {} was called at {called}, and nothing wrote {} after it",
            self.saw(read),
            self.came_to_be(middle),
            self.function(read),
            self.narrator.value(self.held(read)),
        );
        let ops = [known, some([self.writer(middle), Some(middle), Some(read)])].concat();
        Some(self.anomaly(AnomalyKind::StaleRead, &ops, sentence))
    }

    /// The general case: no single read is to blame.
    fn torn(&self, held: Block, other: Block, middle: Place) -> Anomaly {
        let again = held
            .last_call
            .get()
            .expect("a block has an operation that was called last");
        let [returned, _] = self.narrator.returned_called(self.id(middle), self.id(again));
        let since = held.first_return.get().map_or_else(
            || "null from the start".to_owned(),
            |first| {
                let [at, _] = self.narrator.returned_called(self.id(first), self.id(again));
                format!("{} by {at}", self.narrator.value(self.held(first)))
            },
        );
        let sentence = format!(
            "no order of the values explains this: the register held {since}, and without a break what follows from it \
             up to {}, and yet {} at {returned}; each value was written only once",
            self.told(again),
            self.came_to_be(middle),
        );
        let named = some([
            held.first_return.get(),
            self.writer(again),
            Some(again),
            self.writer(middle),
            Some(middle),
            other.last_call.get(),
        ]);
        let ops = [named.clone(), self.witnesses(&named)].concat();
        self.anomaly(AnomalyKind::NotLinearizable, &ops, sentence)
    }

    /// Operations that show that the value seen by `again` was written before the one seen by `middle`; none if they may have been
    /// written in the other order.
    fn known_before(&self, again: Place, middle: Place) -> Option<Vec<Place>> {
        let spans = self.clusters.spans;
        let cluster = self.clusters.of(self.held(again))?;
        let Some(writer) = self.clusters.all[cluster].writer.get() else {
            return Some(Vec::new());
        };
        let replaced_by = self.writer(middle)?;
        let first = self.clusters.first_return(cluster)?;
        precedes(spans, first, replaced_by).then(|| vec![writer, first])
    }

    fn is_observation(&self, place: Place) -> bool {
        matches!(self.clusters.spans[place].op, RegisterOp::Read(_))
    }

    /// The value that an operation found.
    fn found(&self, place: Place) -> Symbol {
        match self.clusters.spans[place].op {
            RegisterOp::Read(value) | RegisterOp::Write(value) | RegisterOp::Differs(value) => value,
            RegisterOp::Cas { from, .. } => from,
            RegisterOp::Contradiction => Symbol::NULL,
        }
    }

    /// The value in whose cluster the operation is: the one it left behind.
    fn held(&self, place: Place) -> Symbol {
        match self.clusters.spans[place].op {
            RegisterOp::Read(value) | RegisterOp::Write(value) | RegisterOp::Differs(value) => value,
            RegisterOp::Cas { to, .. } => to,
            RegisterOp::Contradiction => Symbol::NULL,
        }
    }

    /// The writer of the value in whose cluster the operation is.
    fn writer(&self, place: Place) -> Option<Place> {
        let cluster = self.clusters.of(self.held(place))?;
        self.clusters.all[cluster].writer.get()
    }

    /// `read returned 5`, or `cas [3, 4] found 5`.
    fn saw(&self, place: Place) -> String {
        let value = self.narrator.value(self.held(place));
        let verb = if matches!(self.function(place), "read" | "get") {
            "returned"
        } else {
            "found"
        };
        format!("{} {verb} {value}", self.asked(place))
    }

    /// How it is known that the register held the value by the return of `place`.
    fn came_to_be(&self, place: Place) -> String {
        match self.clusters.spans[place].op {
            RegisterOp::Write(_) | RegisterOp::Cas { .. } => {
                format!("{} was acknowledged", self.asked(place))
            }
            RegisterOp::Read(value) | RegisterOp::Differs(value) => {
                format!("{} was read", self.narrator.value(value))
            }
            RegisterOp::Contradiction => format!("{} ended", self.asked(place)),
        }
    }

    fn is_indeterminate(&self, place: Place) -> bool {
        self.narrator.operation(self.id(place)).is_indeterminate()
    }

    fn function(&self, place: Place) -> &'static str {
        self.narrator.operation(self.id(place)).f.name()
    }

    fn id(&self, place: Place) -> OperationId {
        self.clusters.spans[place].id
    }

    fn asked(&self, place: Place) -> String {
        self.narrator.asked(self.id(place))
    }

    fn told(&self, place: Place) -> String {
        self.narrator.told(self.id(place))
    }

    fn anomaly(&self, kind: AnomalyKind, ops: &[Place], sentence: String) -> Anomaly {
        let ids: Vec<OperationId> = ops.iter().map(|&place| self.id(place)).collect();
        self.narrator.anomaly(Proof { kind, ops: &ids }, sentence)
    }
}

fn some<const N: usize>(places: [Option<Place>; N]) -> Vec<Place> {
    places.into_iter().flatten().collect()
}
