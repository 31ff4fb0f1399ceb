//! Carrying out what is committed, in the order of the log: the one way in which the service changes.

use crate::replica::{ClientId, Outbox};
use crate::service::{Applied, RequestNumber, Service};
use crate::vr::event::{Event, Outcome};
use crate::vr::node::{Node, Status, flawed};
use crate::vr::request::Ask;
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
        let (client, number) = (command.client, command.number);
        let applied = match &command.op {
            Ask::Members(_) => None,
            Ask::Service(asked) => Some(self.apply(client, number, asked)),
        };
        self.commit = op;
        self.checkpoint.note(self.log.bytes_at(op));
        out.observe(Event::Executed {
            view: self.view,
            op,
            role: self.role(),
            client,
            number,
            outcome: applied.as_ref().map_or(Outcome::Now, Outcome::of),
            digest: self.machine.digest(),
        });
        match (&command.op, applied, &mut self.status) {
            (_, Some(applied), Status::Primary(primary)) => primary.answer(client, number, applied, out),
            (Ask::Members(members), _, _) => self.end_epoch(op, (client, number), members, out),
            (Ask::Service(_), _, _) => (),
        }
    }

    fn apply(&mut self, client: ClientId, number: RequestNumber, op: &S::Op) -> Applied<S::Answer> {
        let flawed = flawed::carry_out(
            &mut self.machine,
            (client, number),
            op,
            &self.status,
            &self.config,
        );
        flawed.unwrap_or_else(|| self.machine.apply(client, number, op))
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
