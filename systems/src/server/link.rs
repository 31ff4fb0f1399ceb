//! A client's connection to one node.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::TcpStream;
use tracing::debug;

use super::clock;
use super::receive::Receiver;
use super::socket;
use crate::codec::{Hello, Speaker};
use crate::replica::ClientId;
use crate::time::Time;

/// How long a connection with unanswered requests may be silent before the next request goes on a new one: after a cut is healed, TCP
/// would let it wait behind everything that was lost.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// Bytes of requests that may wait for the connection; more are lost.
const UNSENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A connection to one node, made lazily. What was written on it may still arrive after it was dropped: the operating system goes
/// on sending for a while, and so duplicates are as late here as they are in life.
pub(super) struct Link {
    state: State,
    unsent: BytesMut,
    receiver: Receiver,
    /// Since when an answer has been waited for and nothing has come.
    silent_since: Option<Time>,
}

enum State {
    Connecting(Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>),
    Connected(TcpStream),
}

impl Link {
    /// A connection to `address` that is attempted at `not_before`. An unknown address cannot be reached.
    pub(super) fn open(client: ClientId, address: Option<SocketAddr>, not_before: Option<Time>) -> Self {
        let connecting = async move {
            if not_before.is_some() {
                clock::until(not_before).await;
            }
            socket::connect(address.ok_or(io::ErrorKind::NotFound)?).await
        };
        let hello = Hello {
            from: Speaker::Client(client),
        }
        .encode();
        Self {
            state: State::Connecting(Box::pin(connecting)),
            unsent: BytesMut::from(&hello[..]),
            receiver: Receiver::default(),
            silent_since: None,
        }
    }

    /// Whether it has been silent for too long to be used again.
    pub(super) fn is_stale(&self, now: Time) -> bool {
        self.silent_since
            .is_some_and(|since| SILENCE_MAX <= now.since(since))
    }

    /// Lets `frame` wait until it can be written.
    pub(super) fn send(&mut self, frame: &[u8], now: Time) {
        if UNSENT_BYTES_MAX < self.unsent.len() + frame.len() {
            debug!("lost a request: too many wait for the connection");
            return;
        }
        self.unsent.extend_from_slice(frame);
        self.silent_since.get_or_insert(now);
    }

    /// Writes what can be written and reads what can be read: payloads, or why the connection ended.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<Bytes>>> {
        if let State::Connecting(connecting) = &mut self.state {
            let stream = ready!(connecting.as_mut().poll(cx))?;
            self.state = State::Connected(stream);
        }
        if let Poll::Ready(Err(error)) = self.poll_write(cx) {
            return Poll::Ready(Err(error));
        }
        self.poll_read(cx)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Connected(stream) = &self.state else {
            return Poll::Pending;
        };
        while !self.unsent.is_empty() {
            match stream.try_write(&self.unsent) {
                Ok(written) => self.unsent.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(stream.poll_write_ready(cx))?
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<Bytes>>> {
        let State::Connected(stream) = &self.state else {
            return Poll::Pending;
        };
        loop {
            ready!(stream.poll_read_ready(cx))?;
            match stream.try_read_buf(self.receiver.room()) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {
                    self.silent_since = None;
                    let payloads = self.receiver.payloads().map_err(io::Error::other)?;
                    if !payloads.is_empty() {
                        return Poll::Ready(Ok(payloads));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Connecting(_) => "connecting",
            State::Connected(_) => "connected",
        };
        write!(
            f,
            "Link({state}, {} bytes unsent, silent since {:?})",
            self.unsent.len(),
            self.silent_since
        )
    }
}
