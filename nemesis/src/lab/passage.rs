//! Trying a line: a datagram is sent over it, and what becomes of it is looked at. Works on an idle line, and on one whose
//! receiver is paused or dead: the lab's own sockets live in every host.

use std::io;
use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use super::host::{Host, PROBE_PORT};
use super::line::Line;

/// How long a probe may take beyond what the line's shape lets it take: long enough for a switch that waits for a processor.
const PROBE_LIMIT: Duration = Duration::from_secs(1);

/// How often a probe is repeated on a line that may have lost it.
const REPEAT_INTERVAL: Duration = Duration::from_millis(50);

/// How often is looked.
const LOOK_INTERVAL: Duration = Duration::from_micros(20);

/// What became of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// The receiving host has it.
    Arrived,
    /// The line is cut: the switch dropped it, or another packet of the line meanwhile, and forwarded none.
    Dropped,
    /// None arrived within the limit, though the line is not cut.
    Lost,
}

/// Sends probes until one arrives or is seen to be dropped. `mark` must be another each time.
pub(super) fn probe(from: &Host, to: &Host, line: &Line, mark: u64) -> io::Result<Passage> {
    drain(&to.probe)?;
    let held = line
        .shape()
        .map_or(Duration::ZERO, |shape| shape.delay + shape.jitter);
    let limit = Instant::now() + PROBE_LIMIT + held;
    while Instant::now() < limit {
        let before = line.counters();
        from.probe
            .send_to(&mark.to_le_bytes(), (to.address, PROBE_PORT))?;
        let patience = (Instant::now() + REPEAT_INTERVAL + held).min(limit);
        while Instant::now() < patience {
            if has_arrived(&to.probe, mark)? {
                return Ok(Passage::Arrived);
            }
            let now = line.counters();
            if line.is_cut() && now.forwarded > before.forwarded {
                // One that was past the cut when it was made. There can be no second, so try again.
                break;
            }
            if line.is_cut() && now.dropped > before.dropped {
                return Ok(Passage::Dropped);
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }
    Ok(Passage::Lost)
}

/// Takes away what earlier probes have left.
fn drain(socket: &UdpSocket) -> io::Result<()> {
    while receive(socket)?.is_some() {}
    Ok(())
}

fn has_arrived(socket: &UdpSocket, mark: u64) -> io::Result<bool> {
    while let Some(received) = receive(socket)? {
        if received == mark {
            return Ok(true);
        }
    }
    Ok(false)
}

fn receive(socket: &UdpSocket) -> io::Result<Option<u64>> {
    let mut bytes = [0; size_of::<u64>()];
    match socket.recv(&mut bytes) {
        // Anybody may send anything here; what is too short is padded and nobody's mark.
        Ok(_) => Ok(Some(u64::from_le_bytes(bytes))),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        // An ICMP error for an earlier probe, told late.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(None),
        Err(error) => Err(error),
    }
}
