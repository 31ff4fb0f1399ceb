//! Who bound themselves to each term of office: nobody may act in one without a quorum that has left all earlier ones (I6).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use histories::AnomalyKind;
use systems::NodeId;

use super::Findings;
use super::log::{Electorate, names};

/// So many terms are remembered, the latest. Who acts in an older one has been overtaken that often.
const TERMS_KEPT_MAX: usize = 1 << 12;

/// The supporters of each term.
#[derive(Debug)]
pub(super) struct Mandates<T> {
    /// How terms are called.
    noun: &'static str,
    terms: BTreeMap<T, Term>,
    /// What is not remembered any more: this term and those before it.
    forgotten: Option<T>,
}

#[derive(Debug, Default)]
struct Term {
    supporters: BTreeSet<NodeId>,
    begun: bool,
}

impl<T: Copy + Ord + Display> Mandates<T> {
    pub(super) const fn new(noun: &'static str) -> Self {
        Self {
            noun,
            terms: BTreeMap::new(),
            forgotten: None,
        }
    }

    /// `node` accepts nothing of a term before `term` any more, durably.
    pub(super) fn support(&mut self, term: T, node: NodeId) {
        if let Some(term) = self.term(term) {
            term.supporters.insert(node);
        }
        if TERMS_KEPT_MAX < self.terms.len() {
            self.forgotten = self.terms.pop_first().map(|(term, _)| term);
        }
    }

    /// `node` begins to act in `term`.
    pub(super) fn begin(
        &mut self,
        t: u64,
        term: T,
        node: NodeId,
        electorate: &Electorate,
        findings: &mut Findings,
    ) {
        let noun = self.noun;
        let Some(found) = self.term(term).filter(|term| !term.begun) else {
            return;
        };
        found.begun = true;
        if !electorate.carries(&found.supporters) {
            let supporters = names(&found.supporters);
            let count = electorate.members().len();
            findings.add(
                AnomalyKind::BrokenSuccession,
                t,
                format!(
                    "{node} acted in {noun} {term} when of {count} nodes no more had bound themselves to it than {supporters}"
                ),
            );
        }
    }

    /// `node` takes office in `term` by the word of `named`. Each of them has to have given it: an answer to an earlier question is none to this one.
    pub(super) fn rely(&mut self, t: u64, term: T, node: NodeId, named: &[NodeId], findings: &mut Findings) {
        let noun = self.noun;
        let Some(found) = self.term(term) else {
            return;
        };
        let unbound = named.iter().filter(|named| !found.supporters.contains(named));
        let unbound: BTreeSet<NodeId> = unbound.copied().collect();
        if !unbound.is_empty() {
            let sentence = format!(
                "{node} took office in {noun} {term} by the word of {}, who had not bound themselves to it",
                names(&unbound)
            );
            findings.add(AnomalyKind::BrokenSuccession, t, sentence);
        }
    }

    fn term(&mut self, term: T) -> Option<&mut Term> {
        (self.forgotten < Some(term)).then(|| self.terms.entry(term).or_default())
    }
}
