//! Snapshots, so that a log need not grow for ever: taken now and then, kept with the end of the log, and given to whoever needs what
//! the log does not have any more.
//!
//! One is taken when at least as many bytes of commands have been carried out since the last as that one is long. So taking them costs
//! no more than a constant share of the work, however large the store is.

use crate::replica::Outbox;
use crate::service::Service;
use crate::transfer::Whole;
use crate::vr::event::Event;
use crate::vr::log::Base;
use crate::vr::node::Node;
use crate::vr::view::OpNumber;
use crate::vr::{CHECKPOINT_BYTES, KEPT_BYTES_MAX};

/// The last snapshot that was taken.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    /// Where it stands in the log.
    pub(super) base: Base,
    /// The machine at that place.
    pub(super) whole: Whole,
    /// The bytes of commands carried out since.
    bytes_since: u64,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self::new(Base::default(), Whole::new(Vec::new()))
    }
}

impl Checkpoint {
    pub(super) const fn new(base: Base, whole: Whole) -> Self {
        Self {
            base,
            whole,
            bytes_since: 0,
        }
    }

    /// A command of so many bytes was carried out.
    pub(super) fn note(&mut self, bytes: usize) {
        self.bytes_since += bytes as u64;
    }

    fn is_due(&self, commit: OpNumber, ops: usize) -> bool {
        let enough = ops <= commit.since(self.base.op) || CHECKPOINT_BYTES as u64 <= self.bytes_since;
        enough && self.whole.len() <= self.bytes_since
    }
}

impl<S: Service> Node<S> {
    pub(super) fn take_checkpoint_if_due(&mut self, out: &mut Outbox<Self>) {
        if !self.checkpoint.is_due(self.commit, self.config.checkpoint_ops) {
            return;
        }
        let op = self.commit;
        let Some(prefix) = self.log.prefix(op) else {
            return;
        };
        self.checkpoint = Checkpoint::new(Base { op, prefix }, Whole::new(self.machine.snapshot()));
        self.forget_before(op);
        out.compact(self.records());
        out.observe(Event::Checkpointed {
            op,
            digest: self.machine.digest(),
            base: self.log.base().op,
        });
    }

    /// Drops what is before `op` but for a little.
    fn forget_before(&mut self, op: OpNumber) {
        let keep = self.config.checkpoint_ops as u64;
        self.log.forget_through(OpNumber(op.0.saturating_sub(keep)));
        let mut excess = self
            .log
            .bytes_after(self.log.base().op)
            .saturating_sub(KEPT_BYTES_MAX);
        while 0 < excess && self.log.base().op < op {
            let next = self.log.base().op.next();
            excess = excess.saturating_sub(self.log.bytes_at(next));
            self.log.forget_through(next);
        }
    }
}
