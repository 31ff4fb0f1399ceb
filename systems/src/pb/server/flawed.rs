//! The places at which a server with a [`Flaw`] departs from the protocol. A server without one passes through untouched.

use std::borrow::Cow;

use crate::pb::message::{Command, Response};
use crate::pb::server::primary::{Link, Primary};
use crate::pb::view::{Member, Role, View};
use crate::pb::{Config, Flaw, Node};
use crate::replica::Outbox;
use crate::service::client_table::Known;
use crate::service::kv::{Answer, KeyValue, Op};
use crate::service::{Applied, Machine, Service};

/// Deals with a command in a way of its own as it arrives at a primary. True if nothing is left to do.
pub(super) fn on_command(
    primary: &mut Primary,
    command: &Command,
    config: &Config,
    out: &mut Outbox<Node>,
) -> bool {
    let Command {
        client,
        request,
        ref op,
    } = *command;
    let reads = matches!(op, Op::Get { .. });
    if reads && (config.has(Flaw::GetLocalRead) || config.has(Flaw::ExecuteBeforeBackup)) {
        let answer = primary.machine.service().clone().apply(op);
        out.reply(client, Response::Done { request, answer });
        return true;
    }
    if config.has(Flaw::ExecuteBeforeBackup) {
        primary.machine.apply(client, request, op);
    }
    if config.has(Flaw::SyncOutsideLock) && matches!(primary.link, Link::Synchronising { .. }) {
        primary.carry_out_now(command, config, out);
        return true;
    }
    if config.has(Flaw::AppendDedupNotAtomic) && matches!(op, Op::Append { .. }) {
        return record_in_advance(primary, command, out);
    }
    false
}

fn record_in_advance(primary: &mut Primary, command: &Command, out: &mut Outbox<Node>) -> bool {
    let Command { client, request, .. } = *command;
    match primary.machine.look_up(client, request) {
        Known::Answered(answer) => {
            out.reply(
                client,
                Response::Done {
                    request,
                    answer: answer.clone(),
                },
            );
            true
        }
        Known::New => {
            primary.machine.record(client, request, Answer::Done);
            false
        }
        Known::Stale | Known::Expired => false,
    }
}

/// Carries out a command in a way of its own.
pub(super) fn carry_out(
    machine: &mut Machine<KeyValue>,
    command: &Command,
    role: Role,
    config: &Config,
) -> Option<Applied<Answer>> {
    let Command {
        client,
        request,
        ref op,
    } = *command;
    let unseen = config.has(Flaw::PutNotDeduped) && matches!(op, Op::Put { .. });
    let recorded =
        config.has(Flaw::AppendDedupNotAtomic) && role == Role::Primary && matches!(op, Op::Append { .. });
    (unseen || recorded).then(|| Applied::Now(machine.perform(client, request, op)))
}

/// What a new backup is sent a snapshot of.
pub(super) fn snapshot_source<'a>(
    machine: &'a Machine<KeyValue>,
    config: &Config,
) -> Cow<'a, Machine<KeyValue>> {
    if config.has(Flaw::DedupNotSynced) {
        Cow::Owned(machine.without_clients())
    } else {
        Cow::Borrowed(machine)
    }
}

/// Whether the backup of `next` is taken to hold everything because its name is that of the backup before.
pub(super) fn counts_as_synchronised(former: Option<&View>, next: &View, config: &Config) -> bool {
    let name = |view: &View| view.backup.map(|Member { node, .. }| node);
    config.has(Flaw::RestartedBackupNotResynced)
        && next.backup.is_some()
        && former.is_some_and(|former| former.primary == next.primary && name(former) == name(next))
}

/// Whether a server that holds nothing takes its empty store for what the primary of any view must hold.
pub(super) fn trusts_an_empty_store(config: &Config) -> bool {
    let trusting = [
        Flaw::AckBeforeSync,
        Flaw::RestartedBackupNotResynced,
        Flaw::SolePrimaryRestartServes,
        Flaw::PromoteWithoutAck,
        Flaw::FailedPingZeroesView,
    ];
    trusting.into_iter().any(|flaw| config.has(flaw))
}

/// Whether a primary that waits for its peer leaves a view alone in which that peer still has a part.
pub(super) fn holds_its_lock(primary: &Primary, config: &Config) -> bool {
    let waits = match primary.link {
        Link::Alone => false,
        Link::Synchronising { .. } => true,
        Link::Replicating { .. } => !primary.queue.is_empty(),
    };
    config.has(Flaw::HandlerLockDeadlock) && waits
}
