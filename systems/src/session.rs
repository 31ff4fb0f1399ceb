//! The client's half of a protocol, sans-IO as well: request numbers, retries and time-outs, because duplicates are born there.

use std::fmt::Debug;
use std::time::Duration;

use crate::node_id::NodeId;
use crate::replica::Replica;
use crate::time::Time;

mod patience;

pub use patience::{Patience, Persistence};

/// How an operation ended, as far as the client can know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion<A> {
    /// It took effect, and this is the answer.
    Answered(A),
    /// It surely did not and will not take effect: no request for it ever left.
    NeverSent,
    /// It may have taken effect, or may do so at any later time.
    Unknown,
}

/// One client's conversation with the cluster; one operation at a time.
pub trait Session: Clone + Debug {
    /// The nodes it speaks to.
    type Replica: Replica;
    /// What is asked.
    type Op: Clone + Debug;
    /// What is answered.
    type Answer: Clone + Debug;
    /// The timers it arms; arming one that is armed moves it.
    type Timer: Copy + Debug + Ord;

    /// Handles one input at `now` of the client's clock. Every [`SessionInput::Invoke`] is concluded by exactly one
    /// [`SessionEffect::Conclude`], within the session's own time limit.
    fn step(&mut self, now: Time, input: SessionInput<Self>, out: &mut SessionOutbox<Self>);
}

/// What may happen to a session.
#[derive(Debug, Clone)]
pub enum SessionInput<S: Session> {
    /// The client asks for an operation; the one before has been concluded.
    Invoke(S::Op),
    /// A node answered.
    Response {
        /// Who answered.
        from: NodeId,
        /// What it said.
        response: <S::Replica as Replica>::Response,
    },
    /// The connection to a node could not be made, or broke; what was sent on it may have arrived or not.
    Unreachable(NodeId),
    /// A timer that was armed and not disarmed has run out.
    Timeout(S::Timer),
}

/// What a session wants done.
#[derive(Debug, Clone)]
pub enum SessionEffect<S: Session> {
    /// Send a request to a node; it may get lost.
    Send {
        /// The receiver.
        to: NodeId,
        /// What to ask.
        request: <S::Replica as Replica>::Request,
    },
    /// Run `timer` out `after` from now.
    Arm {
        /// Which timer.
        timer: S::Timer,
        /// How long from now.
        after: Duration,
    },
    /// Forget `timer`.
    Disarm(S::Timer),
    /// The operation is over for the client.
    Conclude(Conclusion<S::Answer>),
}

/// The ordered list of effects of one step of a session.
#[derive(Debug)]
pub struct SessionOutbox<S: Session> {
    effects: Vec<SessionEffect<S>>,
}

impl<S: Session> Default for SessionOutbox<S> {
    fn default() -> Self {
        Self { effects: Vec::new() }
    }
}

impl<S: Session> SessionOutbox<S> {
    /// An empty outbox.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Send `request` to `to`.
    pub fn send(&mut self, to: NodeId, request: <S::Replica as Replica>::Request) {
        self.effects.push(SessionEffect::Send { to, request });
    }

    /// Run `timer` out `after` from now; an armed one is moved.
    pub fn arm(&mut self, timer: S::Timer, after: Duration) {
        self.effects.push(SessionEffect::Arm { timer, after });
    }

    /// Forget `timer`.
    pub fn disarm(&mut self, timer: S::Timer) {
        self.effects.push(SessionEffect::Disarm(timer));
    }

    /// End the operation.
    pub fn conclude(&mut self, conclusion: Conclusion<S::Answer>) {
        self.effects.push(SessionEffect::Conclude(conclusion));
    }

    /// The effects so far, in order; the outbox is empty afterwards.
    pub fn drain(&mut self) -> std::vec::Drain<'_, SessionEffect<S>> {
        self.effects.drain(..)
    }
}
