//! A replica.
//!
//! What is durable lies in the fields of [`Node`]; what belongs to a status lies in that status and is gone with it. A replica has one
//! timer, its beat, and measures the silence of others in beats of its own: while it stands still itself it blames nobody.

use crate::group::{self, Epoch, Member, Refusal, Response};
use crate::node_id::NodeId;
use crate::replica::{Boot, ClientId, Incarnation, Input, Outbox, Replica};
use crate::service::{Machine, Service};
use crate::time::Time;
use crate::vr::beginning::Beginning;
use crate::vr::event::{Event, Reason};
use crate::vr::log::Log;
use crate::vr::message::{Beat, Message, Record, Role};
use crate::vr::request::{Ask, Request};
use crate::vr::view::{OpNumber, View};
use crate::vr::{Config, Reads};

mod backup;
mod checkpoint;
mod disk;
mod epoch;
mod execution;
mod fetch;
mod flawed;
mod installation;
mod joining;
mod lease;
mod primary;
mod progress;
mod recovery;
mod suspicion;
mod transfer;
mod view_change;

use backup::Backup;
use checkpoint::{Checkpoint, Serving};
use epoch::Handover;
use fetch::Fetch;
use joining::Joining;
use primary::Primary;
use recovery::Recovering;
use suspicion::Suspicion;
use view_change::ViewChange;

/// A replica of a group that replicates the service `S`.
#[derive(Debug, Clone)]
pub struct Node<S: Service> {
    config: Config,
    me: NodeId,
    incarnation: Incarnation,
    life: Life,
    /// Its epoch, and whose quorums count in it. Durable: it takes part in no epoch before this one any more.
    beginning: Beginning,
    /// What is left to do for the beginning of the epoch, at a member of the one before.
    handover: Option<Handover>,
    /// v. Durable: it takes part in no view before this one any more.
    view: View,
    /// v': the last view in which it was normal. Durable.
    log_view: View,
    /// Durable.
    log: Log<S::Op>,
    /// Everything up to `commit` carried out, and nothing else.
    machine: Machine<S>,
    /// k. After a restart that of the snapshot, until the others tell.
    commit: OpNumber,
    /// Durable.
    checkpoint: Checkpoint,
    status: Status<S>,
    suspicion: Suspicion,
    /// What was fetched before something else came first. None of it is its own yet.
    set_aside: Option<Fetch<S>>,
    /// A snapshot that somebody fetches though there may be a newer one.
    serving: Option<Serving>,
    /// Its last beat.
    beat: Beat,
    /// Its own clock at this step.
    now: Time,
    /// Until then it stays with the primary it is with, if reads go by leases.
    promised_until: Time,
}

/// Its status, with what belongs to it.
#[derive(Debug, Clone)]
enum Status<S: Service> {
    /// Normal, and primary of its view.
    Primary(Primary<S>),
    /// Normal, and not primary.
    Backup(Backup),
    /// It has left a view, and the next has not begun as far as it knows.
    ViewChange(ViewChange<S>),
    /// Its view has begun, or has gone on, and it lacks something.
    Transferring(Fetch<S>),
    /// It was restarted and asks where the others are.
    Recovering(Recovering<S>),
    /// An epoch has begun without it, and it lacks something of what came before.
    Joining(Joining<S>),
    /// It is not a member of its epoch: not yet, or not any more. It tells whoever asks what it holds, and where the group is.
    Outside,
    /// Its disk contradicts itself.
    Halted,
}

/// Whether it found anything on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    First,
    Restarted,
}

/// The timers of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Its next beat is due.
    Beat,
}

impl<S: Service> Node<S> {
    fn on_start(&mut self, out: &mut Outbox<Self>) {
        self.observe_start(out);
        out.arm(Timer::Beat, self.config.beat_interval);
        match (&self.status, self.life) {
            (Status::Halted, _) => out.observe(Event::Halted),
            (_, Life::First) => {
                out.persist(Record::View(self.view));
                self.take_up_place(out);
            }
            (_, Life::Restarted) => {
                self.promise();
                if Epoch::FIRST < self.beginning.epoch {
                    self.hand_over_anew();
                    self.announce_epoch(out);
                }
                // What came before its epoch is committed, whatever the others may say.
                self.commit_through(self.beginning.op, out);
                if self.is_member() {
                    self.begin_recovery(out);
                } else {
                    self.take_up_place(out);
                }
            }
        }
    }

    fn observe_start(&self, out: &mut Outbox<Self>) {
        let op = self.log.op();
        out.observe(Event::Started {
            node: self.me,
            incarnation: self.incarnation,
            view: self.view,
            log_view: self.log_view,
            op,
            prefix: self
                .log
                .prefix(op)
                .expect("a log knows the digest of its last place"),
            snapshot: self.checkpoint.base.op,
            digest: self.machine.digest(),
        });
    }

    fn on_beat(&mut self, out: &mut Outbox<Self>) {
        out.arm(Timer::Beat, self.config.beat_interval);
        self.beat = self.beat.next();
        self.suspicion.grow_older(self.config.suspect_after_beats);
        self.serve_no_longer_than_asked();
        self.hand_over(out);
        match &self.status {
            Status::Primary(_) => self.on_primary_beat(out),
            Status::Backup(_) => self.on_silent_beat(out),
            Status::ViewChange(_) => self.on_view_change_beat(out),
            Status::Transferring(_) => self.on_transfer_beat(out),
            Status::Recovering(_) => self.on_recovery_beat(out),
            Status::Joining(_) => self.on_joining_beat(out),
            Status::Outside | Status::Halted => (),
        }
    }

    /// Whether what `from` says is said in this replica's epoch, by one member to another, or is judged by whom it is for.
    fn admits(&self, from: NodeId, message: &Message<S::Op>, out: &mut Outbox<Self>) -> bool {
        let (view, mine) = (message.view(), self.beginning.epoch);
        match message {
            Message::StartEpoch { .. }
            | Message::EpochStarted { .. }
            | Message::NewState { .. }
            | Message::NewSnapshot { .. } => return true,
            // Whoever is on its way into the epoch may ask.
            Message::GetState { .. } if view.epoch == mine => return true,
            _ => (),
        }
        if view.epoch != mine {
            self.note_other_epoch(from, view, out);
            return false;
        }
        let among_members = self.beginning.members.contains(from) && self.is_member() && from != self.me;
        if !among_members {
            ignore(from, Reason::Stranger, out);
        }
        among_members
    }

    fn on_message(&mut self, from: NodeId, message: Message<S::Op>, out: &mut Outbox<Self>) {
        if !self.admits(from, &message, out) {
            return;
        }
        match message {
            Message::Prepare {
                view,
                after,
                entries,
                commit,
            } => self.on_prepare(from, view, after, entries, commit, out),
            Message::PrepareOk {
                view,
                through,
                beat,
                at,
            } => self.on_prepare_ok(from, view, through, (beat, at), out),
            Message::Commit {
                view,
                commit,
                beat,
                echo,
            } => self.on_commit(from, view, commit, (beat, echo), out),
            Message::Compacted { view } => self.on_compacted(from, view, out),
            Message::StartViewChange { view, stance } => self.on_start_view_change(from, view, stance, out),
            Message::DoViewChange { view, report } => self.on_do_view_change(from, view, report, out),
            Message::StartView {
                view,
                after,
                entries,
                op,
                commit,
            } => self.on_start_view(from, view, (after, entries), op, commit, out),
            Message::Recovery { nonce, view } => self.on_recovery(from, nonce, view, out),
            Message::RecoveryResponse { nonce, view, role } => {
                self.on_recovery_response(from, nonce, view, role, out);
            }
            Message::GetState {
                view,
                after,
                snapshot,
                offset,
            } => self.on_get_state(from, view, after, (snapshot, offset), out),
            Message::NewState {
                view,
                after,
                entries,
                op,
                commit,
            } => self.on_new_state(from, view, (after, entries), op, commit, out),
            Message::NewSnapshot { view, base, piece } => self.on_new_snapshot(from, view, base, &piece, out),
            Message::StartEpoch { view, beginning } => self.on_start_epoch(from, view, beginning, out),
            Message::EpochStarted { view } => self.on_epoch_started(from, view, out),
            // It is answered where it comes from an earlier epoch.
            Message::CheckEpoch { .. } => (),
        }
    }

    fn on_request(&mut self, from: ClientId, request: Request<S::Op>, out: &mut Outbox<Self>) {
        let Request { epoch, request } = request;
        let number = request.number;
        if let Ask::Service(op) = &request.op
            && let Some(answer) = S::refuse(op)
        {
            return out.reply(from, Response::Answered { number, answer });
        }
        let refusal = match self.status {
            Status::Halted => return,
            _ if epoch < self.beginning.epoch => Refusal::NewEpoch(self.beginning.configuration()),
            Status::Primary(_) if epoch == self.beginning.epoch => {
                return self.on_command(request.of(from), out);
            }
            Status::Outside => Refusal::NewEpoch(self.beginning.configuration()),
            _ => Refusal::Redirect {
                leader: self.leader(),
            },
        };
        out.reply(from, Response::Refused { number, refusal });
    }

    /// Who is primary, for a client that asked the wrong one.
    fn leader(&self) -> Option<NodeId> {
        match self.status {
            Status::Primary(_) | Status::Backup(_) | Status::Transferring(_) => {
                Some(self.beginning.members.primary_of(self.view)).filter(|&primary| primary != self.me)
            }
            Status::ViewChange(_)
            | Status::Recovering(_)
            | Status::Joining(_)
            | Status::Outside
            | Status::Halted => None,
        }
    }

    /// Whether what it says counts: a replica that recovers does not know yet what it has promised.
    fn takes_part(&self) -> bool {
        match self.status {
            Status::Recovering(_) => self.config.has(crate::vr::Flaw::RecoveringParticipates),
            Status::Joining(_) | Status::Outside | Status::Halted => false,
            Status::Primary(_) | Status::Backup(_) | Status::ViewChange(_) | Status::Transferring(_) => true,
        }
    }

    /// Its part in its view.
    fn role(&self) -> Role {
        if self.beginning.members.primary_of(self.view) == self.me {
            Role::Primary
        } else {
            Role::Backup
        }
    }

    fn send_to_others(&self, message: &Message<S::Op>, out: &mut Outbox<Self>) {
        for node in self.beginning.members.others(self.me) {
            out.send(node, message.clone());
        }
    }

    /// How long a lease lasts; none when reads go through the log.
    fn lease(&self) -> Option<std::time::Duration> {
        match self.config.reads {
            Reads::ThroughLog => flawed::lease(&self.config),
            Reads::Leased(lease) => Some(lease),
        }
    }

    /// v: the view it is in, or on its way to.
    #[must_use]
    pub const fn view(&self) -> View {
        self.view
    }

    /// v': the last view in which it was normal.
    #[must_use]
    pub const fn log_view(&self) -> View {
        self.log_view
    }

    /// Its log.
    #[must_use]
    pub const fn log(&self) -> &Log<S::Op> {
        &self.log
    }

    /// k: everything up to here is committed and carried out.
    #[must_use]
    pub const fn commit(&self) -> OpNumber {
        self.commit
    }

    /// What everything up to `commit` has made of the service.
    #[must_use]
    pub const fn machine(&self) -> &Machine<S> {
        &self.machine
    }

    /// Its part in its view, if its status is normal.
    #[must_use]
    pub const fn normal(&self) -> Option<Role> {
        match self.status {
            Status::Primary(_) => Some(Role::Primary),
            Status::Backup(_) => Some(Role::Backup),
            Status::ViewChange(_)
            | Status::Transferring(_)
            | Status::Recovering(_)
            | Status::Joining(_)
            | Status::Outside
            | Status::Halted => None,
        }
    }
}

impl<S: Service> Replica for Node<S> {
    type Config = Config;
    type Message = Message<S::Op>;
    type Request = Request<S::Op>;
    type Response = Response<S::Answer>;
    type Timer = Timer;
    type Record = Record<S::Op>;
    type Event = Event;

    fn recover(config: &Config, boot: Boot, records: Vec<Record<S::Op>>) -> Self {
        Self::from_disk(config, boot, records)
    }

    fn step(&mut self, now: Time, input: Input<Self>, out: &mut Outbox<Self>) {
        self.now = now;
        match input {
            Input::Start => self.on_start(out),
            Input::Message { from, message } => self.on_message(from, message, out),
            Input::Request { from, request } => self.on_request(from, request, out),
            Input::Timeout(Timer::Beat) => self.on_beat(out),
        }
    }
}

impl<S: Service> Member for Node<S> {
    type Service = S;

    fn ask(epoch: Epoch, request: group::Request<S::Op>) -> Request<S::Op> {
        let group::Request { number, op } = request;
        let op = Ask::Service(op);
        Request {
            epoch,
            request: group::Request { number, op },
        }
    }
}

fn ignore<S: Service>(from: NodeId, reason: Reason, out: &mut Outbox<Node<S>>) {
    out.observe(Event::Ignored { from, reason });
}
