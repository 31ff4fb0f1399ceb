//! The clocks of the real world.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::time::Time;

/// The machine's monotonic clock. Its origin is the machine's start, the same for all processes of one machine, so that what
/// several of them note can be put into one order.
pub(super) fn now() -> Time {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, ns) = (
        u64::try_from(now.tv_sec).unwrap_or(0),
        u64::try_from(now.tv_nsec).unwrap_or(0),
    );
    Time::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(ns))
}

/// The clock on the wall: nanoseconds since the epoch, zero when it stands before that.
pub(super) fn wall_ns() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// Waits until `deadline`; forever when there is none.
pub(super) async fn until(deadline: Option<Time>) {
    let Some(deadline) = deadline else {
        return std::future::pending().await;
    };
    let left = deadline.since(now());
    if !left.is_zero() {
        tokio::time::sleep(left).await;
    }
}
