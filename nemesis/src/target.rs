//! Whom a fault is meant for: said beforehand, resolved against who matters when the fault is due.

use std::fmt;

use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use systems::NodeId;

use crate::cluster::{Roster, Standing};
use crate::unknown::UnknownName;

/// Whom a fault is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A random node.
    One,
    /// As many random nodes as can be missing while a majority remains.
    Minority,
    /// The smallest number of random nodes that is more than half.
    Majority,
    /// The greatest number of random nodes that is fewer than a third.
    MinorityThird,
    /// Every node that takes itself for a primary.
    Primaries,
    /// Every node.
    All,
    /// Every service.
    Services,
    /// These, in this order, whatever the system claims to survive.
    Named(Vec<NodeId>),
}

/// From which nodes a target is drawn and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    /// The replicas: what processes are paused and killed.
    Replicas,
    /// Replicas and services: what a partition cuts apart.
    Members,
}

/// Whether a fault must stay within what the system claims to survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Only expendable nodes, and no more of them than may go at once.
    Kept,
    /// Any node.
    Ignored,
}

/// A resolved target: the nodes, in the order that means something to the fault, and how they came to be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) words: String,
}

/// What a target is resolved against.
pub(crate) struct Scene<'a> {
    pub(crate) roster: &'a Roster,
    pub(crate) standing: &'a Standing,
    pub(crate) rng: &'a mut ChaCha8Rng,
}

/// The most nodes of `count` that can be missing while more than half remain.
#[must_use]
pub const fn minority(count: usize) -> usize {
    count.div_ceil(2).saturating_sub(1)
}

/// The fewest nodes of `count` that are more than half.
#[must_use]
pub const fn majority(count: usize) -> usize {
    count / 2 + 1
}

/// The most nodes of `count` that are fewer than a third.
#[must_use]
pub const fn minority_third(count: usize) -> usize {
    count.saturating_sub(1) / 3
}

impl Target {
    /// How a list of nodes is called where targets are listed.
    pub(crate) const NAMED: &'static str = "a list of nodes";

    /// The words for all kinds of target.
    pub(crate) const WORDS: [&'static str; 8] = [
        "one",
        "minority",
        "majority",
        "minority-third",
        "primaries",
        "all",
        "services",
        Self::NAMED,
    ];

    /// The word for this kind of target.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Minority => "minority",
            Self::Majority => "majority",
            Self::MinorityThird => "minority-third",
            Self::Primaries => "primaries",
            Self::All => "all",
            Self::Services => "services",
            Self::Named(_) => Self::NAMED,
        }
    }

    /// The target a word stands for, unless it stands for none.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [
            Self::One,
            Self::Minority,
            Self::Majority,
            Self::MinorityThird,
            Self::Primaries,
            Self::All,
            Self::Services,
        ]
        .into_iter()
        .find(|target| target.word() == word)
    }

    /// Reads a target's word, or the name of a single node of `roster`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str, roster: &Roster) -> Result<Self, UnknownName> {
        let node = || roster.everybody().into_iter().find(|node| node.as_str() == text);
        Self::from_word(text)
            .or_else(|| node().map(|node| Self::Named(vec![node])))
            .ok_or_else(|| {
                let words = Self::WORDS
                    .iter()
                    .filter(|word| **word != Self::NAMED)
                    .map(ToString::to_string);
                UnknownName::new(
                    "target",
                    text,
                    words.chain(roster.everybody().iter().map(NodeId::to_string)),
                )
            })
    }

    /// Reads a list of nodes of `roster`.
    ///
    /// # Errors
    /// When one of them is not there.
    pub fn parse_nodes(names: &[String], roster: &Roster) -> Result<Self, UnknownName> {
        let members = roster.everybody();
        let find = |name: &String| {
            members
                .iter()
                .copied()
                .find(|node| node.as_str() == name)
                .ok_or_else(|| UnknownName::new("node", name, members.iter().map(NodeId::to_string)))
        };
        names.iter().map(find).collect::<Result<_, _>>().map(Self::Named)
    }

    /// The nodes this target means now.
    ///
    /// # Errors
    /// Why it means none.
    pub(crate) fn choose(&self, pool: Pool, claim: Claim, scene: &mut Scene<'_>) -> Result<Choice, String> {
        let all = scene.nodes(pool);
        match self {
            Self::One => draw(1, "one", &all, claim, scene),
            Self::Minority => draw(minority(all.len()), "a minority", &all, claim, scene),
            Self::Majority => draw(majority(all.len()), "a majority", &all, claim, scene),
            Self::MinorityThird => draw(minority_third(all.len()), "a minority third", &all, claim, scene),
            Self::All => draw(all.len(), "all", &all, claim, scene),
            Self::Services => draw_services(claim, scene),
            Self::Primaries => primaries(claim, scene),
            Self::Named(nodes) => named(nodes, scene.roster),
        }
    }
}

/// One random half of the members, the larger when they cannot be halved evenly.
pub(crate) fn halve(scene: &mut Scene<'_>) -> Result<Choice, String> {
    let members = scene.members();
    draw(
        members.len().div_ceil(2),
        "a half",
        &members,
        Claim::Ignored,
        scene,
    )
}

impl Scene<'_> {
    /// The replicas that are members now.
    pub(crate) fn replicas(&self) -> Vec<NodeId> {
        if self.standing.members.is_empty() {
            self.roster.replicas.clone()
        } else {
            self.standing.members.iter().copied().collect()
        }
    }

    /// The replicas that are members now, then the services.
    pub(crate) fn members(&self) -> Vec<NodeId> {
        let mut members = self.replicas();
        members.extend(&self.roster.services);
        members
    }

    fn nodes(&self, pool: Pool) -> Vec<NodeId> {
        match pool {
            Pool::Replicas => self.replicas(),
            Pool::Members => self.members(),
        }
    }
}

impl Claim {
    /// The nodes of `nodes` the claim allows, at most as many as may go at once; which ones is drawn.
    fn allow(self, nodes: &[NodeId], scene: &mut Scene<'_>) -> Vec<NodeId> {
        match self {
            Self::Ignored => nodes.to_vec(),
            Self::Kept => {
                let expendable: Vec<NodeId> = nodes
                    .iter()
                    .copied()
                    .filter(|node| scene.standing.expendable.contains(node))
                    .collect();
                sample(&expendable, scene.standing.expendable_max.max(1), scene.rng)
            }
        }
    }
}

fn draw(
    count: usize,
    what: &str,
    all: &[NodeId],
    claim: Claim,
    scene: &mut Scene<'_>,
) -> Result<Choice, String> {
    if count == 0 {
        return Err(format!("{what} of {} would be no node at all", list(all)));
    }
    let wanted = sample_allowed(count, all, claim, scene);
    if wanted.is_empty() {
        return Err(spared(all));
    }
    let words = match (wanted.len() < count, count == all.len()) {
        (true, _) => format!(
            "{}, as many of {} as may go ({what} was meant)",
            are(&wanted, "drawn"),
            list(all)
        ),
        (false, true) => format!("all of {}", list(all)),
        (false, false) if count == 1 => format!("{} from {}", are(&wanted, "drawn"), list(all)),
        (false, false) => format!("{} from {} as {what}", are(&wanted, "drawn"), list(all)),
    };
    Ok(Choice { nodes: wanted, words })
}

fn sample_allowed(count: usize, all: &[NodeId], claim: Claim, scene: &mut Scene<'_>) -> Vec<NodeId> {
    let allowed = claim.allow(all, scene);
    sample(&allowed, count, scene.rng)
}

fn draw_services(claim: Claim, scene: &mut Scene<'_>) -> Result<Choice, String> {
    let services = scene.roster.services.clone();
    if services.is_empty() {
        return Err("there is no service".to_owned());
    }
    let nodes = claim.allow(&services, scene);
    if nodes.is_empty() {
        return Err(spared(&services));
    }
    let words = if nodes.len() == 1 {
        format!("{} is a service", list(&nodes))
    } else {
        format!("the services {}", list(&nodes))
    };
    Ok(Choice { nodes, words })
}

fn primaries(claim: Claim, scene: &mut Scene<'_>) -> Result<Choice, String> {
    let members = scene.members();
    let primaries: Vec<NodeId> = members
        .into_iter()
        .filter(|node| scene.standing.primaries.contains_key(node))
        .collect();
    if primaries.is_empty() {
        return Err("no node took itself for a primary".to_owned());
    }
    let nodes = claim.allow(&primaries, scene);
    if nodes.is_empty() {
        return Err(format!(
            "{}; {}",
            as_primaries(&primaries, scene.standing),
            spared(&primaries)
        ));
    }
    let words = as_primaries(&nodes, scene.standing);
    Ok(Choice { nodes, words })
}

fn named(nodes: &[NodeId], roster: &Roster) -> Result<Choice, String> {
    let members = roster.everybody();
    match nodes.iter().find(|node| !members.contains(node)) {
        Some(stranger) => Err(format!("{stranger} is not one of {}", list(&members))),
        None if nodes.is_empty() => Err("no node was named".to_owned()),
        None => Ok(Choice {
            nodes: nodes.to_vec(),
            words: are(nodes, "named"),
        }),
    }
}

/// At most `count` of `nodes`, drawn, in the order of `nodes`.
pub(crate) fn sample(nodes: &[NodeId], count: usize, rng: &mut ChaCha8Rng) -> Vec<NodeId> {
    let mut indices: Vec<usize> = (0..nodes.len()).collect();
    indices.shuffle(rng);
    indices.truncate(count);
    indices.sort_unstable();
    indices.into_iter().map(|index| nodes[index]).collect()
}

/// One of `nodes`, drawn; there is at least one.
pub(crate) fn one_of(nodes: &[NodeId], rng: &mut ChaCha8Rng) -> NodeId {
    *nodes
        .choose(rng)
        .expect("a choice holds at least one node, and a shape that draws has peers to draw from")
}

fn spared(nodes: &[NodeId]) -> String {
    format!(
        "the system does not claim to survive the loss of any of {} now",
        list(nodes)
    )
}

fn as_primaries(nodes: &[NodeId], standing: &Standing) -> String {
    let one = |node: &NodeId| match standing.primaries.get(node) {
        Some(words) => format!("{node} was {words}"),
        None => format!("{node} was a primary"),
    };
    nodes.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn was(nodes: &[NodeId]) -> String {
    format!(
        "{} {}",
        list(nodes),
        if nodes.len() == 1 { "was" } else { "were" }
    )
}

fn are(nodes: &[NodeId], how: &str) -> String {
    format!("{} {how}", was(nodes))
}

/// `n1, n2, n3`.
pub(crate) fn list(nodes: &[NodeId]) -> String {
    nodes.iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Target {
    /// The word, or the names of the nodes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(nodes) => f.write_str(&list(nodes)),
            Self::One
            | Self::Minority
            | Self::Majority
            | Self::MinorityThird
            | Self::Primaries
            | Self::All
            | Self::Services => f.write_str(self.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{majority, minority, minority_third};

    #[test]
    fn shares_are_counted_as_the_field_counts_them() {
        let counts = [0, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(counts.map(minority), [0, 0, 0, 1, 1, 2, 2, 3]);
        assert_eq!(counts.map(majority), [1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(counts.map(minority_third), [0, 0, 0, 0, 1, 1, 1, 2]);
    }
}
