//! What a run happens in: time, clients and a cluster. The real world has processes and packets; another may have neither.

pub mod changes;
pub mod injuries;
pub mod real;
pub mod sim;

use std::collections::BTreeMap;
use std::time::Duration;

use histories::{Completion, Invocation, Process};
use nemesis::Cluster;
use systems::NodeId;

use crate::testimony::Departure;

/// A place where operations are carried out and faults happen.
pub trait World {
    /// Time since the start of the load.
    fn now(&self) -> Duration;

    /// Hands `invocation` to its process's client, which is opened if it is new. Its completion comes by [`World::wait`].
    fn invoke(&mut self, invocation: &Invocation);

    /// What has been completed; waits for the first completion until `until`, and returns none when that is reached.
    fn wait(&mut self, until: Duration) -> Vec<Completion>;

    /// Closes the client of a process that will ask for nothing again.
    fn retire(&mut self, process: Process);

    /// The cluster that can be hurt.
    fn cluster(&mut self) -> &mut dyn Cluster;

    /// Nodes that left though nobody killed them, since the last call.
    fn departures(&mut self) -> Vec<Departure>;

    /// Whether somebody wants the run to end now.
    fn interrupted(&self) -> bool;

    /// How many positions of its log each node has applied, as far as it has said; none where nodes say nothing of the kind.
    fn applied(&mut self) -> BTreeMap<NodeId, u64> {
        BTreeMap::new()
    }

    /// Why the system, by its own claims, need not answer any more; none while it must.
    fn excuse(&mut self) -> Option<String>;
}

impl<W: World + ?Sized> World for Box<W> {
    fn now(&self) -> Duration {
        self.as_ref().now()
    }

    fn invoke(&mut self, invocation: &Invocation) {
        self.as_mut().invoke(invocation);
    }

    fn wait(&mut self, until: Duration) -> Vec<Completion> {
        self.as_mut().wait(until)
    }

    fn retire(&mut self, process: Process) {
        self.as_mut().retire(process);
    }

    fn cluster(&mut self) -> &mut dyn Cluster {
        self.as_mut().cluster()
    }

    fn departures(&mut self) -> Vec<Departure> {
        self.as_mut().departures()
    }

    fn interrupted(&self) -> bool {
        self.as_ref().interrupted()
    }

    fn applied(&mut self) -> BTreeMap<NodeId, u64> {
        self.as_mut().applied()
    }

    fn excuse(&mut self) -> Option<String> {
        self.as_mut().excuse()
    }
}
