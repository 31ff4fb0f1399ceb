//! What a mischief comes to: the links, the kinds of messages and the figures, all drawn from the episode's seed.
//!
//! How far it reaches is drawn too, because bugs are choosy: one shows when everything around a primary is late, another only
//! when a single kind of message on a single link is.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use systems::NodeId;

use super::Resolution;
use crate::cluster::{Action, Link};
use crate::mischief::{Disturbance, Fate, Mischief, Release};
use crate::target::{Choice, Claim, Pool, Scene, Target, one_of};

/// What a mischief lasts or spreads over, in milliseconds; one is drawn. A failure detector's limit is somewhere among them.
const SPREADS_MS: [u64; 5] = [10, 50, 200, 800, 2_000];

/// Bytes a second of a slow link; one is drawn.
const SLOW_BYTES_PER_SECOND: [u64; 4] = [1_000, 8_000, 64_000, 512_000];

/// Of so many disturbances one is about a single kind of messages, where the world can tell kinds apart.
const CHOOSY_ONE_IN: u32 = 2;

/// Which links around the target are meant.
struct Reach {
    links: BTreeSet<Link>,
    kinds: BTreeSet<String>,
    words: String,
}

/// What `mischief` around `target` comes to.
pub(super) fn disturb(
    mischief: Mischief,
    target: &Target,
    scene: &mut Scene<'_>,
) -> Result<Resolution, String> {
    let Choice { nodes, words } = target.choose(Pool::Members, Claim::Ignored, scene)?;
    let Reach {
        links,
        kinds,
        words: reach,
    } = reach(mischief, &nodes, scene);
    if links.is_empty() {
        return Err(format!("{words}: there is no link to disturb"));
    }
    let fate = fate(mischief, scene.rng);
    Ok(Resolution::Do {
        action: Action::Disturb(Disturbance { links, kinds, fate }),
        nodes: nodes.into_iter().collect(),
        words: format!("{words}: of {reach}, {fate}"),
    })
}

fn reach(mischief: Mischief, nodes: &[NodeId], scene: &mut Scene<'_>) -> Reach {
    let clients = scene.roster.clients;
    let target = if nodes.len() == 1 { "it" } else { "them" };
    if mischief == Mischief::ReplyLoss {
        return whole(
            links(nodes, &[clients]),
            format!("what clients are answered by {target}"),
        );
    }
    let members = scene.members();
    if let Some(kind) = choosy(scene) {
        return Reach {
            links: both_ways(nodes, &members),
            kinds: BTreeSet::from([kind.to_owned()]),
            words: format!("{kind} messages from and to {target}"),
        };
    }
    let all: Vec<NodeId> = members.iter().copied().chain([clients]).collect();
    match scene.rng.random_range(0..4) {
        0 => whole(both_ways(nodes, &all), format!("messages from and to {target}")),
        1 => whole(links(nodes, &all), format!("messages from {target}")),
        2 => whole(links(&all, nodes), format!("messages to {target}")),
        _ => one_link(nodes, &all, scene.rng),
    }
}

fn choosy(scene: &mut Scene<'_>) -> Option<&'static str> {
    let choosy = scene.rng.random_range(0..CHOOSY_ONE_IN) == 0;
    scene.standing.kinds.choose(scene.rng).copied().filter(|_| choosy)
}

fn one_link(nodes: &[NodeId], all: &[NodeId], rng: &mut ChaCha8Rng) -> Reach {
    let node = one_of(nodes, rng);
    let peers: Vec<NodeId> = all.iter().copied().filter(|peer| *peer != node).collect();
    let peer = one_of(&peers, rng);
    let link = if rng.random_range(0..2) == 0 {
        Link { from: node, to: peer }
    } else {
        Link { from: peer, to: node }
    };
    whole(BTreeSet::from([link]), format!("messages on {link}"))
}

fn whole(links: BTreeSet<Link>, words: String) -> Reach {
    Reach {
        links,
        kinds: BTreeSet::new(),
        words,
    }
}

fn both_ways(nodes: &[NodeId], others: &[NodeId]) -> BTreeSet<Link> {
    let mut both = links(nodes, others);
    both.extend(links(others, nodes));
    both
}

fn links(from: &[NodeId], to: &[NodeId]) -> BTreeSet<Link> {
    let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
    pairs
        .filter(|(from, to)| from != to)
        .map(|(from, to)| Link { from, to })
        .collect()
}

fn fate(mischief: Mischief, rng: &mut ChaCha8Rng) -> Fate {
    let ms_max = *SPREADS_MS.choose(rng).expect("there are spreads to choose from");
    let percent = rng.random_range(5..=60);
    match mischief {
        Mischief::Loss => Fate::Lost { percent },
        Mischief::ReplyLoss => Fate::Lost {
            percent: [30, 70, 100][rng.random_range(0..3)],
        },
        Mischief::Delay => Fate::Delayed { ms_max },
        Mischief::Duplicate => Fate::Doubled { percent, ms_max },
        Mischief::Reorder => Fate::Overtaken { percent, ms_max },
        Mischief::Hold => Fate::Held {
            release: [Release::InOrder, Release::Reversed][rng.random_range(0..2)],
        },
        Mischief::Slow => Fate::Slowed {
            bytes_per_second: SLOW_BYTES_PER_SECOND[rng.random_range(0..SLOW_BYTES_PER_SECOND.len())],
        },
    }
}
