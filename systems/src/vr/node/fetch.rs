//! What is fetched from another replica, put aside until it is complete: nothing of one's own is given up before.

use crate::node_id::NodeId;
use crate::replica::Outbox;
use crate::service::{Machine, Service};
use crate::transfer::{Arrival, Incoming, Piece, Whole};
use crate::vr::log::{Base, Entry};
use crate::vr::message::Message;
use crate::vr::node::Node;
use crate::vr::view::{OpNumber, View};

/// A question is asked again after so many silent beats, and then after twice as many, and so on.
const ASK_AGAIN_AFTER_BEATS: u32 = 4;

/// A fetch under way.
#[derive(Debug, Clone)]
pub(super) struct Fetch<S: Service> {
    source: NodeId,
    view: View,
    fetched: Fetched<S>,
    /// A snapshot of which pieces have come, and where it stands.
    incoming: Incoming,
    incoming_base: Base,
    /// Everything up to here is committed, as the source has told.
    committed: OpNumber,
    silent: u32,
}

/// What has been fetched so far.
#[derive(Debug, Clone)]
pub(super) struct Fetched<S: Service> {
    /// In the place of everything up to `after`.
    pub(super) snapshot: Option<Box<Snapshot<S>>>,
    /// The entries follow this place.
    pub(super) after: OpNumber,
    pub(super) entries: Vec<Entry<S::Op>>,
}

/// A snapshot that has come whole.
#[derive(Debug, Clone)]
pub(super) struct Snapshot<S: Service> {
    pub(super) base: Base,
    pub(super) machine: Machine<S>,
    pub(super) whole: Whole,
}

impl<S: Service> Fetched<S> {
    /// Nothing, after `op`.
    pub(super) const fn nothing(op: OpNumber) -> Self {
        Self::of(op, Vec::new())
    }

    /// `entries`, after `after`.
    pub(super) const fn of(after: OpNumber, entries: Vec<Entry<S::Op>>) -> Self {
        Self {
            snapshot: None,
            after,
            entries,
        }
    }

    /// Up to where it reaches.
    pub(super) fn reached(&self) -> OpNumber {
        self.after.plus(self.entries.len())
    }
}

impl<S: Service> Fetch<S> {
    /// What follows `after` in the log of `view`, from `source`.
    pub(super) fn new(source: NodeId, view: View, after: OpNumber) -> Self {
        Self {
            source,
            view,
            fetched: Fetched::nothing(after),
            incoming: Incoming::default(),
            incoming_base: Base::default(),
            committed: OpNumber::ZERO,
            silent: 0,
        }
    }

    /// What has come so far; nothing is left here.
    pub(super) fn cut_short(&mut self) -> Self {
        std::mem::replace(self, Self::new(self.source, self.view, OpNumber::ZERO))
    }

    /// The same from the log of another `view`, at `source`. What is committed is the same there, and need not come again.
    pub(super) fn turned_to(mut self, source: NodeId, view: View) -> Self {
        let kept = self.committed.since(self.fetched.after);
        self.fetched.entries.truncate(kept);
        Self {
            source,
            view,
            silent: 0,
            ..self
        }
    }

    /// Whether what has come goes on from where everything up to `commit` is carried out.
    pub(super) fn continues(&self, commit: OpNumber) -> bool {
        match &self.fetched.snapshot {
            Some(_) => commit < self.fetched.after,
            None => commit == self.fetched.after,
        }
    }

    pub(super) const fn source(&self) -> NodeId {
        self.source
    }

    pub(super) const fn view(&self) -> View {
        self.view
    }

    pub(super) fn reached(&self) -> OpNumber {
        self.fetched.reached()
    }

    pub(super) fn finish(self) -> Fetched<S> {
        self.fetched
    }

    /// Asks for what comes next.
    pub(super) fn ask(&self, out: &mut Outbox<Node<S>>) {
        let message = Message::GetState {
            view: self.view,
            after: self.reached(),
            snapshot: self.incoming_base.op,
            offset: self.incoming.bytes(),
        };
        out.send(self.source, message);
    }

    /// A beat goes by; asks again when nothing has come for a while.
    pub(super) fn on_beat(&mut self, out: &mut Outbox<Node<S>>) {
        self.silent = self.silent.saturating_add(1);
        let waits = self.silent / ASK_AGAIN_AFTER_BEATS;
        if self.silent.is_multiple_of(ASK_AGAIN_AFTER_BEATS) && waits.is_power_of_two() {
            self.ask(out);
        }
    }

    /// Takes in entries that continue what is here, from one that knows of everything up to `commit` that it is committed. Whether they did.
    pub(super) fn take_entries(
        &mut self,
        after: OpNumber,
        entries: Vec<Entry<S::Op>>,
        commit: OpNumber,
    ) -> bool {
        let known = self.reached().since(after);
        if self.reached() < after || entries.len() < known {
            return false;
        }
        self.fetched.entries.extend(entries.into_iter().skip(known));
        self.committed = commit.max(self.committed);
        self.silent = 0;
        true
    }

    /// Takes in a piece of a snapshot. Whether there is more to ask for now.
    pub(super) fn take_piece(&mut self, base: Base, piece: &Piece) -> bool {
        if base.op <= self.reached() {
            return false;
        }
        if self.incoming_base != base {
            (self.incoming, self.incoming_base) = (Incoming::default(), base);
        }
        let before = self.incoming.bytes();
        match self.incoming.accept(piece) {
            Arrival::Partial => before < self.incoming.bytes() && self.revive(),
            Arrival::Broken => false,
            Arrival::Whole(bytes) => self.take_snapshot(base, bytes),
        }
    }

    fn take_snapshot(&mut self, base: Base, bytes: Vec<u8>) -> bool {
        let Ok(machine) = Machine::restore(&bytes) else {
            return false;
        };
        let whole = Whole::new(bytes);
        self.fetched = Fetched {
            snapshot: Some(Box::new(Snapshot { base, machine, whole })),
            ..Fetched::nothing(base.op)
        };
        self.revive()
    }

    fn revive(&mut self) -> bool {
        self.silent = 0;
        true
    }
}
