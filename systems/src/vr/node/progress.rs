//! How far a backup is, as its primary knows, and what it must be sent next.
//!
//! Entries are sent once, and sent again only when the backup, asked by a beat that left after them, says that they have not come. So
//! a slow link is not filled with copies.

use crate::time::Time;
use crate::vr::message::Beat;
use crate::vr::view::OpNumber;

/// How far one backup is.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// The furthest it has said to be.
    pub(super) acked: OpNumber,
    /// Everything up to here has been sent.
    pub(super) sent: OpNumber,
    /// An answer to this beat, or a later one, tells whether what was sent has come.
    tells_from: Beat,
    /// So many beats ago it was last heard.
    pub(super) silent: u32,
    /// The beat of its own that was in what was last heard of it.
    pub(super) at: Option<Beat>,
    /// It stays with this primary for a lease from then on, by the primary's clock.
    pub(super) granted: Option<Time>,
}

/// What an answer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It has everything, or that is on its way.
    Nothing,
    /// It must be sent what follows [`Progress::sent`].
    Send,
}

impl Progress {
    /// A backup that has been sent everything up to `sent`, before the beat `next`.
    pub(super) const fn new(sent: OpNumber, next: Beat) -> Self {
        Self {
            acked: OpNumber::ZERO,
            sent,
            tells_from: next,
            silent: 0,
            at: None,
            granted: None,
        }
    }

    /// It was sent everything up to `sent`, before the beat `next`.
    pub(super) fn note_sent(&mut self, sent: OpNumber, next: Beat) {
        (self.sent, self.tells_from) = (sent, next);
    }

    /// It answers that it has everything up to `through` and has heard `beat`; the log ends at `op`.
    pub(super) fn on_answer(&mut self, through: OpNumber, beat: Beat, op: OpNumber) -> Next {
        self.silent = 0;
        self.acked = self.acked.max(through);
        let lost = through < self.sent && self.tells_from <= beat;
        if lost || self.sent < through {
            self.sent = through;
        }
        if self.sent == through && through < op {
            Next::Send
        } else {
            Next::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Progress};
    use crate::vr::message::Beat;
    use crate::vr::view::OpNumber;

    #[test]
    fn what_was_sent_is_sent_again_only_when_a_later_beat_shows_that_it_has_not_come() {
        let mut backup = Progress::new(OpNumber(5), Beat(3));
        assert_eq!(backup.on_answer(OpNumber(2), Beat(2), OpNumber(5)), Next::Nothing);
        assert_eq!(backup.on_answer(OpNumber(2), Beat(3), OpNumber(5)), Next::Send);
        assert_eq!(backup.sent, OpNumber(2));
    }

    #[test]
    fn a_backup_that_has_what_was_sent_gets_what_follows() {
        let mut backup = Progress::new(OpNumber(2), Beat(3));
        assert_eq!(backup.on_answer(OpNumber(2), Beat(0), OpNumber(5)), Next::Send);
        backup.note_sent(OpNumber(5), Beat(4));
        assert_eq!(backup.on_answer(OpNumber(5), Beat(0), OpNumber(5)), Next::Nothing);
    }

    #[test]
    fn an_answer_that_was_overtaken_takes_nothing_back() {
        let mut backup = Progress::new(OpNumber(5), Beat(3));
        backup.on_answer(OpNumber(5), Beat(1), OpNumber(5));
        backup.on_answer(OpNumber(3), Beat(1), OpNumber(5));
        assert_eq!(backup.acked, OpNumber(5));
    }
}
