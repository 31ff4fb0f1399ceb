//! From one view to the next: everybody who has left reports what it has to the next primary, which takes up the newest log.
//!
//! The newest log is the one of the latest view in which its owner was normal, and of those the longest. The stamps of the entries say
//! nothing about that: an entry that survived into a later view keeps its stamp. Logs do not travel in the reports; the new primary
//! fetches what it lacks from the one that has it, who changes nothing in the meantime.

use std::collections::BTreeMap;

use crate::node_id::NodeId;
use crate::replica::Outbox;
use crate::service::Service;
use crate::vr::event::{Event, Reason};
use crate::vr::log::Entry;
use crate::vr::message::{Message, Report, Role, Stance};
use crate::vr::node::fetch::{Fetch, Fetched};
use crate::vr::node::{Node, Status, flawed, ignore};
use crate::vr::view::{OpNumber, View};

/// What belongs to a change of view.
#[derive(Debug, Clone)]
pub(super) struct ViewChange<S: Service> {
    /// At the primary of the view to come: what has been reported, its own report included.
    reports: BTreeMap<NodeId, Report>,
    /// At the same: how the log of the view is fetched.
    choice: Option<Choice<S>>,
}

/// The log a view begins with, at another replica.
#[derive(Debug, Clone)]
struct Choice<S: Service> {
    fetch: Fetch<S>,
    op: OpNumber,
}

impl<S: Service> ViewChange<S> {
    /// The fetch under way from `from`.
    pub(super) fn fetch_from(&mut self, from: NodeId) -> Option<&mut Fetch<S>> {
        let fetch = self.choice.as_mut().map(|choice| &mut choice.fetch);
        fetch.filter(|fetch| fetch.source() == from)
    }

    /// What was fetched, when the view does not begin.
    pub(super) fn cut_fetch_short(&mut self) -> Option<Fetch<S>> {
        self.choice.take().map(|choice| choice.fetch)
    }

    /// Everything up to here is committed, by all reports.
    fn commit(&self) -> OpNumber {
        self.reports
            .values()
            .map(|report| report.commit)
            .max()
            .unwrap_or_default()
    }

    /// The least that anybody is known to have committed.
    fn commit_min(&self) -> OpNumber {
        self.reports
            .values()
            .map(|report| report.commit)
            .min()
            .unwrap_or_default()
    }
}

impl<S: Service> Node<S> {
    /// Its view has not begun: tells everybody, and reports to its primary.
    pub(super) fn begin_view_change(&mut self, out: &mut Outbox<Self>) {
        self.set_fetch_aside();
        self.status = Status::ViewChange(ViewChange {
            reports: BTreeMap::new(),
            choice: None,
        });
        let (view, report) = (self.view, self.report());
        out.observe(Event::Reported { view, report });
        self.announce_change(out);
        if self.role() == Role::Primary {
            self.note_report(self.me, report, out);
        }
    }

    fn announce_change(&self, out: &mut Outbox<Self>) {
        let (view, stance) = (self.view, Stance::Left);
        self.send_to_others(&Message::StartViewChange { view, stance }, out);
        let primary = self.beginning.members.primary_of(view);
        if primary != self.me {
            let report = self.report();
            out.send(primary, Message::DoViewChange { view, report });
        }
    }

    fn report(&self) -> Report {
        Report {
            log_view: self.log_view,
            last_stamp: self.log.last_stamp(),
            op: self.log.op(),
            commit: self.commit,
        }
    }

    pub(super) fn on_view_change_beat(&mut self, out: &mut Outbox<Self>) {
        self.announce_change(out);
        if let Status::ViewChange(ViewChange {
            choice: Some(choice), ..
        }) = &mut self.status
        {
            choice.fetch.on_beat(out);
        }
        self.on_unbegun_beat(out);
    }

    pub(super) fn on_do_view_change(
        &mut self,
        from: NodeId,
        view: View,
        report: Report,
        out: &mut Outbox<Self>,
    ) {
        if !self.takes_part() {
            return ignore(from, Reason::Recovering, out);
        }
        if view < self.view {
            return ignore(from, Reason::OldView, out);
        }
        if self.beginning.members.primary_of(view) != self.me {
            return ignore(from, Reason::Stranger, out);
        }
        // Whoever reports has left, because enough wished it.
        if self.view < view {
            self.enter(view, out);
        }
        if self.view == view {
            self.note_report(from, report, out);
        }
    }

    fn note_report(&mut self, from: NodeId, report: Report, out: &mut Outbox<Self>) {
        let majority = self.beginning.members.majority();
        let Status::ViewChange(change) = &mut self.status else {
            return;
        };
        if change.choice.is_some() {
            return;
        }
        change.reports.insert(from, report);
        if majority <= change.reports.len() {
            self.choose_log(out);
        }
    }

    /// Enough have reported: whose log the view begins with is decided.
    fn choose_log(&mut self, out: &mut Outbox<Self>) {
        let Status::ViewChange(change) = &mut self.status else {
            return;
        };
        let (me, own) = (self.me, change.reports.get(&self.me).copied());
        let rank = |node: NodeId, report: Report| (flawed::rank(report, &self.config), node == me);
        let best = change
            .reports
            .iter()
            .max_by_key(|&(&node, &report)| rank(node, report));
        let (Some((&from, &best)), Some(own)) = (best, own) else {
            return;
        };
        out.observe(Event::LogChosen {
            view: self.view,
            reports: change
                .reports
                .iter()
                .map(|(&node, &report)| (node, report))
                .collect(),
            from,
        });
        if from == me {
            return self.begin_view(Fetched::nothing(self.log.op()), out);
        }
        let after = if best.log_view == own.log_view {
            own.op
        } else {
            own.commit
        };
        let (fetch, op) = (self.fetch(from, self.view, after.min(best.op)), best.op);
        fetch.ask(out);
        if let Status::ViewChange(change) = &mut self.status {
            change.choice = Some(Choice { fetch, op });
        }
        self.begin_view_if_complete(out);
    }

    /// More of the chosen log has come.
    pub(super) fn begin_view_if_complete(&mut self, out: &mut Outbox<Self>) {
        let Status::ViewChange(ViewChange { choice, .. }) = &mut self.status else {
            return;
        };
        if let Some(Choice { fetch, .. }) = choice.take_if(|choice| choice.op <= choice.fetch.reached()) {
            self.begin_view(fetch.finish(), out);
        }
    }

    /// It is the primary of its view from now on, with the log that was chosen.
    fn begin_view(&mut self, fetched: Fetched<S>, out: &mut Outbox<Self>) {
        let Status::ViewChange(change) = &self.status else {
            return;
        };
        let (commit, commit_min) = (change.commit(), change.commit_min());
        self.install(self.view, fetched, out);
        self.send_start_view(commit_min, commit, out);
        self.commit_through(commit, out);
        self.advance_commit(out);
    }

    /// Tells everybody that the view has begun, with as much of the log as goes into one message.
    fn send_start_view(&self, after: OpNumber, commit: OpNumber, out: &mut Outbox<Self>) {
        let (view, op) = (self.view, self.log.op());
        let after = after.max(self.log.base().op).min(op);
        let entries = self.log.after(after, self.config.entries_bytes_max);
        let message = Message::StartView {
            view,
            after,
            entries: entries.unwrap_or_default(),
            op,
            commit: commit.min(op),
        };
        self.send_to_others(&message, out);
    }

    pub(super) fn on_start_view(
        &mut self,
        from: NodeId,
        view: View,
        (after, entries): (OpNumber, Vec<Entry<S::Op>>),
        op: OpNumber,
        commit: OpNumber,
        out: &mut Outbox<Self>,
    ) {
        if from != self.beginning.members.primary_of(view) {
            return ignore(from, Reason::Stranger, out);
        }
        if !self.takes_part() {
            return ignore(from, Reason::Recovering, out);
        }
        let old = view < self.view || (view == self.view && self.normal().is_some());
        if old && !flawed::installs_older_views(self, view) {
            return ignore(from, Reason::OldView, out);
        }

        let fits = after <= self.commit && self.commit <= op && after.plus(entries.len()) == op;
        if !fits {
            return self.begin_transfer(view, from, out);
        }
        if let Status::Primary(primary) = &self.status {
            primary.redirect(Some(from), out);
        }
        let known = self.commit.since(after);
        let fetched = Fetched::of(self.commit, entries.into_iter().skip(known).collect());
        self.follow(view, from, fetched, commit, out);
    }
}
