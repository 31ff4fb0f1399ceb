//! What may be wrong with a single read of a list, or with two that do not fit together.

use super::{Book, Read};
use crate::checker::narrator::Proof;
use crate::history::OperationId;
use crate::values::Symbol;
use crate::verdict::{Anomaly, AnomalyKind};

/// Why two reads cannot both be beginnings of one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checker) enum Divergence {
    /// Both have both tokens, in the other order.
    Order(Symbol, Symbol),
    /// One has the token where the other goes on without it.
    Hole {
        /// Which token.
        token: Symbol,
        /// What stands in its place.
        instead: Symbol,
        /// Which of the two reads lacks it.
        lacking: Lacking,
    },
    /// One of the tokens is wrong in itself.
    Defect,
}

/// Which of two reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checker) enum Lacking {
    First,
    Second,
}

impl Book<'_> {
    /// The tokens of `read` that stand twice, were never appended, in part, or refused; each with its sentence.
    pub(in crate::checker) fn defects(&self, read: Read<'_>) -> Vec<(Symbol, Anomaly)> {
        let mut sorted: Vec<(Symbol, usize)> = read.tokens.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        let mut defects: Vec<(usize, Symbol, Anomaly)> = Vec::new();
        for same in sorted.chunk_by(|a, b| a.0 == b.0) {
            let (token, position) = same[0];
            defects.extend(self.origin(read, token).map(|anomaly| (position, token, anomaly)));
            if same.len() > 1 && self.append(token).is_some() {
                defects.push((position, token, self.duplicate(read, token, same.len())));
            }
        }
        defects.sort_by_key(|(position, ..)| *position);
        defects
            .into_iter()
            .map(|(_, token, anomaly)| (token, anomaly))
            .collect()
    }

    fn duplicate(&self, read: Read<'_>, token: Symbol, times: usize) -> Anomaly {
        let append = self.append(token).map(|append| append.id);
        let sentence = format!(
            "append {} was asked for once; {} contains it {times} times",
            self.narrator.value(token),
            self.narrator.told(read.id)
        );
        self.anomaly(AnomalyKind::DuplicateAppend, &[append, Some(read.id)], sentence)
    }

    /// What is wrong with where the token comes from.
    fn origin(&self, read: Read<'_>, token: Symbol) -> Option<Anomaly> {
        let known = self.token(token);
        if known.append.is_some() {
            return None;
        }
        let told = self.narrator.told(read.id);
        let name = self.narrator.value(token);
        if let Some(refused) = known.refused {
            let sentence = format!(
                "{} must not take effect, but {told} contains {name}",
                self.narrator.told(refused)
            );
            return Some(self.anomaly(
                AnomalyKind::Resurrected,
                &[Some(refused), Some(read.id)],
                sentence,
            ));
        }
        if let Some(whole) = self.whole_of(token) {
            let append = self.append(whole).map(|append| append.id);
            let whole = self.narrator.value(whole);
            let sentence = format!("{told} contains {name}, which is only a part of append {whole}");
            return Some(self.anomaly(AnomalyKind::PartlyApplied, &[append, Some(read.id)], sentence));
        }
        let sentence = format!("{told} contains {name}, which nobody appended");
        Some(self.anomaly(AnomalyKind::Phantom, &[Some(read.id)], sentence))
    }

    /// The shortest token that was appended and begins or ends with `part`.
    fn whole_of(&self, part: Symbol) -> Option<Symbol> {
        let text = |symbol: Symbol| self.narrator.text(symbol);
        let part = text(part).filter(|part| !part.is_empty())?;
        let holds = |whole: &str| whole != part && (whole.starts_with(part) || whole.ends_with(part));
        let candidates = self
            .appends
            .iter()
            .filter(|append| text(append.token).is_some_and(holds));
        candidates
            .map(|append| append.token)
            .min_by_key(|&token| text(token).map(str::len))
    }

    /// Where two reads of which neither is a beginning of the other part.
    pub(in crate::checker) fn divergence(&self, first: Read<'_>, second: Read<'_>) -> Option<Divergence> {
        let parting = first
            .tokens
            .iter()
            .zip(second.tokens)
            .position(|(mine, theirs)| mine != theirs)?;
        let (mine, theirs) = (first.tokens[parting], second.tokens[parting]);
        let stands_before = |read: Read<'_>, token| read.tokens[..parting].contains(&token);
        let is_sound = |read, token| self.append(token).is_some() && !stands_before(read, token);
        if !is_sound(first, mine) || !is_sound(second, theirs) {
            return Some(Divergence::Defect);
        }
        let in_second = second.tokens[parting..].contains(&mine);
        let in_first = first.tokens[parting..].contains(&theirs);
        Some(match (in_second, in_first) {
            (true, true) => Divergence::Order(mine, theirs),
            (false, _) => Divergence::Hole {
                token: mine,
                instead: theirs,
                lacking: Lacking::Second,
            },
            (true, false) => Divergence::Hole {
                token: theirs,
                instead: mine,
                lacking: Lacking::First,
            },
        })
    }

    /// The sentence for two reads that part.
    pub(in crate::checker) fn diverged(&self, first: Read<'_>, second: Read<'_>) -> Option<Anomaly> {
        let value = |token| self.narrator.value(token);
        match self.divergence(first, second)? {
            Divergence::Defect => self
                .defects(second)
                .into_iter()
                .chain(self.defects(first))
                .map(|(_, it)| it)
                .next(),
            Divergence::Order(mine, theirs) => {
                let sentence = format!(
                    "{} has {} before {}, and {} has them in the other order",
                    self.narrator.told(first.id),
                    value(mine),
                    value(theirs),
                    self.narrator.told(second.id)
                );
                let appends = [mine, theirs].map(|token| self.append(token).map(|append| append.id));
                let ops = [appends[0], appends[1], Some(first.id), Some(second.id)];
                Some(self.anomaly(AnomalyKind::Reordered, &ops, sentence))
            }
            Divergence::Hole {
                token,
                instead,
                lacking,
            } => {
                let (having, lacking) = match lacking {
                    Lacking::First => (second, first),
                    Lacking::Second => (first, second),
                };
                Some(self.hole(token, instead, having, lacking))
            }
        }
    }

    fn hole(&self, token: Symbol, instead: Symbol, having: Read<'_>, lacking: Read<'_>) -> Anomaly {
        let (name, instead_name) = (self.narrator.value(token), self.narrator.value(instead));
        let (has, lacks) = (self.narrator.told(having.id), self.narrator.told(lacking.id));
        let appends = [token, instead].map(|token| self.append(token).map(|append| append.id));
        let ops = [appends[0], appends[1], Some(having.id), Some(lacking.id)];
        if having.ret < lacking.call {
            let sentence =
                format!("{has} contains {name}, but later {lacks} has {instead_name} in its place");
            return self.anomaly(AnomalyKind::LostAppend, &ops, sentence);
        }
        if lacking.ret < having.call {
            let sentence = format!(
                "{lacks} has {instead_name} and not {name}, but later {has} has {name} in that place"
            );
            return self.anomaly(AnomalyKind::Resurrected, &ops, sentence);
        }
        let sentence =
            format!("{lacks} has {instead_name} where {has} has {name}: neither is a beginning of the other");
        self.anomaly(AnomalyKind::Reordered, &ops, sentence)
    }

    pub(in crate::checker) fn anomaly(
        &self,
        kind: AnomalyKind,
        ops: &[Option<OperationId>],
        sentence: String,
    ) -> Anomaly {
        let ops: Vec<OperationId> = ops.iter().copied().flatten().collect();
        self.narrator.anomaly(Proof { kind, ops: &ops }, sentence)
    }
}
