//! What primary and backup say to each other, as a server hears it: it sees to it that the sender is the one who may say so, in
//! the view it says it of, and hands it to its part as primary or as backup.

use crate::node_id::NodeId;
use crate::pb::event::{Event, Reason};
use crate::pb::message::{Command, Message, Sequence, SyncPiece};
use crate::pb::server::backup::Backup;
use crate::pb::server::primary::Office;
use crate::pb::server::{Server, Status, flawed, ignore};
use crate::pb::transfer::Arrival;
use crate::pb::view::{Role, View, ViewNumber};
use crate::pb::{Flaw, Node};
use crate::replica::Outbox;
use crate::service::kv::KeyValue;
use crate::service::{Digest, Machine};

impl Server {
    /// A primary sends a piece of what the backup of its view must hold.
    pub(super) fn on_sync(&mut self, from: NodeId, piece: &SyncPiece, out: &mut Outbox<Node>) {
        let number = piece.view.number;
        if from != piece.view.primary.node || !self.config.servers.contains(&from) {
            return ignore(from, Reason::Stranger, out);
        }
        // A view in which it is nobody's backup is no reason to go by it: after a restart it might be older than what its
        // earlier life knew.
        if self.has_not_heard_of(&piece.view) && piece.view.role_of(self.me) == Role::Backup {
            if self.config.has(Flaw::ExitOnSyncFailure) {
                return self.say_no(from, number, Sequence::ZERO, out);
            }
            self.install(piece.view.clone(), out);
        }
        if self.view.as_ref() != Some(&piece.view) {
            return self.say_no(from, number, Sequence::ZERO, out);
        }

        match &mut self.status {
            Status::Joining(incoming) => {
                let arrival = incoming.accept(&piece.piece);
                let (asked, bytes) = (piece.piece.offset, incoming.bytes());
                match arrival {
                    Arrival::Whole(machine) => self.join(from, number, *machine, piece.piece.digest, out),
                    Arrival::Partial => out.send(
                        from,
                        Message::SyncProgress {
                            view: number,
                            asked,
                            bytes,
                        },
                    ),
                    Arrival::Broken => {
                        ignore(from, Reason::Malformed, out);
                        out.send(
                            from,
                            Message::SyncProgress {
                                view: number,
                                asked,
                                bytes,
                            },
                        );
                    }
                }
            }
            Status::Backup(_) => out.send(from, Message::Synchronised { view: number }),
            Status::Idle => self.say_no(from, number, Sequence::ZERO, out),
            Status::Primary(_) | Status::Halted => ignore(from, Reason::OtherStage, out),
        }
    }

    /// From here on this server is a backup that holds everything.
    fn join(
        &mut self,
        from: NodeId,
        view: ViewNumber,
        machine: Machine<KeyValue>,
        snapshot: Digest,
        out: &mut Outbox<Node>,
    ) {
        out.observe(Event::Synchronised {
            view,
            from,
            snapshot,
            digest: machine.digest(),
        });
        self.status = Status::Backup(Backup::new(machine));
        self.acknowledged = view;
        out.send(from, Message::Synchronised { view });
    }

    pub(super) fn on_progress(
        &mut self,
        from: NodeId,
        view: ViewNumber,
        asked: u64,
        bytes: u64,
        out: &mut Outbox<Node>,
    ) {
        match self.status.primary_towards(from, view) {
            Some(primary) => primary.on_progress(asked, bytes, out),
            None => ignore(from, Reason::OtherView, out),
        }
    }

    pub(super) fn on_synchronised(&mut self, from: NodeId, view: ViewNumber, out: &mut Outbox<Node>) {
        let Some(primary) = self.status.primary_towards(from, view) else {
            return ignore(from, Reason::OtherView, out);
        };
        if primary.office() == Office::Taken {
            return ignore(from, Reason::OtherStage, out);
        }

        primary.on_synchronised(&self.config, out);
        self.acknowledge(out);
    }

    /// A primary wants commands carried out.
    pub(super) fn on_forward(
        &mut self,
        from: NodeId,
        number: ViewNumber,
        first: Sequence,
        commands: &[Command],
        out: &mut Outbox<Node>,
    ) {
        if let Status::Joining(_) = self.status
            && self.config.has(Flaw::RestartedBackupNotResynced)
        {
            self.status = Status::Backup(Backup::new(Machine::new(self.config.clients_max)));
        }
        match (&self.view, &mut self.status) {
            (Some(view), Status::Backup(backup)) if view.number == number && view.primary.node == from => {
                backup.on_forward(view, first, commands, &self.config, out);
            }
            (_, Status::Primary(primary)) if flawed::holds_its_lock(primary, &self.config) => (),
            _ => self.say_no(from, number, last(first, commands), out),
        }
    }

    pub(super) fn on_yes(
        &mut self,
        from: NodeId,
        view: ViewNumber,
        through: Sequence,
        out: &mut Outbox<Node>,
    ) {
        match self.status.primary_towards(from, view) {
            Some(primary) => primary.on_yes(through, &self.config, out),
            None => ignore(from, Reason::OtherView, out),
        }
    }

    /// The peer is not the backup of the view this server takes itself for the primary of, and perhaps knows a newer one. A refusal of
    /// anything else was late, and perhaps meant for an earlier life of this server, which may have known more than the peer did.
    pub(super) fn on_no(
        &mut self,
        from: NodeId,
        refused: ViewNumber,
        through: Sequence,
        newest: Option<View>,
        out: &mut Outbox<Node>,
    ) {
        if !self.config.servers.contains(&from) {
            return ignore(from, Reason::Stranger, out);
        }
        if self.status.primary_towards(from, refused).is_none() {
            return ignore(from, Reason::OtherView, out);
        }

        if self.config.has(Flaw::IgnoreBackupError) {
            return self.on_yes(from, refused, through, out);
        }
        if self.config.has(Flaw::ExitOnSyncFailure) && self.is_synchronising() {
            return self.halt(out);
        }
        if let Some(view) = newest.filter(|view| self.has_not_heard_of(view)) {
            self.go_by(view, out);
        }
    }

    fn say_no(&self, to: NodeId, view: ViewNumber, through: Sequence, out: &mut Outbox<Node>) {
        out.send(
            to,
            Message::Refused {
                view,
                through,
                newest: self.view.clone(),
            },
        );
    }
}

fn last(first: Sequence, commands: &[Command]) -> Sequence {
    Sequence(first.plus(commands.len()).0.saturating_sub(1))
}
