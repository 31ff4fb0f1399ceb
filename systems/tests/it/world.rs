//! A small deterministic world for one primary/backup cluster and its clients: virtual time, a network that can lose, delay, double,
//! reorder and hold messages, and nodes that can be paused, killed between any two effects, and started again with what they had
//! made durable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use systems::pb::{
    ClientSession, Config, Event, Node, Observer, Patience, Record, SessionConfig, SessionTimer, Timer, View,
};
use systems::service::kv::{Answer, Op};
use systems::{
    Boot, ClientId, Conclusion, Effect, Incarnation, Input, NodeId, Outbox, Replica, Session, SessionEffect,
    SessionInput, SessionOutbox, Time,
};

mod call;
mod packet;

pub(crate) use call::{Call, CallId, HASTY, STUBBORN, append, cas, get, put, value};
pub(crate) use packet::{Body, Packet, Place};

/// How long a message takes when nothing is wrong.
pub(crate) const LATENCY: Duration = Duration::from_millis(1);

/// What chance does to every packet; probabilities from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chances {
    pub(crate) lose: f64,
    pub(crate) double: f64,
    /// Delayed by up to [`Chances::LATE_MAX`], so that later ones overtake it.
    pub(crate) late: f64,
    /// That a node dies after an effect, if the system claims to survive that.
    pub(crate) crash: f64,
}

impl Chances {
    pub(crate) const LATE_MAX: Duration = Duration::from_millis(900);
    /// 80 % delivery, everything else possible too.
    pub(crate) const UNRELIABLE: Self = Self {
        lose: 0.2,
        double: 0.1,
        late: 0.05,
        crash: 0.0,
    };
}

/// What a rule does with the packets it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lost,
    Held,
    LostNowAndThen { percent: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RuleId(usize);

struct Rule {
    id: RuleId,
    fate: Fate,
    /// How many more packets it applies to.
    left: usize,
    matches: Box<dyn Fn(&Packet) -> bool>,
}

struct Counter {
    count: usize,
    matches: Box<dyn Fn(&Packet) -> bool>,
}

#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) at: Time,
    pub(crate) node: NodeId,
    pub(crate) event: Event,
}

struct Host {
    node: Option<Node>,
    disk: Vec<Record>,
    timers: BTreeMap<Timer, Time>,
    paused: bool,
    /// What arrived while it was paused.
    backlog: VecDeque<Packet>,
}

struct Client {
    session: ClientSession,
    timers: BTreeMap<SessionTimer, Time>,
    current: Option<CallId>,
}

pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) now: Time,
    pub(crate) rng: Rng,
    pub(crate) chances: Chances,
    pub(crate) log: Vec<Logged>,
    pub(crate) calls: Vec<Call>,
    pub(crate) observer: Observer,
    /// How many questions of clients reached the view service.
    pub(crate) asked_service: usize,
    /// Who was killed by chance, and not started again yet.
    pub(crate) crashed: Vec<NodeId>,
    hosts: BTreeMap<NodeId, Host>,
    clients: BTreeMap<ClientId, Client>,
    wire: BTreeMap<(Time, u64), Packet>,
    sent: u64,
    rules: Vec<Rule>,
    held: Vec<(RuleId, Packet)>,
    lives: u64,
    rules_made: usize,
    counters: Vec<Counter>,
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The view service.
pub(crate) fn vs() -> NodeId {
    "vs".parse().unwrap()
}

/// The `number`-th server.
pub(crate) fn n(number: usize) -> NodeId {
    NodeId::replica(number)
}

impl World {
    /// A view service and `servers` servers, none of them started.
    pub(crate) fn new(seed: u64, servers: usize) -> Self {
        let servers: Vec<NodeId> = (1..=servers).map(n).collect();
        Self::of(seed, Config::new(vs(), servers))
    }

    pub(crate) fn of(seed: u64, config: Config) -> Self {
        let names = config.servers.iter().copied().chain([config.service]);
        let hosts = names.map(|node| (node, Host::empty())).collect();
        Self {
            observer: Observer::new(config.service),
            config,
            now: Time::ZERO + ms(1),
            rng: Rng::with_seed(seed),
            chances: Chances::default(),
            log: Vec::new(),
            calls: Vec::new(),
            asked_service: 0,
            crashed: Vec::new(),
            hosts,
            clients: BTreeMap::new(),
            wire: BTreeMap::new(),
            sent: 0,
            rules: Vec::new(),
            held: Vec::new(),
            lives: 0,
            rules_made: 0,
            counters: Vec::new(),
        }
    }

    /// The same with the view service and the servers up to `running` started one after the other and, if there are two or more, a
    /// backup that holds everything.
    pub(crate) fn formed(seed: u64, config: Config, running: usize) -> Self {
        let mut world = Self::of(seed, config);
        world.start(vs());
        for number in 1..=running {
            world.start(n(number));
            world.run(ms(150));
        }
        if running > 1 {
            world.wait("the cluster is formed", |world| world.observer.formed());
        }
        world
    }

    // What can be done to nodes.

    pub(crate) fn start(&mut self, node: NodeId) {
        self.lives += 1;
        let boot = Boot {
            node,
            incarnation: Incarnation(self.lives * 1000 + self.rng.u64(0..1000)),
            seed: self.rng.u64(..),
        };
        let host = self.hosts.get_mut(&node).unwrap();
        assert!(host.node.is_none(), "{node} runs already");
        host.node = Some(Node::recover(&self.config, boot, host.disk.clone()));
        self.step(node, Input::Start);
    }

    pub(crate) fn kill(&mut self, node: NodeId) {
        let host = self.hosts.get_mut(&node).unwrap();
        *host = Host {
            disk: std::mem::take(&mut host.disk),
            ..Host::empty()
        };
    }

    pub(crate) fn restart(&mut self, node: NodeId) {
        self.kill(node);
        self.start(node);
    }

    pub(crate) fn pause(&mut self, node: NodeId) {
        self.hosts.get_mut(&node).unwrap().paused = true;
    }

    pub(crate) fn resume(&mut self, node: NodeId) {
        let host = self.hosts.get_mut(&node).unwrap();
        host.paused = false;
        for packet in std::mem::take(&mut host.backlog) {
            self.put_on_wire(packet, Duration::ZERO);
        }
    }

    pub(crate) fn is_paused(&self, node: NodeId) -> bool {
        self.hosts[&node].paused
    }

    pub(crate) fn running(&self) -> BTreeSet<NodeId> {
        self.hosts
            .iter()
            .filter(|(_, host)| host.node.is_some())
            .map(|(&node, _)| node)
            .collect()
    }

    pub(crate) fn node(&self, node: NodeId) -> Option<&Node> {
        self.hosts[&node].node.as_ref()
    }

    /// The newest view, as the view service has it.
    pub(crate) fn view(&self) -> View {
        self.observer.newest().expect("there is a view").clone()
    }

    /// The newest view in short, like `3(n1, n2)`.
    pub(crate) fn shown_view(&self) -> String {
        self.observer.newest().map_or("none".to_owned(), View::to_string)
    }

    // What can be done to packets.

    pub(crate) fn lose(&mut self, matches: impl Fn(&Packet) -> bool + 'static) -> RuleId {
        self.rule(Fate::Lost, usize::MAX, matches)
    }

    pub(crate) fn lose_next(&mut self, count: usize, matches: impl Fn(&Packet) -> bool + 'static) -> RuleId {
        self.rule(Fate::Lost, count, matches)
    }

    pub(crate) fn hold(&mut self, matches: impl Fn(&Packet) -> bool + 'static) -> RuleId {
        self.rule(Fate::Held, usize::MAX, matches)
    }

    pub(crate) fn hold_next(&mut self, count: usize, matches: impl Fn(&Packet) -> bool + 'static) -> RuleId {
        self.rule(Fate::Held, count, matches)
    }

    pub(crate) fn cut(&mut self, one: NodeId, other: NodeId) -> RuleId {
        self.lose(move |packet| packet.is_between(one, other))
    }

    /// Ends a rule; what it held goes on its way.
    pub(crate) fn end(&mut self, id: RuleId) {
        self.rules.retain(|rule| rule.id != id);
        let (released, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|&(holder, _)| holder == id);
        self.held = held;
        for (_, packet) in Vec::from_iter::<Vec<_>>(released) {
            self.put_on_wire(packet, LATENCY);
        }
    }

    /// The rule matches no more, but what it held stays held until [`World::release`].
    pub(crate) fn end_keeping(&mut self, id: RuleId) {
        self.rules.retain(|rule| rule.id != id);
    }

    /// What an ended rule still held goes on its way.
    pub(crate) fn release(&mut self, id: RuleId) {
        self.end(id);
    }

    /// The first packet that a rule held is lost.
    pub(crate) fn lose_one_held(&mut self, id: RuleId) {
        let first = self.held.iter().position(|&(holder, _)| holder == id).unwrap();
        self.held.remove(first);
    }

    /// Loses so many of a hundred matching packets from now on, by chance.
    pub(crate) fn lose_now_and_then(
        &mut self,
        percent: u64,
        matches: impl Fn(&Packet) -> bool + 'static,
    ) -> RuleId {
        self.rule(Fate::LostNowAndThen { percent }, usize::MAX, matches)
    }

    /// Counts matching packets from now on.
    pub(crate) fn count(&mut self, matches: impl Fn(&Packet) -> bool + 'static) -> usize {
        self.counters.push(Counter {
            count: 0,
            matches: Box::new(matches),
        });
        self.counters.len() - 1
    }

    pub(crate) fn counted(&self, counter: usize) -> usize {
        self.counters[counter].count
    }

    /// Ends a rule; what it held arrives in the opposite order.
    pub(crate) fn end_reversed(&mut self, id: RuleId) {
        self.held.reverse();
        self.end(id);
    }

    pub(crate) fn end_all_rules(&mut self) {
        for id in self.rules.iter().map(|rule| rule.id).collect::<Vec<_>>() {
            self.end(id);
        }
    }

    pub(crate) fn held(&self, id: RuleId) -> usize {
        self.held.iter().filter(|&&(holder, _)| holder == id).count()
    }

    pub(crate) fn inject(&mut self, from: Place, to: Place, body: Body) {
        self.put_on_wire(Packet { from, to, body }, LATENCY);
    }

    fn rule(&mut self, fate: Fate, left: usize, matches: impl Fn(&Packet) -> bool + 'static) -> RuleId {
        self.rules_made += 1;
        let id = RuleId(self.rules_made);
        self.rules.push(Rule {
            id,
            fate,
            left,
            matches: Box::new(matches),
        });
        id
    }

    // Clients.

    pub(crate) fn client(&mut self, patience: Patience) -> ClientId {
        let id = ClientId(self.clients.len() as u64 + 1);
        let session = ClientSession::new(SessionConfig::new(self.config.service, patience));
        self.clients.insert(
            id,
            Client {
                session,
                timers: BTreeMap::new(),
                current: None,
            },
        );
        id
    }

    pub(crate) fn is_idle(&self, client: ClientId) -> bool {
        self.clients[&client].current.is_none()
    }

    /// Begins an operation, after everything that has ended.
    pub(crate) fn invoke(&mut self, client: ClientId, op: Op) -> CallId {
        self.now = self.now + Duration::from_nanos(1);
        let id = CallId(self.calls.len());
        self.calls.push(Call {
            client,
            op: op.clone(),
            called: self.now,
            ended: None,
        });
        self.clients.get_mut(&client).unwrap().current = Some(id);
        self.step_client(client, SessionInput::Invoke(op));
        id
    }

    pub(crate) fn conclusion(&self, call: CallId) -> Option<&Conclusion<Answer>> {
        self.calls[call.0]
            .ended
            .as_ref()
            .map(|(_, conclusion)| conclusion)
    }

    /// Does an operation and waits for its end.
    pub(crate) fn call(&mut self, client: ClientId, op: Op) -> Conclusion<Answer> {
        let call = self.invoke(client, op);
        self.wait("the operation is over", |world| world.conclusion(call).is_some());
        self.conclusion(call).unwrap().clone()
    }

    /// Does an operation that must be answered.
    pub(crate) fn ask(&mut self, client: ClientId, op: Op) -> Answer {
        match self.call(client, op.clone()) {
            Conclusion::Answered(answer) => answer,
            other => panic!("{op:?} was not answered but {other:?}\n{self:?}"),
        }
    }

    // Time.

    /// Lets `span` go by.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.next_due().is_some_and(|due| due <= end) {
            self.do_next();
        }
        self.now = end;
    }

    /// Lets time go by until `done`, for a minute at most.
    pub(crate) fn run_until(&mut self, done: impl Fn(&Self) -> bool) -> bool {
        let limit = self.now + Duration::from_secs(60);
        while !done(self) {
            match self.next_due() {
                Some(due) if due <= limit => self.do_next(),
                _ => return false,
            }
        }
        true
    }

    /// The same, and it must come true.
    pub(crate) fn wait(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        assert!(self.run_until(done), "never came true: {what}\n{self:?}");
    }

    pub(crate) fn wait_for_view(&mut self, shown: &str) {
        self.wait(shown, |world| world.shown_view() == shown);
    }

    fn next_due(&self) -> Option<Time> {
        let wire = self.wire.first_key_value().map(|(&(due, _), _)| due);
        let awake = self.hosts.values().filter(|host| !host.paused);
        let hosts = awake.flat_map(|host| host.timers.values().copied());
        let clients = self
            .clients
            .values()
            .flat_map(|client| client.timers.values().copied());
        wire.into_iter()
            .chain(hosts)
            .chain(clients)
            .min()
            .map(|due| due.max(self.now))
    }

    /// One arrival or one timer: the next that is due.
    fn do_next(&mut self) {
        let Some(due) = self.next_due() else { return };
        self.now = due;
        if let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= due) {
            let packet = entry.remove();
            return self.deliver(packet);
        }
        let host = self
            .hosts
            .iter()
            .filter(|(_, host)| !host.paused)
            .find_map(|(&node, host)| {
                host.timers
                    .iter()
                    .find(|&(_, &at)| at <= due)
                    .map(|(&timer, _)| (node, timer))
            });
        if let Some((node, timer)) = host {
            self.hosts.get_mut(&node).unwrap().timers.remove(&timer);
            return self.step(node, Input::Timeout(timer));
        }
        let client = self.clients.iter().find_map(|(&id, client)| {
            client
                .timers
                .iter()
                .find(|&(_, &at)| at <= due)
                .map(|(&timer, _)| (id, timer))
        });
        let (id, timer) = client.expect("something was due");
        self.clients.get_mut(&id).unwrap().timers.remove(&timer);
        self.step_client(id, SessionInput::Timeout(timer));
    }

    // Packets.

    fn send(&mut self, packet: Packet) {
        for counter in self
            .counters
            .iter_mut()
            .filter(|counter| (counter.matches)(&packet))
        {
            counter.count += 1;
        }
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.left > 0 && (rule.matches)(&packet));
        if let Some(rule) = rule {
            rule.left -= 1;
            match rule.fate {
                Fate::Lost => return,
                Fate::Held => return self.held.push((rule.id, packet)),
                Fate::LostNowAndThen { percent } if self.rng.u64(0..100) < percent => return,
                Fate::LostNowAndThen { .. } => (),
            }
        }
        let copies = if self.happens(self.chances.double) { 2 } else { 1 };
        for _ in 0..copies {
            if self.happens(self.chances.lose) {
                continue;
            }
            let late = if self.happens(self.chances.late) {
                self.rng.u64(0..Chances::LATE_MAX.as_nanos() as u64)
            } else {
                0
            };
            self.put_on_wire(packet.clone(), LATENCY + Duration::from_nanos(late));
        }
    }

    fn put_on_wire(&mut self, packet: Packet, takes: Duration) {
        self.sent += 1;
        self.wire.insert((self.now + takes, self.sent), packet);
    }

    fn deliver(&mut self, packet: Packet) {
        match packet.to {
            Place::Node(node) => self.deliver_to_node(node, packet),
            Place::Client(client) => self.deliver_to_client(client, packet),
        }
    }

    fn deliver_to_node(&mut self, node: NodeId, packet: Packet) {
        let host = self.hosts.get_mut(&node).unwrap();
        if host.paused {
            return host.backlog.push_back(packet);
        }
        if host.node.is_none() {
            if let Place::Client(_) = packet.from {
                self.send(Packet {
                    from: packet.to,
                    to: packet.from,
                    body: Body::Unreachable(node),
                });
            }
            return;
        }
        let input = match (packet.from, packet.body) {
            (Place::Node(from), Body::Message(message)) => Input::Message { from, message },
            (Place::Client(from), Body::Request(request)) => Input::Request { from, request },
            (from, body) => panic!("{from:?} cannot send {body:?} to a node"),
        };
        if node == self.config.service && matches!(input, Input::Request { .. }) {
            self.asked_service += 1;
        }
        self.step(node, input);
    }

    fn deliver_to_client(&mut self, client: ClientId, packet: Packet) {
        let input = match (packet.from, packet.body) {
            (Place::Node(from), Body::Response(response)) => SessionInput::Response { from, response },
            (_, Body::Unreachable(node)) => SessionInput::Unreachable(node),
            (from, body) => panic!("{from:?} cannot send {body:?} to a client"),
        };
        self.step_client(client, input);
    }

    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.rng.f64() < probability
    }

    // Steps.

    fn step(&mut self, node: NodeId, input: Input<Node>) {
        let mut out = Outbox::new();
        let Some(core) = self.hosts.get_mut(&node).and_then(|host| host.node.as_mut()) else {
            return;
        };
        core.step(self.now, input, &mut out);
        for effect in out.drain().collect::<Vec<_>>() {
            self.carry_out(node, effect);
            if self.happens(self.chances.crash) && self.observer.expendable(&self.running()).contains(&node) {
                self.crashed.push(node);
                return self.kill(node);
            }
        }
    }

    fn carry_out(&mut self, node: NodeId, effect: Effect<Node>) {
        let from = Place::Node(node);
        match effect {
            Effect::Send { to, message } => {
                self.send(Packet {
                    from,
                    to: Place::Node(to),
                    body: Body::Message(message),
                });
            }
            Effect::Reply { to, response } => {
                self.send(Packet {
                    from,
                    to: Place::Client(to),
                    body: Body::Response(response),
                });
            }
            Effect::Observe(event) => {
                self.observer.note(node, &event);
                self.log.push(Logged {
                    at: self.now,
                    node,
                    event,
                });
            }
            Effect::Arm { timer, after } => {
                let due = self.now + after;
                self.hosts.get_mut(&node).unwrap().timers.insert(timer, due);
            }
            Effect::Disarm(timer) => {
                self.hosts.get_mut(&node).unwrap().timers.remove(&timer);
            }
            Effect::Persist(record) => self.hosts.get_mut(&node).unwrap().disk.push(record),
            Effect::Compact(records) => self.hosts.get_mut(&node).unwrap().disk = records,
        }
    }

    fn step_client(&mut self, id: ClientId, input: SessionInput<ClientSession>) {
        let mut out = SessionOutbox::new();
        self.clients
            .get_mut(&id)
            .unwrap()
            .session
            .step(self.now, input, &mut out);
        for effect in out.drain().collect::<Vec<_>>() {
            let client = self.clients.get_mut(&id).unwrap();
            match effect {
                SessionEffect::Send { to, request } => {
                    self.send(Packet {
                        from: Place::Client(id),
                        to: Place::Node(to),
                        body: Body::Request(request),
                    });
                }
                SessionEffect::Arm { timer, after } => {
                    client.timers.insert(timer, self.now + after);
                }
                SessionEffect::Disarm(timer) => {
                    client.timers.remove(&timer);
                }
                SessionEffect::Conclude(conclusion) => {
                    let call = client.current.take().expect("an operation is concluded once");
                    self.calls[call.0].ended = Some((self.now, conclusion));
                }
            }
        }
    }
}

impl Host {
    fn empty() -> Self {
        Self {
            node: None,
            disk: Vec::new(),
            timers: BTreeMap::new(),
            paused: false,
            backlog: VecDeque::new(),
        }
    }
}

/// What happened lately, for failing tests.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "at {:?}, view {}, the last events:",
            self.now,
            self.shown_view()
        )?;
        for Logged { at, node, event } in self.log.iter().rev().take(40).rev() {
            writeln!(f, "{:>10.3} ms {node:>3} {event:?}", at.as_nanos() as f64 / 1e6)?;
        }
        Ok(())
    }
}
