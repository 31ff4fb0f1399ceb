//! Sending a whole state to a new backup, piece by piece, each piece after the one before has been confirmed.
//!
//! The state is frozen when the transfer begins. Operations that arrive meanwhile wait behind it, so that it stands at one
//! place in the order of all operations: after those of earlier views, before those of this one.

use crate::pb::message::SyncPiece;
use crate::pb::reminder::Reminder;
use crate::pb::view::View;
use crate::pb::{Config, SYNC_BYTES_MAX};
use crate::service::Machine;
use crate::service::digest::Digest;
use crate::service::kv::KeyValue;

/// The primary's half.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    snapshot: Vec<u8>,
    digest: Digest,
    /// Bytes the backup has confirmed without a gap.
    confirmed: usize,
    piece_bytes_max: usize,
    pub(crate) reminder: Reminder,
}

/// The backup's half.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incoming {
    received: Vec<u8>,
}

/// What a piece led to.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// More is to come, or the piece did not continue what is here.
    Partial,
    /// That was the last one, and the whole is sound.
    Whole(Box<Machine<KeyValue>>),
    /// The piece contradicts itself or a limit, or the whole is not what was sent; it starts over.
    Broken,
}

impl Outgoing {
    pub(crate) fn new(machine: &Machine<KeyValue>, config: &Config) -> Self {
        let snapshot = machine.snapshot();
        let digest = Digest::of(&snapshot);
        let piece_bytes_max = config.sync_piece_bytes_max.max(1);
        Self {
            snapshot,
            digest,
            confirmed: 0,
            piece_bytes_max,
            reminder: Reminder::new(config),
        }
    }

    /// The piece that is due.
    pub(crate) fn piece(&self, view: &View) -> SyncPiece {
        let end = self.snapshot.len().min(self.confirmed + self.piece_bytes_max);
        SyncPiece {
            bytes: self.snapshot[self.confirmed..end].to_vec(),
            ..self.question(view)
        }
    }

    /// The same without content, to ask whether it has come.
    pub(crate) fn question(&self, view: &View) -> SyncPiece {
        let (total, offset) = (self.snapshot.len() as u64, self.confirmed as u64);
        SyncPiece {
            view: view.clone(),
            total,
            digest: self.digest,
            offset,
            bytes: Vec::new(),
        }
    }

    /// The backup answers to the piece at `asked` that it has `bytes` without a gap. Whether a piece must be sent now.
    pub(crate) fn on_progress(&mut self, asked: u64, bytes: u64) -> bool {
        let Ok(bytes) = usize::try_from(bytes) else {
            return false;
        };
        if asked != self.confirmed as u64 || self.snapshot.len() <= bytes {
            return false;
        }
        if bytes == self.confirmed {
            return self.reminder.stalled();
        }
        self.confirmed = bytes;
        self.reminder.progressed();
        true
    }
}

impl Incoming {
    /// How many bytes are here without a gap.
    pub(crate) fn bytes(&self) -> u64 {
        self.received.len() as u64
    }

    /// Adds `piece` if it continues what is here.
    pub(crate) fn accept(&mut self, piece: &SyncPiece) -> Arrival {
        let end = piece.offset.saturating_add(piece.bytes.len() as u64);
        if SYNC_BYTES_MAX < piece.total || piece.total < end {
            return Arrival::Broken;
        }
        if piece.offset == self.bytes() {
            self.received.extend_from_slice(&piece.bytes);
        }
        if self.bytes() < piece.total {
            Arrival::Partial
        } else {
            self.finish(piece.digest)
        }
    }

    fn finish(&mut self, digest: Digest) -> Arrival {
        let snapshot = std::mem::take(&mut self.received);
        if Digest::of(&snapshot) != digest {
            return Arrival::Broken;
        }
        Machine::restore(&snapshot).map_or(Arrival::Broken, |machine| Arrival::Whole(Box::new(machine)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrival, Incoming, Outgoing};
    use crate::node_id::NodeId;
    use crate::pb::Config;
    use crate::pb::view::{Member, View, ViewNumber};
    use crate::replica::{ClientId, Incarnation};
    use crate::service::Machine;
    use crate::service::client_table::RequestNumber;
    use crate::service::kv::{KeyValue, Op};

    fn machine() -> Machine<KeyValue> {
        let mut machine = Machine::new(4);
        for request in 1..=20 {
            let op = Op::Append {
                key: format!("k{request}"),
                value: "x".repeat(10),
            };
            machine.apply(ClientId(1), RequestNumber(request), &op);
        }
        machine
    }

    fn outgoing() -> (Outgoing, View) {
        let primary = Member {
            node: NodeId::replica(1),
            incarnation: Incarnation(1),
        };
        let mut config = Config::new(NodeId::replica(9), Vec::new());
        config.sync_piece_bytes_max = 64;
        (
            Outgoing::new(&machine(), &config),
            View {
                number: ViewNumber(2),
                primary,
                backup: None,
            },
        )
    }

    #[test]
    fn a_state_sent_in_pieces_arrives_whole_though_every_piece_comes_twice() {
        let ((mut outgoing, view), mut incoming) = (outgoing(), Incoming::default());
        for _ in 0..100 {
            let piece = outgoing.piece(&view);
            assert!(piece.bytes.len() <= 64);
            for copy in [&piece, &piece] {
                match incoming.accept(copy) {
                    Arrival::Partial => (),
                    Arrival::Whole(arrived) => return assert_eq!(*arrived, machine()),
                    Arrival::Broken => panic!("a sound piece was called broken"),
                }
            }
            assert!(outgoing.on_progress(piece.offset, incoming.bytes()));
        }
        panic!("the transfer does not end");
    }

    #[test]
    fn a_late_answer_to_an_earlier_piece_sends_nothing_again() {
        let (mut outgoing, _) = outgoing();
        assert!(outgoing.on_progress(0, 64));
        outgoing.reminder.ask();
        assert!(!outgoing.on_progress(0, 64), "that piece was confirmed already");
        assert!(outgoing.on_progress(64, 64), "asked, and nothing has come");
    }

    #[test]
    fn a_damaged_state_is_not_installed_and_starts_over() {
        let ((mut outgoing, view), mut incoming) = (outgoing(), Incoming::default());
        outgoing.piece_bytes_max = usize::MAX;
        let mut piece = outgoing.piece(&view);
        piece.bytes[10] ^= 1;
        assert!(matches!(incoming.accept(&piece), Arrival::Broken));
        assert_eq!(incoming.bytes(), 0);
    }

    #[test]
    fn a_piece_beyond_the_limits_is_refused() {
        let ((outgoing, view), mut incoming) = (outgoing(), Incoming::default());
        let mut piece = outgoing.piece(&view);
        piece.offset = u64::MAX;
        assert!(matches!(incoming.accept(&piece), Arrival::Broken));
    }
}
