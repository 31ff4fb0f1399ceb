//! A server as primary: it orders operations, has them carried out by the backup, carries them out itself, and answers.
//!
//! Operations wait in one queue. Its front has the position after the last one carried out, the next one the position after
//! that, and so on; so a queue that outlives its view gets new positions in the next by itself. How far it may be worked off
//! depends on the [`Link`]: without a backup at once, with one as far as the backup has said yes, and while the backup is being
//! synchronised not at all.

use std::collections::VecDeque;

use crate::node_id::NodeId;
use crate::pb::event::Event;
use crate::pb::message::{Command, Message, Refusal, Response, Sequence, Timer};
use crate::pb::reminder::Reminder;
use crate::pb::server::execution::{Place, carry_out};
use crate::pb::server::flawed;
use crate::pb::transfer::Outgoing;
use crate::pb::view::{Role, View};
use crate::pb::{Config, FORWARD_BYTES_MAX, FORWARD_OPS_MAX, Node};
use crate::replica::Outbox;
use crate::service::kv::KeyValue;
use crate::service::{Applied, Machine};

/// What a primary holds.
#[derive(Debug, Clone)]
pub(super) struct Primary {
    pub(super) view: View,
    pub(super) machine: Machine<KeyValue>,
    /// Taken but not carried out yet, in order.
    pub(super) queue: VecDeque<Command>,
    /// The last position of the view that was carried out.
    pub(super) executed: Sequence,
    pub(super) link: Link,
}

/// What stands between a primary and its backup.
#[derive(Debug, Clone)]
pub(super) enum Link {
    /// There is no backup.
    Alone,
    /// The backup does not hold everything yet.
    Synchronising { backup: NodeId, transfer: Outgoing },
    /// The backup holds everything; the first `sent` of the queue are on the way to it.
    Replicating {
        backup: NodeId,
        sent: usize,
        reminder: Reminder,
    },
}

/// Whether a primary may carry out operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Office {
    /// Not before its backup holds everything.
    Waiting,
    /// Yes: the view can be acknowledged.
    Taken,
}

impl Primary {
    /// Begins `view` with what the server held in the `former` one: without a backup it takes office at once, with one it
    /// synchronises it first.
    pub(super) fn begin(
        view: View,
        former: Option<&View>,
        machine: Machine<KeyValue>,
        queue: VecDeque<Command>,
        config: &Config,
        out: &mut Outbox<Node>,
    ) -> Self {
        let link = match view.backup.map(|backup| backup.node) {
            None => Link::Alone,
            Some(backup) if flawed::counts_as_synchronised(former, &view, config) => Link::Replicating {
                backup,
                sent: 0,
                reminder: Reminder::new(config),
            },
            Some(backup) => {
                let transfer = Outgoing::new(&flawed::snapshot_source(&machine, config), config);
                Link::Synchronising { backup, transfer }
            }
        };
        let mut primary = Self {
            view,
            machine,
            queue,
            executed: Sequence::ZERO,
            link,
        };
        match primary.office() {
            Office::Waiting => primary.send_piece(out),
            Office::Taken => primary.take_office(config, out),
        }
        primary
    }

    pub(super) fn office(&self) -> Office {
        match self.link {
            Link::Synchronising { .. } => Office::Waiting,
            Link::Alone | Link::Replicating { .. } => Office::Taken,
        }
    }

    /// A client asks for something.
    pub(super) fn on_command(&mut self, command: Command, config: &Config, out: &mut Outbox<Node>) {
        if config.queue_ops_max <= self.queue.len() {
            return refuse(&command, Refusal::Busy, out);
        }
        if flawed::on_command(self, &command, config, out) {
            return;
        }

        self.queue.push_back(command);
        match &self.link {
            Link::Alone => self.carry_out_next(config, out),
            Link::Synchronising { .. } => (),
            Link::Replicating { .. } => self.forward_next(out),
        }
    }

    /// The backup has received part of the state.
    pub(super) fn on_progress(&mut self, asked: u64, bytes: u64, out: &mut Outbox<Node>) {
        let Link::Synchronising { transfer, .. } = &mut self.link else {
            return;
        };
        if transfer.on_progress(asked, bytes) {
            self.send_piece(out);
        }
    }

    /// The backup holds everything.
    pub(super) fn on_synchronised(&mut self, config: &Config, out: &mut Outbox<Node>) {
        let Link::Synchronising { backup, .. } = self.link else {
            return;
        };
        self.link = Link::Replicating {
            backup,
            sent: 0,
            reminder: Reminder::new(config),
        };
        self.take_office(config, out);
    }

    /// The backup has carried out everything through `through`: so may the primary.
    pub(super) fn on_yes(&mut self, through: Sequence, config: &Config, out: &mut Outbox<Node>) {
        let Link::Replicating { sent, reminder, .. } = &mut self.link else {
            return;
        };
        let confirmed = through.since(self.executed).min(self.queue.len());
        if confirmed == 0 {
            if reminder.stalled() {
                *sent = 0;
                self.forward_next(out);
            }
            return;
        }

        *sent = sent.saturating_sub(confirmed);
        reminder.progressed();
        for _ in 0..confirmed {
            self.carry_out_next(config, out);
        }
        self.forward_rest(out);
    }

    /// The backup has been silent for a while: ask it how far it is.
    pub(super) fn on_silence(&mut self, out: &mut Outbox<Node>) {
        let (view, first) = (self.view.number, self.executed.plus(1));
        let wait = match &mut self.link {
            Link::Alone => return,
            Link::Replicating { .. } if self.queue.is_empty() => return,
            Link::Synchronising { backup, transfer } => {
                transfer.reminder.ask();
                out.send(*backup, Message::Sync(transfer.question(&self.view)));
                transfer.reminder.wait()
            }
            Link::Replicating { backup, reminder, .. } => {
                reminder.ask();
                out.send(
                    *backup,
                    Message::Forward {
                        view,
                        first,
                        commands: Vec::new(),
                    },
                );
                reminder.wait()
            }
        };
        out.arm(Timer::Resend, wait);
    }

    fn take_office(&mut self, config: &Config, out: &mut Outbox<Node>) {
        out.disarm(Timer::Resend);
        out.observe(Event::TookOffice {
            view: self.view.number,
            digest: self.machine.digest(),
        });
        match self.link {
            Link::Alone => {
                while !self.queue.is_empty() {
                    self.carry_out_next(config, out);
                }
            }
            Link::Replicating { .. } => self.forward_rest(out),
            Link::Synchronising { .. } => {
                unreachable!("a primary takes office when its backup is synchronised")
            }
        }
    }

    fn send_piece(&mut self, out: &mut Outbox<Node>) {
        let Link::Synchronising { backup, transfer } = &self.link else {
            return;
        };
        out.send(*backup, Message::Sync(transfer.piece(&self.view)));
        out.arm(Timer::Resend, transfer.reminder.wait());
    }

    /// Sends everything that has not been sent yet, in bounded messages.
    fn forward_rest(&mut self, out: &mut Outbox<Node>) {
        if self.queue.is_empty() {
            return out.disarm(Timer::Resend);
        }
        while let Link::Replicating { sent, .. } = self.link
            && sent < self.queue.len()
        {
            self.forward_next(out);
        }
        self.await_yes(out);
    }

    /// Sends the next few that have not been sent yet.
    fn forward_next(&mut self, out: &mut Outbox<Node>) {
        let Link::Replicating { backup, sent, .. } = &mut self.link else {
            return;
        };
        let commands = batch(self.queue.iter().skip(*sent));
        let first = self.executed.plus(*sent + 1);
        *sent += commands.len();
        out.send(
            *backup,
            Message::Forward {
                view: self.view.number,
                first,
                commands,
            },
        );
        if first == self.executed.plus(1) {
            self.await_yes(out);
        }
    }

    fn await_yes(&self, out: &mut Outbox<Node>) {
        if let Link::Replicating { reminder, .. } = &self.link {
            out.arm(Timer::Resend, reminder.wait());
        }
    }

    /// Carries out the front of the queue, which the backup has carried out or there is none, and answers.
    fn carry_out_next(&mut self, config: &Config, out: &mut Outbox<Node>) {
        let Some(command) = self.queue.pop_front() else {
            return;
        };
        self.executed = self.executed.plus(1);
        self.carry_out_now(&command, config, out);
    }

    pub(super) fn carry_out_now(&mut self, command: &Command, config: &Config, out: &mut Outbox<Node>) {
        let place = Place {
            view: self.view.number,
            sequence: self.executed,
            role: Role::Primary,
        };
        match carry_out(&mut self.machine, command, place, config, out) {
            Applied::Now(answer) | Applied::Before(answer) => {
                out.reply(
                    command.client,
                    Response::Done {
                        request: command.request,
                        answer,
                    },
                );
            }
            Applied::Stale => refuse(command, Refusal::Stale, out),
            Applied::Expired => refuse(command, Refusal::Expired, out),
        }
    }
}

/// Tells the client of `command` why this copy of it was turned away.
pub(super) fn refuse(command: &Command, refusal: Refusal, out: &mut Outbox<Node>) {
    out.reply(
        command.client,
        Response::Refused {
            request: command.request,
            refusal,
        },
    );
}

/// The first of `waiting`, as many as one message may hold, and at least one.
fn batch<'a>(waiting: impl Iterator<Item = &'a Command>) -> Vec<Command> {
    let mut bytes = 0;
    let within = waiting.take(FORWARD_OPS_MAX).take_while(|command| {
        let fits = bytes == 0 || bytes + command.op.bytes() <= FORWARD_BYTES_MAX;
        bytes += command.op.bytes();
        fits
    });
    within.cloned().collect()
}
