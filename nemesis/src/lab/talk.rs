//! What the engine and a node's keeper say to each other over a socket pair.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// What the engine asks of a keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// Stop every process of the node.
    Stop,
    /// Let them go on.
    Continue,
    /// Kill them all, and end.
    Kill,
}

/// What a keeper tells the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// The server runs.
    Ready,
    /// The server could not be started, and why. The last report.
    Failed(String),
    /// The last request has been carried out.
    Done,
    /// The server has left, with this status. The last report.
    Left(ExitStatus),
}

const READY: u8 = 0;
const FAILED: u8 = 1;
const DONE: u8 = 2;
const LEFT: u8 = 3;

impl Request {
    const ALL: [Self; 3] = [Self::Stop, Self::Continue, Self::Kill];

    pub(super) fn send(self, mut socket: &UnixStream) -> io::Result<()> {
        socket.write_all(&[self as u8])
    }

    /// The next request; an error when the engine has let go.
    pub(super) fn receive(mut socket: &UnixStream) -> io::Result<Self> {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        Self::ALL
            .get(usize::from(byte[0]))
            .copied()
            .ok_or(io::ErrorKind::InvalidData.into())
    }
}

impl Report {
    pub(super) fn send(&self, mut socket: &UnixStream) -> io::Result<()> {
        let mut bytes = Vec::new();
        match self {
            Self::Ready => bytes.push(READY),
            Self::Done => bytes.push(DONE),
            Self::Failed(why) => {
                bytes.push(FAILED);
                bytes.extend_from_slice(why.as_bytes());
            }
            Self::Left(status) => {
                bytes.push(LEFT);
                bytes.extend_from_slice(&status.into_raw().to_le_bytes());
            }
        }
        socket.write_all(&bytes)
    }

    /// The next report; an error when the keeper has ended.
    pub(super) fn receive(mut socket: &UnixStream) -> io::Result<Self> {
        let mut tag = [0];
        socket.read_exact(&mut tag)?;
        match tag[0] {
            READY => Ok(Self::Ready),
            DONE => Ok(Self::Done),
            FAILED => {
                let mut why = String::new();
                socket.read_to_string(&mut why)?;
                Ok(Self::Failed(why))
            }
            LEFT => {
                let mut status = [0; 4];
                socket.read_exact(&mut status)?;
                Ok(Self::Left(ExitStatus::from_raw(i32::from_le_bytes(status))))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::{Report, Request};

    #[test]
    fn requests_and_reports_arrive_as_they_were_sent() {
        let (engine, keeper) = UnixStream::pair().unwrap();
        for request in Request::ALL {
            request.send(&engine).unwrap();
            assert_eq!(Request::receive(&keeper).unwrap(), request);
        }
        let left = Report::Left(ExitStatus::from_raw(9));
        let reports = [
            Report::Ready,
            Report::Done,
            left,
            Report::Failed("no such file".to_owned()),
        ];
        for report in &reports {
            report.send(&keeper).unwrap();
        }
        drop(keeper);
        for report in reports {
            assert_eq!(Report::receive(&engine).unwrap(), report);
        }
        assert!(Report::receive(&engine).is_err());
    }
}
