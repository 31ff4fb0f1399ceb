//! What a world needs to know of a system.

use std::collections::BTreeSet;

use systems::{NodeId, Replica, Session};

/// A system: its nodes' cores, its clients' sessions, and what can be told from what its nodes say of themselves.
pub(crate) trait System: Sized + 'static {
    type Replica: Replica;
    type Session: Session<Replica = Self::Replica>;
    /// Follows the events of all nodes.
    type Observer;

    /// Who takes part.
    fn nodes(config: &<Self::Replica as Replica>::Config) -> Vec<NodeId>;

    /// Somebody who has been told nothing.
    fn observer(config: &<Self::Replica as Replica>::Config) -> Self::Observer;

    /// Hears that `event` happened at `node`.
    fn note(observer: &mut Self::Observer, node: NodeId, event: &<Self::Replica as Replica>::Event);

    /// The nodes of `running` any one of which may die now without more being lost than the system claims to survive.
    fn expendable(observer: &Self::Observer, running: &BTreeSet<NodeId>) -> BTreeSet<NodeId>;

    /// How the cluster is, in a few words.
    fn shown(observer: &Self::Observer) -> String;
}
