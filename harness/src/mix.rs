//! A run's own mix of faults, rates, sizes and time-outs, drawn from its seed: a swarm of runs meets what no single profile does.
//!
//! After Groce and others, *Swarm testing* (2012): leaving something out in each run finds more than having everything in all.

use nemesis::{Family, Nemesis, Roster, Selection, TURNS, catalogue};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha12Rng;
use systems::claims::Claims;

use crate::adapter::{RESERVE, System};
use crate::chance::{Purpose, stream};
use crate::test::Test;
use crate::world::sim::Conditions;

/// Of a hundred families so many are replaced by one of their single faults, of which there is then more.
const SINGLE_OF_100: u32 = 35;

/// Of a hundred runs that may have partitions so many have them one right after another.
const TURNS_OF_100: u32 = 25;

/// One mix uses fewer words of the stream of chance than this.
const WORDS_PER_MIX: u128 = 1 << 20;

/// What a run may draw for itself; what was said on the command line it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Free {
    /// What the nodes, the network and the clients are like.
    pub conditions: Choice,
    /// Which of the nemeses it has.
    pub nemeses: Choice,
    /// How often they strike.
    pub nemesis_interval: Choice,
    /// How many replicas.
    pub nodes: Choice,
    /// How many clients.
    pub concurrency: Choice,
    /// How many operations a second.
    pub rate: Choice,
    /// How many objects, and for how long each.
    pub keys: Choice,
}

impl Free {
    /// Everything.
    pub const ALL: Self = Self {
        conditions: Choice::Drawn,
        nemeses: Choice::Drawn,
        nemesis_interval: Choice::Drawn,
        nodes: Choice::Drawn,
        concurrency: Choice::Drawn,
        rate: Choice::Drawn,
        keys: Choice::Drawn,
    };
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Whoever asked for the run, or the default.
    Given,
    /// The run's seed.
    Drawn,
}

/// `test` of `system` with what is `free` drawn from its seed, and the nemeses drawn from `selection`; after
/// so many mixes of that seed were `redrawn`.
#[must_use]
pub fn mixed(
    test: &Test,
    free: Free,
    selection: &Selection,
    system: &dyn System,
    redrawn: u32,
) -> (Test, Selection) {
    let mut rng = stream(test.seed, Purpose::Mix);
    rng.set_word_pos(u128::from(redrawn) * WORDS_PER_MIX);
    // Everything is drawn, in the same order, whether it is used or not: so what was given changes nothing in the rest.
    let conditions = Conditions::draw(&mut rng);
    let drawn_nodes = nodes(system.claims(), &mut rng);
    let nodes = match free.nodes {
        Choice::Drawn => drawn_nodes,
        Choice::Given => test.nodes,
    };
    let roster = system.cast(nodes, RESERVE);
    let mut nemeses = nemeses(selection, &roster, &mut rng);
    let interval_s = one_of(&[0.7, 1.5, 3.0, 5.0], &mut rng);
    let concurrency = rng.random_range(2..=10);
    let rate = one_of(&[20.0, 50.0, 100.0, 200.0, 500.0], &mut rng);
    let (keys, ops_per_key) = one_of(&[(1, 50), (2, 100), (5, 100), (5, 200)], &mut rng);
    if rng.random_range(0..100) < TURNS_OF_100 {
        nemeses = in_turns(nemeses, selection, &roster);
    }
    let mut mixed = Test {
        nodes,
        ..test.clone()
    };
    if free.conditions == Choice::Drawn {
        mixed.conditions = Some(conditions);
    }
    if free.nemesis_interval == Choice::Drawn {
        mixed.nemesis_interval_s = interval_s;
    }
    if free.concurrency == Choice::Drawn {
        mixed.concurrency = concurrency;
    }
    if free.rate == Choice::Drawn {
        mixed.rate = rate;
    }
    if free.keys == Choice::Drawn {
        (mixed.keys, mixed.ops_per_key) = (keys, ops_per_key);
    }
    let selection = match free.nemeses {
        Choice::Drawn => nemeses,
        Choice::Given => selection.clone(),
    };
    mixed.reserve = reserve(&selection);
    mixed.nemesis = selection.names().into_iter().map(str::to_owned).collect();
    (mixed, selection)
}

/// How many nodes `selection` needs in reserve.
#[must_use]
pub fn reserve(selection: &Selection) -> usize {
    let changes = |nemesis: &&'static Nemesis| nemesis.family == Family::Membership;
    if selection.nemeses().iter().any(changes) {
        RESERVE
    } else {
        0
    }
}

/// Half of `selection` or so, at least one, some of its families narrowed down to a single fault.
fn nemeses(selection: &Selection, roster: &Roster, rng: &mut ChaCha12Rng) -> Selection {
    let all = selection.nemeses();
    let mut chosen: Vec<&'static Nemesis> = all
        .iter()
        .copied()
        .filter(|_| rng.random_range(0..2) == 0)
        .collect();
    if chosen.is_empty() {
        chosen.extend(all.choose(rng).copied());
    }
    Selection::of(chosen.into_iter().map(|nemesis| narrowed(nemesis, roster, rng)))
}

/// `chosen` with partitions that follow each other without a break in place of those it has, if there may be any.
fn in_turns(chosen: Selection, allowed: &Selection, roster: &Roster) -> Selection {
    let partitions = |nemesis: &&'static Nemesis| nemesis.family == Family::Partition;
    let may = allowed
        .nemeses()
        .iter()
        .any(|nemesis| partitions(nemesis) && nemesis.is_family());
    let turns = catalogue().iter().find(|nemesis| nemesis.name == TURNS);
    match turns.filter(|turns| may && turns.can_strike(roster)) {
        Some(turns) => {
            let others = chosen
                .nemeses()
                .iter()
                .copied()
                .filter(|nemesis| !partitions(nemesis));
            Selection::of(others.chain([turns]))
        }
        None => chosen,
    }
}

fn narrowed(nemesis: &'static Nemesis, roster: &Roster, rng: &mut ChaCha12Rng) -> &'static Nemesis {
    let narrow = rng.random_range(0..100) < SINGLE_OF_100;
    let singles: Vec<&'static Nemesis> = catalogue()
        .iter()
        .filter(|single| single.family == nemesis.family && !single.is_family())
        .filter(|single| single.is_claimed() && single.can_strike(roster) && single.name != TURNS)
        .collect();
    let single = singles.choose(rng).copied();
    single
        .filter(|_| narrow && nemesis.is_family())
        .unwrap_or(nemesis)
}

/// Around the system's own number, and never so few that nothing can take over.
fn nodes(claims: &Claims, rng: &mut ChaCha12Rng) -> usize {
    let usual = claims.servers_default;
    let can_spare = |servers: &usize| 0 < claims.spares.of(*servers);
    let fewest = (claims.servers_min..).find(can_spare).unwrap_or(usual);
    let drawn = one_of(&[fewest, usual, usual, usual + 1, usual + 2], rng);
    drawn.max(fewest)
}

fn one_of<T: Copy>(values: &[T], rng: &mut ChaCha12Rng) -> T {
    *values.choose(rng).expect("there is a value to choose")
}
