//! State transfer: a replica that lacks something of the view the others are in fetches it.
//!
//! It may be asked for by a replica whose view has begun without it, and by a new primary whose own log is not the newest. Only whoever
//! has that view's log answers: who is normal in it, or has reported to the one that asks and waits for the view to begin.

use crate::node_id::NodeId;
use crate::replica::Outbox;
use crate::service::Service;
use crate::transfer::Piece;
use crate::vr::event::{Event, Reason};
use crate::vr::log::{Base, Entry};
use crate::vr::message::Message;
use crate::vr::node::fetch::Fetch;
use crate::vr::node::{Node, Status, flawed, ignore};
use crate::vr::view::{OpNumber, View};
use crate::vr::{Flaw, NotesRule};

impl<S: Service> Node<S> {
    /// The group is in `view`, whose primary is `from`: fetches what it lacks. Its own log stays as it is, and so does v'.
    pub(super) fn begin_transfer(&mut self, view: View, from: NodeId, out: &mut Outbox<Self>) {
        if self.config.goes_by(NotesRule::NoStateTransfer) {
            return ignore(from, Reason::OtherView, out);
        }
        if self.config.has(Flaw::StateTransferTruncates) && self.log_view < view {
            return flawed::truncate_and_follow(self, view, from, out);
        }
        if self.view < view {
            self.leave_for(view, out);
        }
        self.suspicion.hear(self.me);
        // In one view the shorter log is the beginning of the longer; of another view's only what is committed is the same.
        let after = if self.log_view == view {
            self.log.op()
        } else {
            self.commit
        };
        let fetch = self.fetch(from, view, after);
        let after = fetch.reached();
        out.observe(Event::Transferring { view, from, after });
        fetch.ask(out);
        self.status = Status::Transferring(fetch);
    }

    /// A fetch of what follows `after` in the log of `view`, from `source`. It goes on where one that was cut short had come to: a replica that
    /// began anew with every view would never be done where a state takes longer to come than a view lasts.
    pub(super) fn fetch(&mut self, source: NodeId, view: View, after: OpNumber) -> Fetch<S> {
        self.set_fetch_aside();
        let cut_short = self.set_aside.take().map(|fetch| fetch.turned_to(source, view));
        let continues = |fetch: &Fetch<S>| fetch.continues(self.commit) && after <= fetch.reached();
        cut_short
            .filter(continues)
            .unwrap_or_else(|| Fetch::new(source, view, after))
    }

    /// Puts aside what has come of a fetch, if one is under way: something else comes first.
    pub(super) fn set_fetch_aside(&mut self) {
        let fetch = match &mut self.status {
            Status::ViewChange(change) => change.cut_fetch_short(),
            Status::Transferring(fetch) => Some(fetch.cut_short()),
            Status::Joining(joining) => Some(joining.fetch().cut_short()),
            Status::Recovering(recovering) => recovering.fetch().map(Fetch::cut_short),
            Status::Primary(_) | Status::Backup(_) | Status::Outside | Status::Halted => None,
        };
        if fetch.is_some() {
            self.set_aside = fetch;
        }
    }

    pub(super) fn on_transfer_beat(&mut self, out: &mut Outbox<Self>) {
        if let Status::Transferring(fetch) = &mut self.status {
            fetch.on_beat(out);
        }
        self.on_silent_beat(out);
    }

    pub(super) fn on_get_state(
        &mut self,
        from: NodeId,
        view: View,
        after: OpNumber,
        (snapshot, offset): (OpNumber, u64),
        out: &mut Outbox<Self>,
    ) {
        if view != self.view && view != self.log_view {
            return ignore(from, Reason::OtherView, out);
        }
        if !self.has_log_of_view_for(from, view) {
            return ignore(from, Reason::OtherStatus, out);
        }
        self.note_asking(from);
        let (op, commit) = (self.log.op(), self.commit);
        let message = match self.log.after(after, self.config.entries_bytes_max) {
            Some(entries) => Message::NewState {
                view,
                after: after.min(op),
                entries,
                op,
                commit,
            },
            None => {
                let (piece_bytes_max, checkpoint) = (self.config.piece_bytes_max, self.serve(snapshot));
                Message::NewSnapshot {
                    view,
                    base: checkpoint.base,
                    piece: checkpoint.whole.piece(offset, piece_bytes_max),
                }
            }
        };
        out.send(from, message);
    }

    /// Whether it has the log with which `view` began, or that was reported to `asker` for it.
    fn has_log_of_view_for(&self, asker: NodeId, view: View) -> bool {
        let is_reported = matches!(self.status, Status::ViewChange(_))
            && view == self.view
            && asker == self.beginning.members.primary_of(view);
        is_reported || (self.can_serve() && view == self.log_view)
    }

    /// Whether others may go by its log: that of v', whatever else it is about.
    pub(super) const fn can_serve(&self) -> bool {
        match self.status {
            Status::Primary(_)
            | Status::Backup(_)
            | Status::ViewChange(_)
            | Status::Transferring(_)
            | Status::Outside => true,
            Status::Recovering(_) | Status::Joining(_) | Status::Halted => false,
        }
    }

    pub(super) fn on_new_state(
        &mut self,
        from: NodeId,
        view: View,
        (after, entries): (OpNumber, Vec<Entry<S::Op>>),
        op: OpNumber,
        commit: OpNumber,
        out: &mut Outbox<Self>,
    ) {
        let Some(fetch) = self.fetch_from(from, view) else {
            return ignore(from, Reason::OtherStatus, out);
        };
        if !fetch.take_entries(after, entries, commit) {
            return ignore(from, Reason::Malformed, out);
        }

        let complete = op <= fetch.reached();
        self.suspicion.hear(self.me);
        match &self.status {
            Status::ViewChange(_) => self.begin_view_if_complete(out),
            Status::Transferring(_) | Status::Recovering(_) | Status::Joining(_) if complete => {
                self.finish_fetch(view, from, commit, out);
                return;
            }
            _ => (),
        }
        self.ask_on(from, view, out);
    }

    pub(super) fn on_new_snapshot(
        &mut self,
        from: NodeId,
        view: View,
        base: Base,
        piece: &Piece,
        out: &mut Outbox<Self>,
    ) {
        let Some(fetch) = self.fetch_from(from, view) else {
            return ignore(from, Reason::OtherStatus, out);
        };
        if fetch.take_piece(base, piece) {
            self.suspicion.hear(self.me);
            self.ask_on(from, view, out);
        }
    }

    fn ask_on(&mut self, from: NodeId, view: View, out: &mut Outbox<Self>) {
        if let Some(fetch) = self.fetch_from(from, view) {
            fetch.ask(out);
        }
    }

    /// Everything has come: it is a backup of `view` from now on.
    fn finish_fetch(&mut self, view: View, from: NodeId, commit: OpNumber, out: &mut Outbox<Self>) {
        let status = std::mem::replace(&mut self.status, Status::Halted);
        let fetched = match status {
            Status::Transferring(fetch) => Some(fetch.finish()),
            Status::Recovering(recovering) => self.end_recovery(recovering, view, out),
            Status::Joining(joining) => return self.finish_joining(joining, view, commit, out),
            Status::Primary(_)
            | Status::Backup(_)
            | Status::ViewChange(_)
            | Status::Outside
            | Status::Halted => None,
        };
        let fetched = fetched.expect("only a status with a fetch gets here");
        self.follow(view, from, fetched, commit, out);
    }

    /// The fetch under way from `from` of the log of `view`.
    fn fetch_from(&mut self, from: NodeId, view: View) -> Option<&mut Fetch<S>> {
        let fetch = match &mut self.status {
            Status::ViewChange(change) => change.fetch_from(from),
            Status::Transferring(fetch) => Some(fetch),
            Status::Recovering(recovering) => recovering.fetch(),
            Status::Joining(joining) => Some(joining.fetch()),
            Status::Primary(_) | Status::Backup(_) | Status::Outside | Status::Halted => None,
        };
        fetch.filter(|fetch| fetch.source() == from && fetch.view() == view)
    }
}
