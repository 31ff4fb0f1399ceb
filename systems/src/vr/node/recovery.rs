//! Coming back after a restart: where are the others?
//!
//! Everything a replica ever promised is on its disk, so it could go on as if it had only been slow. It asks first, because the others
//! are probably further: f + 1 of them must answer this very attempt, and among them the primary of the newest view any of them
//! names. Until then it takes part in nothing. When too few answer within its patience it goes on from its disk, or a group of which
//! all were restarted would wait for ever.

use std::collections::BTreeMap;

use crate::node_id::NodeId;
use crate::replica::Outbox;
use crate::service::Service;
use crate::vr::Flaw;
use crate::vr::event::{Event, Reason, Recovery};
use crate::vr::message::{Message, Nonce, Role};
use crate::vr::node::fetch::{Fetch, Fetched};
use crate::vr::node::{Node, Status, flawed, ignore};
use crate::vr::view::{OpNumber, View};

/// What belongs to a recovery.
#[derive(Debug, Clone)]
pub(super) struct Recovering<S: Service> {
    nonce: Nonce,
    /// In which view each is that has answered, and as what.
    answers: BTreeMap<NodeId, Answer>,
    /// What it lacks, once it knows where the others are.
    fetch: Option<Fetch<S>>,
    /// So many beats ago something came.
    silent: u32,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    view: View,
    role: Role,
}

impl<S: Service> Recovering<S> {
    pub(super) const fn nonce(&self) -> Nonce {
        self.nonce
    }

    pub(super) fn fetch(&mut self) -> Option<&mut Fetch<S>> {
        // Whoever asks for it has heard something of it.
        self.silent = 0;
        self.fetch.as_mut()
    }

    /// The newest view, and its primary if that has answered.
    fn newest(&self) -> Option<(View, Option<NodeId>)> {
        let view = self.answers.values().map(|answer| answer.view).max()?;
        let is_primary = |answer: &Answer| answer.view == view && answer.role == Role::Primary;
        let primary = self.answers.iter().find(|(_, answer)| is_primary(answer));
        Some((view, primary.map(|(&node, _)| node)))
    }
}

impl<S: Service> Node<S> {
    pub(super) fn begin_recovery(&mut self, out: &mut Outbox<Self>) {
        let incarnation = self.incarnation;
        self.attempt_recovery(
            Nonce {
                incarnation,
                attempt: 1,
            },
            out,
        );
        if self.beginning.members.majority() == 1 {
            self.recover_from_disk(out);
        }
    }

    fn attempt_recovery(&mut self, nonce: Nonce, out: &mut Outbox<Self>) {
        self.status = Status::Recovering(Recovering {
            nonce,
            answers: BTreeMap::new(),
            fetch: None,
            silent: 0,
        });
        out.observe(Event::Recovering { nonce });
        self.ask_where_others_are(nonce, out);
    }

    fn ask_where_others_are(&self, nonce: Nonce, out: &mut Outbox<Self>) {
        let view = self.view;
        self.send_to_others(&Message::Recovery { nonce, view }, out);
    }

    pub(super) fn on_recovery_beat(&mut self, out: &mut Outbox<Self>) {
        let Status::Recovering(recovering) = &mut self.status else {
            return;
        };
        recovering.silent += 1;
        let (nonce, silent) = (recovering.nonce, recovering.silent);
        match &mut recovering.fetch {
            Some(fetch) => fetch.on_beat(out),
            None => self.ask_where_others_are(nonce, out),
        }
        if silent < self.config.suspect_after_beats {
            return;
        }
        if flawed::is_diskless(&self.config) {
            let attempt = nonce.attempt + 1;
            self.attempt_recovery(Nonce { attempt, ..nonce }, out);
        } else {
            self.recover_from_disk(out);
        }
    }

    /// Too few have answered: what is on its disk is all it needs.
    fn recover_from_disk(&mut self, out: &mut Outbox<Self>) {
        let Status::Recovering(Recovering { nonce, .. }) = self.status else {
            return;
        };
        let (view, by) = (self.view, Recovery::Disk);
        out.observe(Event::Recovered { view, by, nonce });
        self.take_up_place(out);
    }

    /// Another asks. Only who is normal knows.
    pub(super) fn on_recovery(&mut self, from: NodeId, nonce: Nonce, view: View, out: &mut Outbox<Self>) {
        let Some(role) = self.normal() else {
            return ignore(from, Reason::OtherStatus, out);
        };
        if self.config.has(Flaw::RecoveryStrictlyGreater) && self.view <= view {
            return ignore(from, Reason::OldView, out);
        }
        let view = self.view;
        out.send(from, Message::RecoveryResponse { nonce, view, role });
    }

    pub(super) fn on_recovery_response(
        &mut self,
        from: NodeId,
        nonce: Nonce,
        view: View,
        role: Role,
        out: &mut Outbox<Self>,
    ) {
        let Status::Recovering(recovering) = &mut self.status else {
            return ignore(from, Reason::OtherStatus, out);
        };
        if nonce != recovering.nonce && !self.config.has(Flaw::RecoveryNoNonce) {
            return ignore(from, Reason::OtherNonce, out);
        }
        if recovering.fetch.is_some() {
            return;
        }

        recovering.answers.insert(from, Answer { view, role });
        let enough = flawed::answers_needed(self.beginning.members.majority(), &self.config);
        if let Some((newest, Some(primary))) = recovering.newest()
            && enough <= recovering.answers.len()
            && self.view <= newest
        {
            self.go_where_others_are(newest, primary, out);
        }
    }

    fn go_where_others_are(&mut self, view: View, primary: NodeId, out: &mut Outbox<Self>) {
        let is_there = self.log_view == view && !flawed::is_diskless(&self.config);
        let Status::Recovering(recovering) = &mut self.status else {
            return;
        };
        if is_there {
            let (nonce, by) = (recovering.nonce, Recovery::Peers);
            out.observe(Event::Recovered { view, by, nonce });
            return self.take_up_place(out);
        }
        let after = if flawed::is_diskless(&self.config) {
            OpNumber::ZERO
        } else {
            self.commit
        };
        let fetch = Fetch::new(primary, view, after);
        fetch.ask(out);
        recovering.silent = 0;
        recovering.fetch = Some(fetch);
    }

    /// What it lacked has come.
    pub(super) fn end_recovery(
        &self,
        recovering: Recovering<S>,
        view: View,
        out: &mut Outbox<Self>,
    ) -> Option<Fetched<S>> {
        let (nonce, by) = (recovering.nonce, Recovery::Peers);
        out.observe(Event::Recovered { view, by, nonce });
        recovering.fetch.map(Fetch::finish)
    }
}
