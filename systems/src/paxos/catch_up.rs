//! How a node gets what others know to be decided: value by value, or, when those are not kept any more, as a snapshot in pieces.
//!
//! The one that lacks something asks, and asks again when nothing comes, less and less often. The one that is asked keeps nothing but
//! the snapshots it is sending: few, and not for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::node_id::NodeId;
use crate::paxos::ballot::Slot;
use crate::paxos::consensus::Consensus;
use crate::paxos::message::Message;
use crate::paxos::{Config, Node, SENDING_MAX, SENDING_SILENCE_MAX};
use crate::replica::Outbox;
use crate::time::Time;
use crate::transfer::{Arrival, Incoming, Piece, Whole};

/// Both halves of a node's catching up.
#[derive(Debug, Clone, Default)]
pub(super) struct CatchUp {
    asked: Option<Asked>,
    incoming: Incoming,
    sending: BTreeMap<NodeId, Sending>,
}

/// A question that is open.
#[derive(Debug, Clone, Copy)]
struct Asked {
    whom: NodeId,
    at: Time,
    /// How long to wait before it is put again.
    wait: Duration,
}

/// A snapshot on its way to a node.
#[derive(Debug, Clone)]
struct Sending {
    through: Slot,
    whole: Whole,
    /// The bytes that are known to have arrived.
    confirmed: u64,
    heard: Time,
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
        let wait = match self.asked {
            Some(asked) if asked.whom == whom && now.since(asked.at) < asked.wait => return,
            Some(asked) if asked.whom == whom => (asked.wait * 2).min(config.patience_max),
            Some(_) | None => config.resend_after,
        };
        self.asked = Some(Asked { whom, at: now, wait });
        out.send(whom, Message::Fetch { from });
    }

    /// Something has come of the question: the next may be put at once.
    pub(super) fn answered(&mut self) {
        self.asked = None;
    }

    /// A node asks what was decided from `from` on.
    pub(super) fn on_fetch(
        &mut self,
        now: Time,
        whom: NodeId,
        from: Slot,
        consensus: &Consensus,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        self.sending
            .retain(|_, sending| now.since(sending.heard) < SENDING_SILENCE_MAX);
        match consensus.chosen(from, config) {
            Some(entries) => {
                self.sending.remove(&whom);
                out.send(
                    whom,
                    Message::Chosen {
                        first: from,
                        entries,
                        committed: consensus.committed(),
                    },
                );
            }
            None => self.send_snapshot(now, whom, from, consensus, config, out),
        }
    }

    fn send_snapshot(
        &mut self,
        now: Time,
        whom: NodeId,
        from: Slot,
        consensus: &Consensus,
        config: &Config,
        out: &mut Outbox<Node>,
    ) {
        let is_sent = self
            .sending
            .get(&whom)
            .is_some_and(|sending| from <= sending.through);
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
            };
            self.sending.insert(whom, sending);
        }
        if let Some(sending) = self.sending.get_mut(&whom) {
            sending.heard = now;
            sending.send_piece(whom, config, out);
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
        sending.send_piece(whom, config, out);
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
        let arrival = self.incoming.accept(piece);
        let (bytes, arrived) = match arrival {
            Arrival::Partial => (self.incoming.bytes(), None),
            Arrival::Whole(snapshot) => (piece.total, Some(Arrived { through, snapshot })),
            Arrival::Broken => return None,
        };
        out.send(from, Message::SnapshotProgress { through, bytes });
        let wait = config.resend_after;
        self.asked = Some(Asked {
            whom: from,
            at: now,
            wait,
        });
        arrived
    }
}

impl Sending {
    fn send_piece(&self, whom: NodeId, config: &Config, out: &mut Outbox<Node>) {
        let piece = self.whole.piece(self.confirmed, config.piece_bytes_max);
        let through = self.through;
        out.send(whom, Message::Snapshot { through, piece });
    }
}
