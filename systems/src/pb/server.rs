//! A server: goes by the newest view it has heard of, and is primary, backup or neither in it.
//!
//! It keeps nothing on disk. A restarted server is another member that holds nothing, and is of no use until a primary has
//! synchronised it. What it holds lies in the variant of its status: a server that has no part in the view holds nothing,
//! because whatever it held may be out of date.

use std::collections::VecDeque;

use crate::node_id::NodeId;
use crate::pb::event::{Event, Reason};
use crate::pb::message::{Command, Message, Refusal, Request, Response, Stamp, Timer};
use crate::pb::transfer::Incoming;
use crate::pb::view::{Member, Role, View, ViewNumber};
use crate::pb::{Config, Flaw, Node};
use crate::replica::{Boot, ClientId, Incarnation, Input, Outbox};
use crate::service::kv::KeyValue;
use crate::service::{Machine, Service};

mod backup;
mod execution;
mod flawed;
mod peer;
mod primary;

use backup::Backup;
use primary::{Link, Office, Primary, refuse};

/// A server.
#[derive(Debug, Clone)]
pub struct Server {
    config: Config,
    me: Member,
    /// The newest view it has heard of.
    view: Option<View>,
    /// The newest view it has taken up, which its pings name.
    acknowledged: ViewNumber,
    status: Status,
    /// The last answer of the view service in this life.
    echo: Option<Stamp>,
    answer: PingAnswer,
}

/// Its part in the view it goes by, with what it holds.
#[derive(Debug, Clone)]
enum Status {
    /// No part. It holds nothing.
    Idle,
    /// Backup; what it must hold is on the way.
    Joining(Incoming),
    /// Backup; it holds everything.
    Backup(Backup),
    /// Primary; it holds everything.
    Primary(Primary),
    /// It has stopped for good. Only a flaw does that.
    Halted,
}

/// Whether the view service has answered the last ping. Nothing depends on it, but for a flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PingAnswer {
    Awaited,
    Received,
}

impl Server {
    pub(crate) fn new(config: &Config, boot: Boot) -> Self {
        Self {
            config: config.clone(),
            me: Member {
                node: boot.node,
                incarnation: boot.incarnation,
            },
            view: None,
            acknowledged: ViewNumber::NONE,
            status: Status::Idle,
            echo: None,
            answer: PingAnswer::Received,
        }
    }

    pub(crate) fn step(&mut self, input: Input<Node>, out: &mut Outbox<Node>) {
        if let Status::Halted = self.status {
            return;
        }
        match input {
            Input::Start => self.on_start(out),
            Input::Message { from, message } => self.on_message(from, message, out),
            Input::Request { from, request } => self.on_request(from, request, out),
            Input::Timeout(Timer::Ping) => self.on_ping_due(out),
            Input::Timeout(Timer::Resend) => self.on_silence(out),
            Input::Timeout(Timer::Check) => (),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Node>) {
        match message {
            Message::Newest {
                incarnation,
                view,
                stamp,
            } => self.on_newest(from, incarnation, view, stamp, out),
            Message::Sync(piece) => self.on_sync(from, &piece, out),
            Message::SyncProgress { view, asked, bytes } => self.on_progress(from, view, asked, bytes, out),
            Message::Synchronised { view } => self.on_synchronised(from, view, out),
            Message::Forward {
                view,
                first,
                commands,
            } => self.on_forward(from, view, first, &commands, out),
            Message::Executed { view, through } => self.on_yes(from, view, through, out),
            Message::Refused {
                view,
                through,
                newest,
            } => self.on_no(from, view, through, newest, out),
            Message::Ping { .. } => ignore(from, Reason::Misdirected, out),
        }
    }

    fn on_start(&mut self, out: &mut Outbox<Node>) {
        let Member { node, incarnation } = self.me;
        out.observe(Event::Started { node, incarnation });
        self.on_ping_due(out);
    }

    fn on_ping_due(&mut self, out: &mut Outbox<Node>) {
        if self.answer == PingAnswer::Awaited && self.config.has(Flaw::FailedPingZeroesView) {
            (self.view, self.acknowledged) = (None, ViewNumber::NONE);
        }
        self.ping(out);
        out.arm(Timer::Ping, self.config.ping_interval);
    }

    fn ping(&mut self, out: &mut Outbox<Node>) {
        let (incarnation, acknowledged, echo) = (self.me.incarnation, self.acknowledged, self.echo);
        out.send(
            self.config.service,
            Message::Ping {
                incarnation,
                acknowledged,
                echo,
            },
        );
        self.answer = PingAnswer::Awaited;
    }

    /// The view service answers a ping.
    fn on_newest(
        &mut self,
        from: NodeId,
        asked_by: Incarnation,
        view: Option<View>,
        stamp: Stamp,
        out: &mut Outbox<Node>,
    ) {
        if from != self.config.service {
            return ignore(from, Reason::Stranger, out);
        }
        if asked_by != self.me.incarnation {
            return ignore(from, Reason::OtherLife, out);
        }

        self.answer = PingAnswer::Received;
        if let Some(view) = view {
            self.install(view, out);
        }
        match self.echo {
            // An answer may have been overtaken by a later one.
            Some(echo) if echo.service == stamp.service => self.echo = Some(echo.max(stamp)),
            // This life of the view service does not know this life of the server yet; with the echo it will.
            Some(_) | None => {
                self.echo = Some(stamp);
                self.ping(out);
            }
        }
    }

    /// A client asks for something.
    fn on_request(&mut self, from: ClientId, request: Request, out: &mut Outbox<Node>) {
        let Request::Do { request, op } = request else {
            return out.reply(from, Response::View(self.view.clone()));
        };
        let command = Command {
            client: from,
            request,
            op,
        };
        if let Some(answer) = KeyValue::refuse(&command.op) {
            return out.reply(from, Response::Done { request, answer });
        }

        match &mut self.status {
            Status::Primary(primary) => primary.on_command(command, &self.config, out),
            Status::Idle | Status::Joining(_) | Status::Backup(_) | Status::Halted => {
                refuse(&command, Refusal::NotPrimary, out);
            }
        }
    }

    /// The backup has been silent for a while.
    fn on_silence(&mut self, out: &mut Outbox<Node>) {
        if self.config.has(Flaw::ExitOnSyncFailure) && self.is_synchronising() {
            return self.halt(out);
        }
        match &mut self.status {
            Status::Primary(primary) => primary.on_silence(out),
            Status::Idle | Status::Joining(_) | Status::Backup(_) | Status::Halted => (),
        }
    }

    /// Goes by `view` from now on, unless it knows that one or a newer one already.
    fn install(&mut self, view: View, out: &mut Outbox<Node>) {
        if self.has_not_heard_of(&view) && !self.is_locked_out_of(&view) {
            self.go_by(view, out);
        }
    }

    fn go_by(&mut self, view: View, out: &mut Outbox<Node>) {
        let role = view.role_of(self.me);
        out.observe(Event::ViewInstalled {
            view: view.clone(),
            role,
        });
        out.disarm(Timer::Resend);
        let former = self.view.replace(view.clone());
        let (machine, queue) = std::mem::replace(&mut self.status, Status::Idle).into_holdings();
        match role {
            Role::Primary => self.become_primary(view, former.as_ref(), machine, queue, out),
            Role::Backup => {
                resign(&queue, out);
                self.status = Status::Joining(Incoming::default());
            }
            Role::Idle => {
                resign(&queue, out);
                self.acknowledged = view.number;
            }
        }
    }

    /// A server that held everything in the view before, as primary or as backup, holds what the primary of this view must. So
    /// does the primary of the first view, which begins with nothing. Nobody else acts.
    fn become_primary(
        &mut self,
        view: View,
        former: Option<&View>,
        machine: Option<Machine<KeyValue>>,
        queue: VecDeque<Command>,
        out: &mut Outbox<Node>,
    ) {
        let begins_empty = view.number == ViewNumber::FIRST || flawed::trusts_an_empty_store(&self.config);
        let fresh = || begins_empty.then(|| Machine::new(self.config.clients_max));
        let Some(machine) = machine.or_else(fresh) else {
            return out.observe(Event::Unfit { view: view.number });
        };

        let primary = Primary::begin(view, former, machine, queue, &self.config, out);
        let office = primary.office();
        self.status = Status::Primary(primary);
        if office == Office::Taken || self.config.has(Flaw::AckBeforeSync) {
            self.acknowledge(out);
        }
    }

    /// The view is taken up: tells the view service without waiting for the next ping to be due.
    fn acknowledge(&mut self, out: &mut Outbox<Node>) {
        let Some(view) = &self.view else { return };
        self.acknowledged = view.number;
        self.ping(out);
    }

    fn has_not_heard_of(&self, view: &View) -> bool {
        match &self.view {
            None => true,
            Some(known) if self.config.has(Flaw::Volatile) => known.number != view.number,
            Some(known) => known.number < view.number,
        }
    }

    fn is_synchronising(&self) -> bool {
        matches!(
            &self.status,
            Status::Primary(Primary {
                link: Link::Synchronising { .. },
                ..
            })
        )
    }

    /// Only with a flaw: this primary waits for a peer, and sees nothing else while that peer is in charge of something.
    fn is_locked_out_of(&self, view: &View) -> bool {
        let Status::Primary(primary) = &self.status else {
            return false;
        };
        let peer = primary.view.backup.map(|backup| backup.node);
        flawed::holds_its_lock(primary, &self.config)
            && view.members().any(|member| Some(member.node) == peer)
    }

    fn halt(&mut self, out: &mut Outbox<Node>) {
        out.disarm(Timer::Ping);
        out.disarm(Timer::Resend);
        out.observe(Event::Halted);
        self.status = Status::Halted;
    }

    /// The newest view it has heard of.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        self.view.as_ref()
    }

    /// What it holds, if it holds everything.
    #[must_use]
    pub fn machine(&self) -> Option<&Machine<KeyValue>> {
        match &self.status {
            Status::Primary(primary) => Some(&primary.machine),
            Status::Backup(backup) => Some(&backup.machine),
            Status::Idle | Status::Joining(_) | Status::Halted => None,
        }
    }
}

impl Status {
    /// This server as the primary of `view` whose backup is `peer`.
    fn primary_towards(&mut self, peer: NodeId, view: ViewNumber) -> Option<&mut Primary> {
        match self {
            Self::Primary(primary)
                if primary.view.number == view
                    && primary.view.backup.is_some_and(|backup| backup.node == peer) =>
            {
                Some(primary)
            }
            Self::Primary(_) | Self::Idle | Self::Joining(_) | Self::Backup(_) | Self::Halted => None,
        }
    }

    /// What a server may take along into its next view.
    fn into_holdings(self) -> (Option<Machine<KeyValue>>, VecDeque<Command>) {
        match self {
            Self::Primary(primary) => (Some(primary.machine), primary.queue),
            Self::Backup(backup) => (Some(backup.machine), VecDeque::new()),
            Self::Idle | Self::Joining(_) | Self::Halted => (None, VecDeque::new()),
        }
    }
}

/// A former primary does not know what became of what it had forwarded; the clients must ask the next one.
fn resign(queue: &VecDeque<Command>, out: &mut Outbox<Node>) {
    for command in queue {
        refuse(command, Refusal::Moved, out);
    }
}

fn ignore(from: NodeId, reason: Reason, out: &mut Outbox<Node>) {
    out.observe(Event::Ignored { from, reason });
}
