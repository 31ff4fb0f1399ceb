//! The limit on memory holds, by what is asked of the allocator. A process of its own, because it counts what everybody in it asks for.

#[expect(dead_code, reason = "hard histories are long, not those of the fuzz")]
#[path = "it/generate.rs"]
mod generate;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;
use histories::checker::linearizable::Method;
use histories::history::Time;
use histories::{Checker, Function, History, Limits, Linearizable, ModelName, Outcome, Verdict};
use serde_json::json;

use generate::{End, Shape, Sort, history};

/// Counts the bytes that are in use, and the most that ever were.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let in_use = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(in_use, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the promises.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LIMIT_BYTES: usize = 1 << 20;

/// Tables that are as long as the history are beside the limit.
const BESIDE_BYTES: usize = LIMIT_BYTES * 3 / 4;

/// Whoever needs more memory than the limit is searched for so many looks at the clock, of some thousand steps each.
const LOOKS_MAX: usize = 100;

/// What came of a judgement.
struct Judged {
    /// How much more memory it took at its peak.
    peak: usize,
    /// How often it looked whether time was up.
    looks: usize,
    verdict: Verdict,
}

fn judged(history: &History, model: ModelName, memory_bytes_max: usize, looks_max: usize) -> Judged {
    let looks = AtomicUsize::new(0);
    let limits = Limits {
        memory_bytes_max: memory_bytes_max as u64,
        may_go_on: &|| looks.fetch_add(1, Ordering::Relaxed) < looks_max,
        ..Limits::patient()
    };
    let checker = Linearizable::new(model).with_method(Method::Search);
    let before = IN_USE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let verdict = checker.check(history, &limits).verdict;
    Judged {
        peak: PEAK.load(Ordering::Relaxed) - before,
        looks: looks.into_inner(),
        verdict,
    }
}

/// A hard history of this sort.
fn hard(sort: Sort, seed: u64) -> History {
    let mut rng = Rng::with_seed(seed);
    let shape = Shape {
        sort,
        operations: 400,
        clients: 60,
        values: 3,
        unknown_percent: 20,
        wrong_percent: 5,
        lies_percent: 100,
        end: End::Early,
    };
    history(&mut rng, shape)
}

/// Additions of even amounts, each twice the one before and none ever heard of again, and then a read of an odd number: no two
/// choices of them have the same sum, so that no search can come to an end.
fn endless() -> History {
    let mut builder = History::builder();
    for process in 0..60 {
        builder
            .ask(
                Time(process),
                process,
                Function::Inc,
                "k",
                json!(1_u64 << (process + 1)),
            )
            .expect("a well-formed history");
    }
    builder
        .ask(Time(900), 1000, Function::Read, "k", json!(null))
        .expect("a well-formed history");
    builder
        .answer(Time(901), 1000, Outcome::Ok(json!(77_777_777)))
        .expect("a well-formed history");
    builder.finish()
}

fn assert_told(verdict: &Verdict) {
    let Verdict::Unknown(reason) = verdict else {
        panic!("{verdict:?}")
    };
    assert!(reason.contains("bytes of memory at the "), "{reason}");
    assert!(reason.starts_with("key k: "), "{reason}");
}

#[test]
fn a_search_that_reaches_its_memory_forgets_and_asks_for_no_more() {
    // A place in the memo takes 24 bytes at least, and each step of this search comes to a new one.
    const PLACES_MAX: usize = LIMIT_BYTES / 24;
    const STEPS_BETWEEN_LOOKS: usize = 1024;
    let endless = judged(&endless(), ModelName::Counter, LIMIT_BYTES, usize::MAX);
    assert_told(&endless.verdict);
    assert!(
        endless.peak <= LIMIT_BYTES + BESIDE_BYTES,
        "{} bytes",
        endless.peak
    );
    assert!(
        PLACES_MAX < (endless.looks - 1) * STEPS_BETWEEN_LOOKS,
        "{} looks, in which it did not have to forget anything",
        endless.looks
    );

    let (mut decided, mut given_up) = (0, 0);
    for sort in Sort::ALL {
        for seed in 0..2 {
            let history = hard(sort, seed);
            let limited = judged(&history, sort.model(), LIMIT_BYTES, LOOKS_MAX);
            let Judged { peak, looks, verdict } = &limited;
            println!(
                "{sort:?} seed {seed}: {peak} bytes, {looks} looks, {}",
                verdict.name()
            );
            assert!(
                *peak <= LIMIT_BYTES + BESIDE_BYTES,
                "{sort:?} seed {seed}: {peak} bytes, {verdict:?}"
            );
            let free = judged(&history, sort.model(), LIMIT_BYTES * 64, LOOKS_MAX);
            println!(
                "  free: {} bytes, {} looks, {}",
                free.peak,
                free.looks,
                free.verdict.name()
            );
            if free.peak <= LIMIT_BYTES + BESIDE_BYTES {
                continue;
            }
            match verdict {
                Verdict::Unknown(_) if *looks > LOOKS_MAX => {}
                Verdict::Unknown(_) => {
                    assert_told(verdict);
                    given_up += 1;
                }
                Verdict::Valid | Verdict::Invalid(_) => decided += 1,
            }
        }
    }
    println!("{decided} decided, {given_up} given up");
    assert!(1 <= decided, "none was decided though it forgot");
    assert!(1 <= given_up, "none was given up");
}
