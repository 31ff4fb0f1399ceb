//! Messages on their way: how long they take, and what faults do to them.
//!
//! Without faults a message arrives after some latency, and in order on its connection, as TCP has it. A link that is cut loses what
//! is sent on it, or keeps it until it is mended, as connections do that survive; which of the two is drawn for each cut. Disturbances
//! come on top: they may lose, delay, double, overtake, hold or slow messages, by link and by kind.
//!
//! Every link has a stream of chance of its own, so that one message more on one link changes nothing on another.

use std::collections::BTreeMap;
use std::time::Duration;

use nemesis::{Disturbance, Fate, FaultId, Link, Release};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::conditions::Conditions;
use super::moment::Moment;

/// What would wait for longer in front of a slow line is lost, as when buffers are full. Without a bound a line would stay slow long after
/// it was healed.
const SLOW_LINE_WAIT_MAX: Duration = Duration::from_secs(2);

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

/// The network of one cluster and its clients.
#[derive(Debug)]
pub(super) struct Network<C> {
    conditions: Conditions,
    seed: u64,
    lines: BTreeMap<Link, Line>,
    cuts: BTreeMap<Link, Cut<C>>,
    disturbances: BTreeMap<FaultId, Disturbing<C>>,
    sent: BTreeMap<&'static str, u64>,
}

/// One direction between two hosts.
#[derive(Debug)]
struct Line {
    rng: ChaCha8Rng,
    /// When the last message on each connection arrives.
    last: BTreeMap<Connection, Moment>,
    /// Until when a slow line is busy with what has been sent.
    busy_until: Moment,
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

/// How a message travels that is neither lost nor held.
#[derive(Debug, Clone, Copy)]
struct Journey {
    delay: Duration,
    order: Order,
    /// The same again, so much later.
    again: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Behind those sent before it.
    Kept,
    /// Whenever it comes.
    Free,
}

/// What the faults in force make of a message.
enum Treatment {
    Lost,
    HeldBy(FaultId),
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
            sent: BTreeMap::new(),
        }
    }

    /// Sends `cargo` at `now`. `deliver` is told when it arrives, as often as it does.
    pub(super) fn send(&mut self, now: Moment, label: Label, cargo: C, deliver: impl FnMut(Moment, C)) {
        *self.sent.entry(label.kind).or_default() += 1;
        self.carry(now, label, cargo, deliver);
    }

    /// How many messages of each kind have been sent.
    pub(super) const fn sent(&self) -> &BTreeMap<&'static str, u64> {
        &self.sent
    }

    fn carry(&mut self, now: Moment, label: Label, cargo: C, mut deliver: impl FnMut(Moment, C)) {
        if let Some(cut) = self.cuts.get_mut(&label.link) {
            return cut.take(label, cargo);
        }
        match self.treat(now, label, &cargo) {
            Treatment::Lost => {}
            Treatment::HeldBy(fault) => self.hold(fault, label, cargo),
            Treatment::Carried(journey) => {
                let line = self.line(label.link);
                let at = line.arrival(now, label.connection, journey);
                if let Some(later) = journey.again {
                    deliver(at + later, cargo.clone());
                }
                deliver(at, cargo);
            }
        }
    }

    /// Nothing is delivered on `link` from now on.
    pub(super) fn cut(&mut self, link: Link) {
        let kept_percent = self.conditions.kept_percent;
        let drawn = self.line(link).rng.random_range(0..100);
        self.cuts.entry(link).or_insert(if drawn < kept_percent {
            Cut::Kept(Vec::new())
        } else {
            Cut::Lost
        });
    }

    /// Mends `link`; what it kept goes on its way.
    pub(super) fn mend(&mut self, now: Moment, link: Link, mut deliver: impl FnMut(Moment, C)) {
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
    pub(super) fn calm(&mut self, now: Moment, fault: FaultId, mut deliver: impl FnMut(Moment, C)) {
        let Some(Disturbing {
            disturbance,
            mut held,
        }) = self.disturbances.remove(&fault)
        else {
            return;
        };
        if let Fate::Held {
            release: Release::Reversed,
        } = disturbance.fate
        {
            held.reverse();
        }
        for (label, cargo) in held {
            self.carry(now, label, cargo, &mut deliver);
        }
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
        let conditions = self.conditions;
        let line = self.line(link);
        let mut journey = Journey {
            delay: line.latency(&conditions),
            order: Order::Kept,
            again: None,
        };
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
                    journey.delay += line.occupy(now, cargo.bytes(), bytes_per_second);
                }
            }
        }
        Treatment::Carried(journey)
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

impl Line {
    fn new(seed: u64, link: Link) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream_of(link));
        Self {
            rng,
            last: BTreeMap::new(),
            busy_until: Moment::default(),
        }
    }

    fn latency(&mut self, conditions: &Conditions) -> Duration {
        let us = conditions.latency_us + self.rng.random_range(0..=conditions.jitter_us);
        let stalled = self.rng.random_range(0..1_000_000) < conditions.stalls_ppm;
        let stall_us = if stalled {
            self.rng.random_range(0..=conditions.stall_us_max)
        } else {
            0
        };
        // The odd nanoseconds keep what has nothing to do with each other from happening at the same instant.
        Duration::from_micros(us + stall_us) + Duration::from_nanos(self.rng.random_range(0..1_000))
    }

    fn happens(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn up_to_ms(&mut self, ms_max: u64) -> Duration {
        Duration::from_micros(self.rng.random_range(0..=ms_max * 1_000))
    }

    /// Whether a slow line's buffers are full of what was sent before.
    fn is_full(&self, now: Moment) -> bool {
        SLOW_LINE_WAIT_MAX < self.busy_until.since(now)
    }

    /// How long a message of `bytes` takes to be sent on a slow line, behind what was sent before it.
    fn occupy(&mut self, now: Moment, bytes: u64, bytes_per_second: u64) -> Duration {
        let own = Duration::from_secs(bytes) / u32::try_from(bytes_per_second.max(1)).unwrap_or(u32::MAX);
        self.busy_until = self.busy_until.max(now) + own;
        self.busy_until.since(now)
    }

    fn arrival(&mut self, now: Moment, connection: Connection, journey: Journey) -> Moment {
        let at = now + journey.delay;
        match journey.order {
            Order::Free => at,
            Order::Kept => {
                let last = self.last.entry(connection).or_default();
                *last = at.max(*last + Duration::from_nanos(1));
                *last
            }
        }
    }
}

/// The number of a link's stream of chance: the FNV-1a hash of its name.
fn stream_of(link: Link) -> u64 {
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let name = [link.from.as_str(), ">", link.to.as_str()];
    name.iter()
        .flat_map(|part| part.as_bytes())
        .fold(0xcbf2_9ce4_8422_2325, hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use systems::NodeId;

    impl Cargo for u32 {
        fn bytes(&self) -> u64 {
            1_000
        }
    }

    fn link() -> Link {
        Link {
            from: NodeId::replica(1),
            to: NodeId::replica(2),
        }
    }

    fn label(kind: &'static str) -> Label {
        Label {
            link: link(),
            connection: Connection(0),
            kind,
        }
    }

    fn network(fate: Option<Fate>) -> Network<u32> {
        let conditions = Conditions {
            jitter_us: 50_000,
            kept_percent: 100,
            ..Conditions::default()
        };
        let mut network = Network::new(conditions, 7);
        if let Some(fate) = fate {
            let disturbance = Disturbance {
                links: BTreeSet::from([link()]),
                kinds: BTreeSet::from(["x".to_owned()]),
                fate,
            };
            network.disturb(FaultId(1), disturbance);
        }
        network
    }

    /// What arrives of messages 0 to 99, sent a millisecond apart, in the order of its arrival.
    fn arrivals(network: &mut Network<u32>, kind: &'static str) -> Vec<u32> {
        let mut arrived = Vec::new();
        for number in 0..100 {
            let now = Moment(u64::from(number) * 1_000_000);
            network.send(now, label(kind), number, |at, cargo| arrived.push((at, cargo)));
        }
        arrived.sort();
        arrived.into_iter().map(|(_, cargo)| cargo).collect()
    }

    fn all() -> Vec<u32> {
        (0..100).collect()
    }

    #[test]
    fn without_faults_everything_arrives_once_and_in_order() {
        assert_eq!(arrivals(&mut network(None), "x"), all());
    }

    #[test]
    fn each_fate_does_what_its_name_says_to_its_kind_and_nothing_to_another() {
        let ms_max = 500;
        let check = |fate: Fate, expected: fn(&[u32]) -> bool| {
            let arrived = arrivals(&mut network(Some(fate)), "x");
            assert!(expected(&arrived), "{fate}: {arrived:?}");
            assert_eq!(arrivals(&mut network(Some(fate)), "y"), all(), "{fate}");
        };
        check(Fate::Lost { percent: 50 }, |arrived| {
            (30..70).contains(&arrived.len())
        });
        check(Fate::Lost { percent: 100 }, <[u32]>::is_empty);
        check(Fate::Delayed { ms_max }, |arrived| arrived == all());
        check(Fate::Doubled { percent: 50, ms_max }, |arrived| {
            (130..170).contains(&arrived.len()) && arrived.windows(2).any(|two| two[1] < two[0])
        });
        check(Fate::Overtaken { percent: 50, ms_max }, |arrived| {
            arrived.len() == 100 && arrived != all()
        });
        let release = Release::InOrder;
        check(Fate::Held { release }, <[u32]>::is_empty);
        check(
            Fate::Slowed {
                bytes_per_second: 100_000,
            },
            |arrived| arrived == all(),
        );
    }

    #[test]
    fn what_was_held_arrives_afterwards_in_order_or_in_reverse() {
        for (release, reversed) in [(Release::InOrder, false), (Release::Reversed, true)] {
            let mut network = network(Some(Fate::Held { release }));
            assert!(arrivals(&mut network, "x").is_empty());
            let mut arrived = Vec::new();
            network.calm(Moment(1), FaultId(1), |at, cargo| arrived.push((at, cargo)));
            arrived.sort();
            let mut expected = all();
            if reversed {
                expected.reverse();
            }
            let arrived: Vec<u32> = arrived.into_iter().map(|(_, cargo)| cargo).collect();
            assert_eq!(arrived, expected);
        }
    }

    #[test]
    fn a_cut_link_delivers_nothing_and_a_connection_that_survives_delivers_it_all_later() {
        let mut network = network(None);
        network.cut(link());
        assert!(arrivals(&mut network, "x").is_empty());
        let mut count = 0;
        network.mend(Moment(1), link(), |_, _| count += 1);
        assert_eq!(count, 100);
        assert!(!network.is_cut(link()));
    }

    #[test]
    fn a_slow_link_takes_as_long_as_its_bytes_need() {
        let mut network = network(Some(Fate::Slowed {
            bytes_per_second: 10_000,
        }));
        let mut last = Moment::default();
        for number in 0..10 {
            network.send(Moment(0), label("x"), number, |at, _| last = last.max(at));
        }
        let took = last.since(Moment(0)).as_millis();
        assert!((1_000..1_100).contains(&took), "{took} ms for 10 x 1000 bytes");
    }

    #[test]
    fn what_would_wait_too_long_in_front_of_a_slow_link_is_lost() {
        let mut network = network(Some(Fate::Slowed {
            bytes_per_second: 10_000,
        }));
        let (mut last, mut arrived) = (Moment::default(), 0);
        for number in 0..100 {
            network.send(Moment(0), label("x"), number, |at, _| {
                (last, arrived) = (last.max(at), arrived + 1);
            });
        }
        assert_eq!(arrived, 21);
        assert!(last.since(Moment(0)) < Duration::from_millis(2_200));
    }
}
