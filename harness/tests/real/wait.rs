//! Waiting for an event, with a limit.

use std::time::{Duration, Instant};

/// How often is looked.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Waits for `look` to see something; none after the limit.
pub(crate) fn await_some<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        match look() {
            Some(seen) => return Some(seen),
            None if end <= Instant::now() => return None,
            None => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

/// Waits for `look` to hold; false after the limit.
pub(crate) fn await_that(limit: Duration, mut look: impl FnMut() -> bool) -> bool {
    await_some(limit, || look().then_some(())).is_some()
}

/// Lets `span` pass, where the scenario itself is a length of time.
pub(crate) fn let_pass(span: Duration) {
    await_that(span, || false);
}
