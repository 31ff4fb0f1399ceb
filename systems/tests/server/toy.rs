//! A system that replicates nothing: it answers, keeps, tells others, and ticks.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use systems::{Boot, Conclusion, Input, NodeId, Outbox, Replica, Session, SessionInput, SessionOutbox, Time};

/// How often a node ticks, and pings the others.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// How often a client asks again.
const RETRY: Duration = Duration::from_millis(100);

/// How long a client asks.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub(crate) struct ToyConfig {
    /// Who is pinged.
    pub(crate) members: Vec<NodeId>,
}

#[derive(Debug, Clone)]
pub(crate) struct Toy {
    config: ToyConfig,
    boot: Boot,
    kept: Vec<String>,
    ticks: u64,
    /// The number of the last ping of each node.
    heard: BTreeMap<NodeId, u64>,
    told: Vec<(NodeId, usize)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Message {
    Ping(u64),
    Told(Vec<u8>),
}

/// What is asked of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// The same back.
    Echo(Vec<u8>),
    /// To keep this.
    Keep(String),
    /// All that was kept.
    Kept,
    /// To send another node so many bytes.
    Tell(NodeId, usize),
    /// How many bytes each node sent, in order.
    Told,
    /// The number of the last ping of each node.
    Heard,
    /// The seed of this life.
    Seed,
    /// Nothing back.
    Silence,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Echo(Vec<u8>),
    Kept(Vec<String>),
    Told(Vec<(NodeId, usize)>),
    Heard(BTreeMap<NodeId, u64>),
    Seed(u64),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    Started { kept: usize },
    Ticked(u64),
    Heard { from: NodeId, ping: u64 },
}

impl Replica for Toy {
    type Config = ToyConfig;
    type Message = Message;
    type Request = (u64, Ask);
    type Response = (u64, Answer);
    type Timer = ();
    type Record = String;
    type Event = Event;

    fn recover(config: &ToyConfig, boot: Boot, kept: Vec<String>) -> Self {
        Self {
            config: config.clone(),
            boot,
            kept,
            ticks: 0,
            heard: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    fn step(&mut self, _now: Time, input: Input<Self>, out: &mut Outbox<Self>) {
        match input {
            Input::Start => {
                out.observe(Event::Started {
                    kept: self.kept.len(),
                });
                out.arm((), TICK);
            }
            Input::Timeout(()) => self.tick(out),
            Input::Message {
                from,
                message: Message::Ping(ping),
            } => {
                self.heard.insert(from, ping);
                out.observe(Event::Heard { from, ping });
            }
            Input::Message {
                from,
                message: Message::Told(bytes),
            } => self.told.push((from, bytes.len())),
            Input::Request {
                from,
                request: (number, ask),
            } => {
                if let Some(answer) = self.answer(ask, out) {
                    out.reply(from, (number, answer));
                }
            }
        }
    }
}

impl Toy {
    fn tick(&mut self, out: &mut Outbox<Self>) {
        self.ticks += 1;
        out.arm((), TICK);
        out.observe(Event::Ticked(self.ticks));
        for &member in self
            .config
            .members
            .iter()
            .filter(|&&member| member != self.boot.node)
        {
            out.send(member, Message::Ping(self.ticks));
        }
    }

    fn answer(&mut self, ask: Ask, out: &mut Outbox<Self>) -> Option<Answer> {
        match ask {
            Ask::Echo(bytes) => Some(Answer::Echo(bytes)),
            Ask::Keep(text) => {
                out.persist(text.clone());
                self.kept.push(text);
                Some(Answer::Kept(Vec::new()))
            }
            Ask::Kept => Some(Answer::Kept(self.kept.clone())),
            Ask::Tell(to, length) => {
                out.send(to, Message::Told(vec![7; length]));
                Some(Answer::Told(Vec::new()))
            }
            Ask::Told => Some(Answer::Told(self.told.clone())),
            Ask::Heard => Some(Answer::Heard(self.heard.clone())),
            Ask::Seed => Some(Answer::Seed(self.boot.seed)),
            Ask::Silence => None,
        }
    }
}

/// Asks one node until it answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToySession {
    number: u64,
    current: Option<(NodeId, Ask)>,
    /// Every node that could not be reached, in order.
    pub(crate) unreachable: Vec<NodeId>,
    /// Answers to earlier operations.
    pub(crate) late: usize,
    patience: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    Retry,
    Patience,
}

impl ToySession {
    /// One that gives up after `patience`.
    pub(crate) fn with_patience(patience: Duration) -> Self {
        Self {
            patience: Some(patience),
            ..Self::default()
        }
    }

    fn ask(&self, out: &mut SessionOutbox<Self>) {
        if let Some((node, ask)) = &self.current {
            out.send(*node, (self.number, ask.clone()));
            out.arm(Wait::Retry, RETRY);
        }
    }

    fn conclude(&mut self, conclusion: Conclusion<Answer>, out: &mut SessionOutbox<Self>) {
        self.current = None;
        out.disarm(Wait::Retry);
        out.disarm(Wait::Patience);
        out.conclude(conclusion);
    }
}

impl Session for ToySession {
    type Replica = Toy;
    type Op = (NodeId, Ask);
    type Answer = Answer;
    type Timer = Wait;

    fn step(&mut self, _now: Time, input: SessionInput<Self>, out: &mut SessionOutbox<Self>) {
        match input {
            SessionInput::Invoke(op) => {
                assert!(self.current.is_none(), "a session has one operation at a time");
                self.number += 1;
                self.current = Some(op);
                out.arm(Wait::Patience, self.patience.unwrap_or(PATIENCE));
                self.ask(out);
            }
            SessionInput::Response {
                response: (number, answer),
                ..
            } => {
                if self.current.is_some() && number == self.number {
                    self.conclude(Conclusion::Answered(answer), out);
                } else {
                    self.late += 1;
                }
            }
            SessionInput::Unreachable(node) => {
                self.unreachable.push(node);
                self.ask(out);
            }
            SessionInput::Timeout(Wait::Retry) => self.ask(out),
            SessionInput::Timeout(Wait::Patience) => self.conclude(Conclusion::Unknown, out),
        }
    }
}
