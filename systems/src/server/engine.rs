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
    wording: Wording<R::Event>,
    departures: Departures,
}

/// How an event is written down.
#[derive(Debug, Clone, Copy)]
pub enum Wording<E> {
    /// As an object of JSON.
    Json,
    /// In words of its own, from the event and the wall clock's nanoseconds since the epoch.
    Own(fn(&E, u64) -> String),
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
            wording: Wording::Json,
            departures: Departures::default(),
        }
    }

    /// The same with events in other words.
    pub(super) fn in_words(self, wording: Wording<R::Event>) -> Self {
        Self { wording, ..self }
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
            Effect::Compact(records) => self.log.replace(&records).map_err(ServerError::Log)?,
            Effect::Observe(event) => match self.wording {
                Wording::Json => self.events.stage(clock::now(), clock::wall_ns(), &event),
                Wording::Own(words) => self.events.stage_words(&words(&event, clock::wall_ns())),
            },
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::rc::Rc;

    use bytes::Bytes;
    use tempfile::TempDir;

    use super::{Arrival, Connection, Engine};
    use crate::codec::{FRAME_HEADER_LENGTH, Position, Speaker, encode};
    use crate::node_id::NodeId;
    use crate::replica::{Boot, ClientId, Incarnation, Input, Outbox, Replica};
    use crate::server::events::EventLog;
    use crate::server::log::Log;
    use crate::server::queue::Queue;

    /// Tells another node, keeps what was asked, tells again, and answers. Told something, it answers the first client.
    #[derive(Debug, Clone)]
    struct Keeper;

    impl Replica for Keeper {
        type Config = ();
        type Message = (u8, u8);
        type Request = u8;
        type Response = u8;
        type Timer = ();
        type Record = u8;
        type Event = u8;

        fn recover(_: &(), _: Boot, _: Vec<u8>) -> Self {
            Self
        }

        fn step(&mut self, _: crate::Time, input: Input<Self>, out: &mut Outbox<Self>) {
            let (from, request) = match input {
                Input::Message {
                    message: (_, answer), ..
                } => return out.reply(ClientId(1), answer),
                Input::Request { from, request } => (from, request),
                Input::Start | Input::Timeout(()) => return,
            };
            out.send(NodeId::replica(2), (1, request));
            out.persist(request);
            out.observe(request);
            out.send(NodeId::replica(2), (2, request));
            out.reply(from, request);
        }
    }

    struct Scene {
        directory: TempDir,
        engine: Engine<Keeper>,
        peer: Rc<Queue>,
        client: Rc<Connection>,
    }

    impl Scene {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let (node, peer) = (NodeId::replica(1), Rc::new(Queue::new()));
            let (log, _) = Log::open(directory.path(), node).unwrap();
            let events = EventLog::open(&directory.path().join("events"), node, Incarnation(1)).unwrap();
            let peers = BTreeMap::from([(NodeId::replica(2), Rc::clone(&peer))]);
            let engine = Engine::new(node, Keeper, peers, log, events);
            let speaker = Speaker::Client(ClientId(1));
            let client = connection(speaker);
            Self {
                directory,
                engine,
                peer,
                client,
            }
        }

        fn request(&mut self, payload: &'static [u8]) {
            let client = Rc::clone(&self.client);
            self.arrive(&client, payload);
        }

        fn arrive(&mut self, connection: &Rc<Connection>, payload: &'static [u8]) {
            let payloads = vec![Bytes::from_static(payload)];
            self.engine
                .arrive(Arrival::Payloads(Rc::clone(connection), payloads))
                .unwrap();
        }

        fn log_length(&self) -> usize {
            std::fs::read(self.directory.path().join("log")).unwrap().len()
        }
    }

    fn connection(speaker: Speaker) -> Rc<Connection> {
        Rc::new(Connection {
            speaker,
            queue: Queue::new(),
        })
    }

    #[test]
    fn the_end_of_an_old_connection_costs_the_new_one_no_answer() {
        let mut scene = Scene::new();
        scene.request(&[1]);
        let (old, node) = (
            Rc::clone(&scene.client),
            connection(Speaker::Node(NodeId::replica(2))),
        );
        scene.client = connection(old.speaker);
        scene.request(&[2]);
        scene.engine.arrive(Arrival::Ended(old)).unwrap();
        scene.arrive(&node, &[0, 3]);
        scene.engine.finish_turn().unwrap();
        let answers = [2_u8, 3]
            .map(|answer| encode(&answer, Position::WIRE).unwrap())
            .concat();
        assert_eq!(scene.client.queue.waiting_bytes(), answers);
        // After the last one's end there is nowhere to answer to.
        scene
            .engine
            .arrive(Arrival::Ended(Rc::clone(&scene.client)))
            .unwrap();
        assert!(scene.engine.routes.is_empty());
    }

    #[test]
    fn nothing_leaves_before_the_record_is_durable() {
        let mut scene = Scene::new();
        scene.engine.log.fail_from_now_on();
        scene.request(&[5]);
        assert!(scene.engine.finish_turn().is_err());
        assert!(scene.peer.waiting_bytes().is_empty());
        assert!(scene.client.queue.waiting_bytes().is_empty());
        assert!(
            std::fs::read(scene.directory.path().join("events"))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn what_was_asked_in_one_turn_shares_a_commit_and_leaves_in_order() {
        let mut scene = Scene::new();
        let before = scene.log_length();
        scene.request(&[5]);
        scene.request(&[6]);
        scene.engine.finish_turn().unwrap();
        // One frame, of two records of one byte, each behind its length.
        assert_eq!(scene.log_length() - before, FRAME_HEADER_LENGTH + 2 * 5);
        let frames = |values: &[(u8, u8)]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|value| encode(value, Position::WIRE).unwrap())
                .collect()
        };
        assert_eq!(
            scene.peer.waiting_bytes(),
            frames(&[(1, 5), (2, 5), (1, 6), (2, 6)])
        );
        let answers = [5_u8, 6]
            .map(|answer| encode(&answer, Position::WIRE).unwrap())
            .concat();
        assert_eq!(scene.client.queue.waiting_bytes(), answers);
    }

    #[test]
    fn a_request_that_is_none_closes_its_connection_only() {
        let mut scene = Scene::new();
        scene.request(&[1, 2, 3]);
        scene.engine.finish_turn().unwrap();
        assert!(scene.client.queue.is_closed());
        assert!(!scene.peer.is_closed());
    }
}
