//! Into an epoch that has begun elsewhere: everything up to where it began is fetched first.
//!
//! Until all has come the replica is still in its former epoch, as far as its disk knows, and gives nothing up: it has promised the new one
//! nothing, and may yet be needed for the old one's last command. So it goes back to where it was when nobody answers. When all has
//! come, what it holds, the epoch and the view are replaced at once.

use crate::group::Epoch;
use crate::node_id::NodeId;
use crate::replica::Outbox;
use crate::service::Service;
use crate::vr::beginning::Beginning;
use crate::vr::event::{Event, Recovery};
use crate::vr::message::Role;
use crate::vr::node::fetch::{Fetch, Fetched};
use crate::vr::node::{Node, Status};
use crate::vr::view::{OpNumber, View};

/// What belongs to a replica on its way into an epoch.
#[derive(Debug, Clone)]
pub(super) struct Joining<S: Service> {
    beginning: Beginning,
    /// The log of a view of that epoch, from one that has it.
    fetch: Fetch<S>,
    /// So many beats ago something came.
    silent: u32,
}

impl<S: Service> Joining<S> {
    pub(super) const fn fetch(&mut self) -> &mut Fetch<S> {
        // Whoever asks for it has heard something of it.
        self.silent = 0;
        &mut self.fetch
    }
}

impl<S: Service> Node<S> {
    /// Whether it is on its way into `epoch`, or a later one.
    pub(super) fn is_joining(&self, epoch: Epoch) -> bool {
        match &self.status {
            Status::Joining(joining) => epoch <= joining.beginning.epoch,
            _ => false,
        }
    }

    /// The others are further than it asked: they are in another epoch.
    pub(super) fn end_recovery_for_epoch(&mut self, out: &mut Outbox<Self>) {
        if let Status::Recovering(recovering) = &self.status {
            let (view, nonce) = (self.view, recovering.nonce());
            let by = Recovery::Peers;
            out.observe(Event::Recovered { view, by, nonce });
        }
    }

    /// Fetches everything up to where the epoch began, and what follows, from `from`, which has the log of `view`.
    pub(super) fn begin_joining(
        &mut self,
        from: NodeId,
        view: View,
        beginning: Beginning,
        out: &mut Outbox<Self>,
    ) {
        if let Status::Primary(primary) = &self.status {
            primary.redirect(None, out);
        }
        let fetch = self.fetch(from, view, self.commit);
        let after = fetch.reached();
        out.observe(Event::Transferring { view, from, after });
        fetch.ask(out);
        self.status = Status::Joining(Joining {
            beginning,
            fetch,
            silent: 0,
        });
    }

    pub(super) fn on_joining_beat(&mut self, out: &mut Outbox<Self>) {
        let patience = self.config.suspect_after_beats;
        let Status::Joining(joining) = &mut self.status else {
            return;
        };
        joining.silent += 1;
        joining.fetch.on_beat(out);
        if patience <= joining.silent {
            self.take_up_place(out);
        }
    }

    /// Everything has come, as far as the log of `view` reached then, and everything through `commit` is committed.
    pub(super) fn finish_joining(
        &mut self,
        joining: Joining<S>,
        view: View,
        commit: OpNumber,
        out: &mut Outbox<Self>,
    ) {
        let Joining { beginning, fetch, .. } = joining;
        let commit = commit.max(beginning.op);
        self.join(beginning, view, fetch.finish(), out);
        if let Status::Backup(_) = self.status {
            let primary = self.beginning.members.primary_of(view);
            self.acknowledge(primary, view, self.log.op(), out);
        }
        self.commit_through(commit, out);
        self.advance_commit(out);
    }

    /// It is in the epoch from now on, with what was fetched.
    pub(super) fn join(
        &mut self,
        beginning: Beginning,
        view: View,
        fetched: Fetched<S>,
        out: &mut Outbox<Self>,
    ) {
        self.move_to(beginning);
        self.install(view, fetched, out);
    }

    /// Goes on with what is on its disk: where it was in its epoch, or outside.
    pub(super) fn take_up_place(&mut self, out: &mut Outbox<Self>) {
        self.set_fetch_aside();
        if !self.is_member() || self.view == self.log_view {
            self.become_normal(out);
            if self.is_member() && self.role() == Role::Primary {
                self.advance_commit(out);
            }
        } else {
            self.begin_view_change(out);
        }
    }
}
