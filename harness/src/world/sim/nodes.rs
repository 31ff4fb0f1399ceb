//! The nodes at work: they come to life, take what has arrived one thing at a time, have the effects carried out, and die.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use histories::Process;
use rand::{Rng, RngExt};
use systems::server::EventLine;
use systems::{Boot, Effect, Incarnation, Input, NodeId, Outbox, Replica};

use super::disk::Write;
use super::host::{Arrival, DiskUse, End, Host, Life, LifeNumber, Motion, Seat};
use super::moment::{Moment, NodeClock};
use super::packet::Packet;
use super::timers::Timers;
use super::{Due, Observing, Protocol, Recording, SimWorld};
use crate::adapter::Witness;
use crate::oracle::Oracle;
use crate::testimony::Departure;

/// An incarnation fits into a double, as in the real world.
const INCARNATION_BITS: u32 = 53;

impl<P: Protocol> SimWorld<P> {
    pub(super) fn come_to_life(&mut self, seat: Seat) {
        self.lives += 1;
        let number = LifeNumber(self.lives);
        let host = &mut self.hosts[seat.0];
        let incarnation = Incarnation(self.rng.next_u64() >> (u64::BITS - INCARNATION_BITS));
        let boot = Boot {
            node: host.node,
            incarnation,
            seed: self.rng.next_u64(),
        };
        let clock = NodeClock::draw(self.config.conditions.drift_ppm_max, &mut self.rng);
        let replica = P::Replica::recover(self.protocol.config(), boot, host.disk.records());
        host.life = Some(Life {
            number,
            incarnation,
            replica,
            clock,
            timers: Timers::new(),
            motion: Motion::Running,
            shared_syncs: 0,
            pending: VecDeque::new(),
            inbox: VecDeque::new(),
            disk: DiskUse::Idle,
            end: End::Open,
        });
        self.receive(seat, Arrival::Input(Input::Start));
    }

    /// The node is gone at once, with all that was not durable; whoever had a connection to it learns that it broke.
    pub(super) fn crash(&mut self, seat: Seat) {
        let host = &mut self.hosts[seat.0];
        host.life = None;
        host.disk.crash(&mut self.rng);
        let node = host.node;
        self.witness.note_death(node);
        for process in self.clients.disconnect(node) {
            self.break_connection(process, node);
        }
    }

    pub(super) fn receive(&mut self, seat: Seat, arrival: Arrival<P::Replica>) {
        if let Some(life) = &mut self.hosts[seat.0].life {
            life.receive(arrival);
            self.go_on(seat);
        }
    }

    /// Lets a node do what it can do now: finish its step, and begin others while something waits for it.
    pub(super) fn go_on(&mut self, seat: Seat) {
        loop {
            self.carry_out(seat);
            let Some(life) = self.hosts[seat.0].life.as_mut().filter(|life| life.is_ready()) else {
                return;
            };
            let Some(input) = life.next_input() else { return };
            if let Err(panic) = step(life, self.now, input, &mut self.outbox) {
                self.depart(seat, &panic);
                return;
            }
            life.pending.extend(self.outbox.drain());
        }
    }

    /// Carries out what is left of a node's last step, until it is done, the node has to wait for its disk, or it dies.
    pub(super) fn carry_out(&mut self, seat: Seat) {
        while let Some(life) = &mut self.hosts[seat.0].life {
            if life.motion == Motion::Paused || life.disk == DiskUse::Writing {
                return;
            }
            let Some(effect) = life.pending.pop_front() else {
                return;
            };
            match &mut life.end {
                End::Open => {}
                End::After(0) => return self.crash(seat),
                // A step that is too short for it is survived, and a later one is the last.
                End::After(effects) => *effects -= 1,
            }
            self.carry_out_one(seat, effect);
        }
    }

    pub(super) fn carry_out_one(&mut self, seat: Seat, effect: Effect<P::Replica>) {
        let host = &mut self.hosts[seat.0];
        let Some(life) = &mut host.life else { return };
        let (node, number) = (host.node, life.number);
        match effect {
            Effect::Send { to, message } => self.send(Packet::Message {
                from: node,
                to,
                message,
            }),
            Effect::Reply { to, response } => {
                self.oracle.answer(node, to, &response);
                self.send(Packet::Response {
                    from: node,
                    to: Process(to.0),
                    response,
                });
            }
            Effect::Arm { timer, after } => {
                let at = self.now + life.clock.takes(after);
                let arming = life.timers.arm(timer);
                self.queue.schedule(
                    at,
                    Due::Timer {
                        seat,
                        life: number,
                        timer,
                        arming,
                    },
                );
            }
            Effect::Disarm(timer) => life.timers.disarm(timer),
            Effect::Persist(record) => self.write(seat, Write::Append(record)),
            Effect::Compact(records) => self.write(seat, Write::Replace(records)),
            Effect::Observe(event) => self.observe(node, life_incarnation(&self.hosts[seat.0]), event),
        }
    }

    /// Begins to write `first` and what is to be written right behind it; the node waits until all of it is durable.
    fn write(&mut self, seat: Seat, first: Write<<P::Replica as Replica>::Record>) {
        let full = self.draw_sync_time();
        let host = &mut self.hosts[seat.0];
        let Some(life) = &mut host.life else { return };
        let mut tail = vec![first];
        tail.extend(std::iter::from_fn(|| life.next_write()));
        host.disk.write(tail);
        let takes = life.sync_takes(full);
        self.queue.schedule(
            self.now + takes,
            Due::Synced {
                seat,
                life: life.number,
            },
        );
    }

    fn draw_sync_time(&mut self) -> Duration {
        let sync_us_max = self.config.conditions.sync_us_max.max(1);
        Duration::from_micros(self.rng.random_range(1..=sync_us_max))
    }

    pub(super) fn observe(
        &mut self,
        node: NodeId,
        incarnation: Incarnation,
        event: <P::Replica as Replica>::Event,
    ) {
        let Moment(t) = self.now;
        let line = EventLine {
            t,
            wall: t,
            node,
            incarnation,
            event,
        };
        self.observed += 1;
        self.witness.observe(node, &line.event);
        self.oracle.note(&line);
        if self.config.recording == Recording::Events {
            self.events.push(line);
        }
    }

    pub(super) fn synced(&mut self, seat: Seat, number: LifeNumber) {
        let host = &mut self.hosts[seat.0];
        if host.life(number).is_some() {
            host.disk.sync();
        }
        if let Some(life) = host.life(number) {
            life.disk = DiskUse::Idle;
            self.go_on(seat);
        }
    }

    /// The core broke one of its own rules: its process is gone.
    pub(super) fn depart(&mut self, seat: Seat, panic: &str) {
        self.outbox = Outbox::new();
        self.departures.push(Departure {
            node: self.hosts[seat.0].node,
            status: format!("it panicked: {panic}"),
            at: self.now.since(self.start),
        });
        self.crash(seat);
    }
}

/// Hands `input` to the node's core. A panic is caught: in the real world it would be the end of its process and of nothing else.
fn step<R: Replica>(
    life: &mut Life<R>,
    now: Moment,
    input: Input<R>,
    outbox: &mut Outbox<R>,
) -> Result<(), String> {
    let time = life.clock.read(now);
    let stepped = catch_unwind(AssertUnwindSafe(|| life.replica.step(time, input, outbox)));
    stepped.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("without words")
            .to_owned()
    })
}

fn life_incarnation<R: Replica>(host: &Host<R>) -> Incarnation {
    host.life.as_ref().map_or(Incarnation(0), |life| life.incarnation)
}
