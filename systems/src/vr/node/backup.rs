//! A replica as backup in its view: takes the primary's entries in their order, and says how far it has come.

use crate::node_id::NodeId;
use crate::replica::Outbox;
use crate::service::Service;
use crate::vr::event::{Event, Reason};
use crate::vr::log::Entry;
use crate::vr::message::{Beat, Message, Record};
use crate::vr::node::{Node, Status, flawed, ignore};
use crate::vr::view::{OpNumber, View};
use crate::vr::{ECHO_AGE_SILENCES, NotesRule};

/// What belongs to a backup.
#[derive(Debug, Clone, Default)]
pub(super) struct Backup {
    /// The furthest it has said to be, for its event log.
    told: OpNumber,
    /// The last beat it has heard.
    beat: Beat,
}

impl<S: Service> Node<S> {
    pub(super) fn on_prepare(
        &mut self,
        from: NodeId,
        view: View,
        after: OpNumber,
        entries: Vec<Entry<S::Op>>,
        commit: OpNumber,
        out: &mut Outbox<Self>,
    ) {
        if !flawed::follows_old_view(self, view) && !self.follows(from, view, out) {
            return;
        }
        let end = after.plus(entries.len());
        if after <= self.log.op() {
            self.append(view, after, entries, out);
        }
        self.acknowledge(
            from,
            view,
            flawed::acknowledged(self.log.op(), end, &self.config),
            out,
        );
        if !self.config.goes_by(NotesRule::NoCommitNumber) {
            self.commit_through(commit, out);
        }
    }

    /// Takes over the entries it does not have yet; those of one view at one place are the same.
    fn append(&mut self, view: View, after: OpNumber, entries: Vec<Entry<S::Op>>, out: &mut Outbox<Self>) {
        let top = self.log.op();
        let fresh: Vec<Entry<S::Op>> = entries.into_iter().skip(top.since(after)).collect();
        if fresh.is_empty() {
            return;
        }
        for entry in &fresh {
            self.log.push(entry.clone());
        }
        let count = fresh.len();
        out.persist(Record::Appended {
            after: top,
            entries: fresh,
        });
        self.observe_appended(view, top, count, out);
    }

    pub(super) fn on_commit(
        &mut self,
        from: NodeId,
        view: View,
        commit: OpNumber,
        (beat, echo): (Beat, Option<Beat>),
        out: &mut Outbox<Self>,
    ) {
        if !self.follows(from, view, out) {
            return;
        }
        if let Status::Backup(backup) = &mut self.status {
            backup.beat = beat;
        }
        self.note_sign_of_life(echo);
        self.promise();
        self.acknowledge(from, view, self.log.op(), out);
        self.commit_through(commit, out);
    }

    /// The primary lives, if it has heard this replica of late. Beats may wait on a slow link for longer than their sender lives.
    fn note_sign_of_life(&mut self, echo: Option<Beat>) {
        let beats = self.config.suspect_after_beats.saturating_mul(ECHO_AGE_SILENCES);
        if echo.is_some_and(|echo| echo.is_recent(self.beat, beats)) {
            self.suspicion.hear(self.me);
        }
    }

    /// What it lacks is not in the primary's log any more.
    pub(super) fn on_compacted(&mut self, from: NodeId, view: View, out: &mut Outbox<Self>) {
        if self.follows(from, view, out) {
            self.begin_transfer(view, from, out);
        }
    }

    /// Whether `from` is the primary that this replica follows in `view`. If it is one that it should follow, it is on its way.
    fn follows(&mut self, from: NodeId, view: View, out: &mut Outbox<Self>) -> bool {
        if from != self.beginning.members.primary_of(view) {
            ignore(from, Reason::Stranger, out);
            return false;
        }
        if !self.takes_part() {
            ignore(from, Reason::Recovering, out);
            return false;
        }
        if view < self.view {
            ignore(from, Reason::OldView, out);
            return false;
        }
        match &self.status {
            Status::Backup(_) if view == self.view => true,
            Status::Transferring(_) if view == self.view => false,
            _ => {
                self.begin_transfer(view, from, out);
                false
            }
        }
    }

    /// Tells the primary that everything up to `through` is in its log.
    pub(super) fn acknowledge(&mut self, to: NodeId, view: View, through: OpNumber, out: &mut Outbox<Self>) {
        let mut beat = Beat::ZERO;
        if let Status::Backup(backup) = &mut self.status {
            beat = backup.beat;
            if backup.told < through {
                backup.told = through;
                out.observe(Event::Prepared { view, through });
            }
        }
        let message = Message::PrepareOk {
            view,
            through,
            beat,
            at: self.beat,
        };
        out.send(to, message);
    }
}
