//! How long a client waits for an answer, and whether it insists.

use std::time::Duration;

/// How long to wait for answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After this long without an answer the request is sent again, or given up.
    pub resend_after: Duration,
    /// After this long it is given up in any case.
    pub give_up_after: Duration,
    /// Which of the two.
    pub persistence: Persistence,
}

/// What to do when an answer does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Send the request again, with the same number, until the limit.
    Retry,
    /// Give up after the first silence.
    GiveUp,
}
