//! Becoming normal in a view: the one place where a log is replaced. It happens as a whole or not at all.

use crate::node_id::NodeId;
use crate::replica::Outbox;
use crate::service::Service;
use crate::vr::ENTRIES_BYTES_MAX;
use crate::vr::event::Event;
use crate::vr::message::{Record, Role};
use crate::vr::node::backup::Backup;
use crate::vr::node::checkpoint::Checkpoint;
use crate::vr::node::fetch::{Fetched, Snapshot};
use crate::vr::node::primary::Primary;
use crate::vr::node::{Node, Status, flawed};
use crate::vr::view::{OpNumber, View};

impl<S: Service> Node<S> {
    /// It is a backup of `view` from now on, with what came from its primary.
    pub(super) fn follow(
        &mut self,
        view: View,
        primary: NodeId,
        fetched: Fetched<S>,
        commit: OpNumber,
        out: &mut Outbox<Self>,
    ) {
        self.install(view, fetched, out);
        self.acknowledge(primary, view, self.log.op(), out);
        self.commit_through(commit, out);
    }

    /// It is normal in `view` from now on. Its log is what was fetched, and before that what is committed.
    pub(super) fn install(&mut self, view: View, fetched: Fetched<S>, out: &mut Outbox<Self>) {
        if fetched.reached() < self.commit {
            flawed::roll_back(self, &fetched);
        }
        self.set_aside = None;
        let after = fetched.after;
        let whole = fetched.snapshot.is_some();
        if let Some(snapshot) = fetched.snapshot {
            self.take_over(*snapshot, out);
        }
        self.log.truncate(after);
        for entry in &fetched.entries {
            self.log.push(entry.clone());
        }
        let joins = self.log_view.epoch < view.epoch;
        (self.view, self.log_view) = (view, view);
        if joins || whole || ENTRIES_BYTES_MAX < self.log.bytes_after(after) {
            out.compact(self.records());
        } else {
            let entries = fetched.entries;
            out.persist(Record::Installed { view, after, entries });
        }
        if joins {
            self.announce_epoch(out);
        }
        out.observe(Event::Installed {
            view,
            role: self.role(),
            after,
            entries: self.logged(after).collect(),
        });
        self.become_normal(out);
    }

    /// A snapshot takes the place of everything up to where it stands.
    fn take_over(&mut self, snapshot: Snapshot<S>, out: &mut Outbox<Self>) {
        let Snapshot { base, machine, whole } = snapshot;
        out.observe(Event::SnapshotInstalled {
            base,
            digest: machine.digest(),
        });
        self.log = crate::vr::Log::new(base);
        (self.machine, self.commit) = (machine, base.op);
        self.checkpoint = Checkpoint::new(base, whole);
    }

    /// Takes up its part in its view; that is none if it is not a member.
    pub(super) fn become_normal(&mut self, out: &mut Outbox<Self>) {
        let (view, role) = (self.view, self.role());
        if !self.is_member() {
            self.status = Status::Outside;
            return out.observe(Event::Outside { view });
        }
        out.observe(Event::Normal { view, role });
        self.suspicion.settle(self.me);
        self.status = match role {
            Role::Backup => Status::Backup(Backup::default()),
            Role::Primary => Status::Primary(self.primary()),
        };
    }

    fn primary(&self) -> Primary<S> {
        let others = self.beginning.members.others(self.me);
        let mut primary = Primary::new(self.log.op(), others, self.beat.next());
        for (entry, _) in self.log.prefixes_after(self.commit) {
            primary.note_pending(&entry.command);
        }
        primary
    }
}
