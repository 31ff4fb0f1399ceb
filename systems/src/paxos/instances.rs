//! The other face of the log: no clients, but leaders that propose instances of their own and say of every instance when it was
//! proposed to them and when it was committed.
//!
//! It is the log itself with somebody beside it: [`InstanceNode`] steps a [`Node`], asks it for something whenever it leads, and
//! reads off what it makes durable and applies. Leaders have turns of a fixed length here, with at most so many instances in each.
//!
//! After a restart everything that is known is said again, so that a node's log can be begun anew and has no gap.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::group::{Epoch, Member, Request};
use crate::paxos::ballot::{Ballot, Slot};
use crate::paxos::event::Event;
use crate::paxos::message::{Record, Timer, Value};
use crate::paxos::{Config, Message, Node};
use crate::replica::{Boot, ClientId, Effect, Input, Outbox, Replica};
use crate::service::client_table::RequestNumber;
use crate::service::kv::{KeyValue, Op};
use crate::time::Time;

/// The length of an instance's data in the course's runs, in bytes.
pub const INSTANCE_BYTES: usize = 1000;

/// The most instances of one node that wait for their commit.
const OUTSTANDING_MAX: usize = 1024;

/// What every node is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceConfig {
    /// The log, with the length of a turn.
    pub log: Config,
    /// The length of an instance's data, in bytes; a little more if it is too short to tell instances apart.
    pub bytes: usize,
    /// For how long after its start a node proposes instances.
    pub proposes_for: Duration,
}

/// A node that proposes instances while it leads.
#[derive(Debug, Clone)]
pub struct InstanceNode {
    node: Node,
    config: InstanceConfig,
    boot: Boot,
    started: Option<Time>,
    /// The ballot of its present turn, and how many instances it has proposed in it.
    turn: Option<Ballot>,
    in_turn: u64,
    /// How many it has proposed in this life, and how many of them it has not heard of since.
    made: u64,
    outstanding: usize,
}

/// What an instance log tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum InstanceEvent {
    /// A proposal has arrived, or was made, and is durable.
    Generated {
        /// What is proposed.
        data: String,
        /// In which position.
        seq: Slot,
    },
    /// The position is decided.
    Committed {
        /// What stands there.
        data: String,
        /// Which position.
        seq: Slot,
    },
}

/// An instance log's line, without its end: the event, and when, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub struct InstanceLine<'a> {
    /// What happened.
    pub event: &'a InstanceEvent,
    /// When.
    pub at_ms: u64,
}

impl InstanceNode {
    /// The node whose log it is.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// The client on whose behalf it asks: another one in each life, as none remembers what the one before had asked for.
    fn client(&self) -> ClientId {
        ClientId(self.boot.incarnation.0)
    }

    /// Steps the node, and carries out its effects.
    fn drive(&mut self, now: Time, input: Input<Node>, out: &mut Outbox<Self>) {
        let mut effects = Outbox::new();
        self.node.step(now, input, &mut effects);
        for effect in effects.drain() {
            self.pass_on(effect, out);
        }
    }

    fn pass_on(&mut self, effect: Effect<Node>, out: &mut Outbox<Self>) {
        match effect {
            Effect::Send { to, message } => out.send(to, message),
            Effect::Reply { to, .. } if to == self.client() => {
                self.outstanding = self.outstanding.saturating_sub(1);
            }
            Effect::Reply { to, response } => out.reply(to, response),
            Effect::Arm { timer, after } => out.arm(timer, after),
            Effect::Disarm(timer) => out.disarm(timer),
            Effect::Persist(record) => {
                let proposed = proposals(&record);
                out.persist(record);
                for (seq, data) in proposed {
                    out.observe(InstanceEvent::Generated { data, seq });
                }
            }
            Effect::Compact(records) => out.compact(records),
            Effect::Observe(Event::Started { committed, .. }) => self.say_again(committed, out),
            Effect::Observe(Event::Applied { slot, .. }) => self.say_committed(slot, out),
            Effect::Observe(_) => (),
        }
    }

    /// Says what an earlier life knew.
    fn say_again(&self, committed: Slot, out: &mut Outbox<Self>) {
        for (seq, value) in self.node.held() {
            if let Some(data) = data(value) {
                out.observe(InstanceEvent::Generated { data, seq });
            }
        }
        for slot in Slot::ZERO.next().run(committed.since(Slot::ZERO)) {
            self.say_committed(slot, out);
        }
    }

    fn say_committed(&self, seq: Slot, out: &mut Outbox<Self>) {
        if let Some(data) = self.node.value(seq).and_then(data) {
            out.observe(InstanceEvent::Committed { data, seq });
        }
    }

    /// Proposes as much as it may.
    fn propose(&mut self, now: Time, out: &mut Outbox<Self>) {
        let leading = self.node.leading();
        if leading != self.turn {
            (self.turn, self.in_turn) = (leading, 0);
        }
        let is_over = self
            .started
            .is_none_or(|started| self.config.proposes_for <= now.since(started));
        let most = self.config.log.turn.map_or(u64::MAX, |turn| turn.commands_max);
        while leading.is_some() && !is_over && self.in_turn < most && self.outstanding < OUTSTANDING_MAX {
            self.in_turn += 1;
            self.outstanding += 1;
            let request = self.next_request();
            let from = self.client();
            self.drive(now, Input::Request { from, request }, out);
        }
    }

    fn next_request(&mut self) -> Request<Op> {
        self.made += 1;
        let name = format!("{}-{:x}-{}-", self.boot.node, self.boot.incarnation.0, self.made);
        let filling = "x".repeat(self.config.bytes.saturating_sub(name.len()));
        Request {
            number: RequestNumber(self.made),
            op: Op::Put {
                key: "instance".to_owned(),
                value: name + &filling,
            },
        }
    }
}

impl Replica for InstanceNode {
    type Config = InstanceConfig;
    type Message = Message;
    type Request = <Node as Replica>::Request;
    type Response = <Node as Replica>::Response;
    type Timer = Timer;
    type Record = Record;
    type Event = InstanceEvent;

    fn recover(config: &InstanceConfig, boot: Boot, records: Vec<Record>) -> Self {
        // Every instance is needed for the log, so none is forgotten.
        let log = Config {
            kept_bytes_max: usize::MAX / 2,
            ..config.log.clone()
        };
        Self {
            node: Node::recover(&log, boot, records),
            config: config.clone(),
            boot,
            started: None,
            turn: None,
            in_turn: 0,
            made: 0,
            outstanding: 0,
        }
    }

    fn step(&mut self, now: Time, input: Input<Self>, out: &mut Outbox<Self>) {
        let input = match input {
            Input::Start => {
                self.started = Some(now);
                Input::Start
            }
            Input::Message { from, message } => Input::Message { from, message },
            Input::Request { from, request } => Input::Request { from, request },
            Input::Timeout(timer) => Input::Timeout(timer),
        };
        self.drive(now, input, out);
        self.propose(now, out);
    }
}

/// It can be asked like any other, too.
impl Member for InstanceNode {
    type Service = KeyValue;

    fn ask(_: Epoch, request: Request<Op>) -> Request<Op> {
        request
    }
}

/// The instances that a record says were accepted.
fn proposals(record: &Record) -> Vec<(Slot, String)> {
    let Record::Accepted { first, values, .. } = record else {
        return Vec::new();
    };
    let placed = first.run(values.len()).zip(values);
    placed
        .filter_map(|(seq, value)| Some((seq, data(value)?)))
        .collect()
}

/// The data of an instance; a no-op is none.
fn data(value: &Value) -> Option<String> {
    match value {
        Value::Command(command) => match &command.op {
            Op::Put { value, .. } => Some(value.clone()),
            Op::Get { .. } | Op::Append { .. } | Op::Cas { .. } => None,
        },
        Value::Noop => None,
    }
}

impl fmt::Display for InstanceLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, data, seq) = match self.event {
            InstanceEvent::Generated { data, seq } => ("generate", data, seq),
            InstanceEvent::Committed { data, seq } => ("commit", data, seq),
        };
        write!(f, "{word} Instance[{data}] in seq {seq} at {}", self.at_ms)
    }
}
