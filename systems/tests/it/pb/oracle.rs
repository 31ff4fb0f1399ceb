//! What must be true of every run: of the nodes' events, of the copies at the end, and of what the clients saw.

use std::collections::{BTreeMap, BTreeSet};

use systems::pb::event::{Acknowledgement, Outcome};
use systems::pb::{Event, Role, Sequence, View, ViewNumber};
use systems::service::Digest;
use systems::{ClientId, NodeId};

use super::Pb;
use super::cluster::vs;
use crate::kv::not_linearizable;
use crate::world::{Logged, World};

/// Everything that must hold at any time.
pub(crate) fn check(world: &World<Pb>) {
    let found = violations(world);
    assert!(found.is_empty(), "{found:#?}\n{world:?}");
}

/// The same, as what is wrong.
pub(crate) fn violations(world: &World<Pb>) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(two_primaries(&world.log));
    found.extend(views_going_back(&world.log));
    found.extend(copies_that_differ(&world.log));
    found.extend(unlawful_succession(&world.log));
    found.extend(not_linearizable(&world.calls));
    found
}

/// I1: at most one life of one node carries out operations as primary of a view.
fn two_primaries(log: &[Logged<Event>]) -> Option<String> {
    let mut primaries: BTreeMap<ViewNumber, NodeId> = BTreeMap::new();
    for Logged { node, event, .. } in log {
        if let Event::TookOffice { view, .. }
        | Event::Executed {
            view,
            role: Role::Primary,
            ..
        } = event
            && *primaries.entry(*view).or_insert(*node) != *node
        {
            return Some(format!(
                "I1: {node} and {} acted as primary of view {view}",
                primaries[view]
            ));
        }
    }
    None
}

/// I2: the views a life goes by are numbered upwards, and a later life never goes back behind an earlier one; the view service
/// counts upwards from what it found on its disk.
fn views_going_back(log: &[Logged<Event>]) -> Option<String> {
    let mut installed: BTreeMap<NodeId, (ViewNumber, bool)> = BTreeMap::new();
    let mut announced = ViewNumber::NONE;
    for Logged { node, event, .. } in log {
        match event {
            Event::Started { .. } => {
                installed.entry(*node).or_default().1 = true;
            }
            Event::ViewInstalled { view, .. } => {
                let (before, reborn) = installed.insert(*node, (view.number, false)).unwrap_or_default();
                if view.number < before || (view.number == before && !reborn) {
                    return Some(format!(
                        "I2: {node} went from view {before} to view {}",
                        view.number
                    ));
                }
            }
            Event::ViewRecovered { view, .. } => announced = view.number,
            Event::ViewAnnounced { view } if view.number <= announced => {
                return Some(format!(
                    "I2: view {} was announced after view {announced}",
                    view.number
                ));
            }
            Event::ViewAnnounced { view } => announced = view.number,
            _ => (),
        }
    }
    None
}

/// I8: at the same position of the same view every node carried out the same, with the same result, after the same.
fn copies_that_differ(log: &[Logged<Event>]) -> Option<String> {
    type Done = (ClientId, u64, Outcome, Digest);
    let mut done: BTreeMap<(ViewNumber, Sequence), (NodeId, Done)> = BTreeMap::new();
    for Logged { node, event, .. } in log {
        let Event::Executed {
            view,
            sequence,
            client,
            request,
            outcome,
            digest,
            ..
        } = event
        else {
            continue;
        };
        let this = (*client, request.0, *outcome, *digest);
        let (other, that) = *done.entry((*view, *sequence)).or_insert((*node, this));
        if that != this {
            let place = format!("position {} of view {view}", sequence.0);
            return Some(format!(
                "I8: at {place}, {other} did {that:?} and {node} did {this:?}"
            ));
        }
    }
    None
}

/// I9: the primary of a view was primary or backup of the one before; it changes only after an acknowledgement; and a view is
/// acknowledged only after its backup was synchronised.
fn unlawful_succession(log: &[Logged<Event>]) -> Option<String> {
    let mut views: Vec<(View, bool)> = Vec::new();
    let mut synchronised: BTreeSet<(ViewNumber, NodeId)> = BTreeSet::new();
    for Logged { node, event, .. } in log {
        match event {
            Event::Synchronised { view, .. } => {
                synchronised.insert((*view, *node));
            }
            Event::ViewAnnounced { view } => {
                if let Some((former, acknowledged)) = views.last() {
                    let member = former.members().any(|member| member == view.primary);
                    if !member || (view.primary != former.primary && !acknowledged) {
                        return Some(format!(
                            "I9: {view} follows {former} (acknowledged: {acknowledged})"
                        ));
                    }
                }
                views.push((view.clone(), false));
            }
            // What was decided and did not become durable before the view service died never was; an acknowledgement may have
            // become durable just before it died.
            Event::ViewRecovered {
                view,
                acknowledgement,
            } => {
                views.retain(|(former, _)| former.number <= view.number);
                if let Some((_, acknowledged)) = views.last_mut() {
                    *acknowledged |= *acknowledgement == Acknowledgement::Given;
                }
            }
            Event::ViewAcknowledged { view: number } => {
                let (view, acknowledged) = views.last_mut().expect("a view was announced before");
                *acknowledged = true;
                if view
                    .backup
                    .is_some_and(|backup| !synchronised.contains(&(*number, backup.node)))
                {
                    return Some(format!(
                        "I9: {view} was acknowledged before its backup held everything"
                    ));
                }
            }
            _ => (),
        }
    }
    None
}

/// I10: primary and backup hold the same, once nothing is going on any more.
pub(crate) fn check_copies_are_equal(world: &World<Pb>) {
    let found = unequal_copies(world);
    assert!(found.is_none(), "{found:?}\n{world:?}");
}

/// The same, as what is wrong.
pub(crate) fn unequal_copies(world: &World<Pb>) -> Option<String> {
    let view = world.view();
    let held: Vec<_> = view
        .members()
        .map(|member| world.node(member.node).unwrap().machine())
        .collect();
    if held
        .iter()
        .any(|machine| machine.is_none() || *machine != held[0])
    {
        return Some(format!("I10: the copies of {view} differ"));
    }
    let service = world.node(vs()).and_then(|node| node.view());
    (service != Some(&view)).then(|| format!("I10: the view service does not go by {view}"))
}
