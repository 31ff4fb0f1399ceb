//! Sending a whole state to a new backup, piece by piece, each piece after the one before has been confirmed.
//!
//! The state is frozen when the transfer begins. Operations that arrive meanwhile wait behind it, so that it stands at one
//! place in the order of all operations: after those of earlier views, before those of this one.

use crate::pb::Config;
use crate::pb::message::SyncPiece;
use crate::pb::reminder::Reminder;
use crate::pb::view::View;
use crate::service::Machine;
use crate::service::kv::KeyValue;
use crate::transfer::{self, Piece, Whole};

/// The primary's half.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    snapshot: Whole,
    /// Bytes the backup has confirmed without a gap.
    confirmed: u64,
    piece_bytes_max: usize,
    pub(crate) reminder: Reminder,
}

/// The backup's half.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incoming(transfer::Incoming);

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
        Self {
            snapshot: Whole::new(machine.snapshot()),
            confirmed: 0,
            piece_bytes_max: config.sync_piece_bytes_max.max(1),
            reminder: Reminder::new(config),
        }
    }

    /// The piece that is due.
    pub(crate) fn piece(&self, view: &View) -> SyncPiece {
        sync_piece(view, self.snapshot.piece(self.confirmed, self.piece_bytes_max))
    }

    /// The same without content, to ask whether it has come.
    pub(crate) fn question(&self, view: &View) -> SyncPiece {
        sync_piece(view, self.snapshot.piece(self.confirmed, 0))
    }

    /// The backup answers to the piece at `asked` that it has `bytes` without a gap. Whether a piece must be sent now.
    pub(crate) fn on_progress(&mut self, asked: u64, bytes: u64) -> bool {
        if asked != self.confirmed || self.snapshot.len() <= bytes {
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
        self.0.bytes()
    }

    /// Adds `piece` if it continues what is here.
    pub(crate) fn accept(&mut self, piece: &Piece) -> Arrival {
        match self.0.accept(piece) {
            transfer::Arrival::Partial => Arrival::Partial,
            transfer::Arrival::Broken => Arrival::Broken,
            transfer::Arrival::Whole(snapshot) => Machine::restore(&snapshot)
                .map_or(Arrival::Broken, |machine| Arrival::Whole(Box::new(machine))),
        }
    }
}

fn sync_piece(view: &View, piece: Piece) -> SyncPiece {
    let view = view.clone();
    SyncPiece { view, piece }
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
            assert!(piece.piece.bytes.len() <= 64);
            for copy in [&piece.piece, &piece.piece] {
                match incoming.accept(copy) {
                    Arrival::Partial => (),
                    Arrival::Whole(arrived) => return assert_eq!(*arrived, machine()),
                    Arrival::Broken => panic!("a sound piece was called broken"),
                }
            }
            assert!(outgoing.on_progress(piece.piece.offset, incoming.bytes()));
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
}
