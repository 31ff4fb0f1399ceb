//! The committed prefix: whoever carries out a position carries out the same there, holds the same afterwards, leaves out none, and
//! goes back behind none that it had made durable (I3, I8, I10, I12).

use std::collections::{BTreeMap, BTreeSet};

use histories::AnomalyKind;
use systems::NodeId;
use systems::service::Digest;

use super::Findings;
use super::life::Life;
use super::log::{Index, Words};

/// So many positions are remembered although not every node has come as far. Whoever is further behind is compared when it has come
/// near: digests are chained, so a difference does not go away.
const KEPT_MAX: u64 = 1 << 18;

/// What was carried out at each position, and how far each node is.
#[derive(Debug)]
pub(super) struct Prefix {
    words: Words,
    nodes: BTreeSet<NodeId>,
    positions: BTreeMap<Index, Carried>,
    standings: BTreeMap<NodeId, Standing>,
    highest: Index,
    /// What was carried out at the positions through this one is not remembered.
    forgotten: Index,
}

/// A position as a node carried it out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) index: Index,
    /// Of what stands there, if that is known.
    pub(super) value: Option<Digest>,
    /// Of everything carried out so far, this included.
    pub(super) digest: Digest,
}

/// What somebody's doing says about the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    /// Nobody had come so far before.
    First,
    /// As others before.
    Same,
    /// Not as others before.
    Different,
}

#[derive(Debug, Clone, Copy)]
struct Carried {
    value: Option<Digest>,
    digest: Digest,
    by: NodeId,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    life: Life,
    through: Index,
    /// It had made everything through this position durable.
    durable: Index,
    /// Whether this life is known to hold something else than the others.
    astray: bool,
}

impl Prefix {
    pub(super) fn new(words: Words, nodes: &BTreeSet<NodeId>) -> Self {
        Self {
            words,
            nodes: nodes.clone(),
            positions: BTreeMap::new(),
            standings: BTreeMap::new(),
            highest: Index(0),
            forgotten: Index(0),
        }
    }

    /// `life` begins with everything through a position.
    pub(super) fn start(
        &mut self,
        t: u64,
        life: Life,
        through: Index,
        digest: Digest,
        findings: &mut Findings,
    ) {
        let former = self.standings.get(&life.node);
        let durable = former.map_or(Index(0), |former| former.durable);
        if through < durable {
            let noun = self.words.index;
            findings.add(
                AnomalyKind::Forgotten,
                t,
                format!(
                    "{} came to life with nothing after {noun} {through}, and had made everything through {noun} {durable} durable",
                    life.node
                ),
            );
        }
        self.stand(life, through);
        self.take(t, life, through, digest, findings);
    }

    /// `life` takes another node's state through a position for its own.
    pub(super) fn install(
        &mut self,
        t: u64,
        life: Life,
        through: Index,
        digest: Digest,
        findings: &mut Findings,
    ) {
        let before = self.standing(life).through;
        if through < before {
            let noun = self.words.index;
            findings.add(
                AnomalyKind::Forgotten,
                t,
                format!(
                    "{} went back to a snapshot through {noun} {through} when it had carried out {noun} {before}",
                    life.node
                ),
            );
        }
        self.stand(life, through);
        self.take(t, life, through, digest, findings);
        self.keep(life, through);
    }

    /// Everything through a position is durable at `life`.
    pub(super) fn keep(&mut self, life: Life, through: Index) {
        let standing = self.standing(life);
        standing.durable = through.max(standing.durable);
    }

    /// `life` carries out a position.
    pub(super) fn carry_out(&mut self, t: u64, life: Life, step: Step, findings: &mut Findings) -> Agreement {
        let before = self.standing(life).through;
        if before.next() != step.index {
            let (noun, node, index) = (self.words.index, life.node, step.index);
            if before < index {
                findings.add(
                    AnomalyKind::Hole,
                    t,
                    format!("{node} carried out {noun} {index} straight after {noun} {before}"),
                );
            } else {
                findings.add(
                    AnomalyKind::Forgotten,
                    t,
                    format!(
                        "{node} carried out {noun} {index} again when it had carried out {noun} {before}"
                    ),
                );
            }
        }
        self.stand(life, step.index);
        let first = self.highest < step.index;
        self.highest = self.highest.max(step.index);
        if self.agrees(t, life, step, findings) {
            if first { Agreement::First } else { Agreement::Same }
        } else {
            Agreement::Different
        }
    }

    /// From now on these nodes are waited for before anything is forgotten.
    pub(super) fn follow(&mut self, nodes: &BTreeSet<NodeId>) {
        self.nodes.clone_from(nodes);
    }

    /// How far each node is.
    pub(super) fn through(&self, node: NodeId) -> Index {
        self.standings
            .get(&node)
            .map_or(Index(0), |standing| standing.through)
    }

    /// The last position that anybody has carried out.
    pub(super) const fn highest(&self) -> Index {
        self.highest
    }

    /// Forgets what every node has passed, and what is too long ago; says through where.
    pub(super) fn prune(&mut self) -> Index {
        let passed = self.nodes.iter().map(|node| self.through(*node)).min();
        // The last one passed is what a node is compared with that goes no further.
        let passed = passed.unwrap_or_default().minus(1);
        self.forgotten = self.forgotten.max(passed).max(self.highest.minus(KEPT_MAX));
        self.positions = self.positions.split_off(&self.forgotten.next());
        self.forgotten
    }

    fn standing(&mut self, life: Life) -> &mut Standing {
        let durable = self.standings.get(&life.node).map(|former| former.durable);
        let standing = self.standings.entry(life.node).or_insert(Standing {
            life,
            through: Index(0),
            durable: Index(0),
            astray: false,
        });
        if standing.life != life {
            *standing = Standing {
                life,
                through: Index(0),
                durable: durable.unwrap_or_default(),
                astray: false,
            };
        }
        standing
    }

    fn stand(&mut self, life: Life, through: Index) {
        self.standing(life).through = through;
    }

    /// `life` holds what was carried out through a position without having told of all of it itself.
    fn take(&mut self, t: u64, life: Life, through: Index, digest: Digest, findings: &mut Findings) {
        let step = Step {
            index: through,
            value: None,
            digest,
        };
        self.agrees(t, life, step, findings);
    }

    fn agrees(&mut self, t: u64, life: Life, step: Step, findings: &mut Findings) -> bool {
        let Step { index, value, digest } = step;
        let Some(first) = self.first(life, step) else {
            return true;
        };
        let other_value = matches!((first.value, value), (Some(first), Some(value)) if first != value);
        if first.digest == digest && !other_value {
            return true;
        }
        if !self.standing(life).astray {
            self.standing(life).astray = true;
            let problem = if other_value {
                "carried out different things as"
            } else {
                "hold different things after"
            };
            let who = if first.by == life.node {
                format!("two lives of {}", life.node)
            } else {
                format!("{} and {}", first.by, life.node)
            };
            let noun = self.words.index;
            findings.add(
                AnomalyKind::DivergentState,
                t,
                format!("{who} {problem} {noun} {index}"),
            );
        }
        false
    }

    /// What the first node to come there did. None where that is not remembered.
    fn first(&mut self, life: Life, step: Step) -> Option<Carried> {
        if step.index == Index(0) {
            return Some(Carried {
                value: None,
                digest: Digest::default(),
                by: life.node,
            });
        }
        if step.index <= self.forgotten {
            return None;
        }
        let first = self.positions.entry(step.index).or_insert(Carried {
            value: step.value,
            digest: step.digest,
            by: life.node,
        });
        first.value = first.value.or(step.value);
        Some(*first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use systems::service::Digest;
    use systems::{Incarnation, NodeId};

    use super::{Agreement, KEPT_MAX, Prefix, Step};
    use crate::oracle::Findings;
    use crate::oracle::life::Life;
    use crate::oracle::log::{Index, Words};

    const WORDS: Words = Words {
        index: "slot",
        term: "ballot",
    };

    fn life(number: usize) -> Life {
        Life {
            node: NodeId::replica(number),
            incarnation: Incarnation(0),
        }
    }

    fn step(index: u64) -> Step {
        Step {
            index: Index(index),
            value: None,
            digest: Digest::of(&index.to_le_bytes()),
        }
    }

    /// After `movers` of three nodes have carried out everything through `last`.
    fn after(movers: usize, last: u64) -> Prefix {
        let nodes: BTreeSet<NodeId> = (1..=3).map(NodeId::replica).collect();
        let (mut prefix, mut findings) = (Prefix::new(WORDS, &nodes), Findings::default());
        for index in 1..=last {
            for mover in 1..=movers {
                prefix.carry_out(0, life(mover), step(index), &mut findings);
            }
        }
        prefix.prune();
        assert!(findings.0.is_empty(), "{findings:?}");
        prefix
    }

    #[test]
    fn what_every_node_has_passed_is_not_kept() {
        assert_eq!(after(3, 1_000).positions.len(), 1);
        assert_eq!(after(2, 1_000).positions.len(), 1_000);
    }

    #[test]
    fn a_node_that_is_gone_for_good_does_not_make_it_grow_for_ever() {
        let mut prefix = after(1, KEPT_MAX + 1_000);
        assert_eq!(prefix.positions.len() as u64, KEPT_MAX);
        let mut findings = Findings::default();
        assert_eq!(
            prefix.carry_out(0, life(2), step(1), &mut findings),
            Agreement::Same
        );
        assert!(
            findings.0.is_empty(),
            "what is not remembered was compared: {findings:?}"
        );
    }
}
