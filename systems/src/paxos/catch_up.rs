//! How a node gets what others know to be decided: value by value, or, when those are not kept any more, as a snapshot in pieces.
//!
//! The one that lacks something asks. When nothing comes it asks again, less and less often and for less and less at once, so that a
//! slow link is not filled with copies. The one that is asked keeps nothing but the snapshots it is sending: few, and not for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::node_id::NodeId;
use crate::paxos::ballot::Slot;
use crate::paxos::consensus::Consensus;
use crate::paxos::message::{Message, Wanted};
use crate::paxos::{Config, FIRST_PAGE_BYTES, Node, SENDING_MAX, SENDING_SILENCE_MAX};
use crate::replica::Outbox;
use crate::time::Time;
use crate::transfer::{Arrival, Incoming, Piece, Whole};

/// Both halves of a node's catching up.
#[derive(Debug, Clone, Default)]
pub(super) struct CatchUp {
    asked: Option<Asked>,
    /// How much may be asked for at once after the last question was answered, in bytes.
    last_bytes_max: Option<usize>,
    incoming: Incoming,
    /// The last slot of the snapshot that `incoming` is part of.
    snapshot: Slot,
    sending: BTreeMap<NodeId, Sending>,
}

/// A question that is open.
#[derive(Debug, Clone, Copy)]
struct Asked {
    whom: NodeId,
    at: Time,
    /// How long to wait before it is put again.
    wait: Duration,
    /// How much was asked for at once, in bytes.
    bytes_max: usize,
}

/// A snapshot on its way to a node.
#[derive(Debug, Clone)]
struct Sending {
    through: Slot,
    whole: Whole,
    /// The bytes that are known to have arrived.
    confirmed: u64,
    heard: Time,
    /// The longest piece sent at once, in bytes; shorter when the receiver had to ask again.
    piece_bytes_max: usize,
}

/// A snapshot that has arrived.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) through: Slot,
    pub(super) snapshot: Vec<u8>,
}

impl CatchUp {
    /// Asks `whom` for what was decided from `from` on, unless the answer to such a question may yet come.
    pub(super) fn ask(
        &mut self,
        now: Time,
        whom: NodeId,
        from: Slot,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        let (wait, bytes_max) = match self.asked {
            Some(asked) if asked.whom == whom && now.since(asked.at) < asked.wait => return,
            Some(asked) if asked.whom == whom => (
                (asked.wait * 2).min(config.patience_max),
                (asked.bytes_max / 4).max(1),
            ),
            Some(_) | None => (config.resend_after, self.bytes_max(config)),
        };
        self.asked = Some(Asked {
            whom,
            at: now,
            wait,
            bytes_max,
        });
        let wanted = Wanted {
            from,
            bytes_max: bytes_max as u64,
            snapshot: self.snapshot,
            received: self.incoming.bytes(),
        };
        out.send(whom, Message::Fetch(wanted));
    }

    /// Something has come of the question: the next may be put at once, and for more.
    pub(super) fn answered(&mut self, config: &Config) {
        if let Some(asked) = self.asked.take() {
            self.last_bytes_max = Some((asked.bytes_max * 2).min(config.page_bytes_max));
        }
    }

    /// Nothing is lacking: the next time it begins small again, for nobody knows what the links are like by then.
    pub(super) const fn rest(&mut self) {
        self.last_bytes_max = None;
    }

    fn bytes_max(&self, config: &Config) -> usize {
        self.last_bytes_max
            .unwrap_or(FIRST_PAGE_BYTES.min(config.page_bytes_max))
    }

    /// A node asks what was decided from `from` on.
    pub(super) fn on_fetch(
        &mut self,
        now: Time,
        whom: NodeId,
        wanted: Wanted,
        consensus: &Consensus,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        self.sending
            .retain(|_, sending| now.since(sending.heard) < SENDING_SILENCE_MAX);
        let bytes_max = usize::try_from(wanted.bytes_max)
            .map_or(config.page_bytes_max, |max| max.min(config.page_bytes_max));
        match consensus.chosen(wanted.from, bytes_max) {
            Some(entries) => {
                self.sending.remove(&whom);
                out.send(
                    whom,
                    Message::Chosen {
                        first: wanted.from,
                        entries,
                        committed: consensus.committed(),
                    },
                );
            }
            None => self.send_snapshot(now, whom, wanted, consensus, config, out),
        }
    }

    fn send_snapshot(
        &mut self,
        now: Time,
        whom: NodeId,
        wanted: Wanted,
        consensus: &Consensus,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        let is_sent = self
            .sending
            .get(&whom)
            .is_some_and(|sending| wanted.from <= sending.through);
        if !is_sent {
            self.sending.remove(&whom);
            if SENDING_MAX <= self.sending.len() {
                return;
            }
            let sending = Sending {
                through: consensus.committed(),
                whole: Whole::new(consensus.machine().snapshot()),
                confirmed: 0,
                heard: now,
                piece_bytes_max: config.piece_bytes_max,
            };
            self.sending.insert(whom, sending);
        }
        if let Some(sending) = self.sending.get_mut(&whom) {
            sending.heard = now;
            sending.continue_from(wanted, config);
            sending.send_piece(whom, out);
        }
    }

    /// A node has received part of a snapshot.
    pub(super) fn on_progress(
        &mut self,
        now: Time,
        whom: NodeId,
        through: Slot,
        bytes: u64,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        let Some(sending) = self.sending.get_mut(&whom) else {
            return;
        };
        if sending.through != through || bytes <= sending.confirmed {
            return;
        }
        if sending.whole.len() <= bytes {
            self.sending.remove(&whom);
            return;
        }
        (sending.confirmed, sending.heard) = (bytes, now);
        sending.piece_bytes_max = (sending.piece_bytes_max * 2).min(config.piece_bytes_max);
        sending.send_piece(whom, out);
    }

    /// A piece of a snapshot has come. Returns the whole when it was the last one.
    pub(super) fn on_piece(
        &mut self,
        now: Time,
        from: NodeId,
        through: Slot,
        piece: &Piece,
        config: &Config,
        out: &mut Outbox<Node>,
    ) -> Option<Arrived> {
        if self.snapshot != through {
            (self.snapshot, self.incoming) = (through, Incoming::default());
        }
        let arrival = self.incoming.accept(piece);
        let (bytes, arrived) = match arrival {
            Arrival::Partial => (self.incoming.bytes(), None),
            Arrival::Whole(snapshot) => (piece.total, Some(Arrived { through, snapshot })),
            Arrival::Broken => return None,
        };
        out.send(from, Message::SnapshotProgress { through, bytes });
        let bytes_max = self
            .asked
            .map_or(config.piece_bytes_max, |asked| asked.bytes_max * 2);
        self.asked = Some(Asked {
            whom: from,
            at: now,
            wait: config.resend_after,
            bytes_max: bytes_max.min(config.piece_bytes_max),
        });
        arrived
    }
}

impl Sending {
    /// The receiver knows best how much of it there is.
    fn continue_from(&mut self, wanted: Wanted, config: &Config) {
        let known = wanted.snapshot == self.through;
        self.confirmed = if known {
            wanted.received.min(self.whole.len())
        } else {
            0
        };
        let bytes_max = usize::try_from(wanted.bytes_max).unwrap_or(usize::MAX);
        self.piece_bytes_max = bytes_max.clamp(1, config.piece_bytes_max);
    }

    fn send_piece(&self, whom: NodeId, out: &mut Outbox<Node>) {
        let piece = self.whole.piece(self.confirmed, self.piece_bytes_max);
        let through = self.through;
        out.send(whom, Message::Snapshot { through, piece });
    }
}
