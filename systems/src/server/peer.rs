//! The one connection on which this node sends to another.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing::debug;

use super::clock;
use super::queue::Queue;
use super::socket;
use crate::codec::{Hello, Speaker};
use crate::node_id::NodeId;

/// The shortest time between the beginnings of two attempts to connect.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Sends to `peer` what waits in `queue`, on one connection after another, for ever.
pub(super) async fn speak(me: NodeId, peer: NodeId, address: SocketAddr, queue: Rc<Queue>) {
    let mut pause = PAUSE_MIN;
    loop {
        let begun = clock::now();
        let error = match socket::connect(address).await {
            Ok(stream) => converse(stream, me, &queue).await,
            Err(error) => {
                // Whoever cannot be reached gets old news only: rather lose them than deliver them all after the heal.
                let lost = queue.clear();
                debug!(%peer, lost, "lost what waited for a node that cannot be reached");
                error
            }
        };
        debug!(%peer, %address, %error, "connection ended, making another");
        // A connection that lasted is made anew at once; one that is refused again and again, ever more slowly.
        let lasted = clock::now().since(begun);
        pause = if PAUSE_MAX <= lasted {
            PAUSE_MIN
        } else {
            (2 * pause).min(PAUSE_MAX)
        };
        clock::until(Some(begun + pause)).await;
    }
}

/// Uses a connection until it breaks, and returns why it did.
async fn converse(mut stream: TcpStream, me: NodeId, queue: &Queue) -> io::Error {
    if let Err(error) = socket::watch_node(&stream) {
        return error;
    }
    let (reader, writer) = stream.split();
    let hello = Hello {
        from: Speaker::Node(me),
    }
    .encode();
    tokio::select! {
        error = hang_up(reader) => error,
        error = pump(queue, writer, hello) => error,
    }
}

/// Waits for the other side to end the connection. It never says anything on it.
async fn hang_up(mut reader: impl AsyncRead + Unpin) -> io::Error {
    let mut ignored = [0; 64];
    loop {
        match reader.read(&mut ignored).await {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

/// Writes `buffer` and then everything that waits in `queue`, until the connection breaks or the queue is closed.
pub(super) async fn pump(
    queue: &Queue,
    mut writer: impl AsyncWrite + Unpin,
    mut buffer: Vec<u8>,
) -> io::Error {
    loop {
        if let Err(error) = writer.write_all(&buffer).await {
            return error;
        }
        buffer.clear();
        if queue.take(&mut buffer).await.is_none() {
            return io::ErrorKind::ConnectionAborted.into();
        }
    }
}
