//! What a simulation needs to know of a system whose cores and sessions this program has.

use std::convert::Infallible;
use std::fmt::Debug;
use std::marker::PhantomData;

use histories::{Invocation, Outcome, Process};
use nemesis::Roster;
use systems::group::Configuration;
use systems::vr::Members;
use systems::{Conclusion, NodeId, Replica, Session, SessionInput, SessionOutbox, Time};

use crate::adapter::Witness;
use crate::oracle::Oracle;

/// A system of ours: its nodes' cores, its clients' sessions, and how the workloads' operations are said to them.
pub trait Protocol: Debug {
    /// A node.
    type Replica: Replica;
    /// A client.
    type Session: Session<Replica = Self::Replica>;
    /// Somebody who asks for other members.
    type Admin: Session<Replica = Self::Replica, Op = Members, Answer = Configuration>;
    /// Somebody who hears what the nodes say of themselves.
    type Witness: Observing<<Self::Replica as Replica>::Event>;

    /// Somebody who checks what happens inside.
    type Oracle: Oracle<Self::Replica>;

    /// The kinds of messages between its nodes, by name.
    const KINDS: &'static [&'static str];

    /// Which of [`Protocol::KINDS`] a message is.
    fn kind(message: &<Self::Replica as Replica>::Message) -> &'static str;

    /// Who takes part.
    fn roster(&self) -> Roster;

    /// What its nodes are configured with.
    fn config(&self) -> &<Self::Replica as Replica>::Config;

    /// The session of the client of `process`.
    fn session(&self, process: Process) -> Self::Session;

    /// The session of who asks for other members. Only a system whose members can change has one.
    fn admin(&self) -> Option<Self::Admin> {
        None
    }

    /// `invocation` as a session understands it; none when the system does not offer such an operation.
    fn op(&self, invocation: &Invocation) -> Option<<Self::Session as Session>::Op>;

    /// What came of `invocation`, by how the session concluded it.
    fn outcome(
        &self,
        invocation: &Invocation,
        conclusion: Conclusion<<Self::Session as Session>::Answer>,
    ) -> Outcome;

    /// Somebody who has heard nothing yet.
    fn witness(&self) -> Self::Witness;

    /// Somebody who has checked nothing yet.
    fn oracle(&self) -> Self::Oracle;
}

/// Whom a system has that asks for other members when its members do not change.
#[derive(Debug, Clone)]
pub struct Nobody<R> {
    never: Infallible,
    replica: PhantomData<R>,
}

impl<R: Replica> Session for Nobody<R> {
    type Replica = R;
    type Op = Members;
    type Answer = Configuration;
    type Timer = ();

    fn step(&mut self, _: Time, _: SessionInput<Self>, _: &mut SessionOutbox<Self>) {
        match self.never {}
    }
}

/// A witness who is told what happened instead of reading it.
pub trait Observing<E>: Witness {
    /// Hears that `event` happened at `node`.
    fn observe(&mut self, node: NodeId, event: &E);
}
