//! What a replica finds on its disk when it comes to life, and all of it anew when that has grown long.

use crate::group::Epoch;
use crate::replica::Boot;
use crate::service::{Machine, Service};
use crate::time::Time;
use crate::transfer::{Arrival, Incoming, Whole};
use crate::vr::Config;
use crate::vr::beginning::Beginning;
use crate::vr::log::{Base, Entry, Log};
use crate::vr::members::Members;
use crate::vr::message::{Beat, Record};
use crate::vr::node::backup::Backup;
use crate::vr::node::checkpoint::Checkpoint;
use crate::vr::node::suspicion::Suspicion;
use crate::vr::node::{Life, Node, Status, flawed};
use crate::vr::view::{OpNumber, View};

/// What the records say so far.
struct Found<S: Service> {
    beginning: Beginning,
    view: View,
    log_view: View,
    log: Log<S::Op>,
    machine: Machine<S>,
    checkpoint: Checkpoint,
    incoming: Incoming,
}

/// The records contradict each other.
struct Contradiction;

impl<S: Service> Node<S> {
    pub(super) fn from_disk(config: &Config, boot: Boot, records: Vec<Record<S::Op>>) -> Self {
        let life = if records.is_empty() {
            Life::First
        } else {
            Life::Restarted
        };
        let kept = if flawed::is_diskless(config) {
            Vec::new()
        } else {
            records
        };
        let (found, sound) = Found::read(config, kept);
        Self {
            config: config.clone(),
            me: boot.node,
            incarnation: boot.incarnation,
            life,
            beginning: found.beginning,
            handover: None,
            view: found.view,
            log_view: found.log_view,
            commit: found.checkpoint.base.op,
            log: found.log,
            machine: found.machine,
            checkpoint: found.checkpoint,
            status: match sound {
                Ok(()) => Status::Backup(Backup::default()),
                Err(Contradiction) => Status::Halted,
            },
            suspicion: Suspicion::default(),
            set_aside: None,
            serving: None,
            beat: Beat::first_of(boot.incarnation),
            now: Time::ZERO,
            promised_until: Time::ZERO,
        }
    }

    /// Everything that is durable, in as few records as it takes.
    pub(super) fn records(&self) -> Vec<Record<S::Op>> {
        let base = self.checkpoint.base;
        let mut records = Vec::new();
        if OpNumber::ZERO < base.op {
            let pieces = self.checkpoint.whole.pieces(crate::vr::PIECE_BYTES_MAX);
            records.extend(pieces.map(|piece| Record::Snapshot { base, piece }));
        }
        records.push(Record::Begins(self.log.base()));
        if Epoch::FIRST < self.beginning.epoch {
            records.push(Record::Epoch(self.beginning.clone()));
        }
        let mut after = self.log.base().op;
        records.push(Record::Installed {
            view: self.log_view,
            after,
            entries: Vec::new(),
        });
        while after < self.log.op() {
            let entries = self.log.after(after, crate::vr::ENTRIES_BYTES_MAX);
            let entries = entries.expect("a log has what follows its base");
            let next = after.plus(entries.len());
            records.push(Record::Appended { after, entries });
            after = next;
        }
        records.push(Record::View(self.view));
        records
    }
}

impl<S: Service> Found<S> {
    fn read(config: &Config, records: Vec<Record<S::Op>>) -> (Self, Result<(), Contradiction>) {
        let mut found = Self {
            beginning: Beginning::first(Members::new(config.members.iter().copied())),
            view: View::FIRST,
            log_view: View::FIRST,
            log: Log::new(Base::default()),
            machine: Machine::new(config.clients_max),
            checkpoint: Checkpoint::default(),
            incoming: Incoming::default(),
        };
        let sound = records.into_iter().try_for_each(|record| found.replay(record));
        let sound = sound.and_then(|()| found.check());
        (found, sound)
    }

    fn replay(&mut self, record: Record<S::Op>) -> Result<(), Contradiction> {
        match record {
            Record::Snapshot { base, piece } => match self.incoming.accept(&piece) {
                Arrival::Partial => Ok(()),
                Arrival::Broken => Err(Contradiction),
                Arrival::Whole(bytes) => self.restore(base, bytes),
            },
            Record::Begins(base) => {
                self.log = Log::new(base);
                Ok(())
            }
            Record::View(view) => {
                self.view = view;
                Ok(())
            }
            Record::Installed { view, after, entries } => {
                (self.view, self.log_view) = (view, view);
                self.continue_log(after, entries)
            }
            Record::Epoch(beginning) => {
                (self.view, self.log_view) = (beginning.view(), beginning.view());
                self.beginning = beginning;
                Ok(())
            }
            Record::Appended { after, entries } => self.continue_log(after, entries),
        }
    }

    fn restore(&mut self, base: Base, bytes: Vec<u8>) -> Result<(), Contradiction> {
        self.machine = Machine::restore(&bytes).map_err(|_| Contradiction)?;
        self.checkpoint = Checkpoint::new(base, Whole::new(bytes));
        Ok(())
    }

    fn continue_log(&mut self, after: OpNumber, entries: Vec<Entry<S::Op>>) -> Result<(), Contradiction> {
        if after < self.log.base().op || self.log.op() < after {
            return Err(Contradiction);
        }
        self.log.truncate(after);
        entries.into_iter().for_each(|entry| self.log.push(entry));
        Ok(())
    }

    /// The log reaches from the snapshot, or from before it, on, and to where the epoch began.
    fn check(&self) -> Result<(), Contradiction> {
        let snapshot = self.checkpoint.base.op;
        let last = snapshot.max(self.beginning.op);
        let reaches = self.log.base().op <= snapshot && last <= self.log.op();
        if reaches { Ok(()) } else { Err(Contradiction) }
    }
}
