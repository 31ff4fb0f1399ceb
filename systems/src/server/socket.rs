//! Connections that notice within about a second that the other side is gone.
//!
//! A cut network says nothing. Left to itself, TCP sends again after 0.2, 0.6, 1.4, 3 .. seconds, and once the cut is healed waits for
//! the next of these times: after nine seconds of cut, for four more. So a connection on which data stays unacknowledged
//! for [`UNACKNOWLEDGED_MAX`] is given up (`TCP_USER_TIMEOUT`) and made anew, and a silent one is probed. Making one is tried for no
//! longer than [`CONNECT_WITHIN`], because TCP repeats a lost first packet only after one second. Together they bound the time from
//! a heal to the next message that arrives by the longer of the two plus a round trip.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// How long one attempt to connect may take.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_millis(500);

/// How long data on a connection between nodes may stay unacknowledged.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(1);

/// How long data on a connection to a client may: answers that come late are answers, and the client decides when it has waited enough.
const UNACKNOWLEDGED_CLIENT_MAX: Duration = Duration::from_secs(10);

/// A silent connection is probed after this time, and again each time it passes without an answer.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Unanswered probes after which a connection is given up.
const PROBES_MAX: u32 = 5;

/// Connects to a node, for a node.
pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let attempt = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address));
    let stream = attempt
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    // On loopback a socket that knocks at a free port of its own range can end up connected to itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Makes a connection that was opened to a node notice when the node is gone.
pub(super) fn watch_node(stream: &TcpStream) -> io::Result<()> {
    watch(stream, UNACKNOWLEDGED_MAX)
}

/// Makes a connection that was accepted notice when the other side is gone.
pub(super) fn watch_accepted(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    watch(stream, UNACKNOWLEDGED_CLIENT_MAX)
}

fn watch(stream: &TcpStream, unacknowledged_max: Duration) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(PROBE_EVERY)
            .with_interval(PROBE_EVERY)
            .with_retries(PROBES_MAX),
    )?;
    // Other systems than Linux have no such option; there the probes have to do.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(unacknowledged_max))?;
    #[cfg(not(target_os = "linux"))]
    let _ = unacknowledged_max;
    Ok(())
}
