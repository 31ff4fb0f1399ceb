//! Who asks for other members: the client's half of a reconfiguration.
//!
//! A change is asked for under the epoch it shall end, so it takes place once or not at all, however often it is said. The answer is who the
//! group is when that epoch is over: the members that were asked for, or others if somebody else's change came first. A replica that
//! is in a later epoch tells that to whoever asks for an earlier one, so asking again is also how an administrator learns that a change is
//! done whose answer was lost (the paper's CHECKEPOCH).

use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::Duration;

use crate::group::{self, Configuration, Epoch, ROUND_PAUSE, Refusal, Response};
use crate::node_id::NodeId;
use crate::service::{RequestNumber, Service};
use crate::session::{Conclusion, Session, SessionInput, SessionOutbox};
use crate::time::Time;
use crate::vr::members::Members;
use crate::vr::node::Node;
use crate::vr::request::{Ask, Request};

/// What an administrator is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Every node that is, was or may become a member, at least one, in the order in which they are asked.
    pub nodes: Vec<NodeId>,
    /// How long to pause after all of them were asked in vain.
    pub round_pause: Duration,
    /// After this long without an answer the next one is asked.
    pub resend_after: Duration,
    /// After this long it is given up.
    pub give_up_after: Duration,
}

/// An administrator's conversation with a group that replicates `S`; one change at a time.
#[derive(Debug, Clone)]
pub struct Admin<S> {
    config: AdminConfig,
    epoch: Epoch,
    number: RequestNumber,
    leader: Option<NodeId>,
    status: Status,
    service: PhantomData<S>,
}

/// Its timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminTimer {
    /// The next one may be asked.
    Round,
    /// The answer should have come.
    Resend,
    /// The limit of the change.
    GiveUp,
}

#[derive(Debug, Clone)]
enum Status {
    Idle,
    Asking {
        members: Members,
        /// Who was asked last, by its place among the nodes.
        asked: usize,
    },
}

impl AdminConfig {
    /// Asks `nodes`, at the usual pace, and gives up after `give_up_after`.
    #[must_use]
    pub const fn new(nodes: Vec<NodeId>, resend_after: Duration, give_up_after: Duration) -> Self {
        Self {
            nodes,
            round_pause: ROUND_PAUSE,
            resend_after,
            give_up_after,
        }
    }
}

impl<S: Service> Admin<S> {
    /// An administrator that knows the first epoch only.
    ///
    /// # Panics
    /// When there are no nodes.
    #[must_use]
    pub fn new(config: AdminConfig) -> Self {
        assert!(!config.nodes.is_empty(), "an administrator needs somebody to ask");
        Self {
            config,
            epoch: Epoch::FIRST,
            number: RequestNumber(0),
            leader: None,
            status: Status::Idle,
            service: PhantomData,
        }
    }

    fn on_invoke(&mut self, members: Members, out: &mut SessionOutbox<Self>) {
        assert!(
            matches!(self.status, Status::Idle),
            "an administrator asks for one change at a time"
        );
        self.number = RequestNumber(self.number.0 + 1);
        let asked = self.place_of_leader().unwrap_or(0);
        self.status = Status::Asking { members, asked };
        out.arm(AdminTimer::GiveUp, self.config.give_up_after);
        self.ask(asked, out);
    }

    fn place_of_leader(&self) -> Option<usize> {
        let leader = self.leader?;
        self.config.nodes.iter().position(|&node| node == leader)
    }

    fn ask(&mut self, place: usize, out: &mut SessionOutbox<Self>) {
        let Status::Asking { members, asked } = &mut self.status else {
            return;
        };
        *asked = place;
        let request = Request {
            epoch: self.epoch,
            request: group::Request {
                number: self.number,
                op: Ask::Members(members.clone()),
            },
        };
        out.disarm(AdminTimer::Round);
        out.arm(AdminTimer::Resend, self.config.resend_after);
        out.send(self.config.nodes[place], request);
    }

    /// Asks the leader that was named, or the next one, after a pause: whom it has asked before may have changed its mind.
    fn go_on(&mut self, from: NodeId, out: &mut SessionOutbox<Self>) {
        if let Status::Asking { asked, .. } = &self.status
            && self.config.nodes[*asked] == from
        {
            out.arm(AdminTimer::Round, self.config.round_pause);
        }
    }

    fn ask_next(&mut self, out: &mut SessionOutbox<Self>) {
        let Status::Asking { asked, .. } = &self.status else {
            return;
        };
        let next = (asked + 1) % self.config.nodes.len();
        let place = self.place_of_leader().filter(|leader| leader != asked);
        self.leader = None;
        self.ask(place.unwrap_or(next), out);
    }

    fn on_response(&mut self, from: NodeId, response: Response<S::Answer>, out: &mut SessionOutbox<Self>) {
        if matches!(self.status, Status::Idle) || response.number() != self.number {
            return;
        }
        match response {
            Response::Reconfigured { configuration, .. } => self.learn(configuration, out),
            Response::Refused { refusal, .. } => match refusal {
                Refusal::NewEpoch(configuration) => self.hear(from, configuration, out),
                Refusal::Redirect { leader } => {
                    self.leader = leader;
                    self.go_on(from, out);
                }
                Refusal::Busy => {
                    self.leader = Some(from);
                    self.go_on(from, out);
                }
                Refusal::NoSuchGroup => self.conclude(Conclusion::NeverSent, out),
                Refusal::Stale | Refusal::Expired => self.conclude(Conclusion::Unknown, out),
            },
            // Nobody answers a change like an operation of the service.
            Response::Answered { .. } => (),
        }
    }

    /// Who is outside tells what it knows, which may be old.
    fn hear(&mut self, from: NodeId, configuration: Configuration, out: &mut SessionOutbox<Self>) {
        if self.epoch < configuration.epoch {
            self.learn(configuration, out);
        } else {
            self.go_on(from, out);
        }
    }

    fn learn(&mut self, configuration: Configuration, out: &mut SessionOutbox<Self>) {
        self.epoch = self.epoch.max(configuration.epoch);
        self.conclude(Conclusion::Answered(configuration), out);
    }

    fn conclude(&mut self, conclusion: Conclusion<Configuration>, out: &mut SessionOutbox<Self>) {
        self.status = Status::Idle;
        for timer in [AdminTimer::Round, AdminTimer::Resend, AdminTimer::GiveUp] {
            out.disarm(timer);
        }
        out.conclude(conclusion);
    }
}

impl<S: Service> Session for Admin<S> {
    type Replica = Node<S>;
    type Op = Members;
    type Answer = Configuration;
    type Timer = AdminTimer;

    fn step(&mut self, _now: Time, input: SessionInput<Self>, out: &mut SessionOutbox<Self>) {
        match input {
            SessionInput::Invoke(members) => self.on_invoke(members, out),
            SessionInput::Response { from, response } => self.on_response(from, response, out),
            SessionInput::Unreachable(node) => self.go_on(node, out),
            SessionInput::Timeout(AdminTimer::Round | AdminTimer::Resend) => self.ask_next(out),
            SessionInput::Timeout(AdminTimer::GiveUp) => self.conclude(Conclusion::Unknown, out),
        }
    }
}
