//! What can go wrong in the lab, each in one sentence, with what to type where typing helps.

use std::fmt;
use std::io;
use std::time::Duration;

use systems::NodeId;

use super::doctor::Missing;
use super::state::NodeState;

/// Why the lab could not do what was asked.
#[derive(Debug)]
pub enum LabError {
    /// The machine lacks a part the lab cannot do without.
    Missing(Missing),
    /// [`confine`](super::confine) was called by a process of this many threads; a user namespace can be entered by one only.
    Threads(usize),
    /// A lab was to be opened outside of [`confine`](super::confine), where it would change the machine's own network.
    Outside,
    /// More hosts were asked for than the lab has addresses: asked, most.
    Hosts(usize, usize),
    /// Two hosts were to have this name.
    Twice(NodeId),
    /// There is no host of this name in this lab.
    Unknown(NodeId),
    /// The node was to be started and runs already.
    Runs(NodeId),
    /// The node was to be paused, resumed or killed and does not run.
    Down(NodeId),
    /// The node's program could not be started, and why.
    Start(NodeId, String),
    /// The node did not come to the wanted state within the limit.
    Unsettled(NodeId, NodeState, Duration),
    /// The operating system refused something that it grants as a rule.
    Os(&'static str, io::Error),
}

impl LabError {
    /// For `map_err`: what was being done when the operating system refused.
    pub(super) fn os<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Os(doing, error.into())
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(missing) => write!(f, "{missing}"),
            Self::Threads(threads) => {
                write!(
                    f,
                    "the lab must be entered before threads are made, and there are {threads} already"
                )
            }
            Self::Outside => f.write_str("a lab can be opened only by an engine that was started by confine"),
            Self::Hosts(asked, most) => {
                write!(f, "{asked} hosts were asked for; the lab has room for {most}")
            }
            Self::Twice(node) => write!(f, "two hosts cannot both be called {node}"),
            Self::Unknown(node) => write!(f, "there is no host {node} in this lab"),
            Self::Runs(node) => write!(f, "{node} runs already"),
            Self::Down(node) => write!(f, "{node} does not run"),
            Self::Start(node, why) => write!(f, "{node} could not be started: {why}"),
            Self::Unsettled(node, state, limit) => {
                write!(
                    f,
                    "{node} was to be {state} and was not within {} ms",
                    limit.as_millis()
                )
            }
            Self::Os(doing, error) => write!(f, "failed to {doing}: {error}"),
        }
    }
}

impl std::error::Error for LabError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Os(_, error) => Some(error),
            Self::Missing(_)
            | Self::Threads(_)
            | Self::Outside
            | Self::Hosts(..)
            | Self::Twice(_)
            | Self::Unknown(_)
            | Self::Runs(_)
            | Self::Down(_)
            | Self::Start(..)
            | Self::Unsettled(..) => None,
        }
    }
}
