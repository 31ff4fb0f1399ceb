//! Who joins and who leaves.

use std::collections::BTreeSet;

use systems::NodeId;

use super::Resolution;
use crate::cluster::Action;
use crate::membership::{Change, MEMBERS_FEWEST, Reshape};
use crate::target::{Choice, Claim, Pool, Scene, Target, list, sample};

pub(super) fn change(reshape: Reshape, target: &Target, scene: &mut Scene<'_>) -> Result<Resolution, String> {
    let (change, words) = match reshape {
        Reshape::Grow => grow(target, scene)?,
        Reshape::Shrink => shrink(target, scene)?,
        Reshape::Replace => replace(target, scene)?,
    };
    Ok(Resolution::Do {
        nodes: change.nodes(),
        action: Action::Change(change),
        words,
    })
}

fn grow(target: &Target, scene: &mut Scene<'_>) -> Result<(Change, String), String> {
    let idle = idle(scene)?;
    let joins = match target {
        Target::Named(nodes) => nodes.iter().copied().filter(|node| idle.contains(node)).collect(),
        Target::All => idle,
        _ => sample(&idle, 1, scene.rng),
    };
    if joins.is_empty() {
        return Err(format!("{target} is in the group already"));
    }
    let words = format!("{} joins {}", list(&joins), list(&scene.replicas()));
    Ok((change_of(joins, Vec::new()), words))
}

fn shrink(target: &Target, scene: &mut Scene<'_>) -> Result<(Change, String), String> {
    let members = scene.replicas();
    let leaves = leaving(target, members.len().saturating_sub(MEMBERS_FEWEST), scene)?;
    if leaves.is_empty() {
        return Err(format!(
            "a group of {} can do without nobody for good",
            list(&members)
        ));
    }
    let words = format!("{} leaves {}", list(&leaves), list(&members));
    Ok((change_of(Vec::new(), leaves), words))
}

fn replace(target: &Target, scene: &mut Scene<'_>) -> Result<(Change, String), String> {
    let idle = idle(scene)?;
    let leaves = leaving(target, idle.len(), scene)?;
    let joins = sample(&idle, leaves.len(), scene.rng);
    let words = format!("{} takes the place of {}", list(&joins), list(&leaves));
    Ok((change_of(joins, leaves), words))
}

/// At most `most` of the members that are meant.
fn leaving(target: &Target, most: usize, scene: &mut Scene<'_>) -> Result<Vec<NodeId>, String> {
    let Choice { nodes, .. } = target.choose(Pool::Replicas, Claim::Ignored, scene)?;
    let members = scene.replicas();
    let here: Vec<NodeId> = nodes.into_iter().filter(|node| members.contains(node)).collect();
    if here.is_empty() {
        return Err(format!("{target} is in no group of {}", list(&members)));
    }
    Ok(sample(&here, most, scene.rng))
}

/// Who is in reserve and in no group.
fn idle(scene: &Scene<'_>) -> Result<Vec<NodeId>, String> {
    let members = scene.replicas();
    let reserve = scene.roster.reserve.iter().copied();
    let idle: Vec<NodeId> = reserve.filter(|node| !members.contains(node)).collect();
    if idle.is_empty() {
        return Err("nobody is in reserve any more".to_owned());
    }
    Ok(idle)
}

fn change_of(joins: Vec<NodeId>, leaves: Vec<NodeId>) -> Change {
    Change {
        joins: BTreeSet::from_iter(joins),
        leaves: BTreeSet::from_iter(leaves),
    }
}
