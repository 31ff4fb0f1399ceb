//! The limit on memory holds, by what is asked of the allocator. A process of its own, because it counts what everybody in it asks for.

#[expect(dead_code, reason = "hard histories are long, not those of the fuzz")]
#[path = "it/generate.rs"]
mod generate;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;
use histories::checker::linearizable::Method;
use histories::{Checker, Limits, Linearizable, Verdict};

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

/// How much more memory judging a hard history of this sort took at its peak, and what came of it.
fn judged(sort: Sort, seed: u64) -> (usize, Verdict) {
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
    let history = history(&mut rng, shape);
    let limits = Limits {
        memory_bytes_max: LIMIT_BYTES as u64,
        ..Limits::patient()
    };
    let checker = Linearizable::new(sort.model()).with_method(Method::Search);
    let before = IN_USE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let verdict = checker.check(&history, &limits).verdict;
    (PEAK.load(Ordering::Relaxed) - before, verdict)
}

#[test]
fn a_search_that_reaches_its_memory_asks_for_no_more() {
    let mut limited = 0;
    for sort in Sort::ALL {
        for seed in 0..2 {
            let (peak, verdict) = judged(sort, seed);
            println!("{sort:?} seed {seed}: {peak} bytes, {}", verdict.name());
            assert!(
                peak <= LIMIT_BYTES + BESIDE_BYTES,
                "{sort:?} seed {seed}: {peak} bytes, {verdict:?}"
            );
            if let Verdict::Unknown(reason) = verdict {
                assert!(reason.contains("bytes of memory at the "), "{reason}");
                assert!(reason.starts_with("key k: "), "{reason}");
                limited += 1;
            }
        }
    }
    assert!(5 <= limited, "only {limited} histories were hard");
}
