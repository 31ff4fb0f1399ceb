//! The simulated world: the same cores, sessions, generators, schedules and checkers in one thread, under virtual time.
//!
//! Nothing in here reads a clock, opens a socket or draws chance that is not of the run's seed, so a seed is a run, byte for byte. Time jumps from one event
//! that is due to the next. A node's step takes no time; its effects are carried out one by one, a record is durable only after
//! the disk has taken its time, and a crash may come between any two of them.
//!
//! What it deliberately does not model: how long computing takes, and the bytes of messages, disks and files.

mod admin;
mod clients;
pub mod conditions;
mod disk;
mod host;
mod hurt;
mod moment;
mod network;
mod nodes;
mod packet;
pub mod protocol;
mod queue;
mod sessions;
mod timers;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use histories::checker::progress::Window;
use histories::{Completion, History, Invocation, Outcome, Process};
use nemesis::{Cluster, Link, Roster};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use systems::server::EventLine;
use systems::{ClientId, Input, NodeId, Outbox, Replica, Session, SessionInput, SessionOutbox};

pub use conditions::Conditions;
pub use protocol::{Nobody, Observing, Protocol};

use self::admin::{ADMIN, Office};
use self::clients::Clients;
use self::host::{Arrival, Host, LifeNumber, Seat};
use self::moment::{Moment, NodeClock};
use self::network::{Connection, Label, Network, Passage};
use self::packet::{Packet, REQUEST, RESPONSE};
use self::queue::Queue;
use self::timers::Arming;
use super::World;
use super::changes::Changes;
use super::injuries::Injuries;
use crate::adapter::Witness;
use crate::chance::{Purpose, stream};
use crate::oracle::{Examination, Hindsight, Oracle, Traffic};
use crate::testimony::Departure;

/// The longest a cluster may take to be formed, in its own time.
const FORMED_WITHIN: Duration = Duration::from_secs(20);

/// A world that can say afterwards what its nodes said of themselves.
pub trait Simulation: World {
    /// The nodes' event logs as files, if they were recorded.
    ///
    /// # Errors
    /// When an event has no form in JSON.
    fn event_logs(&self) -> io::Result<BTreeMap<NodeId, Vec<u8>>>;

    /// What its oracles found.
    fn examine(&self, history: &History, quiet: Option<Window>) -> Examination;
}

/// Whether the nodes' event logs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// Every event.
    Events,
    /// Nothing beside what a witness needs.
    Nothing,
}

/// What a simulation is made from, beside the system.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// The source of all chance.
    pub seed: u64,
    /// What it happens under.
    pub conditions: Conditions,
    /// What is kept of it.
    pub recording: Recording,
    /// Set by whoever wants the run to end.
    pub interrupted: Arc<AtomicBool>,
}

/// A simulated cluster and its clients.
#[derive(Debug)]
pub struct SimWorld<P: Protocol> {
    protocol: P,
    roster: Roster,
    config: SimConfig,
    now: Moment,
    /// When the cluster was formed and the load began.
    start: Moment,
    queue: Queue<Due<P::Replica, P::Session, P::Admin>>,
    hosts: Vec<Host<P::Replica>>,
    clients: Clients<P::Session>,
    admin: Option<Office<P::Admin>>,
    clients_clock: NodeClock,
    network: Network<Packet<P::Replica>>,
    injuries: Injuries,
    changes: Changes,
    witness: P::Witness,
    oracle: P::Oracle,
    observed: u64,
    events: Vec<EventLine<<P::Replica as Replica>::Event>>,
    completions: VecDeque<Completion>,
    departures: Vec<Departure>,
    lives: u64,
    rng: ChaCha8Rng,
    outbox: Outbox<P::Replica>,
    session_outbox: SessionOutbox<P::Session>,
}

/// What may be due.
#[derive(Debug)]
enum Due<R: Replica, S: Session, A: Session> {
    /// Something arrives.
    Arrives(Packet<R>),
    /// Something is through a slow link, unless that was healed meanwhile.
    Through(Link),
    /// A node's timer, if it still means something.
    Timer {
        seat: Seat,
        life: LifeNumber,
        timer: R::Timer,
        arming: Arming,
    },
    /// A client's timer.
    ClientTimer {
        process: Process,
        timer: S::Timer,
        arming: Arming,
    },
    /// A timer of whoever asks for other members.
    AdminTimer { timer: A::Timer, arming: Arming },
    /// A node's disk is done with a record.
    Synced { seat: Seat, life: LifeNumber },
    /// A node that was to die in the middle of a step has had none.
    Falls { seat: Seat, life: LifeNumber },
}

impl<R: Replica, S: Session, A: Session> Queue<Due<R, S, A>> {
    /// What comes of a message is due when it comes.
    fn expect(&mut self, passage: Passage<Packet<R>>) {
        match passage {
            Passage::Arrives(at, packet) => self.schedule(at, Due::Arrives(packet)),
            Passage::Through(at, link) => self.schedule(at, Due::Through(link)),
        }
    }
}

impl<P: Protocol> SimWorld<P> {
    /// A cluster of `protocol` that has been formed. One that is not formed within [`FORMED_WITHIN`], though nothing has been done to
    /// it, begins as it is: whether it answers will be seen.
    #[must_use]
    pub fn open(protocol: P, config: SimConfig) -> Self {
        let mut world = Self::new(protocol, config);
        for seat in 0..world.hosts.len() {
            world.come_to_life(Seat(seat));
        }
        let give_up = Moment::default() + FORMED_WITHIN;
        while !world.witness.formed() && world.turn(give_up) {}
        world.start = world.now;
        world
    }

    fn new(protocol: P, config: SimConfig) -> Self {
        let mut chance = stream(config.seed, Purpose::World);
        let mut rng = ChaCha8Rng::seed_from_u64(chance.next_u64());
        let roster = protocol.roster();
        Self {
            now: Moment::default(),
            start: Moment::default(),
            queue: Queue::new(),
            hosts: roster.everybody().into_iter().map(Host::new).collect(),
            clients: Clients::new(),
            admin: protocol.admin().map(Office::new),
            clients_clock: NodeClock::draw(config.conditions.drift_ppm_max, &mut rng),
            network: Network::new(config.conditions, chance.next_u64()),
            injuries: Injuries::default(),
            changes: Changes::default(),
            witness: protocol.witness(),
            oracle: protocol.oracle(),
            observed: 0,
            events: Vec::new(),
            completions: VecDeque::new(),
            departures: Vec::new(),
            lives: 0,
            rng,
            outbox: Outbox::new(),
            session_outbox: SessionOutbox::new(),
            protocol,
            roster,
            config,
        }
    }

    /// Lets the next thing happen that is due at `until` or before. False when nothing is; then it is `until`.
    fn turn(&mut self, until: Moment) -> bool {
        let Some((at, due)) = self.queue.take_due(until) else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(at);
        match due {
            Due::Arrives(packet) => self.arrive(packet),
            Due::Through(link) => self.pass_on(link),
            Due::Timer {
                seat,
                life,
                timer,
                arming,
            } => {
                if self.hosts[seat.0].life(life).is_some() {
                    self.receive(seat, Arrival::Timer(timer, arming));
                }
            }
            Due::ClientTimer {
                process,
                timer,
                arming,
            } => self.client_timer(process, timer, arming),
            Due::AdminTimer { timer, arming } => self.admin_timer(timer, arming),
            Due::Synced { seat, life } => self.synced(seat, life),
            Due::Falls { seat, life } => {
                if self.hosts[seat.0].life(life).is_some() {
                    self.crash(seat);
                }
            }
        }
        true
    }

    fn seat(&self, node: NodeId) -> Option<Seat> {
        self.hosts.iter().position(|host| host.node == node).map(Seat)
    }

    fn arrive(&mut self, packet: Packet<P::Replica>) {
        match packet {
            Packet::Message { from, to, message } => {
                if let Some(seat) = self.seat(to).filter(|seat| self.hosts[seat.0].life.is_some()) {
                    self.receive(seat, Arrival::Input(Input::Message { from, message }));
                }
            }
            Packet::Request { from, to, request } => {
                let seat = self.seat(to).filter(|seat| self.hosts[seat.0].life.is_some());
                match seat {
                    Some(seat) => {
                        let Process(client) = from;
                        let from = ClientId(client);
                        self.receive(seat, Arrival::Input(Input::Request { from, request }));
                    }
                    None => self.break_connection(from, to),
                }
            }
            Packet::Response { from, to, response } if to == ADMIN => {
                self.step_admin(SessionInput::Response { from, response });
            }
            Packet::Unreachable { to, node } if to == ADMIN => {
                self.step_admin(SessionInput::Unreachable(node));
            }
            Packet::Response { from, to, response } => {
                self.step_client(to, SessionInput::Response { from, response });
            }
            Packet::Unreachable { to, node } => {
                self.step_client(to, SessionInput::Unreachable(node));
            }
        }
    }

    fn send(&mut self, packet: Packet<P::Replica>) {
        let label = self.label(&packet);
        let Self {
            network, queue, now, ..
        } = self;
        network.send(*now, label, packet, |passage| queue.expect(passage));
    }

    fn pass_on(&mut self, link: Link) {
        let Self {
            network, queue, now, ..
        } = self;
        network.pass_on(*now, link, |passage| queue.expect(passage));
    }

    fn label(&self, packet: &Packet<P::Replica>) -> Label {
        let clients = self.roster.clients;
        let label = |from, to, connection, kind| Label {
            link: Link { from, to },
            connection: Connection(connection),
            kind,
        };
        match packet {
            Packet::Message { from, to, message } => label(*from, *to, 0, P::kind(message)),
            Packet::Request { from, to, .. } => label(clients, *to, from.0, REQUEST),
            Packet::Response { from, to, .. } => label(*from, clients, to.0, RESPONSE),
            Packet::Unreachable { to, node } => label(*node, clients, to.0, RESPONSE),
        }
    }
}

impl<P: Protocol> World for SimWorld<P> {
    fn now(&self) -> Duration {
        self.now.since(self.start)
    }

    fn invoke(&mut self, invocation: &Invocation) {
        let process = invocation.process;
        let Some(op) = self.protocol.op(invocation) else {
            let outcome = Outcome::Fail {
                error: "not-offered".to_owned(),
                saw: None,
            };
            return self.completions.push_back(Completion { process, outcome });
        };
        let protocol = &self.protocol;
        let client = self.clients.open(process, || protocol.session(process));
        client.invocation = Some(invocation.clone());
        self.step_client(process, SessionInput::Invoke(op));
    }

    fn wait(&mut self, until: Duration) -> Vec<Completion> {
        let until = self.start + until;
        while self.completions.is_empty() && self.turn(until) {}
        self.completions.drain(..).collect()
    }

    fn retire(&mut self, process: Process) {
        self.clients.retire(process);
    }

    fn cluster(&mut self) -> &mut dyn Cluster {
        self
    }

    fn departures(&mut self) -> Vec<Departure> {
        std::mem::take(&mut self.departures)
    }

    fn interrupted(&self) -> bool {
        self.config.interrupted.load(Ordering::Relaxed)
    }

    fn applied(&mut self) -> BTreeMap<NodeId, u64> {
        self.witness.applied()
    }

    fn excuse(&mut self) -> Option<String> {
        self.witness.excuse(&self.running())
    }
}

impl<P: Protocol> Simulation for SimWorld<P> {
    fn event_logs(&self) -> io::Result<BTreeMap<NodeId, Vec<u8>>> {
        let mut logs: BTreeMap<NodeId, Vec<u8>> = BTreeMap::new();
        for line in &self.events {
            let log = logs.entry(line.node).or_default();
            serde_json::to_writer(&mut *log, line)?;
            log.push(b'\n');
        }
        Ok(logs)
    }

    fn examine(&self, history: &History, quiet: Option<Window>) -> Examination {
        let hindsight = Hindsight {
            history,
            began_ns: self.start.0,
            quiet,
            traffic: Some(Traffic {
                sent: self.network.sent().clone(),
                within: self.now.since(Moment::default()),
            }),
        };
        Examination {
            events: self.observed,
            anomalies: self.oracle.conclude(&hindsight),
        }
    }
}
