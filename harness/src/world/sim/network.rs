//! Messages on their way: how long they take, and what faults do to them.
//!
//! Without faults a message arrives after some latency, and in order on its connection, as TCP has it. A link that is cut loses what
//! is sent on it, or keeps it until it is mended, as connections do that survive; which of the two is drawn for each cut. Disturbances
//! come on top: they may lose, delay, double, overtake, hold or slow messages, by link and by kind.
//!
//! Every link has a stream of chance of its own, so that one message more on one link changes nothing on another.

mod line;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use nemesis::{Disturbance, Fate, FaultId, Link, Release};

use self::line::{Journey, Line, Order};
use super::conditions::Conditions;
use super::moment::Moment;

/// More messages than this wait for nothing on one link; the others are lost.
const HELD_MAX: usize = 100_000;

/// A connection within a link: messages on the same one arrive in order unless something is done to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Connection(pub(super) u64);

/// What the network needs to know of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label {
    pub(super) link: Link,
    pub(super) connection: Connection,
    pub(super) kind: &'static str,
}

/// Something that can be sent.
pub(super) trait Cargo: Clone {
    /// Its length in bytes, as a slow link counts it.
    fn bytes(&self) -> u64;
}

/// What comes of a message that was sent.
#[derive(Debug)]
pub(super) enum Passage<C> {
    /// It arrives.
    Arrives(Moment, C),
    /// It goes over a slow line, and is through at that moment unless the line is faster again before: see [`Network::pass_on`].
    Through(Moment, Link),
}

/// The network of one cluster and its clients.
#[derive(Debug)]
pub(super) struct Network<C> {
    conditions: Conditions,
    seed: u64,
    lines: BTreeMap<Link, Line>,
    cuts: BTreeMap<Link, Cut<C>>,
    disturbances: BTreeMap<FaultId, Disturbing<C>>,
    /// What is on its way over slow lines, in order.
    crawling: BTreeMap<Link, VecDeque<Crawling<C>>>,
    sent: BTreeMap<&'static str, u64>,
}

/// What becomes of what is sent on a link that is cut.
#[derive(Debug)]
enum Cut<C> {
    Lost,
    Kept(Vec<(Label, C)>),
}

#[derive(Debug)]
struct Disturbing<C> {
    disturbance: Disturbance,
    held: Vec<(Label, C)>,
}

/// A message on its way over a slow line.
#[derive(Debug)]
struct Crawling<C> {
    through: Moment,
    label: Label,
    journey: Journey,
    cargo: C,
}

/// What the faults in force make of a message.
enum Treatment {
    Lost,
    HeldBy(FaultId),
    /// It is through a slow line then, and goes on from there.
    Slowed(Moment, Journey),
    Carried(Journey),
}

impl<C: Cargo> Network<C> {
    pub(super) fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            seed,
            lines: BTreeMap::new(),
            cuts: BTreeMap::new(),
            disturbances: BTreeMap::new(),
            crawling: BTreeMap::new(),
            sent: BTreeMap::new(),
        }
    }

    /// Sends `cargo` at `now`. `deliver` is told what comes of it, as often as something does.
    pub(super) fn send(&mut self, now: Moment, label: Label, cargo: C, deliver: impl FnMut(Passage<C>)) {
        *self.sent.entry(label.kind).or_default() += 1;
        self.carry(now, label, cargo, deliver);
    }

    /// How many messages of each kind have been sent.
    pub(super) const fn sent(&self) -> &BTreeMap<&'static str, u64> {
        &self.sent
    }

    fn carry(&mut self, now: Moment, label: Label, cargo: C, mut deliver: impl FnMut(Passage<C>)) {
        if let Some(cut) = self.cuts.get_mut(&label.link) {
            return cut.take(label, cargo);
        }
        match self.treat(now, label, &cargo) {
            Treatment::Lost => {}
            Treatment::HeldBy(fault) => self.hold(fault, label, cargo),
            Treatment::Slowed(through, journey) => {
                self.crawling.entry(label.link).or_default().push_back(Crawling {
                    through,
                    label,
                    journey,
                    cargo,
                });
                deliver(Passage::Through(through, label.link));
            }
            Treatment::Carried(journey) => self.depart(now, label, journey, cargo, deliver),
        }
    }

    /// `cargo` is on its way from `now` on, with nothing slow before it.
    fn depart(
        &mut self,
        now: Moment,
        label: Label,
        journey: Journey,
        cargo: C,
        mut deliver: impl FnMut(Passage<C>),
    ) {
        let at = self.line(label.link).arrival(now, label.connection, journey);
        if let Some(later) = journey.again {
            deliver(Passage::Arrives(at + later, cargo.clone()));
        }
        deliver(Passage::Arrives(at, cargo));
    }

    /// What is through the slow `link` by `now` goes on its way.
    pub(super) fn pass_on(&mut self, now: Moment, link: Link, mut deliver: impl FnMut(Passage<C>)) {
        let through = |crawling: &mut Crawling<C>| crawling.through <= now;
        while let Some(first) = self
            .crawling
            .get_mut(&link)
            .and_then(|line| line.pop_front_if(through))
        {
            self.depart(now, first.label, first.journey, first.cargo, &mut deliver);
        }
    }

    /// `link` is as fast as ever: what was on its way over it is through.
    fn hasten(&mut self, now: Moment, link: Link, mut deliver: impl FnMut(Passage<C>)) {
        self.line(link).hasten(now);
        for crawling in self.crawling.remove(&link).unwrap_or_default() {
            self.depart(
                now,
                crawling.label,
                crawling.journey,
                crawling.cargo,
                &mut deliver,
            );
        }
    }

    /// Nothing is delivered on `link` from now on.
    pub(super) fn cut(&mut self, link: Link) {
        let kept_percent = self.conditions.kept_percent;
        let is_kept = self.line(link).happens(kept_percent);
        self.cuts
            .entry(link)
            .or_insert(if is_kept { Cut::Kept(Vec::new()) } else { Cut::Lost });
    }

    /// Mends `link`; what it kept goes on its way.
    pub(super) fn mend(&mut self, now: Moment, link: Link, mut deliver: impl FnMut(Passage<C>)) {
        if let Some(Cut::Kept(kept)) = self.cuts.remove(&link) {
            for (label, cargo) in kept {
                self.carry(now, label, cargo, &mut deliver);
            }
        }
    }

    /// Whether nothing is delivered on `link`.
    pub(super) fn is_cut(&self, link: Link) -> bool {
        self.cuts.contains_key(&link)
    }

    /// From now on messages suffer `disturbance`.
    pub(super) fn disturb(&mut self, fault: FaultId, disturbance: Disturbance) {
        let disturbing = Disturbing {
            disturbance,
            held: Vec::new(),
        };
        self.disturbances.insert(fault, disturbing);
    }

    /// The disturbance is over; what it held goes on its way.
    pub(super) fn calm(&mut self, now: Moment, fault: FaultId, mut deliver: impl FnMut(Passage<C>)) {
        let Some(Disturbing {
            disturbance,
            mut held,
        }) = self.disturbances.remove(&fault)
        else {
            return;
        };
        match disturbance.fate {
            Fate::Held {
                release: Release::Reversed,
            } => held.reverse(),
            Fate::Slowed { .. } => {
                let healed = disturbance.links.iter().filter(|link| !self.is_slow(**link));
                for link in healed.copied().collect::<Vec<Link>>() {
                    self.hasten(now, link, &mut deliver);
                }
            }
            Fate::Held { .. }
            | Fate::Lost { .. }
            | Fate::Delayed { .. }
            | Fate::Doubled { .. }
            | Fate::Overtaken { .. } => {}
        }
        for (label, cargo) in held {
            self.carry(now, label, cargo, &mut deliver);
        }
    }

    /// Whether some fault makes `link` slow.
    fn is_slow(&self, link: Link) -> bool {
        self.disturbances.values().any(|Disturbing { disturbance, .. }| {
            matches!(disturbance.fate, Fate::Slowed { .. }) && disturbance.links.contains(&link)
        })
    }

    /// When the last that crawls on the same connection is through, if anything does.
    fn crawls_before(&self, label: Label) -> Option<Moment> {
        let mut behind = self.crawling.get(&label.link)?.iter().rev();
        let before = behind.find(|crawling| crawling.label.connection == label.connection)?;
        Some(before.through)
    }

    /// Whether messages suffer from that fault.
    pub(super) fn is_disturbed(&self, fault: FaultId) -> bool {
        self.disturbances.contains_key(&fault)
    }

    fn treat(&mut self, now: Moment, label: Label, cargo: &C) -> Treatment {
        let Label { link, kind, .. } = label;
        let fates: Vec<(FaultId, Fate)> = self
            .disturbances
            .iter()
            .filter(|(_, disturbing)| disturbing.disturbance.concerns(link, kind))
            .map(|(fault, disturbing)| (*fault, disturbing.disturbance.fate))
            .collect();
        let (conditions, before) = (self.conditions, self.crawls_before(label));
        let line = self.line(link);
        let mut journey = Journey {
            delay: line.latency(&conditions),
            order: Order::Kept,
            again: None,
        };
        let mut through = None;
        for (fault, fate) in fates {
            match fate {
                Fate::Held { .. } => return Treatment::HeldBy(fault),
                Fate::Lost { percent } if line.happens(percent) => return Treatment::Lost,
                Fate::Lost { .. } => {}
                Fate::Delayed { ms_max } => journey.delay += line.up_to_ms(ms_max),
                Fate::Doubled { percent, ms_max } => {
                    if line.happens(percent) {
                        journey.again = Some(line.up_to_ms(ms_max));
                    }
                }
                Fate::Overtaken { percent, ms_max } => {
                    if line.happens(percent) {
                        journey.delay += line.up_to_ms(ms_max);
                        journey.order = Order::Free;
                    }
                }
                Fate::Slowed { .. } if line.is_full(now) => return Treatment::Lost,
                Fate::Slowed { bytes_per_second } => {
                    through = Some(line.occupy(now, cargo.bytes(), bytes_per_second));
                }
            }
        }
        let behind = before.filter(|_| journey.order == Order::Kept);
        match through.max(behind) {
            Some(through) => Treatment::Slowed(through, journey),
            None => Treatment::Carried(journey),
        }
    }

    fn hold(&mut self, fault: FaultId, label: Label, cargo: C) {
        if let Some(disturbing) = self.disturbances.get_mut(&fault)
            && disturbing.held.len() < HELD_MAX
        {
            disturbing.held.push((label, cargo));
        }
    }

    fn line(&mut self, link: Link) -> &mut Line {
        let seed = self.seed;
        self.lines.entry(link).or_insert_with(|| Line::new(seed, link))
    }
}

impl<C> Cut<C> {
    fn take(&mut self, label: Label, cargo: C) {
        match self {
            Self::Kept(kept) if kept.len() < HELD_MAX => kept.push((label, cargo)),
            Self::Kept(_) | Self::Lost => {}
        }
    }
}
