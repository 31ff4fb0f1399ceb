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
use crate::vr::{CHECKPOINT_BYTES, KEPT_BYTES_MAX, NotesRule};

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

/// A snapshot that is being fetched. It stays until it has come, or a slow fetch would begin anew with each newer one.
#[derive(Debug, Clone)]
pub(super) struct Serving {
    checkpoint: Checkpoint,
    /// So many beats ago it was last asked for.
    silent: u32,
}

/// A snapshot is given up that has not been asked for so many times the silence after which a primary is.
const SERVED_SILENCES: u32 = 4;

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
        let never = self.config.goes_by(NotesRule::NoSnapshots);
        if never || !self.checkpoint.is_due(self.commit, self.config.checkpoint_ops) {
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

    /// The snapshot at `op` if it is still there, else the newest; it stays for whoever asks on.
    pub(super) fn serve(&mut self, op: OpNumber) -> &Checkpoint {
        let current = || Serving {
            checkpoint: self.checkpoint.clone(),
            silent: 0,
        };
        let kept = self
            .serving
            .take()
            .filter(|serving| serving.checkpoint.base.op == op);
        let serving = self.serving.insert(kept.unwrap_or_else(current));
        serving.silent = 0;
        &serving.checkpoint
    }

    pub(super) fn serve_no_longer_than_asked(&mut self) {
        let most = self.config.suspect_after_beats.saturating_mul(SERVED_SILENCES);
        if let Some(serving) = &mut self.serving {
            serving.silent += 1;
        }
        self.serving.take_if(|serving| most < serving.silent);
    }

    /// Drops what is before `op` but for a little, and for what follows a snapshot that is being fetched.
    fn forget_before(&mut self, op: OpNumber) {
        let keep = self.config.checkpoint_ops as u64;
        let served = self
            .serving
            .as_ref()
            .map_or(op, |serving| serving.checkpoint.base.op);
        let through = OpNumber(op.0.saturating_sub(keep)).min(served);
        self.log.forget_through(through);
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
