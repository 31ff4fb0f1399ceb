//! What an episode comes to when it is due: exactly what to do and in which words, or the reason why nothing is done.
//!
//! Resolving is deterministic: the roster, the standing and the episode's own seed decide everything.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use systems::NodeId;

use crate::cluster::{Action, Roster, Standing};
use crate::fault::{Fault, Shape};
use crate::grudge::{Grudge, sides};
use crate::schedule::Episode;
use crate::target::{Choice, Claim, Pool, Scene, Target, halve, list, one_of};

mod membership;
mod packets;

/// What an episode comes to when it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// It is injected.
    Do {
        /// What to do, and later to undo.
        action: Action,
        /// The nodes it is aimed at; with a partition not all it touches.
        nodes: BTreeSet<NodeId>,
        /// Whom it met and why, for the journal and the results: `n1 was primary of view 3: it hears no other node`.
        words: String,
    },
    /// It is not injected, for this reason.
    Skipped(String),
}

/// What `episode` means at this moment.
#[must_use]
pub fn resolve(episode: &Episode, roster: &Roster, standing: &Standing) -> Resolution {
    if let Err(reason) = episode.fault.fits(&episode.target, roster) {
        return Resolution::Skipped(reason);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(episode.seed);
    let mut scene = Scene {
        roster,
        standing,
        rng: &mut rng,
    };
    let resolved = match episode.fault {
        Fault::Partition(shape) => partition(shape, &episode.target, &mut scene),
        Fault::Pause => pause(&episode.target, &mut scene),
        Fault::Kill => kill(&episode.target, Claim::Kept, &mut scene),
        Fault::KillAll => kill(&episode.target, Claim::Ignored, &mut scene),
        Fault::Packet(mischief) => packets::disturb(mischief, &episode.target, &mut scene),
        Fault::Membership(reshape) => membership::change(reshape, &episode.target, &mut scene),
    };
    resolved.unwrap_or_else(Resolution::Skipped)
}

fn pause(target: &Target, scene: &mut Scene<'_>) -> Result<Resolution, String> {
    let Choice { nodes, words } = target.choose(Pool::Replicas, Claim::Ignored, scene)?;
    let nodes: BTreeSet<NodeId> = nodes.into_iter().collect();
    Ok(Resolution::Do {
        action: Action::Pause(nodes.clone()),
        nodes,
        words,
    })
}

fn kill(target: &Target, claim: Claim, scene: &mut Scene<'_>) -> Result<Resolution, String> {
    let Choice { nodes, words } = target.choose(Pool::Replicas, claim, scene)?;
    let nodes: BTreeSet<NodeId> = nodes.into_iter().collect();
    Ok(Resolution::Do {
        action: Action::Kill(nodes.clone()),
        nodes,
        words,
    })
}

fn partition(shape: Shape, target: &Target, scene: &mut Scene<'_>) -> Result<Resolution, String> {
    let members = scene.members().len();
    if members < shape.members_min() {
        return Err(format!(
            "partition.{} needs {} nodes, and the group has {members} now",
            shape.name(),
            shape.members_min()
        ));
    }
    let Choice { nodes, words } = match (shape, target) {
        (Shape::Majority, Target::Majority) => halve(scene)?,
        _ => target.choose(Pool::Members, Claim::Ignored, scene)?,
    };
    let Cut {
        grudge,
        nodes,
        words: effect,
    } = cut(shape, nodes, target, scene);
    if grudge.is_empty() {
        return Err(format!("{words}: that cuts nothing"));
    }
    let nodes = nodes.into_iter().collect();
    Ok(Resolution::Do {
        action: Action::Cut(grudge.links()),
        nodes,
        words: format!("{words}: {effect}"),
    })
}

/// A shape applied to nodes: the grudge, the nodes it is aimed at in the end, and what it does, in words.
struct Cut {
    grudge: Grudge,
    nodes: Vec<NodeId>,
    words: String,
}

fn cut(shape: Shape, nodes: Vec<NodeId>, target: &Target, scene: &mut Scene<'_>) -> Cut {
    let members = scene.members();
    let others: Vec<NodeId> = members
        .iter()
        .copied()
        .filter(|node| !nodes.contains(node))
        .collect();
    let whole = |grudge: Grudge, words: String| Cut {
        grudge,
        nodes: nodes.clone(),
        words,
    };
    match shape {
        Shape::One | Shape::Primaries => whole(
            Grudge::isolate(&nodes, &members),
            format!("cut off from {}", rest(&nodes, &members)),
        ),
        Shape::Majority | Shape::MinorityThird => whole(
            Grudge::between(&nodes, &others),
            format!("{} | {}", list(&nodes), list(&others)),
        ),
        Shape::OneWayIn => whole(
            Grudge::deaf(&nodes, &others),
            format!("deaf to {}", list(&others)),
        ),
        Shape::OneWayOut => whole(
            Grudge::deaf(&others, &nodes),
            format!("not heard by {}", list(&others)),
        ),
        Shape::ClientToNode => {
            let clients = scene.roster.clients;
            whole(
                Grudge::between(&nodes, &[clients]),
                format!("cut off from {clients}"),
            )
        }
        Shape::PrimaryFromService => {
            let services = &scene.roster.services;
            whole(
                Grudge::between(&nodes, services),
                format!("cut off from {}", list(services)),
            )
        }
        Shape::MajoritiesRing => ring(members, scene),
        Shape::Bridge => bridge(&nodes, members, scene),
        Shape::SingleLink => single_link(&nodes, target, &members, scene),
    }
}

fn ring(mut circle: Vec<NodeId>, scene: &mut Scene<'_>) -> Cut {
    circle.shuffle(scene.rng);
    let grudge = Grudge::ring(&circle);
    let words = format!(
        "each hears the majority around it in the circle {}",
        list(&circle)
    );
    Cut {
        grudge,
        nodes: circle,
        words,
    }
}

/// `members` holds the bridge too, but it is in neither side.
fn bridge(nodes: &[NodeId], mut members: Vec<NodeId>, scene: &mut Scene<'_>) -> Cut {
    let bridge = one_of(nodes, scene.rng);
    members.shuffle(scene.rng);
    let [left, right] = sides(bridge, &members);
    let words = format!("{bridge} alone joins {} and {}", list(&left), list(&right));
    Cut {
        grudge: Grudge::bridge(bridge, &members),
        nodes: vec![bridge],
        words,
    }
}

/// Two nodes that were named are sender and receiver; otherwise one of the target, its peer and the direction are drawn.
fn single_link(nodes: &[NodeId], target: &Target, members: &[NodeId], scene: &mut Scene<'_>) -> Cut {
    let ends = match (target, nodes) {
        (Target::Named(_), &[from, to]) => [from, to],
        _ => {
            let node = one_of(nodes, scene.rng);
            let peers: Vec<NodeId> = members.iter().copied().filter(|peer| *peer != node).collect();
            let mut ends = [node, one_of(&peers, scene.rng)];
            ends.shuffle(scene.rng);
            ends
        }
    };
    let [from, to] = ends;
    let words = format!("nothing goes from {from} to {to}");
    Cut {
        grudge: Grudge::link(from, to),
        nodes: ends.to_vec(),
        words,
    }
}

fn rest(nodes: &[NodeId], members: &[NodeId]) -> String {
    match nodes {
        [node] => list(
            &members
                .iter()
                .copied()
                .filter(|member| member != node)
                .collect::<Vec<_>>(),
        ),
        _ => "every other node, each alone".to_owned(),
    }
}

#[cfg(test)]
mod tests;
