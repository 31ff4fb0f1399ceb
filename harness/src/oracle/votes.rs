//! What was accepted, by whom, and so what was chosen. It is recounted from what acceptors did; nobody's conclusion is believed.
//!
//! A value is *chosen* at a position when a quorum of distinct nodes has accepted it there in one term. From that follows what is
//! checked here (I4, I5, I6): one term stands for one value at a position; what was chosen is what every later term proposes there, so nothing else is
//! ever chosen; and nobody carries out what has not been chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use histories::AnomalyKind;
use systems::NodeId;
use systems::service::Digest;

use super::Findings;
use super::log::{Electorate, Index, Words, names};

/// All that was proposed and accepted at the positions that matter yet.
#[derive(Debug)]
pub(super) struct Votes<T> {
    words: Words,
    places: BTreeMap<Index, Place<T>>,
    /// What was said of the positions through this one does not matter any more.
    settled: Index,
}

/// A value at a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ballot<T> {
    pub(super) term: T,
    pub(super) index: Index,
    pub(super) value: Digest,
}

/// What became of a proposal or of its acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// This made it the chosen value.
    Chosen,
    /// Nothing was chosen by that.
    Counted,
}

#[derive(Debug)]
struct Place<T> {
    bids: BTreeMap<T, Bid>,
    chosen: Option<Choice<T>>,
    /// Whether it has been told already that something is wrong here.
    disputed: bool,
}

/// What a term stands for at a position.
#[derive(Debug)]
struct Bid {
    value: Digest,
    by: NodeId,
    /// Whether that is known from who proposed it, and not only from who accepted it.
    proposed: bool,
    voters: BTreeSet<NodeId>,
}

#[derive(Debug, Clone, Copy)]
struct Choice<T> {
    /// The first term in which it was chosen, of those that are known.
    term: T,
    value: Digest,
}

impl<T: Copy + Ord + Display> Votes<T> {
    pub(super) const fn new(words: Words) -> Self {
        Self {
            words,
            places: BTreeMap::new(),
            settled: Index(0),
        }
    }

    /// `node` proposes a value.
    pub(super) fn propose(&mut self, t: u64, node: NodeId, ballot: Ballot<T>, findings: &mut Findings) {
        self.bid(t, node, ballot, findings);
        if let Some(bid) = self.find(ballot) {
            bid.proposed = true;
        }
    }

    /// Whether somebody has proposed that value there in that term, as far as it matters.
    pub(super) fn is_proposed(&self, ballot: Ballot<T>) -> bool {
        let place = self.places.get(&ballot.index);
        let bid = place.and_then(|place| place.bids.get(&ballot.term));
        ballot.index <= self.settled || bid.is_some_and(|bid| bid.proposed && bid.value == ballot.value)
    }

    /// `node` has accepted a value, durably.
    pub(super) fn accept(
        &mut self,
        t: u64,
        node: NodeId,
        ballot: Ballot<T>,
        electorate: &Electorate,
        findings: &mut Findings,
    ) -> Count {
        self.bid(t, node, ballot, findings);
        let Some(bid) = self.find(ballot) else {
            return Count::Counted;
        };
        if !bid.voters.insert(node) || !electorate.carries(&bid.voters) {
            return Count::Counted;
        }
        self.choose(t, ballot, findings);
        Count::Chosen
    }

    /// `node` holds what follows from everything through `index`, which must have been chosen. Who carried it out need not have lived to
    /// tell.
    pub(super) fn rely(&self, t: u64, node: NodeId, index: Index, deed: &str, findings: &mut Findings) {
        if Index(0) < index {
            self.decide(t, node, index, None, deed, findings);
        }
    }

    /// `node` takes `value`, or whatever stands there, for chosen, as its `deed` shows: `carried out`. It must have been.
    pub(super) fn decide(
        &self,
        t: u64,
        node: NodeId,
        index: Index,
        value: Option<Digest>,
        deed: &str,
        findings: &mut Findings,
    ) {
        if index <= self.settled {
            return;
        }
        let Words { index: noun, term } = self.words;
        match self.chosen(index) {
            None => {
                let closest = self.closest(index);
                findings.add(
                    AnomalyKind::NotReplicated,
                    t,
                    format!(
                        "{node} {deed} {noun} {index}, which no quorum had accepted in one {term}: {closest}"
                    ),
                );
            }
            Some(choice) if value.is_some_and(|value| value != choice.value) => findings.add(
                AnomalyKind::DivergentState,
                t,
                format!(
                    "{node} {deed} something else as {noun} {index} than had been chosen there in {term} {}",
                    choice.term
                ),
            ),
            Some(_) => {}
        }
    }

    /// What `term` stands for at `index`, if anybody has said.
    pub(super) fn offered(&self, term: T, index: Index) -> Option<Digest> {
        let bid = self.places.get(&index)?.bids.get(&term)?;
        Some(bid.value)
    }

    /// What is said of positions through `index` from now on does not matter: everybody has carried them out.
    pub(super) fn settle(&mut self, index: Index) {
        if self.settled < index {
            self.settled = index;
            self.places = self.places.split_off(&index.next());
        }
    }

    fn chosen(&self, index: Index) -> Option<Choice<T>> {
        self.places.get(&index)?.chosen
    }

    fn closest(&self, index: Index) -> String {
        let bids = self.places.get(&index).map(|place| &place.bids);
        let most = bids.and_then(|bids| bids.iter().max_by_key(|(_, bid)| bid.voters.len()));
        match most {
            None => "nobody had accepted anything there".to_owned(),
            Some((term, bid)) => format!("in {} {term} {} had", self.words.term, names(&bid.voters)),
        }
    }

    fn find(&mut self, ballot: Ballot<T>) -> Option<&mut Bid> {
        let place = self.places.get_mut(&ballot.index)?;
        let bid = place.bids.get_mut(&ballot.term)?;
        (bid.value == ballot.value).then_some(bid)
    }

    fn bid(&mut self, t: u64, node: NodeId, ballot: Ballot<T>, findings: &mut Findings) {
        let Ballot { term, index, value } = ballot;
        if index <= self.settled {
            return;
        }
        let words = self.words;
        let place = self.places.entry(index).or_default();
        let first = place.bids.entry(term).or_insert_with(|| Bid {
            value,
            by: node,
            proposed: false,
            voters: BTreeSet::new(),
        });
        if first.value != value {
            let by = first.by;
            let sentence = format!(
                "{} {term} stands for two values at {} {index}, one by {by} and another by {node}",
                words.term, words.index
            );
            return place.dispute(t, sentence, findings);
        }
        if let Some(chosen) = place.chosen
            && chosen.term < term
            && chosen.value != value
        {
            let sentence = format!(
                "{node} had something else at {} {index} in {} {term} than was chosen there in {} {}",
                words.index, words.term, words.term, chosen.term
            );
            place.dispute(t, sentence, findings);
        }
    }

    fn choose(&mut self, t: u64, ballot: Ballot<T>, findings: &mut Findings) {
        let Ballot { term, index, value } = ballot;
        let words = self.words;
        let place = self.places.entry(index).or_default();
        let choice = Choice { term, value };
        let former = *place.chosen.get_or_insert(choice);
        if term < former.term {
            place.chosen = Some(choice);
        }
        let other = (former.value != value).then_some(former.term);
        let later = place.bids.range(term..).find(|(_, bid)| bid.value != value);
        if let Some(other) = other.or(later.map(|(later, _)| *later)) {
            let sentence = format!(
                "{} {index} was decided in {} {term}, and otherwise in {} {other}",
                words.index, words.term, words.term
            );
            place.dispute(t, sentence, findings);
        }
    }
}

impl<T> Place<T> {
    fn dispute(&mut self, t: u64, sentence: String, findings: &mut Findings) {
        if !self.disputed {
            self.disputed = true;
            findings.add(AnomalyKind::TwoValues, t, sentence);
        }
    }
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Self {
            bids: BTreeMap::new(),
            chosen: None,
            disputed: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use systems::NodeId;
    use systems::service::Digest;

    use super::{Ballot, Count, Votes};
    use crate::oracle::Findings;
    use crate::oracle::log::{Electorate, Index, Words};

    #[test]
    fn what_is_settled_is_not_kept() {
        let words = Words {
            index: "slot",
            term: "ballot",
        };
        let electorate = Electorate::new((1..=3).map(NodeId::replica));
        let (mut votes, mut findings) = (Votes::new(words), Findings::default());
        for index in 1..=1_000 {
            let ballot = Ballot {
                term: 1,
                index: Index(index),
                value: Digest::of(b"a"),
            };
            votes.accept(0, NodeId::replica(1), ballot, &electorate, &mut findings);
            let second = votes.accept(0, NodeId::replica(2), ballot, &electorate, &mut findings);
            assert_eq!(second, Count::Chosen);
        }
        votes.settle(Index(999));
        assert_eq!(votes.places.len(), 1);
        votes.decide(0, NodeId::replica(3), Index(7), None, "applied", &mut findings);
        assert!(findings.0.is_empty(), "{findings:?}");
    }
}
