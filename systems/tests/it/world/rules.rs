//! What is done to packets: lost, held, doubled, late, by rules and by chance.

use std::time::Duration;

use systems::{NodeId, Replica};

use super::filter::Filter;
use super::{Body, Chances, LATENCY, Packet, Place, Sight, System, Way, World};

/// What a rule does with the packets it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lost,
    Held,
    Doubled,
    LostNowAndThen { percent: u64 },
    Slowed { bytes_per_second: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RuleId(usize);

pub(super) struct Rule<R: Replica> {
    id: RuleId,
    fate: Fate,
    /// How many more packets it applies to.
    left: usize,
    matches: Filter<Packet<R>>,
}

pub(super) struct Counter<R: Replica> {
    count: usize,
    matches: Filter<Packet<R>>,
}

impl<S: System> World<S> {
    pub(crate) fn lose(&mut self, matches: impl Fn(&Packet<S::Replica>) -> bool + 'static) -> RuleId {
        self.rule(Fate::Lost, usize::MAX, matches)
    }

    pub(crate) fn lose_next(
        &mut self,
        count: usize,
        matches: impl Fn(&Packet<S::Replica>) -> bool + 'static,
    ) -> RuleId {
        self.rule(Fate::Lost, count, matches)
    }

    pub(crate) fn hold(&mut self, matches: impl Fn(&Packet<S::Replica>) -> bool + 'static) -> RuleId {
        self.rule(Fate::Held, usize::MAX, matches)
    }

    pub(crate) fn hold_next(
        &mut self,
        count: usize,
        matches: impl Fn(&Packet<S::Replica>) -> bool + 'static,
    ) -> RuleId {
        self.rule(Fate::Held, count, matches)
    }

    /// Matching packets arrive twice, the second time with those sent a little later.
    pub(crate) fn double(
        &mut self,
        count: usize,
        matches: impl Fn(&Packet<S::Replica>) -> bool + 'static,
    ) -> RuleId {
        self.rule(Fate::Doubled, count, matches)
    }

    pub(crate) fn cut(&mut self, one: NodeId, other: NodeId) -> RuleId {
        self.lose(move |packet| packet.is_between(one, other))
    }

    /// Loses so many of a hundred matching packets from now on, by chance.
    pub(crate) fn lose_now_and_then(
        &mut self,
        percent: u64,
        matches: impl Fn(&Packet<S::Replica>) -> bool + 'static,
    ) -> RuleId {
        self.rule(Fate::LostNowAndThen { percent }, usize::MAX, matches)
    }

    /// Between two places matching packets share so many bytes a second, in each direction. Whatever is sent behind them waits for them, after the
    /// rule has ended as well, as it does on a connection.
    pub(crate) fn slow(
        &mut self,
        bytes_per_second: u64,
        matches: impl Fn(&Packet<S::Replica>) -> bool + 'static,
    ) -> RuleId {
        self.rule(Fate::Slowed { bytes_per_second }, usize::MAX, matches)
    }

    /// Ends a rule; what it held goes on its way.
    pub(crate) fn end(&mut self, id: RuleId) {
        self.rules.retain(|rule| rule.id != id);
        let held = std::mem::take(&mut self.held);
        let (released, held) = held.into_iter().partition(|&(holder, _)| holder == id);
        self.held = held;
        for (_, packet) in Vec::from_iter::<Vec<_>>(released) {
            self.sees_sent(&packet, Way::Released);
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

    /// Ends a rule; what it held arrives in the opposite order.
    pub(crate) fn end_reversed(&mut self, id: RuleId) {
        self.held.reverse();
        self.end(id);
    }

    /// The first packet that a rule held is lost.
    pub(crate) fn lose_one_held(&mut self, id: RuleId) {
        let first = self.held.iter().position(|&(holder, _)| holder == id).unwrap();
        self.held.remove(first);
    }

    pub(crate) fn end_all_rules(&mut self) {
        for id in self.rules.iter().map(|rule| rule.id).collect::<Vec<_>>() {
            self.end(id);
        }
    }

    pub(crate) fn held(&self, id: RuleId) -> usize {
        self.held.iter().filter(|&&(holder, _)| holder == id).count()
    }

    /// Counts matching packets from now on.
    pub(crate) fn count(&mut self, matches: impl Fn(&Packet<S::Replica>) -> bool + 'static) -> usize {
        self.counters.push(Counter {
            count: 0,
            matches: Filter::new(matches),
        });
        self.counters.len() - 1
    }

    pub(crate) fn counted(&self, counter: usize) -> usize {
        self.counters[counter].count
    }

    pub(crate) fn inject(&mut self, from: Place, to: Place, body: Body<S::Replica>) {
        self.put_on_wire(Packet { from, to, body }, LATENCY);
    }

    pub(super) fn send(&mut self, packet: Packet<S::Replica>) {
        let counters = self.counters.iter_mut();
        for counter in counters.filter(|counter| counter.matches.matches(&packet)) {
            counter.count += 1;
        }
        match self.ruled(&packet) {
            Some((_, Fate::Lost)) => self.sees_sent(&packet, Way::Lost),
            Some((id, Fate::Held)) => {
                self.sees_sent(&packet, Way::Held);
                self.held.push((id, packet));
            }
            Some((_, Fate::LostNowAndThen { percent })) if self.rng.u64(0..100) < percent => {
                self.sees_sent(&packet, Way::Lost);
            }
            Some((_, Fate::Doubled)) => {
                self.sees_sent(&packet, Way::Doubled);
                self.put_on_wire(packet.clone(), 2 * LATENCY);
                self.put_on_wire(packet, LATENCY);
            }
            Some((_, Fate::Slowed { bytes_per_second })) => {
                self.sees_sent(&packet, Way::Usual);
                self.send_slowly(packet, bytes_per_second);
            }
            Some((_, Fate::LostNowAndThen { .. })) | None if self.waits(&packet) => {
                self.sees_sent(&packet, Way::Usual);
                self.send_slowly(packet, u64::MAX);
            }
            Some((_, Fate::LostNowAndThen { .. })) | None => {
                self.sees_sent(&packet, Way::Usual);
                self.send_by_chance(&packet);
            }
        }
    }

    fn sees_sent(&mut self, packet: &Packet<S::Replica>, way: Way) {
        self.sees(|| Sight::Sent {
            packet: packet.clone(),
            way,
        });
    }

    pub(super) fn put_on_wire(&mut self, packet: Packet<S::Replica>, takes: Duration) {
        self.sent += 1;
        self.wire.insert((self.now + takes, self.sent), packet);
    }

    /// The rule that applies to `packet`, used once more.
    fn ruled(&mut self, packet: &Packet<S::Replica>) -> Option<(RuleId, Fate)> {
        let mut rules = self.rules.iter_mut();
        let rule = rules.find(|rule| rule.left > 0 && rule.matches.matches(packet))?;
        rule.left -= 1;
        Some((rule.id, rule.fate))
    }

    /// Whether something slow is before it.
    fn waits(&self, packet: &Packet<S::Replica>) -> bool {
        let busy_until = self.busy.get(&(packet.from, packet.to));
        busy_until.is_some_and(|&until| self.now < until)
    }

    fn send_slowly(&mut self, packet: Packet<S::Replica>, bytes_per_second: u64) {
        let takes = Duration::from_secs_f64(packet.bytes() as f64 / bytes_per_second as f64);
        let busy_until = self.busy.entry((packet.from, packet.to)).or_insert(self.now);
        *busy_until = self.now.max(*busy_until) + takes;
        let takes = busy_until.since(self.now) + LATENCY;
        self.put_on_wire(packet, takes);
    }

    fn send_by_chance(&mut self, packet: &Packet<S::Replica>) {
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

    fn rule(
        &mut self,
        fate: Fate,
        left: usize,
        matches: impl Fn(&Packet<S::Replica>) -> bool + 'static,
    ) -> RuleId {
        self.rules_made += 1;
        let id = RuleId(self.rules_made);
        self.rules.push(Rule {
            id,
            fate,
            left,
            matches: Filter::new(matches),
        });
        id
    }
}
