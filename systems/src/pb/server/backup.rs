//! A server as a backup that holds everything: it carries out what its primary forwards, in the primary's order.

use crate::pb::message::{Command, Message, Sequence};
use crate::pb::server::execution::{Place, carry_out};
use crate::pb::view::{Role, View};
use crate::pb::{Config, Flaw, Node};
use crate::replica::Outbox;
use crate::service::Machine;
use crate::service::kv::KeyValue;

/// What a synchronised backup holds.
#[derive(Debug, Clone)]
pub(super) struct Backup {
    pub(super) machine: Machine<KeyValue>,
    /// The last position of the view that was carried out.
    executed: Sequence,
}

impl Backup {
    /// A backup that holds what its primary held before the first operation of the view.
    pub(super) fn new(machine: Machine<KeyValue>) -> Self {
        Self {
            machine,
            executed: Sequence::ZERO,
        }
    }

    /// Carries out the commands whose turn it is and says how far it has come. What was carried out before is passed over; what
    /// comes after a gap is dropped, and comes again when the primary sees the answer.
    pub(super) fn on_forward(
        &mut self,
        view: &View,
        first: Sequence,
        commands: &[Command],
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        for (offset, command) in commands.iter().enumerate() {
            let sequence = first.plus(offset);
            if sequence == self.executed.plus(1) || config.has(Flaw::ForwardUnordered) {
                let place = Place {
                    view: view.number,
                    sequence,
                    role: Role::Backup,
                };
                carry_out(&mut self.machine, command, place, config, out);
                self.executed = self.executed.max(sequence);
            }
        }
        let answer = Message::Executed {
            view: view.number,
            through: self.executed,
        };
        out.send(view.primary.node, answer);
    }
}
