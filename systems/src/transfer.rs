//! A whole state in pieces: what is too long for one message, or one record, is cut, and put together again on the other side.
//!
//! The state is bytes that were frozen once; every piece says of which whole it is, so that pieces of two wholes are never mixed.
//! Who sends a piece when, and on whose behalf, is the protocols' business.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::service::digest::Digest;

/// The longest state that is accepted, in bytes: a full store and its client table.
pub const WHOLE_BYTES_MAX: u64 = 4 << 30;

/// A piece of a state.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The length of the whole, in bytes.
    pub total: u64,
    /// The digest of the whole.
    pub digest: Digest,
    /// Where this piece starts, in bytes.
    pub offset: u64,
    /// The piece.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// A state that is sent. Copies share the bytes.
#[derive(Clone)]
pub struct Whole {
    bytes: Arc<[u8]>,
    digest: Digest,
}

/// A state of which pieces have come, without a gap.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// The length and the digest of the whole whose pieces these are.
    of: Option<Label>,
    received: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Label {
    total: u64,
    digest: Digest,
}

/// What a piece led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// More is to come, or the piece did not continue what is here.
    Partial,
    /// That was the last one, and the whole is sound. The next piece begins another one.
    Whole(Vec<u8>),
    /// The piece contradicts itself or a limit, or the whole is not what was sent; it starts over.
    Broken,
}

impl Whole {
    /// The state that `bytes` are.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self {
            bytes: bytes.into(),
            digest,
        }
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Its digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes themselves.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The piece at `offset`, of at most `bytes_max` bytes; without content at or beyond the end, or when `bytes_max` is zero.
    #[must_use]
    pub fn piece(&self, offset: u64, bytes_max: usize) -> Piece {
        let offset = offset.min(self.len());
        let rest = &self.bytes[offset as usize..];
        Piece {
            total: self.len(),
            digest: self.digest,
            offset,
            bytes: rest[..rest.len().min(bytes_max)].to_vec(),
        }
    }

    /// All its pieces in order, of at most `bytes_max` bytes each; at least one.
    ///
    /// # Panics
    /// When `bytes_max` is zero.
    pub fn pieces(&self, bytes_max: usize) -> impl Iterator<Item = Piece> {
        assert!(bytes_max > 0, "pieces without content never make a whole");
        let count = self.bytes.len().div_ceil(bytes_max).max(1);
        (0..count).map(move |number| self.piece((number * bytes_max) as u64, bytes_max))
    }
}

impl Incoming {
    /// How many bytes are here without a gap.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.received.len() as u64
    }

    /// Adds `piece` if it continues what is here. A piece of another whole begins that one if it is its first.
    pub fn accept(&mut self, piece: &Piece) -> Arrival {
        let end = piece.offset.saturating_add(piece.bytes.len() as u64);
        if WHOLE_BYTES_MAX < piece.total || piece.total < end {
            return Arrival::Broken;
        }
        let label = Label {
            total: piece.total,
            digest: piece.digest,
        };
        if self.of != Some(label) {
            if piece.offset != 0 {
                return Arrival::Partial;
            }
            self.of = Some(label);
            self.received.clear();
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
        let whole = std::mem::take(self).received;
        if Digest::of(&whole) == digest {
            Arrival::Whole(whole)
        } else {
            Arrival::Broken
        }
    }
}

// The bytes of a store are no pleasure to read.
impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            total,
            digest,
            offset,
            bytes,
        } = self;
        let end = offset.saturating_add(bytes.len() as u64);
        write!(f, "Piece(bytes {offset}..{end} of {total}, digest {digest})")
    }
}

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Whole({} bytes, digest {})", self.len(), self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrival, Incoming, Whole};

    fn whole(seed: u8) -> Whole {
        Whole::new((0..250).map(|byte: u8| byte.wrapping_mul(seed)).collect())
    }

    #[test]
    fn a_state_in_pieces_arrives_whole_though_every_piece_comes_twice() {
        let (whole, mut incoming) = (whole(3), Incoming::default());
        let mut arrived = None;
        for piece in whole.pieces(64) {
            assert!(piece.bytes.len() <= 64);
            for copy in [&piece, &piece] {
                match incoming.accept(copy) {
                    Arrival::Partial => (),
                    Arrival::Whole(bytes) => arrived = Some(bytes),
                    Arrival::Broken => panic!("a sound piece was called broken"),
                }
            }
        }
        assert_eq!(arrived.as_deref(), Some(whole.bytes()));
    }

    #[test]
    fn pieces_of_two_states_are_never_mixed() {
        let (one, other, mut incoming) = (whole(3), whole(5), Incoming::default());
        assert_eq!(incoming.accept(&one.piece(0, 64)), Arrival::Partial);
        assert_eq!(incoming.accept(&other.piece(64, 64)), Arrival::Partial);
        assert_eq!(incoming.bytes(), 64);
        for piece in other.pieces(125) {
            if let Arrival::Whole(bytes) = incoming.accept(&piece) {
                return assert_eq!(bytes, other.bytes());
            }
        }
        panic!("the second state did not arrive");
    }

    #[test]
    fn a_damaged_state_is_not_taken_over_and_starts_over() {
        let mut incoming = Incoming::default();
        let mut piece = whole(3).piece(0, 250);
        piece.bytes[10] ^= 1;
        assert_eq!(incoming.accept(&piece), Arrival::Broken);
        assert_eq!(incoming.bytes(), 0);
    }

    #[test]
    fn a_piece_beyond_the_limits_is_refused() {
        let mut piece = whole(3).piece(0, 64);
        piece.offset = u64::MAX;
        assert_eq!(Incoming::default().accept(&piece), Arrival::Broken);
    }

    #[test]
    fn an_empty_state_is_one_empty_piece() {
        let pieces: Vec<_> = Whole::new(Vec::new()).pieces(64).collect();
        assert_eq!(pieces.len(), 1);
        assert_eq!(Incoming::default().accept(&pieces[0]), Arrival::Whole(Vec::new()));
    }
}
