//! Servers die and come back all the time (MIT 6.824 lab 2B, `TestRepeatedCrash` and `TestRepeatedCrashUnreliable`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nemesis::lab::Shape;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tribunal::adapter::pb::Pb;

use crate::clients::Client;
use crate::trial::{Cast, LIMIT, Trial};
use crate::wait::{await_that, let_pass};

/// How long it goes on.
const SPAN: Duration = Duration::from_secs(6);

/// The longest a server stays down: more often shorter than it takes the view service to notice than longer.
const DOWN_MS_MAX: u64 = 700;

/// Fewer kills or rounds than this show nothing.
const KILLS_MIN: usize = 3;
const ROUNDS_MIN: u64 = 20;

/// The keys each client has to itself: so many that most were put before the last server came back.
const OWN_KEYS: u32 = 500;

/// The key to which all clients append.
const SHARED: &str = "shared";

/// What clients do besides putting and getting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Appends {
    None,
    ToSharedKey,
}

pub(crate) fn repeated() {
    crash_repeatedly(&Shape::PLAIN, Appends::None, 11);
}

pub(crate) fn repeated_and_unreliable() {
    crash_repeatedly(
        &Shape {
            // Two losses in a row keep a ping back for longer than the view service waits; at this rate that is rare, so that what is killed
            // beside it stays within the claim.
            loss_ppm: 5_000,
            ..Shape::PLAIN
        },
        Appends::ToSharedKey,
        12,
    );
}

fn crash_repeatedly(shape: &Shape, appends: Appends, seed: u64) {
    let mut trial = Trial::open(&Cast {
        servers: 3,
        started: 3,
        flaw: None,
    });
    trial.await_pair();
    trial.shape_all(shape);
    let stop = &AtomicBool::new(false);
    let clients: Vec<(usize, Client)> = (0..2).map(|number| (number, trial.client())).collect();
    let ended: Vec<thread::Result<u64>> = thread::scope(|scope| {
        let work = |(number, client)| scope.spawn(move || keep_working(number, client, appends, stop));
        let workers: Vec<_> = clients.into_iter().map(work).collect();
        let stop = Stop(stop);
        let kills = kill_and_restart(&mut trial, seed);
        drop(stop);
        assert!(KILLS_MIN <= kills, "only {kills} servers were killed");
        workers.into_iter().map(|worker| worker.join()).collect()
    });
    if let (true, Some(reason)) = (ended.iter().any(was_unanswered), trial.lost()) {
        // A lost packet can make the view service drop a server in the instant of a kill: unavailable within the claim, which shows nothing.
        return eprintln!("\nNOT SHOWN, the cluster need not answer any more: {reason}\n");
    }
    let rounds: Vec<u64> = ended
        .into_iter()
        .map(|rounds| rounds.expect("a client was content"))
        .collect();
    assert!(
        rounds.iter().all(|rounds| ROUNDS_MIN <= *rounds),
        "{rounds:?} rounds were done"
    );
    trial.shape_all(&Shape::PLAIN);
    expect_appends(&mut trial, appends, &rounds);
    let mut client = trial.client();
    client.put("last", "words");
    assert_eq!(client.get("last").as_deref(), Some("words"));
}

/// Whether a client ended because nobody answered it, and not because an answer was wrong.
fn was_unanswered(ended: &thread::Result<u64>) -> bool {
    let words = ended
        .as_ref()
        .err()
        .and_then(|panic| panic.downcast_ref::<String>());
    words.is_some_and(|words| words.contains("was not answered within"))
}

/// Tells the clients to stop, also when the scenario fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Kills servers that the cluster can lose and starts them again; how many there were.
fn kill_and_restart(trial: &mut Trial, seed: u64) -> usize {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let end = Instant::now() + SPAN;
    let mut kills = 0;
    while Instant::now() < end {
        assert!(
            await_that(LIMIT, || trial.is_formed()),
            "no server could be spared: {:?}",
            trial.lost()
        );
        let servers: Vec<_> = trial
            .expendable()
            .into_iter()
            .filter(|node| *node != Pb::service())
            .collect();
        let Some(victim) = servers.choose(&mut rng) else {
            continue;
        };
        trial.kill(*victim);
        kills += 1;
        let_pass(Duration::from_millis(rng.random_range(0..=DOWN_MS_MAX)));
        trial.start(*victim);
    }
    kills
}

/// Gets what it put last and puts something else, on keys of its own, until it is told to stop; how many rounds that were.
fn keep_working(number: usize, mut client: Client, appends: Appends, stop: &AtomicBool) -> u64 {
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    let mut rng = ChaCha8Rng::seed_from_u64(number as u64);
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        let key = format!("own-{number}-{}", rng.random_range(0..OWN_KEYS));
        let value = round.to_string();
        assert_eq!(
            client.get(&key).as_ref(),
            last.get(&key),
            "{key} is not as it was put last"
        );
        client.put(&key, &value);
        last.insert(key, value);
        if appends == Appends::ToSharedKey {
            client.append(SHARED, &token(number, round));
        }
        round += 1;
    }
    for (key, value) in last {
        assert_eq!(client.get(&key), Some(value), "{key} is not as it was put last");
    }
    round
}

fn token(client: usize, round: u64) -> String {
    format!("{client}.{round} ")
}

/// Every append stands there once, and those of one client in its order.
fn expect_appends(trial: &mut Trial, appends: Appends, rounds: &[u64]) {
    let list = trial.client().get(SHARED).unwrap_or_default();
    for (number, rounds) in rounds.iter().enumerate() {
        let expected: Vec<String> = match appends {
            Appends::None => Vec::new(),
            Appends::ToSharedKey => (0..*rounds).map(|round| token(number, round)).collect(),
        };
        let head = format!("{number}.");
        let found: Vec<&str> = list
            .split_inclusive(' ')
            .filter(|token| token.starts_with(&head))
            .collect();
        assert_eq!(found, expected, "the appends of client {number}");
    }
}
