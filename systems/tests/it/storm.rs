//! Random schedules, many of them: clients, faults and time drawn from a seed, everything checked at the end.
//!
//! Model checkers search like this, and dslabs' random depth-first searches. A seed that ever failed is kept by its number.

use systems::service::kv::{Answer, Op};
use systems::{ClientId, Conclusion, NodeId, Session};

use crate::kv::{append, cas, get, put};
use crate::world::{Chances, Packet, RuleId, System, World, ms, n};

/// A system that can be out in a storm: a group of replicas of the key-value store.
pub(crate) trait Stormy: System<Session: Session<Op = Op, Answer = Answer>> {
    /// The client with this number; some insist, some do not.
    fn client(world: &mut World<Self>, number: usize) -> ClientId;

    /// Whatever else may be done to such a system now and then.
    fn meddle(world: &mut World<Self>) {
        let _ = world;
    }

    /// Whether all copies that run are equal and nothing is under way.
    fn agrees(world: &World<Self>) -> bool;

    /// What is wrong with the run so far.
    fn violations(world: &World<Self>) -> Vec<String>;
}

/// What may happen in a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) clients: usize,
    /// Operations in all.
    pub(crate) operations: usize,
    pub(crate) chances: Chances,
    /// How often something is cut, held, paused or killed, on average, in milliseconds.
    pub(crate) trouble_every_ms: u64,
}

/// Everything at once.
pub(crate) const STORM: Weather = Weather {
    clients: 4,
    operations: 60,
    chances: Chances {
        crash: 0.0005,
        ..Chances::UNRELIABLE
    },
    trouble_every_ms: 150,
};

/// The most that is cut, held, paused or dead at a time.
const TROUBLES_MAX: usize = 3;

/// Beyond so much virtual time a run is stuck.
const RUN_MS_MAX: u64 = 300_000;

/// A run under way.
struct Run<S: Stormy> {
    world: World<S>,
    nodes: Vec<NodeId>,
    weather: Weather,
    clients: Vec<ClientId>,
    begun: usize,
    troubles: Vec<Trouble>,
}

enum Trouble {
    Rule(RuleId),
    Paused(NodeId),
    Dead(NodeId),
}

/// Runs a world of `config` to its end, heals everything, reads everything and tells what was wrong.
pub(crate) fn run<S: Stormy>(
    seed: u64,
    config: <S::Replica as systems::Replica>::Config,
    weather: Weather,
) -> Vec<String> {
    let mut run = Run::<S>::new(seed, config, weather);
    while run.begun < weather.operations || run.clients.iter().any(|&client| !run.world.is_idle(client)) {
        run.work();
        run.trouble();
        S::meddle(&mut run.world);
        let pause = run.world.rng.u64(1..40);
        run.world.run(ms(pause));
        if run.world.now.as_nanos() > ms(RUN_MS_MAX).as_nanos() as u64 {
            return vec![format!("the clients did not come to an end\n{:?}", run.world)];
        }
    }
    run.finish()
}

impl<S: Stormy> Run<S> {
    fn new(seed: u64, config: <S::Replica as systems::Replica>::Config, weather: Weather) -> Self {
        let nodes = S::nodes(&config);
        let mut world = World::<S>::of(seed, config);
        nodes.iter().for_each(|&node| world.start(node));
        world.chances = weather.chances;
        let clients = (0..weather.clients)
            .map(|number| S::client(&mut world, number))
            .collect();
        Self {
            world,
            nodes,
            weather,
            clients,
            begun: 0,
            troubles: Vec::new(),
        }
    }

    /// Idle clients begin something; one that gave up is replaced by a new one.
    fn work(&mut self) {
        for i in 0..self.clients.len() {
            let client = self.clients[i];
            let rests = self.weather.operations <= self.begun || self.world.rng.u8(0..3) == 0;
            if rests || !self.world.is_idle(client) {
                continue;
            }
            let last = self.world.calls.iter().rev().find(|call| call.client == client);
            if last.is_some_and(|call| matches!(call.ended, Some((_, Conclusion::Unknown)))) {
                self.clients[i] = S::client(&mut self.world, i);
            }
            let op = self.draw();
            self.world.invoke(self.clients[i], op);
            self.begun += 1;
        }
    }

    fn draw(&mut self) -> Op {
        let token = format!("t{} ", self.begun);
        match self.world.rng.u8(0..8) {
            0..3 => append("a", &token),
            3 => get("a"),
            4 => put("r", &token),
            5 => cas("r", &format!("t{} ", self.begun.saturating_sub(3)), &token),
            _ => get("r"),
        }
    }

    fn trouble(&mut self) {
        let crashed = std::mem::take(&mut self.world.crashed);
        self.troubles.extend(crashed.into_iter().map(Trouble::Dead));
        let every = self.weather.trouble_every_ms;
        if self.troubles.len() < TROUBLES_MAX && self.world.rng.u64(0..every) < 20 {
            self.begin_trouble();
        }
        if !self.troubles.is_empty() && self.world.rng.u64(0..every * 2) < 20 {
            let index = self.world.rng.usize(0..self.troubles.len());
            let trouble = self.troubles.remove(index);
            self.end_trouble(trouble);
        }
    }

    fn begin_trouble(&mut self) {
        let nodes = self.nodes.len();
        let (one, other) = (
            n(self.world.rng.usize(1..=nodes)),
            n(self.world.rng.usize(1..=nodes)),
        );
        let lose = |world: &mut World<S>, concerns: fn(&Packet<S::Replica>, NodeId) -> bool| {
            Trouble::Rule(world.lose(move |packet| packet.is_among_nodes() && concerns(packet, one)))
        };
        let runs = self.world.running().contains(&one) && !self.world.is_paused(one);
        let trouble = match self.world.rng.u8(0..10) {
            0 => lose(&mut self.world, Packet::concerns),
            1 => lose(&mut self.world, Packet::comes_from),
            2 => lose(&mut self.world, Packet::goes_to),
            3 => Trouble::Rule(self.world.cut(one, other)),
            4 => Trouble::Rule(self.world.hold(move |packet| packet.goes(one, other))),
            5 => Trouble::Rule(self.world.hold(move |packet| packet.comes_from(one))),
            6 | 7 if runs => {
                self.world.pause(one);
                Trouble::Paused(one)
            }
            8 | 9 if runs => {
                self.world.kill(one);
                Trouble::Dead(one)
            }
            _ => return,
        };
        self.troubles.push(trouble);
    }

    fn end_trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Rule(rule) => self.world.end(rule),
            Trouble::Paused(node) => self.world.resume(node),
            Trouble::Dead(node) => self.world.start(node),
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.world.chances = Chances::default();
        let crashed = std::mem::take(&mut self.world.crashed);
        self.troubles.extend(crashed.into_iter().map(Trouble::Dead));
        for trouble in std::mem::take(&mut self.troubles) {
            self.end_trouble(trouble);
        }
        self.world.end_all_rules();
        let client = S::client(&mut self.world, 0);
        for key in ["a", "r"] {
            let read = self.world.invoke(client, get(key));
            if !self.world.run_until(|world| world.conclusion(read).is_some()) {
                return vec![format!(
                    "nobody answers after everything was healed\n{:?}",
                    self.world
                )];
            }
        }
        if !self.world.run_until(S::agrees) {
            return vec![format!("the copies stay different\n{:?}", self.world)];
        }
        S::violations(&self.world)
    }
}
