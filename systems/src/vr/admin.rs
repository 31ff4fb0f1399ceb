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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Admin, AdminConfig, AdminTimer};
    use crate::group::{Configuration, Epoch, Refusal, Response};
    use crate::node_id::NodeId;
    use crate::service::RequestNumber;
    use crate::service::kv::{Answer, KeyValue};
    use crate::session::{Conclusion, Session, SessionEffect, SessionInput, SessionOutbox};
    use crate::time::Time;
    use crate::vr::members::Members;
    use crate::vr::request::Ask;

    /// What an administrator did, without what does not matter here.
    #[derive(Debug, PartialEq, Eq)]
    enum Did {
        /// Asked a node, under an epoch.
        Ask(NodeId, u64),
        Pause,
        Conclude(Conclusion<Configuration>),
    }

    struct Scene(Admin<KeyValue>);

    fn n(number: usize) -> NodeId {
        NodeId::replica(number)
    }

    fn configuration(epoch: u64, members: &[usize]) -> Configuration {
        Configuration {
            epoch: Epoch(epoch),
            members: members.iter().copied().map(n).collect(),
        }
    }

    impl Scene {
        fn new() -> Self {
            let nodes = (1..=3).map(n).collect();
            let (resend_after, give_up_after) = (Duration::from_millis(300), Duration::from_secs(3));
            Self(Admin::new(AdminConfig::new(nodes, resend_after, give_up_after)))
        }

        fn want(&mut self, members: &[usize]) -> Vec<Did> {
            self.step(SessionInput::Invoke(Members::new(members.iter().copied().map(n))))
        }

        fn hear(
            &mut self,
            from: usize,
            response: impl FnOnce(RequestNumber) -> Response<Answer>,
        ) -> Vec<Did> {
            let (from, response) = (n(from), response(self.0.number));
            self.step(SessionInput::Response { from, response })
        }

        fn refuse(&mut self, from: usize, refusal: Refusal) -> Vec<Did> {
            self.hear(from, |number| Response::Refused { number, refusal })
        }

        fn timeout(&mut self, timer: AdminTimer) -> Vec<Did> {
            self.step(SessionInput::Timeout(timer))
        }

        fn step(&mut self, input: SessionInput<Admin<KeyValue>>) -> Vec<Did> {
            let mut out = SessionOutbox::new();
            self.0.step(Time::ZERO, input, &mut out);
            out.drain().filter_map(did).collect()
        }
    }

    fn did(effect: SessionEffect<Admin<KeyValue>>) -> Option<Did> {
        match effect {
            SessionEffect::Send { to, request } => {
                assert!(matches!(request.request.op, Ask::Members(_)));
                Some(Did::Ask(to, request.epoch.0))
            }
            SessionEffect::Arm {
                timer: AdminTimer::Round,
                ..
            } => Some(Did::Pause),
            SessionEffect::Arm { .. } | SessionEffect::Disarm(_) => None,
            SessionEffect::Conclude(conclusion) => Some(Did::Conclude(conclusion)),
        }
    }

    #[test]
    fn a_change_is_asked_of_the_leader_that_is_named_and_concluded_by_who_the_group_is_then() {
        let mut scene = Scene::new();
        assert_eq!(scene.want(&[1, 3]), [Did::Ask(n(1), 0)]);
        assert_eq!(
            scene.refuse(1, Refusal::Redirect { leader: Some(n(3)) }),
            [Did::Pause]
        );
        assert_eq!(scene.timeout(AdminTimer::Round), [Did::Ask(n(3), 0)]);
        let now = configuration(1, &[1, 3]);
        let done = |number| Response::Reconfigured {
            number,
            configuration: configuration(1, &[1, 3]),
        };
        assert_eq!(scene.hear(3, done), [Did::Conclude(Conclusion::Answered(now))]);
        assert_eq!(
            scene.want(&[1, 2]),
            [Did::Ask(n(1), 1)],
            "the next epoch is meant now"
        );
    }

    #[test]
    fn whoever_is_in_a_later_epoch_tells_that_the_change_is_over() {
        let mut scene = Scene::new();
        scene.want(&[1, 3]);
        let now = configuration(4, &[2]);
        let told = scene.refuse(1, Refusal::NewEpoch(now.clone()));
        assert_eq!(told, [Did::Conclude(Conclusion::Answered(now))]);
        scene.want(&[1, 3]);
        let old = scene.refuse(1, Refusal::NewEpoch(configuration(4, &[2])));
        assert_eq!(old, [Did::Pause], "who is outside knows nothing newer");
    }

    #[test]
    fn without_an_answer_the_others_are_asked_in_turn_until_it_gives_up() {
        let mut scene = Scene::new();
        scene.want(&[1, 3]);
        for expected in [2, 3, 1] {
            assert_eq!(scene.timeout(AdminTimer::Resend), [Did::Ask(n(expected), 0)]);
        }
        assert_eq!(scene.step(SessionInput::Unreachable(n(1))), [Did::Pause]);
        let unknown = Did::Conclude(Conclusion::Unknown);
        assert_eq!(scene.timeout(AdminTimer::GiveUp), [unknown]);
        assert_eq!(
            scene.refuse(1, Refusal::Busy),
            [],
            "nothing is waited for any more"
        );
    }

    #[test]
    fn a_group_that_cannot_be_is_not_asked_for_again() {
        let mut scene = Scene::new();
        scene.want(&[9]);
        let never = Did::Conclude(Conclusion::NeverSent);
        assert_eq!(scene.refuse(1, Refusal::NoSuchGroup), [never]);
    }
}
