//! From one epoch to the next: the group gets other members.
//!
//! Who the members shall be is a command in the log (RECONFIGURATION), and the last one of its epoch: a primary gives no place after it. When it
//! is committed, by the members there were, the epoch is over. Whoever carries it out is in the next epoch from then on, in its first view and
//! with a log that ends there, durably and in one step; if it is not one of the new members it is outside. So whoever is in an epoch holds
//! everything before it, v and v' are always of one epoch, and no quorum is counted in two groups.
//!
//! The others are told (STARTEPOCH) by those of the old group that know, at each beat, until more than half of the new members have said
//! that they have begun (EPOCHSTARTED). After that the new group tells whoever comes with something of an older epoch.

use std::collections::BTreeSet;

use crate::group::{Refusal, Response};
use crate::node_id::NodeId;
use crate::replica::{ClientId, Outbox};
use crate::service::{RequestNumber, Service};
use crate::vr::MEMBERS_MAX;
use crate::vr::beginning::Beginning;
use crate::vr::event::{Event, Reason};
use crate::vr::members::Members;
use crate::vr::message::{Message, Record};
use crate::vr::node::suspicion::Suspicion;
use crate::vr::node::{Node, Status, flawed, ignore};
use crate::vr::view::{OpNumber, View};

/// What a member of the old group knows of how far the new one is.
#[derive(Debug, Clone, Default)]
pub(super) struct Handover {
    /// The new members that have begun.
    started: BTreeSet<NodeId>,
}

impl<S: Service> Node<S> {
    /// Whether the group can have these members.
    pub(super) fn may_become(&self, members: &Members) -> bool {
        let known = |node: NodeId| self.config.knows(node) || self.beginning.members.contains(node);
        members.count() <= MEMBERS_MAX && members.iter().all(known)
    }

    /// Whether the last command of the epoch has its place, so that no other gets one.
    pub(super) fn is_closing(&self) -> bool {
        self.log.ends_with_members() && self.beginning.op < self.log.op()
    }

    /// The change of members at `op`, which was just carried out, ends the epoch, unless that was an earlier one.
    pub(super) fn end_epoch(
        &mut self,
        op: OpNumber,
        (client, number): (ClientId, RequestNumber),
        members: &Members,
        out: &mut Outbox<Self>,
    ) {
        if op <= self.beginning.op {
            return;
        }
        let prefix = self
            .log
            .prefix(op)
            .expect("what was carried out last is in the log");
        let beginning = self.beginning.next(members.clone(), op, prefix);
        if let Status::Primary(primary) = &mut self.status {
            let configuration = beginning.configuration();
            primary.note_done(client, number);
            primary.resign(&Refusal::NewEpoch(configuration.clone()), out);
            out.reply(
                client,
                Response::Reconfigured {
                    number,
                    configuration,
                },
            );
        }
        out.persist(Record::Epoch(beginning.clone()));
        self.begin_epoch(beginning, out);
        self.become_normal(out);
    }

    /// It is in another epoch from now on, which is durable. Its log ends where that begins.
    fn begin_epoch(&mut self, beginning: Beginning, out: &mut Outbox<Self>) {
        (self.view, self.log_view) = (beginning.view(), beginning.view());
        self.move_to(beginning);
        self.announce_epoch(out);
    }

    /// Who its members are is another matter from now on, and so is what they wish for.
    pub(super) fn move_to(&mut self, beginning: Beginning) {
        self.beginning = beginning;
        self.suspicion = Suspicion::default();
        self.hand_over_anew();
    }

    /// A member of the old group takes care that enough of the new one begin.
    pub(super) fn hand_over_anew(&mut self) {
        let Beginning { op, former, .. } = &self.beginning;
        let is_former = OpNumber::ZERO < *op && former.contains(self.me);
        self.handover = is_former.then(Handover::default);
    }

    /// Tells whom it concerns that it is in its epoch. Whoever was a member before tells everybody how it began.
    pub(super) fn announce_epoch(&self, out: &mut Outbox<Self>) {
        out.observe(Event::EpochBegan {
            view: self.log_view,
            members: self.beginning.members.iter().collect(),
            former: self.beginning.former.iter().collect(),
            op: self.beginning.op,
            prefix: self.beginning.prefix,
        });
        let others = self.beginning.concerned().filter(|&node| node != self.me);
        for node in others {
            if self.handover.is_some() {
                self.tell_beginning(node, out);
            } else if self.is_member() {
                out.send(node, Message::EpochStarted { view: self.view });
            }
        }
    }

    /// Tells `to` how its epoch began, and of which view it has a log.
    pub(super) fn tell_beginning(&self, to: NodeId, out: &mut Outbox<Self>) {
        if self.can_serve() {
            let (view, beginning) = (self.log_view, self.beginning.clone());
            out.send(to, Message::StartEpoch { view, beginning });
        }
    }

    /// A beat goes by in which too few of the new members are known to have begun.
    pub(super) fn hand_over(&self, out: &mut Outbox<Self>) {
        let Some(handover) = &self.handover else { return };
        let members = self.beginning.members.others(self.me);
        for node in members.filter(|node| !handover.started.contains(node)) {
            self.tell_beginning(node, out);
        }
    }

    pub(super) fn on_epoch_started(&mut self, from: NodeId, view: View, out: &mut Outbox<Self>) {
        if view.epoch < self.beginning.epoch {
            return ignore(from, Reason::OldEpoch, out);
        }
        let is_over = self.beginning.epoch < view.epoch;
        let (mine, members) = (usize::from(self.is_member()), &self.beginning.members);
        let Some(handover) = &mut self.handover else {
            return;
        };
        if members.contains(from) {
            handover.started.insert(from);
        }
        if is_over || members.majority() <= handover.started.len() + mine {
            self.handover = None;
            let view = self.beginning.view();
            out.observe(Event::HandedOver { view });
        }
    }

    pub(super) fn on_start_epoch(
        &mut self,
        from: NodeId,
        view: View,
        beginning: Beginning,
        out: &mut Outbox<Self>,
    ) {
        if let Status::Halted = self.status {
            return;
        }
        if beginning.epoch <= self.beginning.epoch {
            out.send(from, Message::EpochStarted { view: self.view });
            return self.on_epoch_started(from, view, out);
        }
        if view.epoch != beginning.epoch || from == self.me {
            return ignore(from, Reason::Malformed, out);
        }
        if self.is_joining(beginning.epoch) {
            return;
        }

        self.end_recovery_for_epoch(out);
        if flawed::joins_at_once(&self.config) {
            return flawed::join_at_once(self, beginning, out);
        }
        let follows = beginning.epoch == self.beginning.epoch.next();
        if follows && self.log.prefix(beginning.op) == Some(beginning.prefix) {
            // It has everything, and did not know that all of it is committed.
            self.commit_through(beginning.op, out);
        } else {
            self.begin_joining(from, view, beginning, out);
        }
    }

    /// Something of another epoch came. Whoever is behind is told, and whoever is ahead is asked.
    pub(super) fn note_other_epoch(&self, from: NodeId, view: View, out: &mut Outbox<Self>) {
        if view.epoch < self.beginning.epoch {
            self.tell_beginning(from, out);
            return ignore(from, Reason::OldEpoch, out);
        }
        match self.status {
            Status::Joining(_) | Status::Halted => (),
            Status::Primary(_)
            | Status::Backup(_)
            | Status::ViewChange(_)
            | Status::Transferring(_)
            | Status::Recovering(_)
            | Status::Outside => out.send(from, Message::CheckEpoch { view: self.view }),
        }
        ignore(from, Reason::LaterEpoch, out);
    }

    /// Whether it is one of the members of its epoch.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.beginning.members.contains(self.me)
    }

    /// How its epoch began, and with which members.
    #[must_use]
    pub const fn beginning(&self) -> &Beginning {
        &self.beginning
    }
}
