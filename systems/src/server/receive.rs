//! Bytes that arrive, cut into frames.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::codec::{CodecError, FRAME_PAYLOAD_MAX, Parsed, Position, parse};

/// Room made for one read. It bounds how many small frames one connection can hand over at a time.
const READ_BYTES: usize = 16 * 1024;

/// Room made for one read while a longer frame is arriving.
const READ_LONG_BYTES: usize = 256 * 1024;

/// What has arrived on a connection and is not yet a whole frame.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    buffer: BytesMut,
    missing: usize,
}

impl Receiver {
    /// Reads once, however much is there. `false` when the other side has ended the connection.
    ///
    /// Cancelling it loses nothing.
    pub(super) async fn read(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        Ok(from.read_buf(self.room()).await? != 0)
    }

    /// Where the next read may put its bytes.
    pub(super) fn room(&mut self) -> &mut BytesMut {
        self.buffer
            .reserve(self.missing.clamp(READ_BYTES, READ_LONG_BYTES));
        &mut self.buffer
    }

    /// The next payload, if it is whole.
    pub(super) fn payload(&mut self, payload_max: usize) -> Result<Option<Bytes>, CodecError> {
        match parse(&self.buffer, Position::WIRE, payload_max)? {
            Parsed::Partial(length) => {
                self.missing = length - self.buffer.len();
                Ok(None)
            }
            Parsed::Whole(payload) => {
                let frame = self.buffer.split_to(payload.end).freeze();
                Ok(Some(frame.slice(payload)))
            }
        }
    }

    /// All payloads that are whole.
    pub(super) fn payloads(&mut self) -> Result<Vec<Bytes>, CodecError> {
        let mut payloads = Vec::new();
        while let Some(payload) = self.payload(FRAME_PAYLOAD_MAX)? {
            payloads.push(payload);
        }
        Ok(payloads)
    }
}
