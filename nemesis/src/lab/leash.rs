//! The leash: a socket whose one end only the outer process holds. Over the other the chain says how far it has come; when the
//! outer end closes, for whatever reason, the chain ends.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::Signal;

/// A step on the way into the lab that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Making the user namespace and mapping its ids.
    Users,
    /// Making the namespaces of processes, mounts, networks and names.
    Namespaces,
    /// Making mounts private and mounting a new /proc.
    Mounts,
    /// Starting the next process of the chain.
    Spawn,
}

/// A step that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) error: io::Error,
}

/// What the chain says to the outer process.
#[derive(Debug)]
pub(super) enum Word {
    /// The user namespace is made; its ids are to be mapped now, by somebody who is outside of it.
    MapIds,
    /// The chain cannot go on.
    Failed(Failure),
}

/// What the outer process says to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The ids are mapped.
    Mapped,
    /// Pass this signal on to the engine.
    Signal(Signal),
}

const WORD_BYTES: usize = 5;
const WORD_MAP_IDS: u8 = 0;
const ORDER_MAPPED: u8 = 0;
const STEPS: [Step; 4] = [Step::Users, Step::Namespaces, Step::Mounts, Step::Spawn];

/// One end of the leash.
#[derive(Debug)]
pub(super) struct Leash(UnixStream);

impl Leash {
    /// The outer end and the chain's.
    pub(super) fn pair() -> io::Result<(Self, Self)> {
        let (outer, chain) = UnixStream::pair()?;
        Ok((Self(outer), Self(chain)))
    }

    /// Lets the next process started have this end too, under the number returned. The caller must be the only thread.
    pub(super) fn hand_down(&self) -> io::Result<RawFd> {
        fcntl(&self.0, FcntlArg::F_SETFD(FdFlag::empty()))?;
        Ok(self.0.as_raw_fd())
    }

    /// The end handed down under this number, which the next process does not have.
    pub(super) fn inherited(number: RawFd) -> io::Result<Self> {
        if number <= libc::STDERR_FILENO {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: borrowed for one call, which fails when there is no such descriptor.
        fcntl(
            unsafe { BorrowedFd::borrow_raw(number) },
            FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC),
        )?;
        // SAFETY: it is open, and nothing else in this young process owns what was handed down to it.
        Ok(Self(UnixStream::from(unsafe { OwnedFd::from_raw_fd(number) })))
    }

    /// Says that there will be no more orders; what the chain still has to say can be heard.
    pub(super) fn let_go(&self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }

    pub(super) fn limit_reads(&self, limit: Duration) -> io::Result<()> {
        self.0.set_read_timeout(Some(limit))
    }

    pub(super) fn say(&self, word: &Word) -> io::Result<()> {
        let (tag, errno) = match word {
            Word::MapIds => (WORD_MAP_IDS, 0),
            Word::Failed(Failure { step, error }) => (*step as u8 + 1, error.raw_os_error().unwrap_or(0)),
        };
        let mut bytes = [tag; WORD_BYTES];
        bytes[1..].copy_from_slice(&errno.to_le_bytes());
        (&self.0).write_all(&bytes)
    }

    /// The chain's next word; an error when the chain has ended.
    pub(super) fn hear(&self) -> io::Result<Word> {
        let mut bytes = [0; WORD_BYTES];
        (&self.0).read_exact(&mut bytes)?;
        let [tag, errno @ ..] = bytes;
        let Some(step) = tag.checked_sub(1) else {
            return Ok(Word::MapIds);
        };
        let step = *STEPS.get(usize::from(step)).ok_or(io::ErrorKind::InvalidData)?;
        let error = io::Error::from_raw_os_error(i32::from_le_bytes(errno));
        Ok(Word::Failed(Failure { step, error }))
    }

    pub(super) fn order(&self, order: Order) -> io::Result<()> {
        let byte = match order {
            Order::Mapped => ORDER_MAPPED,
            Order::Signal(signal) => u8::try_from(signal as i32).expect("signals are numbered up to 64"),
        };
        (&self.0).write_all(&[byte])
    }

    /// The outer process's next order; an error when it has ended.
    pub(super) fn obey(&self) -> io::Result<Order> {
        let mut byte = [0];
        (&self.0).read_exact(&mut byte)?;
        match byte[0] {
            ORDER_MAPPED => Ok(Order::Mapped),
            number => Ok(Order::Signal(Signal::try_from(i32::from(number))?)),
        }
    }
}

impl AsFd for Leash {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Failure {
    /// For `map_err`: the step that failed.
    pub(super) fn at<E: Into<io::Error>>(step: Step) -> impl FnOnce(E) -> Self {
        move |error| Self {
            step,
            error: error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Leash, Order, STEPS, Signal, Word};

    #[test]
    fn each_failure_arrives_as_it_was_told() {
        let (outer, chain) = Leash::pair().unwrap();
        for step in STEPS {
            let error = std::io::Error::from_raw_os_error(libc::EPERM);
            chain.say(&Word::Failed(Failure { step, error })).unwrap();
            let Word::Failed(heard) = outer.hear().unwrap() else {
                panic!("no failure was heard")
            };
            assert_eq!(
                (heard.step, heard.error.raw_os_error()),
                (step, Some(libc::EPERM))
            );
        }
        chain.say(&Word::MapIds).unwrap();
        assert!(matches!(outer.hear().unwrap(), Word::MapIds));
    }

    #[test]
    fn each_order_arrives_as_it_was_given() {
        let (outer, chain) = Leash::pair().unwrap();
        for order in [
            Order::Mapped,
            Order::Signal(Signal::SIGINT),
            Order::Signal(Signal::SIGTERM),
        ] {
            outer.order(order).unwrap();
            assert_eq!(chain.obey().unwrap(), order);
        }
    }

    #[test]
    fn a_leash_that_is_let_go_is_felt_and_still_heard() {
        let (outer, chain) = Leash::pair().unwrap();
        outer.let_go().unwrap();
        assert!(chain.obey().is_err());
        chain.say(&Word::MapIds).unwrap();
        assert!(matches!(outer.hear().unwrap(), Word::MapIds));
        drop(chain);
        assert!(outer.hear().is_err());
    }
}
