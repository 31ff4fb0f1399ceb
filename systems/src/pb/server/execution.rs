//! Carrying out one command at its place in the order: the one way in which a server's store changes.

use crate::pb::event::{Event, Outcome};
use crate::pb::message::{Command, Sequence};
use crate::pb::server::flawed;
use crate::pb::view::{Role, ViewNumber};
use crate::pb::{Config, Node};
use crate::replica::Outbox;
use crate::service::kv::{Answer, KeyValue};
use crate::service::{Applied, Machine};

/// Where in the order a command stands, and as what it is carried out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) view: ViewNumber,
    pub(super) sequence: Sequence,
    pub(super) role: Role,
}

/// Carries out `command` at `place`, unless it was carried out before.
pub(super) fn carry_out(
    machine: &mut Machine<KeyValue>,
    command: &Command,
    place: Place,
    config: &Config,
    out: &mut Outbox<Node>,
) -> Applied<Answer> {
    let Command {
        client,
        request,
        ref op,
    } = *command;
    let applied = match flawed::carry_out(machine, command, place.role, config) {
        Some(applied) => applied,
        None => machine.apply(client, request, op),
    };
    let Place { view, sequence, role } = place;
    let (outcome, digest) = (Outcome::of(&applied), machine.digest());
    out.observe(Event::Executed {
        view,
        sequence,
        role,
        client,
        request,
        outcome,
        digest,
    });
    applied
}

impl Outcome {
    fn of(applied: &Applied<Answer>) -> Self {
        match applied {
            Applied::Now(_) => Self::Now,
            Applied::Before(_) => Self::Before,
            Applied::Stale => Self::Stale,
            Applied::Expired => Self::Expired,
        }
    }
}
