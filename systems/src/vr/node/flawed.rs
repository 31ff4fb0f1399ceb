//! The places at which a replica with a [`Flaw`] departs from the protocol. A replica without one passes through untouched.

use std::time::Duration;

use crate::node_id::NodeId;
use crate::replica::{ClientId, Outbox};
use crate::service::client_table::{Known, RequestNumber};
use crate::service::{Applied, Machine, Service};
use crate::vr::beginning::Beginning;
use crate::vr::event::Event;
use crate::vr::message::{Record, Report, Stance};
use crate::vr::node::fetch::Fetched;
use crate::vr::node::{Node, Status};
use crate::vr::view::{OpNumber, View};
use crate::vr::{Config, Flaw, LEASE, NotesRule};

/// A primary that trusts its leases too long trusts them for so many times their length.
const LEASES_TOO_LONG: u32 = 5;

/// Whether a restarted replica comes back with nothing, as published: what is wrong with recovery shows only then.
pub(super) const fn is_diskless(config: &Config) -> bool {
    matches!(
        config.flaw,
        Some(
            Flaw::RecoverySingleResponse
                | Flaw::RecoveryNoNonce
                | Flaw::RecoveryForgetsView
                | Flaw::RecoveringParticipates
                | Flaw::RecoveryStrictlyGreater
        )
    )
}

/// By what the log of a new view is chosen: the greatest.
pub(super) fn rank(report: Report, config: &Config) -> (View, OpNumber) {
    match config.flaw {
        Some(Flaw::DvcLongestLog) => (View::FIRST, report.op),
        Some(Flaw::DvcLastEntryViewstamp) => (report.last_stamp, report.op),
        _ => (report.log_view, report.op),
    }
}

/// How many replicas, the primary included, must have what is committed.
pub(super) fn enough(majority: usize, config: &Config) -> usize {
    if config.has(Flaw::QuorumCountsSelfTwice) {
        (majority - 1).max(1)
    } else if config.goes_by(NotesRule::OneMoreThanEnough) {
        majority + 1
    } else {
        majority
    }
}

/// How many others must answer a recovering replica.
pub(super) const fn answers_needed(majority: usize, config: &Config) -> usize {
    match config.flaw {
        Some(Flaw::RecoverySingleResponse) => 1,
        _ => majority,
    }
}

/// Up to where a backup says it has everything whose log ends at `op`, after it was sent what ends at `end`.
pub(super) fn acknowledged(op: OpNumber, end: OpNumber, config: &Config) -> OpNumber {
    if config.has(Flaw::PrepareGapAccepted) {
        op.max(end)
    } else {
        op
    }
}

/// Whether a replica that has left `view` still follows its primary.
pub(super) fn follows_old_view<S: Service>(node: &Node<S>, view: View) -> bool {
    let has_left = view < node.view && view == node.log_view;
    node.config.has(Flaw::OldViewPrepare) && has_left && matches!(node.status, Status::ViewChange(_))
}

/// What a replica takes a wish for; one that takes part though it is recovering goes wherever it is asked to.
pub(super) const fn stance<S: Service>(stance: Stance, status: &Status<S>) -> Stance {
    match status {
        Status::Recovering(_) => Stance::Left,
        _ => stance,
    }
}

/// Whether a replica goes back to `view` because somebody says that it has begun.
pub(super) fn installs_older_views<S: Service>(node: &Node<S>, view: View) -> bool {
    node.config.has(Flaw::StartViewOlderView) && view < node.view
}

/// Carries out a command in a way of its own.
pub(super) fn carry_out<S: Service>(
    machine: &mut Machine<S>,
    (client, number): (ClientId, RequestNumber),
    op: &S::Op,
    status: &Status<S>,
    config: &Config,
) -> Option<Applied<S::Answer>> {
    let keeps_table = matches!(status, Status::Primary(_));
    if !config.has(Flaw::ClientTablePrimaryOnly) || keeps_table {
        return None;
    }
    let answer = match machine.look_up(client, number) {
        Known::Answered(answer) => return Some(Applied::Before(answer.clone())),
        Known::New | Known::Stale | Known::Expired => machine.perform(client, number, op),
    };
    Some(Applied::Now(answer))
}

/// Cuts its log to what it knows to be committed and takes itself for normal in `view`, before it has anything of that.
pub(super) fn truncate_and_follow<S: Service>(
    node: &mut Node<S>,
    view: View,
    primary: NodeId,
    out: &mut Outbox<Node<S>>,
) {
    let after = node.commit;
    node.log.truncate(after);
    (node.view, node.log_view) = (view, view);
    let entries = Vec::new();
    out.persist(Record::Installed { view, after, entries });
    out.observe(Event::Installed {
        view,
        role: node.role(),
        after,
        entries: Vec::new(),
    });
    node.become_normal(out);
    node.acknowledge(primary, view, node.log.op(), out);
}

/// Whether a new member counts as soon as it is told that its epoch has begun.
pub(super) fn joins_at_once(config: &Config) -> bool {
    config.has(Flaw::EpochWithoutTransfer)
}

/// It is in the epoch with what it happens to have.
pub(super) fn join_at_once<S: Service>(node: &mut Node<S>, beginning: Beginning, out: &mut Outbox<Node<S>>) {
    let op = node.log.op();
    let prefix = node.log.prefix(op).unwrap_or_default();
    let view = beginning.view();
    let beginning = Beginning {
        op,
        prefix,
        ..beginning
    };
    node.join(beginning, view, Fetched::nothing(op), out);
}

/// What is to be installed lacks what was carried out; without a flaw it never does. It goes back to before that, to go by it all the same.
pub(super) fn roll_back<S: Service>(node: &mut Node<S>, fetched: &Fetched<S>) {
    let base = node.checkpoint.base.op;
    if fetched.reached() < base {
        return;
    }
    let fresh = Machine::new(node.config.clients_max);
    node.machine = Machine::restore(node.checkpoint.whole.bytes()).unwrap_or(fresh);
    node.commit = base;
}

/// Whether a primary answers reads whoever may be bound to it.
pub(super) fn reads_without_lease(config: &Config) -> bool {
    config.has(Flaw::ReadWithoutLease)
}

/// The lease of a group that was not told to have any.
pub(super) fn lease(config: &Config) -> Option<Duration> {
    config.has(Flaw::LeaseIgnoresNewView).then_some(LEASE)
}

/// Whether a replica leaves its view though it has promised to stay.
pub(super) fn breaks_promises(config: &Config) -> bool {
    config.has(Flaw::LeaseIgnoresNewView)
}

/// How much of `lease` a primary counts on; `trusted` is what it may.
pub(super) fn trusted(lease: Duration, trusted: Duration, config: &Config) -> Duration {
    if config.has(Flaw::LeaseIgnoresNewView) {
        lease * LEASES_TOO_LONG
    } else {
        trusted
    }
}
