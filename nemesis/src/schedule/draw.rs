//! Drawing a schedule from a profile and a seed.
//!
//! Every nemesis is a strand of its own: it draws from its own stream of chance, named after it, so that another nemesis
//! beside it changes nothing in it. Faults of different strands overlap as chance has it; besides, when there are two or more
//! strands, *compositions* put faults of different strands deliberately one into, or right behind, another. Times are drawn in
//! whole milliseconds.

use std::fmt;
use std::time::Duration;

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng as _, RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Episode, Schedule};
use crate::cluster::{FaultId, Roster};
use crate::fault::{Family, Fault};
use crate::profile::{Attack, Nemesis, Profile, Rhythm};
use crate::target::Target;

/// Quiet before the first fault and after the last; a fifth of the run where that is less.
const QUIET_MS: u64 = 1_000;

/// From this length between the quiet times on, every nemesis begins at least two faults; before, at least one.
const TWICE_FROM_MS: u64 = 8_000;

/// The shortest down-time that is drawn while the detector's limit allows it.
const DOWN_MS_MIN: u64 = 50;

/// Where faults follow each other without a break the next begins so much before the last one ends.
const OVERLAP_MS: u64 = 20;

/// A nemesis that can do nothing to the system at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawError {
    nemesis: &'static str,
    reason: String,
}

impl Schedule {
    /// The schedule that `seed` makes of `profile` for the system of `roster`; the same for the same three.
    ///
    /// # Errors
    /// When one of the profile's nemeses can do nothing to that system.
    pub fn draw(profile: &Profile, seed: u64, roster: &Roster) -> Result<Self, DrawError> {
        let nemeses = profile.nemeses().nemeses();
        if nemeses.is_empty() {
            return Ok(Self::default());
        }
        let pace = Pace::of(profile);
        let strand = |nemesis: &&'static Nemesis| Strand::new(nemesis, roster);
        let strands: Vec<Strand> = nemeses.iter().map(strand).collect::<Result<_, _>>()?;
        let mut draws = compositions(strands.clone(), &pace, &mut stream(seed, "composition"));
        for strand in strands {
            let mut rng = stream(seed, strand.name);
            draws.extend(strand.all(&pace, &mut rng));
        }
        draws.sort_by_key(|draw| (draw.from_ms, draw.until_ms, draw.seed));
        let episodes = (1..)
            .zip(draws)
            .map(|(number, draw)| draw.episode(FaultId(number)))
            .collect();
        Ok(Self::new(episodes, roster)
            .expect("what is drawn fits the roster, runs forwards and within the profile's limits"))
    }
}

/// The chance that is used for one `purpose` only. The stream's number is the FNV-1a hash of the purpose.
fn stream(seed: u64, purpose: &str) -> ChaCha8Rng {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose.bytes().fold(0xcbf2_9ce4_8422_2325, hash));
    rng
}

/// When faults may be on, and how fast they follow each other; in milliseconds.
struct Pace {
    begin_ms: u64,
    end_ms: u64,
    interval_ms: u64,
    detector_ms: u64,
}

impl Pace {
    /// A strand's first fault begins within 0.4 intervals and the next at most 1.4 later, and a fault needs 0.3: an interval
    /// of the window / 2.2 leaves room for two, one of the window / 1.4 for one of full length.
    fn of(profile: &Profile) -> Self {
        let limit_ms = millis(profile.time_limit());
        let quiet_ms = QUIET_MS.min(limit_ms / 5);
        let window_ms = limit_ms - 2 * quiet_ms;
        let interval_ms_max = if window_ms < TWICE_FROM_MS {
            window_ms * 10 / 14
        } else {
            window_ms * 10 / 22
        };
        Self {
            begin_ms: quiet_ms,
            end_ms: limit_ms - quiet_ms,
            interval_ms: millis(profile.interval()).min(interval_ms_max),
            detector_ms: millis(profile.detector()),
        }
    }

    fn tenths(&self, tenths: u64) -> u64 {
        self.interval_ms * tenths / 10
    }

    fn room_ms(&self, from_ms: u64) -> u64 {
        self.end_ms.saturating_sub(from_ms)
    }

    /// The shortest and the longest a fault lasts.
    fn bounds_ms(&self, family: Family, band: Band) -> (u64, u64) {
        let (shortest_ms_max, longest_ms_max) = (self.tenths(3), self.tenths(11));
        let below = |shortest_ms: u64| {
            let longest_ms = (self.detector_ms * 8 / 10).min(longest_ms_max);
            (shortest_ms.min(shortest_ms_max).max(1), longest_ms)
        };
        match (family, band) {
            (Family::Partition | Family::Packet | Family::Membership, _) => (self.tenths(3), self.tenths(10)),
            (Family::Pause, Band::Below) => below(self.detector_ms / 10),
            (Family::Kill, Band::Below) => below(DOWN_MS_MIN.min(self.detector_ms * 4 / 10)),
            (Family::Pause | Family::Kill, Band::Above) => (
                self.detector_ms * 15 / 10,
                (self.detector_ms * 6).min(longest_ms_max),
            ),
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// On which side of the failure detector's limit a pause or a down-time lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Band {
    Below,
    Above,
}

/// Cards that are dealt in random order, each once before any comes again.
#[derive(Clone)]
struct Deck<T> {
    cards: Vec<T>,
    undealt: Vec<T>,
}

impl<T: Clone> Deck<T> {
    fn new(cards: Vec<T>) -> Self {
        assert!(!cards.is_empty(), "nothing can be dealt from an empty deck");
        Self {
            cards,
            undealt: Vec::new(),
        }
    }

    fn deal(&mut self, rng: &mut ChaCha8Rng) -> T {
        if self.undealt.is_empty() {
            self.undealt.clone_from(&self.cards);
            self.undealt.shuffle(rng);
        }
        self.undealt.pop().expect("the deck was just filled")
    }
}

/// A fault that was drawn and has no number yet.
struct Draw {
    from_ms: u64,
    until_ms: u64,
    fault: Fault,
    target: Target,
    seed: u64,
}

impl Draw {
    fn episode(self, id: FaultId) -> Episode {
        Episode {
            id,
            from: Duration::from_millis(self.from_ms),
            until: Duration::from_millis(self.until_ms),
            fault: self.fault,
            target: self.target,
            seed: self.seed,
        }
    }
}

/// One nemesis, being drawn.
#[derive(Clone)]
struct Strand {
    name: &'static str,
    family: Family,
    rhythm: Rhythm,
    attacks: Deck<Attack>,
    bands: Deck<Band>,
}

impl Strand {
    fn new(nemesis: &'static Nemesis, roster: &Roster) -> Result<Self, DrawError> {
        let attacks = nemesis.attacks_on(roster).map_err(|reason| DrawError {
            nemesis: nemesis.name,
            reason,
        })?;
        Ok(Self {
            name: nemesis.name,
            family: nemesis.family,
            rhythm: nemesis.rhythm,
            attacks: Deck::new(attacks),
            bands: Deck::new(vec![Band::Below, Band::Above]),
        })
    }

    /// The faults of the whole run: they begin 0.4 to 1.4 intervals apart and leave some time between one and the next, or none.
    fn all(mut self, pace: &Pace, rng: &mut ChaCha8Rng) -> Vec<Draw> {
        let mut draws = Vec::new();
        let mut from_ms = pace.begin_ms + rng.random_range(0..=pace.tenths(4));
        while let Some(draw) = self.one(from_ms, pace, rng) {
            from_ms = match self.rhythm {
                Rhythm::Apart => {
                    let gap_ms = rng.random_range(pace.tenths(4)..=pace.tenths(14));
                    from_ms + gap_ms.max((draw.until_ms - draw.from_ms) * 5 / 4)
                }
                Rhythm::Unbroken => draw.until_ms.saturating_sub(OVERLAP_MS).max(from_ms + 1),
            };
            draws.push(draw);
        }
        draws
    }

    /// A fault that begins at `from_ms`, unless there is no room for it before the end.
    fn one(&mut self, from_ms: u64, pace: &Pace, rng: &mut ChaCha8Rng) -> Option<Draw> {
        let length_ms = self.length_ms(pace, pace.room_ms(from_ms), rng)?;
        let Attack { fault, targets } = self.attacks.deal(rng);
        let target = targets.choose(rng).expect("an attack has a target").clone();
        // 32 bits, because a person may have to read them and TOML's integers are signed.
        Some(Draw {
            from_ms,
            until_ms: from_ms + length_ms,
            fault,
            target,
            seed: u64::from(rng.next_u32()),
        })
    }

    /// How long a fault lasts: in the band whose turn it is, or below the detector's limit when there is no room for more.
    fn length_ms(&mut self, pace: &Pace, room_ms: u64, rng: &mut ChaCha8Rng) -> Option<u64> {
        let band = self.bands.deal(rng);
        [band, Band::Below].into_iter().find_map(|band| {
            let (shortest_ms, longest_ms) = pace.bounds_ms(self.family, band);
            let longest_ms = longest_ms.min(room_ms);
            (shortest_ms <= longest_ms).then(|| rng.random_range(shortest_ms..=longest_ms))
        })
    }
}

/// How two faults of a composition lie to each other.
#[derive(Clone, Copy)]
enum Pattern {
    /// The second begins while the first is on.
    Within,
    /// The second begins when the first is just over and the system may not have recovered.
    Behind,
}

/// One composition for every two intervals, each in its own stretch of the window.
fn compositions(mut strands: Vec<Strand>, pace: &Pace, rng: &mut ChaCha8Rng) -> Vec<Draw> {
    if strands.len() < 2 {
        return Vec::new();
    }
    let window_ms = pace.room_ms(pace.begin_ms);
    let count = window_ms / (2 * pace.interval_ms);
    let mut patterns = Deck::new(vec![Pattern::Within, Pattern::Behind]);
    let mut draws = Vec::new();
    for number in 0..count {
        let stretch_ms = window_ms / count;
        let from_ms = pace.begin_ms + number * stretch_ms + rng.random_range(0..=stretch_ms / 2);
        draws.extend(composition(patterns.deal(rng), &mut strands, from_ms, pace, rng));
    }
    draws
}

fn composition(
    pattern: Pattern,
    strands: &mut [Strand],
    from_ms: u64,
    pace: &Pace,
    rng: &mut ChaCha8Rng,
) -> Vec<Draw> {
    strands.shuffle(rng);
    let [first, second, ..] = strands else {
        return Vec::new();
    };
    let Some(outer) = first.one(from_ms, pace, rng) else {
        return Vec::new();
    };
    let length_ms = outer.until_ms - outer.from_ms;
    let next_ms = match pattern {
        Pattern::Within => outer.from_ms + length_ms * rng.random_range(10..=90) / 100,
        Pattern::Behind => outer.until_ms + rng.random_range(0..=2 * pace.detector_ms),
    };
    let inner = second.one(next_ms, pace, rng);
    std::iter::once(outer).chain(inner).collect()
}

impl fmt::Display for DrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "nemesis {:?} can do nothing here: {}",
            self.nemesis, self.reason
        )
    }
}

impl std::error::Error for DrawError {}
