//! Carrying out what is committed, in the order of the log: the one way in which the service changes.

use crate::replica::Outbox;
use crate::service::{Applied, Service};
use crate::vr::event::{Event, Outcome};
use crate::vr::node::{Node, Status, flawed};
use crate::vr::view::OpNumber;

impl<S: Service> Node<S> {
    /// Everything up to `commit` is committed, and what of it is in the log is carried out. A primary answers the clients.
    pub(super) fn commit_through(&mut self, commit: OpNumber, out: &mut Outbox<Self>) {
        let commit = commit.min(self.log.op());
        while self.commit < commit {
            self.carry_out_next(out);
        }
        self.take_checkpoint_if_due(out);
    }

    fn carry_out_next(&mut self, out: &mut Outbox<Self>) {
        let op = self.commit.next();
        let entry = self.log.get(op);
        let command = entry
            .expect("what is not carried out yet is in the log")
            .command
            .clone();
        let applied = match flawed::carry_out(&mut self.machine, &command, &self.status, &self.config) {
            Some(applied) => applied,
            None => self.machine.apply(command.client, command.number, &command.op),
        };
        self.commit = op;
        self.checkpoint.note(self.log.bytes_at(op));
        out.observe(Event::Executed {
            view: self.view,
            op,
            role: self.role(),
            client: command.client,
            number: command.number,
            outcome: Outcome::of(&applied),
            digest: self.machine.digest(),
        });
        if let Status::Primary(primary) = &mut self.status {
            primary.answer(&command, applied, out);
        }
    }
}

impl Outcome {
    const fn of<A>(applied: &Applied<A>) -> Self {
        match applied {
            Applied::Now(_) => Self::Now,
            Applied::Before(_) => Self::Before,
            Applied::Stale => Self::Stale,
            Applied::Expired => Self::Expired,
        }
    }
}
