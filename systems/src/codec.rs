//! Bytes on the wire and on the disk: the one place that makes them and the one that reads them.
//!
//! Everything travels in frames, on a connection and in a file alike:
//!
//! ```text
//! payload length  u32 LE   at most FRAME_PAYLOAD_MAX
//! payload check   u32 LE   CRC-32 of the payload
//! header check    u32 LE   CRC-32 of the frame's position and the eight bytes before
//! payload         what postcard makes of a value
//! ```
//!
//! The header has a check of its own, so that a damaged length is noticed at once and not taken for a frame that has yet to
//! arrive. It covers the frame's position in its file (zero on a connection), so that bytes which merely look like a frame, for
//! instance inside a client's value, are not taken for one by whoever searches a damaged file.
//!
//! Reading never panics, whatever the bytes, and asks for memory in proportion to the bytes that are there (a frame, at most), never
//! to a length they claim. The checks guard against accidents, not against malice: nothing here authenticates anybody.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;
use crate::replica::ClientId;

/// The largest payload of a frame, in bytes. Whoever has more to say sends it in chunks.
pub const FRAME_PAYLOAD_MAX: usize = 16 * 1024 * 1024;

/// The length of a frame's header, in bytes.
pub const FRAME_HEADER_LENGTH: usize = 12;

/// The version of what is said on connections.
pub const WIRE_VERSION: u16 = 1;

/// The largest [`Hello`], in bytes, in any version that may come: nobody may announce a large frame before he said who he is.
pub const HELLO_PAYLOAD_MAX: usize = 256;

/// How every [`Hello`] begins.
const HELLO_MAGIC: [u8; 4] = *b"trib";

/// Where a frame begins in its file, in bytes from the file's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

impl Position {
    /// The position of every frame on a connection.
    pub const WIRE: Self = Self(0);
}

/// What was wrong with bytes, or with a value that should have become bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodecError {
    /// The payload is longer than the bound.
    TooLong {
        /// Its length, in bytes.
        length: u64,
        /// The bound, in bytes.
        bound: usize,
    },
    /// The header does not match its check.
    HeaderDamaged,
    /// The payload does not match its check.
    PayloadDamaged,
    /// The payload is whole, but not of the type that was expected; or the value has no such form.
    Malformed(String),
    /// The first frame of a connection was something else than a [`Hello`].
    NoHello,
    /// The other side speaks another version.
    UnknownVersion(u16),
}

/// What stands at the beginning of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// A whole frame, whose payload lies there; the next frame begins where it ends.
    Whole(Range<usize>),
    /// The beginning of a frame, which is this many bytes long as far as one can tell.
    Partial(usize),
}

/// The first frame of a connection: what is spoken on it and who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// Who opened the connection.
    pub from: Speaker,
}

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Speaker {
    /// A node, which sends messages on it and reads nothing from it.
    Node(NodeId),
    /// A client, which sends requests on it and reads answers from it.
    Client(ClientId),
}

/// The frame of `value`, to lie at `position`.
///
/// # Errors
/// When it is longer than [`FRAME_PAYLOAD_MAX`], or has no serialized form.
pub fn encode<T: Serialize>(value: &T, position: Position) -> Result<Vec<u8>, CodecError> {
    let frame = vec![0; FRAME_HEADER_LENGTH];
    let frame =
        postcard::to_extend(value, frame).map_err(|error| CodecError::Malformed(error.to_string()))?;
    seal(frame, position)
}

/// The frame of `payload` as it is, to lie at `position`.
///
/// # Errors
/// When it is longer than [`FRAME_PAYLOAD_MAX`].
pub fn frame(payload: &[u8], position: Position) -> Result<Vec<u8>, CodecError> {
    let mut frame = Vec::with_capacity(FRAME_HEADER_LENGTH + payload.len());
    frame.resize(FRAME_HEADER_LENGTH, 0);
    frame.extend_from_slice(payload);
    seal(frame, position)
}

/// Fills in the header of a frame that has room for it and its payload.
pub(crate) fn seal(mut frame: Vec<u8>, position: Position) -> Result<Vec<u8>, CodecError> {
    let (header, payload) = frame.split_at_mut(FRAME_HEADER_LENGTH);
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    if FRAME_PAYLOAD_MAX < payload.len() {
        return Err(CodecError::TooLong {
            length: payload.len() as u64,
            bound: FRAME_PAYLOAD_MAX,
        });
    }
    header[0..4].copy_from_slice(&length.to_le_bytes());
    header[4..8].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    let check = header_check(&header[0..8], position);
    header[8..12].copy_from_slice(&check.to_le_bytes());
    Ok(frame)
}

fn header_check(header: &[u8], position: Position) -> u32 {
    let mut check = crc32fast::Hasher::new();
    check.update(&position.0.to_le_bytes());
    check.update(header);
    check.finalize()
}

/// What stands at the beginning of `bytes`, which lie at `position`, when no payload may be longer than `payload_max`.
///
/// # Errors
/// When it is not a frame. Where the next one begins cannot be said then.
pub fn parse(bytes: &[u8], position: Position, payload_max: usize) -> Result<Parsed, CodecError> {
    let Some((header, rest)) = bytes.split_first_chunk::<FRAME_HEADER_LENGTH>() else {
        return Ok(Parsed::Partial(FRAME_HEADER_LENGTH));
    };
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if word(8) != header_check(&header[0..8], position) {
        return Err(CodecError::HeaderDamaged);
    }
    let length = word(0) as usize;
    if payload_max < length {
        return Err(CodecError::TooLong {
            length: u64::from(word(0)),
            bound: payload_max,
        });
    }
    let Some(payload) = rest.get(..length) else {
        return Ok(Parsed::Partial(FRAME_HEADER_LENGTH + length));
    };
    if word(4) != crc32fast::hash(payload) {
        return Err(CodecError::PayloadDamaged);
    }
    Ok(Parsed::Whole(FRAME_HEADER_LENGTH..FRAME_HEADER_LENGTH + length))
}

/// The value a payload stands for; all of the payload must be used.
///
/// `T` must not hold collections of elements without content, such as `Vec<()>`: they take time in proportion to the length claimed.
///
/// # Errors
/// When it stands for no `T`.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CodecError> {
    match postcard::take_from_bytes(payload) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(CodecError::Malformed(format!("{} bytes too many", rest.len()))),
        Err(error) => Err(CodecError::Malformed(error.to_string())),
    }
}

impl Hello {
    /// Its frame.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let mut payload = HELLO_MAGIC.to_vec();
        payload.extend_from_slice(&WIRE_VERSION.to_le_bytes());
        let payload =
            postcard::to_extend(&self.from, payload).expect("a name and a number have a serialized form");
        frame(&payload, Position::WIRE).expect("a hello is far shorter than the longest frame")
    }

    /// The hello that `payload` is. Magic and version stand first in every version, so that a stranger can be told apart.
    ///
    /// # Errors
    /// When it is none, or one of another version.
    pub fn decode(payload: &[u8]) -> Result<Self, CodecError> {
        let rest = payload.strip_prefix(&HELLO_MAGIC).ok_or(CodecError::NoHello)?;
        let (version, rest) = rest.split_first_chunk::<2>().ok_or(CodecError::NoHello)?;
        match u16::from_le_bytes(*version) {
            WIRE_VERSION => Ok(Self { from: decode(rest)? }),
            version => Err(CodecError::UnknownVersion(version)),
        }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, bound } => {
                write!(f, "a payload of {length} bytes exceeds the bound of {bound}")
            }
            Self::HeaderDamaged => write!(f, "the frame's header does not match its check"),
            Self::PayloadDamaged => write!(f, "the frame's payload does not match its check"),
            Self::Malformed(why) => write!(f, "the payload is malformed: {why}"),
            Self::NoHello => write!(f, "the connection does not begin with a hello"),
            Self::UnknownVersion(version) => {
                write!(
                    f,
                    "the other side speaks version {version}, this one speaks {WIRE_VERSION}"
                )
            }
        }
    }
}

impl std::error::Error for CodecError {}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "node {node}"),
            Self::Client(ClientId(client)) => write!(f, "client {client}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::{
        CodecError, FRAME_HEADER_LENGTH, FRAME_PAYLOAD_MAX, HELLO_PAYLOAD_MAX, Hello, Parsed, Position,
        Speaker, decode, encode, frame, parse,
    };
    use crate::node_id::NodeId;
    use crate::replica::ClientId;

    type Value = (Vec<String>, Option<u64>, std::collections::BTreeMap<u8, Vec<u8>>);

    fn position() -> impl Strategy<Value = Position> {
        prop_oneof![Just(Position::WIRE), any::<u64>().prop_map(Position)]
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(value: Value, position in position()) {
            let bytes = encode(&value, position).unwrap();
            let Parsed::Whole(payload) = parse(&bytes, position, FRAME_PAYLOAD_MAX).unwrap() else {
                panic!("the frame is not whole")
            };
            prop_assert_eq!(payload.end, bytes.len());
            prop_assert_eq!(decode::<Value>(&bytes[payload]).unwrap(), value);
        }

        #[test]
        fn a_frame_cut_short_is_partial_and_tells_its_length(payload: Vec<u8>, cut: prop::sample::Index) {
            let bytes = frame(&payload, Position::WIRE).unwrap();
            let cut = cut.index(bytes.len());
            let length = if cut < FRAME_HEADER_LENGTH { FRAME_HEADER_LENGTH } else { bytes.len() };
            let parsed = parse(&bytes[..cut], Position::WIRE, FRAME_PAYLOAD_MAX);
            prop_assert_eq!(parsed, Ok(Parsed::Partial(length)));
        }

        #[test]
        fn one_flipped_bit_is_noticed(payload: Vec<u8>, at: prop::sample::Index, bit in 0..8) {
            let mut bytes = frame(&payload, Position::WIRE).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            let in_header = at < FRAME_HEADER_LENGTH;
            let damage = if in_header { CodecError::HeaderDamaged } else { CodecError::PayloadDamaged };
            prop_assert_eq!(parse(&bytes, Position::WIRE, FRAME_PAYLOAD_MAX), Err(damage));
        }

        #[test]
        fn a_frame_of_another_position_is_none(payload: Vec<u8>, here: u64, there: u64) {
            let bytes = frame(&payload, Position(here)).unwrap();
            let parsed = parse(&bytes, Position(there), FRAME_PAYLOAD_MAX);
            prop_assert_eq!(parsed.is_ok(), here == there);
        }

        #[test]
        fn any_bytes_at_all_are_survived(bytes: Vec<u8>, position in position(), payload_max in 0..2048_usize) {
            if let Ok(Parsed::Whole(payload)) = parse(&bytes, position, payload_max) {
                prop_assert!(payload.len() <= payload_max && payload.end <= bytes.len());
            }
            let _ = decode::<Value>(&bytes);
            let _ = Hello::decode(&bytes);
        }

        #[test]
        fn a_mutated_payload_is_survived(value: Value, mutations: Vec<(prop::sample::Index, u8)>) {
            let mut payload = encode(&value, Position::WIRE).unwrap().split_off(FRAME_HEADER_LENGTH);
            for (at, byte) in mutations {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
            let _ = decode::<Value>(&payload);
        }
    }

    #[test]
    fn a_length_that_lies_is_refused_before_memory_is_asked_for() {
        // A vector that claims 2^60 bytes and brings three.
        let mut payload = vec![0x80; 8];
        payload.extend([0x10, 1, 2, 3]);
        assert!(matches!(
            decode::<Vec<u8>>(&payload),
            Err(CodecError::Malformed(_))
        ));
        assert!(matches!(
            decode::<Vec<(u64, String)>>(&payload),
            Err(CodecError::Malformed(_))
        ));
    }

    #[test]
    fn a_payload_beyond_the_bound_is_neither_made_nor_read() {
        let error = CodecError::TooLong {
            length: 16_777_217,
            bound: FRAME_PAYLOAD_MAX,
        };
        assert_eq!(frame(&vec![0; FRAME_PAYLOAD_MAX + 1], Position::WIRE), Err(error));
        let bytes = frame(&[7; 100], Position::WIRE).unwrap();
        let error = CodecError::TooLong {
            length: 100,
            bound: 99,
        };
        assert_eq!(
            parse(&bytes[..FRAME_HEADER_LENGTH], Position::WIRE, 99),
            Err(error)
        );
    }

    #[test]
    fn bytes_left_over_are_refused() {
        assert!(matches!(decode::<u8>(&[1, 2]), Err(CodecError::Malformed(_))));
    }

    #[test]
    fn a_hello_comes_back_as_it_went() {
        for from in [
            Speaker::Node(NodeId::replica(3)),
            Speaker::Client(ClientId(u64::MAX)),
        ] {
            let bytes = Hello { from }.encode();
            let Ok(Parsed::Whole(payload)) = parse(&bytes, Position::WIRE, HELLO_PAYLOAD_MAX) else {
                panic!("a hello of {from} is too long")
            };
            assert_eq!(Hello::decode(&bytes[payload]), Ok(Hello { from }));
        }
    }

    #[test]
    fn another_version_is_refused_by_its_number() {
        let error = Hello::decode(b"trib\x02\x00whatever").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the other side speaks version 2, this one speaks 1"
        );
        assert_eq!(Hello::decode(b"GET / HTTP/1.1"), Err(CodecError::NoHello));
    }
}
