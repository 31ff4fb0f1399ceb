//! The program is killed, or told to end: nothing is left of it but its record.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use libtest_mimic::Failed;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::{Signal, kill_process};

use crate::marks::{Holder, Mark, foreign_namespaces, holders, reap_orphans, surroundings};
use crate::program::{Place, Running, User};
use crate::results::{history, results};
use crate::runner::Test;
use crate::wait::{await_some, await_that, let_pass};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "a_killed_outer_process_leaves_nothing_but_a_readable_journal",
        || kill_at_all_moments(Victim::Outer),
    ),
    ("a_killed_engine_leaves_nothing_but_a_readable_journal", || {
        kill_at_all_moments(Victim::Engine)
    }),
    (
        "a_signal_ends_a_series_of_runs_with_results_that_say_so",
        interrupt,
    ),
    (
        "a_signal_while_the_cluster_forms_ends_a_series_as_well",
        interrupt_setup,
    ),
];

/// After this long nothing is left.
const LEFTOVER_LIMIT: Duration = Duration::from_secs(2);

/// After this long what is to happen has happened.
const LIMIT: Duration = Duration::from_secs(20);

/// The load of the runs that are killed, in seconds.
const LOAD_S: u64 = 1;

/// So often is each killed in each part of a run.
const KILLS_EACH: usize = 2;

/// So many kills may come when the run is over.
const TOO_LATE_MAX: u32 = 10;

/// Whether a kill met a run that was going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hit {
    InTime,
    TooLate,
}

/// What `tribunal run` exits with when nothing could be decided.
const UNKNOWN: i32 = 2;

/// A series that is not over by itself while anybody waits for it.
const SERIES: [&str; 6] = [
    "--nemesis",
    "partition,pause,kill",
    "--time-limit",
    "60s",
    "--test-count",
    "3",
];

/// Which process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Outer,
    Engine,
}

/// The part of a run in which it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Setup,
    Load,
    Aftermath,
}

fn kill_at_all_moments(victim: Victim) -> Result<(), Failed> {
    let mut rng = ChaCha8Rng::seed_from_u64(victim as u64);
    let before = surroundings();
    let mut tries_left = TOO_LATE_MAX;
    for part in [Part::Setup, Part::Load, Part::Aftermath] {
        let mut hits = 0;
        while hits < KILLS_EACH {
            let place = Place::new(User::Caller);
            let moment = Duration::from_millis(rng.random_range(0..part.span_ms()));
            match kill_at(&place, victim, part, moment) {
                Ok(Hit::InTime) => hits += 1,
                // The machine was quick; the next moment is another.
                Ok(Hit::TooLate) => tries_left = tries_left.checked_sub(1).ok_or("no kill came in time")?,
                Err(problem) => {
                    let folder = place.keep();
                    let what = format!("{victim:?} killed {moment:?} into {part:?}");
                    return Err(format!("{what}: {problem}; see {}", folder.display()).into());
                }
            }
        }
    }
    assert_eq!(surroundings(), before, "mounts or network devices are left");
    Ok(())
}

impl Part {
    /// About how long it takes, in milliseconds.
    const fn span_ms(self) -> u64 {
        match self {
            Self::Setup => 300,
            Self::Load => LOAD_S * 1_000,
            Self::Aftermath => 100,
        }
    }

    /// Whether a run has come so far, by its journal.
    fn has_begun(self, place: &Place) -> bool {
        match self {
            Self::Setup => true,
            Self::Load => last_time_ns(place).is_some(),
            Self::Aftermath => last_time_ns(place).is_some_and(|t| LOAD_S * 1_000_000_000 <= t),
        }
    }
}

fn kill_at(place: &Place, victim: Victim, part: Part, moment: Duration) -> Result<Hit, String> {
    let load = format!("{LOAD_S}s");
    let faults = ["--nemesis", "partition,pause,kill", "--nemesis-interval", "300ms"];
    let run = place.start(&[&["--workload", "append", "--time-limit", &load], &faults[..]].concat());
    if !await_that(LIMIT, || part.has_begun(place)) {
        return Err(format!("it did not come so far: {:?}", run.end()));
    }
    let_pass(moment);
    let leftovers = Leftovers::of(&run, place);
    let hit = match victim {
        Victim::Outer => {
            run.signal(Signal::KILL);
            if run.end().code.is_none() {
                Hit::InTime
            } else {
                Hit::TooLate
            }
        }
        Victim::Engine => kill_engine(run)?,
    };
    leftovers.expect_gone()?;
    // What cannot be parsed is a panic that says why.
    let recorded = newest(place)
        .and_then(|folder| history(&folder))
        .map(|history| history.operations().len());
    match (part, recorded) {
        (Part::Load | Part::Aftermath, None | Some(0)) => Err("nothing was recorded".to_owned()),
        (Part::Setup | Part::Load | Part::Aftermath, _) => Ok(hit),
    }
}

/// Kills the engine as soon as there is one; what the outer process says then names the record.
fn kill_engine(mut run: Running) -> Result<Hit, String> {
    let mark = run.mark.clone();
    let engine = await_some(LIMIT, || match (mark.process("engine"), run.is_over()) {
        (None, false) => None,
        (engine, _) => Some(engine),
    });
    let killed = engine
        .flatten()
        .is_some_and(|engine| kill_process(engine, Signal::KILL).is_ok());
    let ended = run.end();
    let says_where = ended.said.contains("before it was judged") && ended.said.contains("journal.jsonl");
    match ended.code {
        Some(255) if killed && says_where => Ok(Hit::InTime),
        Some(0) => Ok(Hit::TooLate),
        _ => Err(format!("that was not said: {ended:?}")),
    }
}

/// What a run has that must not outlive it.
struct Leftovers {
    mark: Mark,
    store: String,
    namespaces: BTreeSet<PathBuf>,
    holders: BTreeSet<Holder>,
}

impl Leftovers {
    fn of(run: &Running, place: &Place) -> Self {
        let namespaces = foreign_namespaces(&run.mark.processes());
        let holders = holders(&namespaces);
        let store = place.store().to_string_lossy().into_owned();
        Self {
            mark: run.mark.clone(),
            store,
            namespaces,
            holders,
        }
    }

    fn expect_gone(&self) -> Result<(), String> {
        let still_inside = || -> Vec<Holder> {
            holders(&self.namespaces)
                .intersection(&self.holders)
                .cloned()
                .collect()
        };
        let gone = await_that(LEFTOVER_LIMIT, || {
            reap_orphans();
            self.mark.processes().is_empty() && still_inside().is_empty() && !is_named(&self.store)
        });
        if gone {
            return Ok(());
        }
        let (left, inside) = (self.mark.processes(), still_inside());
        Err(format!(
            "after {LEFTOVER_LIMIT:?} there was left: {left:?}, in its namespaces: {inside:?}"
        ))
    }
}

/// Whether any process names `store` among its arguments.
fn is_named(store: &str) -> bool {
    let entries = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let mut lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).contains(store))
}

/// The run that was begun last, if any was.
fn newest(place: &Place) -> Option<PathBuf> {
    place.runs().pop()
}

/// The time of the last whole line of the journal.
fn last_time_ns(place: &Place) -> Option<u64> {
    let text = fs::read_to_string(newest(place)?.join("journal.jsonl")).ok()?;
    let whole = &text[..=text.rfind('\n')?];
    let last: serde_json::Value = serde_json::from_str(whole.lines().next_back()?).ok()?;
    last["t"].as_u64()
}

fn interrupt() -> Result<(), Failed> {
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new(User::Caller);
        let run = place.start(
            &[
                &["--workload", "register", "--nemesis-interval", "500ms"],
                &SERIES[..],
            ]
            .concat(),
        );
        let begun = await_that(LIMIT, || last_time_ns(&place).is_some_and(|t| 500_000_000 <= t));
        assert!(begun, "the load did not begin: {:?}", run.end());
        let leftovers = Leftovers::of(&run, &place);
        run.signal(signal);
        let ended = run.end();
        leftovers.expect_gone()?;
        assert_eq!(place.runs().len(), 1, "the series went on: {}", ended.said);
        let folder = place.latest();
        let results = results(&folder);
        assert_eq!(
            (ended.code, &results["verdict"]),
            (Some(UNKNOWN), &"unknown".into()),
            "{results:#}"
        );
        let reason = results["reason"].as_str().expect("it says why");
        assert!(reason.contains("ended before its time"), "{reason}");
        let recorded = history(&folder).expect("it has a journal").operations().len();
        assert!(100 < recorded, "{recorded} operations were recorded");
        assert_eq!(u64::try_from(recorded).ok(), results["ops"]["invoked"].as_u64());
    }
    Ok(())
}

fn interrupt_setup() -> Result<(), Failed> {
    let place = Place::new(User::Caller);
    let run = place.start(&[&["--workload", "register"], &SERIES[..]].concat());
    let mark = run.mark.clone();
    assert!(
        await_that(LIMIT, || mark.process("node").is_some()),
        "there is no node: {:?}",
        run.end()
    );
    let leftovers = Leftovers::of(&run, &place);
    run.signal(Signal::INT);
    let ended = run.end();
    leftovers.expect_gone()?;
    assert_eq!(place.runs().len(), 1, "the series went on: {}", ended.said);
    assert_ne!(ended.code, Some(0), "{}", ended.said);
    Ok(())
}
