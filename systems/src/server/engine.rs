//! The engine: owns the replica, steps it, and carries out its effects.

use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use serde::Serialize;
use tracing::{debug, warn};

use super::ServerError;
use super::accept::{Arrival, Arrivals, Connection};
use super::clock;
use super::events::EventLog;
use super::log::Log;
use super::queue::{Pushed, Queue};
use super::timers::Timers;
use crate::codec::{self, Position, Speaker};
use crate::node_id::NodeId;
use crate::replica::{ClientId, Effect, Input, Outbox, Replica};

/// Bytes of input taken in one turn, roughly. Together with [`TURN_ARRIVALS_MAX`] it bounds how long a timer or another connection waits.
const TURN_BYTES: usize = 64 * 1024;

/// Batches of frames taken in one turn.
const TURN_ARRIVALS_MAX: usize = 256;

/// Timers that may run out in one turn; a replica that arms one with no delay must not keep the engine from everything else.
const TURN_TIMEOUTS_MAX: usize = 256;

/// Bytes of effects after which a turn is made durable and visible early, so that it does not grow without bound.
const TURN_EFFECT_BYTES: usize = 4 * 1024 * 1024;

/// The replica and everything it can reach.
pub(super) struct Engine<R: Replica> {
    node: NodeId,
    replica: R,
    outbox: Outbox<R>,
    timers: Timers<R::Timer>,
    peers: BTreeMap<NodeId, Rc<Queue>>,
    /// Where each client spoke last.
    routes: BTreeMap<ClientId, Rc<Connection>>,
    log: Log,
    events: EventLog,
    departures: Departures,
}

/// What leaves as soon as the records of the turn are durable.
#[derive(Default)]
struct Departures {
    frames: Vec<(Destination, Vec<u8>)>,
    bytes: usize,
}

enum Destination {
    Node(NodeId, Rc<Queue>),
    Client(Rc<Connection>),
}

impl<R: Replica> Engine<R> {
    pub(super) fn new(
        node: NodeId,
        replica: R,
        peers: BTreeMap<NodeId, Rc<Queue>>,
        log: Log,
        events: EventLog,
    ) -> Self {
        let (outbox, timers, routes) = (Outbox::new(), Timers::new(), BTreeMap::new());
        Self {
            node,
            replica,
            outbox,
            timers,
            peers,
            routes,
            log,
            events,
            departures: Departures::default(),
        }
    }

    /// Runs for ever, or until the disk fails.
    pub(super) async fn run(mut self, mut arrivals: Arrivals) -> Result<(), ServerError> {
        self.step(Input::Start)?;
        loop {
            self.finish_turn()?;
            // The connections get their turn: what left is written, what has come is read.
            tokio::task::yield_now().await;
            let first = tokio::select! {
                biased;
                Some(arrival) = arrivals.nodes.recv() => Some(arrival),
                Some(arrival) = arrivals.clients.recv() => Some(arrival),
                () = clock::until(self.timers.deadline()) => None,
            };
            self.take_turn(first, &mut arrivals)?;
        }
    }

    fn take_turn(&mut self, first: Option<Arrival>, arrivals: &mut Arrivals) -> Result<(), ServerError> {
        let mut bytes = 0;
        let mut next = first;
        for _ in 0..TURN_ARRIVALS_MAX {
            let Some(arrival) = next else { break };
            bytes += self.arrive(arrival)?;
            if TURN_BYTES <= bytes {
                break;
            }
            next = arrivals
                .nodes
                .try_recv()
                .or_else(|_| arrivals.clients.try_recv())
                .ok();
        }
        for _ in 0..TURN_TIMEOUTS_MAX {
            let Some(timer) = self.timers.expire(clock::now()) else {
                break;
            };
            self.step(Input::Timeout(timer))?;
        }
        Ok(())
    }

    /// Takes in what a connection brought; returns how many bytes that was.
    fn arrive(&mut self, arrival: Arrival) -> Result<usize, ServerError> {
        match arrival {
            Arrival::Payloads(connection, payloads) => {
                if let Speaker::Client(client) = connection.speaker {
                    self.route(client, &connection);
                }
                let mut bytes = 0;
                for payload in payloads {
                    bytes += payload.len();
                    self.hear(&connection, &payload)?;
                }
                Ok(bytes)
            }
            Arrival::Ended(connection) => {
                if let Speaker::Client(client) = connection.speaker {
                    self.forget(client, &connection);
                }
                Ok(0)
            }
        }
    }

    fn route(&mut self, client: ClientId, connection: &Rc<Connection>) {
        let known = self
            .routes
            .get(&client)
            .is_some_and(|known| Rc::ptr_eq(known, connection));
        if !known {
            self.routes.insert(client, Rc::clone(connection));
        }
    }

    fn forget(&mut self, client: ClientId, connection: &Rc<Connection>) {
        if self
            .routes
            .get(&client)
            .is_some_and(|known| Rc::ptr_eq(known, connection))
        {
            self.routes.remove(&client);
        }
    }

    fn hear(&mut self, connection: &Connection, payload: &Bytes) -> Result<(), ServerError> {
        let input = match connection.speaker {
            Speaker::Node(from) => codec::decode(payload).map(|message| Input::Message { from, message }),
            Speaker::Client(from) => codec::decode(payload).map(|request| Input::Request { from, request }),
        };
        match input {
            Ok(input) => self.step(input),
            Err(error) => {
                warn!(speaker = %connection.speaker, %error, "closed a connection that is not to be understood");
                connection.queue.close();
                Ok(())
            }
        }
    }

    fn step(&mut self, input: Input<R>) -> Result<(), ServerError> {
        let mut outbox = std::mem::take(&mut self.outbox);
        self.replica.step(clock::now(), input, &mut outbox);
        for effect in outbox.drain() {
            self.carry_out(effect)?;
        }
        self.outbox = outbox;
        if TURN_EFFECT_BYTES <= self.departures.bytes + self.log.staged_bytes() {
            self.finish_turn()?;
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect<R>) -> Result<(), ServerError> {
        match effect {
            Effect::Send { to, message } => match self.peers.get(&to) {
                Some(queue) => self
                    .departures
                    .add(Destination::Node(to, Rc::clone(queue)), &message),
                None => {
                    debug!(node = %self.node, %to, "lost a message to a node that is not among the peers")
                }
            },
            Effect::Reply { to, response } => match self.routes.get(&to) {
                Some(connection) => {
                    self.departures
                        .add(Destination::Client(Rc::clone(connection)), &response);
                }
                None => debug!(client = to.0, "lost an answer to a client that is gone"),
            },
            Effect::Arm { timer, after } => self.timers.arm(timer, clock::now(), after),
            Effect::Disarm(timer) => self.timers.disarm(timer),
            Effect::Persist(record) => self.log.stage(&record).map_err(ServerError::Log)?,
            Effect::Observe(event) => self.events.stage(clock::now(), clock::wall_ns(), &event),
        }
        Ok(())
    }

    /// Makes durable what has to be, and only then lets out what was to follow.
    fn finish_turn(&mut self) -> Result<(), ServerError> {
        self.log.commit().map_err(ServerError::Log)?;
        self.events.flush().map_err(|source| ServerError::Events {
            path: self.events.path().to_owned(),
            source,
        })?;
        self.departures.leave();
        Ok(())
    }
}

impl Departures {
    fn add(&mut self, to: Destination, what: &impl Serialize) {
        match codec::encode(what, Position::WIRE) {
            Ok(frame) => {
                self.bytes += frame.len();
                self.frames.push((to, frame));
            }
            Err(error) => warn!(%error, "lost something that does not fit into a frame"),
        }
    }

    fn leave(&mut self) {
        self.bytes = 0;
        for (to, frame) in self.frames.drain(..) {
            let (name, pushed) = match &to {
                Destination::Node(node, queue) => (Speaker::Node(*node), queue.push(frame)),
                Destination::Client(connection) => (connection.speaker, connection.queue.push(frame)),
            };
            match pushed {
                Pushed::Waits => {}
                Pushed::Displaced(lost) => debug!(to = %name, lost, "lost the oldest of too much that waits"),
                Pushed::Closed => debug!(to = %name, "lost an answer on a connection that has ended"),
            }
        }
    }
}
