//! The sans-IO contract of a node: one door in, one ordered list out.
//!
//! A replica opens no socket, reads no clock, draws no chance of its own. Whoever drives it (a real process or a simulation)
//! hands it an [`Input`] and carries out the [`Effect`]s strictly in order. [`Effect::Persist`] is a barrier: nothing after
//! it happens before the record is durable. So is [`Effect::Compact`].

use std::fmt::Debug;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::node_id::NodeId;
use crate::time::Time;

/// A client's session, unique for as long as any of its messages may live. A new session gets a larger number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
pub struct ClientId(pub u64);

/// One life of a node: drawn afresh at every start, so that a restarted node is not mistaken for the one that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
pub struct Incarnation(pub u64);

/// What a node is told when it comes to life.
#[derive(Debug, Clone, Copy)]
pub struct Boot {
    /// Its name.
    pub node: NodeId,
    /// This life of it.
    pub incarnation: Incarnation,
    /// Seed of all chance it may use.
    pub seed: u64,
}

/// A deterministic node of a replicated system.
pub trait Replica: Clone + Debug {
    /// What every node of the cluster is configured with.
    type Config: Clone + Debug;
    /// What nodes send each other.
    type Message: Clone + Debug + Serialize + DeserializeOwned;
    /// What a client sends to a node.
    type Request: Clone + Debug + Serialize + DeserializeOwned;
    /// What a node answers to a client.
    type Response: Clone + Debug + Serialize + DeserializeOwned;
    /// The timers it arms; arming one that is armed moves it.
    type Timer: Copy + Debug + Ord;
    /// What it makes durable, appended to a log that [`Replica::recover`] replays.
    type Record: Clone + Debug + Serialize + DeserializeOwned;
    /// What it says of itself in its event log, for operators and for whoever studies a run afterwards.
    type Event: Clone + Debug + Serialize + DeserializeOwned;

    /// The node as it comes to life, from the records an earlier life made durable (none on first start).
    fn recover(config: &Self::Config, boot: Boot, records: Vec<Self::Record>) -> Self;

    /// Handles one input at `now` of the node's own clock. The first input of a life is [`Input::Start`].
    fn step(&mut self, now: Time, input: Input<Self>, out: &mut Outbox<Self>);
}

/// What may happen to a node.
#[derive(Debug, Clone)]
pub enum Input<R: Replica> {
    /// The node came to life.
    Start,
    /// A message of another node arrived. Messages may be lost, late, reordered and doubled.
    Message {
        /// Who sent it.
        from: NodeId,
        /// What it says.
        message: R::Message,
    },
    /// A client's request arrived.
    Request {
        /// Whose request it is.
        from: ClientId,
        /// What is asked.
        request: R::Request,
    },
    /// A timer that was armed and not disarmed has run out.
    Timeout(R::Timer),
}

/// What a node wants done.
#[derive(Debug, Clone)]
pub enum Effect<R: Replica> {
    /// Send a message to another node; it may get lost.
    Send {
        /// The receiver.
        to: NodeId,
        /// What to say.
        message: R::Message,
    },
    /// Answer a client; it may get lost.
    Reply {
        /// The receiver.
        to: ClientId,
        /// The answer.
        response: R::Response,
    },
    /// Run `timer` out `after` from now.
    Arm {
        /// Which timer.
        timer: R::Timer,
        /// How long from now.
        after: Duration,
    },
    /// Forget `timer`.
    Disarm(R::Timer),
    /// Make `record` durable before anything that follows.
    Persist(R::Record),
    /// Put these records in the place of all that are durable, before anything that follows; a crash leaves the old ones or these.
    Compact(Vec<R::Record>),
    /// Note `event` in the node's event log.
    Observe(R::Event),
}

/// The ordered list of effects of one step.
#[derive(Debug)]
pub struct Outbox<R: Replica> {
    effects: Vec<Effect<R>>,
}

impl<R: Replica> Default for Outbox<R> {
    fn default() -> Self {
        Self { effects: Vec::new() }
    }
}

impl<R: Replica> Outbox<R> {
    /// An empty outbox.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Send `message` to `to`.
    pub fn send(&mut self, to: NodeId, message: R::Message) {
        self.effects.push(Effect::Send { to, message });
    }

    /// Answer the client `to`.
    pub fn reply(&mut self, to: ClientId, response: R::Response) {
        self.effects.push(Effect::Reply { to, response });
    }

    /// Run `timer` out `after` from now; an armed one is moved.
    pub fn arm(&mut self, timer: R::Timer, after: Duration) {
        self.effects.push(Effect::Arm { timer, after });
    }

    /// Forget `timer`.
    pub fn disarm(&mut self, timer: R::Timer) {
        self.effects.push(Effect::Disarm(timer));
    }

    /// Make `record` durable before anything that follows.
    pub fn persist(&mut self, record: R::Record) {
        self.effects.push(Effect::Persist(record));
    }

    /// Put `records` in the place of all that are durable, before anything that follows.
    pub fn compact(&mut self, records: Vec<R::Record>) {
        self.effects.push(Effect::Compact(records));
    }

    /// Note `event` in the event log.
    pub fn observe(&mut self, event: R::Event) {
        self.effects.push(Effect::Observe(event));
    }

    /// The effects so far, in order; the outbox is empty afterwards.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Effect<R>> {
        self.effects.drain(..)
    }
}
