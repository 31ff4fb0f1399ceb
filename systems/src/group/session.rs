//! The client's half towards a group: finds the replica that leads, and says everything again under the same number until it is
//! answered or gives up.
//!
//! It looks for the leader in *rounds*: each replica is asked at most once in a round, first whoever is believed to lead, then
//! whoever a refusal names, then the others in turn; between two rounds it pauses. So two replicas that name each other are not
//! asked faster than a pause allows. After a silence everybody is asked at once, because the silent one may be dead. Once a request
//! has left, only an answer can tell what became of it: without one the conclusion is *unknown*, whatever was refused in between,
//! because another copy may still be on its way.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use crate::group::{Configuration, Epoch, Member, Refusal, Request, Response};
use crate::node_id::NodeId;
use crate::service::Service;
use crate::service::client_table::RequestNumber;
use crate::session::{Conclusion, Patience, Persistence, Session, SessionInput, SessionOutbox};
use crate::time::Time;

/// How long a session pauses between two rounds.
pub const ROUND_PAUSE: Duration = Duration::from_millis(50);

/// What a session is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSessionConfig {
    /// The replicas, at least one, in the order in which a session that knows of no leader asks them.
    pub replicas: Vec<NodeId>,
    /// How long to pause between two rounds.
    pub round_pause: Duration,
    /// How long to wait for answers.
    pub patience: Patience,
}

/// One client's conversation with a group of replicas `R`.
#[derive(Debug, Clone)]
pub struct GroupSession<R: Member> {
    config: GroupSessionConfig,
    /// In which epoch the group is, as far as it knows.
    epoch: Epoch,
    /// The last request's number.
    number: RequestNumber,
    /// Who is believed to lead.
    leader: Option<NodeId>,
    status: Status<<R::Service as Service>::Op>,
}

/// The timers of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupSessionTimer {
    /// The next round may begin.
    Round,
    /// The answer should have come.
    Resend,
    /// The limit of the operation.
    GiveUp,
}

#[derive(Debug, Clone)]
enum Status<O> {
    Idle,
    /// An operation is under way. The request has left: whoever believes in no leader asks somebody.
    Busy {
        op: O,
        /// Whose refusal leads on to the next one.
        waiting_for: NodeId,
        /// Who has been asked in this round.
        asked: BTreeSet<NodeId>,
    },
}

impl GroupSessionConfig {
    /// Asks `replicas`, at the usual pace.
    #[must_use]
    pub const fn new(replicas: Vec<NodeId>, patience: Patience) -> Self {
        Self {
            replicas,
            round_pause: ROUND_PAUSE,
            patience,
        }
    }
}

impl<R: Member> GroupSession<R> {
    /// A session that has spoken to nobody yet.
    ///
    /// # Panics
    /// When there are no replicas.
    #[must_use]
    pub fn new(config: GroupSessionConfig) -> Self {
        assert!(!config.replicas.is_empty(), "a session needs somebody to ask");
        Self {
            config,
            epoch: Epoch::FIRST,
            number: RequestNumber(0),
            leader: None,
            status: Status::Idle,
        }
    }

    fn on_invoke(&mut self, op: <R::Service as Service>::Op, out: &mut SessionOutbox<Self>) {
        assert!(
            matches!(self.status, Status::Idle),
            "a session has one operation at a time"
        );
        if let Some(answer) = R::Service::refuse(&op) {
            return out.conclude(Conclusion::Answered(answer));
        }

        self.number = RequestNumber(self.number.0 + 1);
        let first = self.leader.unwrap_or(self.config.replicas[0]);
        self.status = Status::Busy {
            op,
            waiting_for: first,
            asked: BTreeSet::new(),
        };
        out.arm(GroupSessionTimer::GiveUp, self.config.patience.give_up_after);
        out.arm(GroupSessionTimer::Resend, self.config.patience.resend_after);
        self.ask(first, out);
    }

    fn on_response(
        &mut self,
        from: NodeId,
        response: Response<<R::Service as Service>::Answer>,
        out: &mut SessionOutbox<Self>,
    ) {
        // A late answer to an operation that is over.
        if matches!(self.status, Status::Idle) || response.number() != self.number {
            return;
        }
        match response {
            Response::Answered { answer, .. } => {
                self.leader = Some(from);
                self.conclude(Conclusion::Answered(answer), out);
            }
            Response::Refused { refusal, .. } => self.on_refusal(from, refusal, out),
            // It never asks for that.
            Response::Reconfigured { .. } => (),
        }
    }

    fn on_refusal(&mut self, from: NodeId, refusal: Refusal, out: &mut SessionOutbox<Self>) {
        match refusal {
            Refusal::Redirect { leader } => self.go_on(from, leader, out),
            Refusal::Busy => out.arm(GroupSessionTimer::Round, self.config.round_pause),
            Refusal::Stale | Refusal::Expired => self.conclude(Conclusion::Unknown, out),
            Refusal::NewEpoch(configuration) if self.learns(&configuration) => {
                self.move_on(configuration, out)
            }
            Refusal::NewEpoch(_) | Refusal::NoSuchGroup => self.go_on(from, None, out),
        }
    }

    /// Whether `configuration` is newer than what it goes by, and one that can be asked.
    fn learns(&self, configuration: &Configuration) -> bool {
        self.epoch < configuration.epoch && !configuration.members.is_empty()
    }

    /// The group has other members: they are asked from now on, this request again among them. There are only so many epochs, so this
    /// leads from one to the next as fast as the answers come.
    fn move_on(&mut self, configuration: Configuration, out: &mut SessionOutbox<Self>) {
        (self.epoch, self.config.replicas) = (configuration.epoch, configuration.members);
        self.leader = None;
        let first = self.config.replicas[0];
        if let Status::Busy { asked, .. } = &mut self.status {
            asked.clear();
        }
        self.ask(first, out);
    }

    /// `from` does not lead, and perhaps names the one that does; or it cannot be reached.
    fn go_on(&mut self, from: NodeId, hint: Option<NodeId>, out: &mut SessionOutbox<Self>) {
        let Status::Busy {
            waiting_for, asked, ..
        } = &mut self.status
        else {
            return;
        };
        if hint.is_some() || self.leader == Some(from) {
            self.leader = hint;
        }
        match hint {
            Some(leader) if asked.contains(&leader) && *waiting_for == from && leader != from => {
                // It has the request already: its word counts now. It may have been asked before it led, so it is asked again.
                *waiting_for = leader;
                out.arm(GroupSessionTimer::Round, self.config.round_pause);
            }
            Some(leader) if !asked.contains(&leader) => self.ask(leader, out),
            Some(_) | None if *waiting_for == from => self.ask_next(from, out),
            Some(_) | None => (),
        }
    }

    /// Asks the first replica after `former` that has not been asked in this round; after the last one there is a pause.
    fn ask_next(&mut self, former: NodeId, out: &mut SessionOutbox<Self>) {
        let Status::Busy { asked, .. } = &self.status else {
            return;
        };
        let next = after(&self.config.replicas, former).find(|replica| !asked.contains(replica));
        match next {
            Some(next) => self.ask(next, out),
            None => out.arm(GroupSessionTimer::Round, self.config.round_pause),
        }
    }

    fn begin_round(&mut self, out: &mut SessionOutbox<Self>) {
        let Status::Busy {
            waiting_for, asked, ..
        } = &mut self.status
        else {
            return;
        };
        asked.clear();
        let next = after(&self.config.replicas, *waiting_for).next();
        let first = self.leader.or(next).unwrap_or(*waiting_for);
        self.ask(first, out);
    }

    /// The answer should have come by now.
    fn on_silence(&mut self, out: &mut SessionOutbox<Self>) {
        match self.config.patience.persistence {
            Persistence::GiveUp => self.conclude(Conclusion::Unknown, out),
            Persistence::Retry => {
                out.arm(GroupSessionTimer::Resend, self.config.patience.resend_after);
                self.ask_everybody(out);
            }
        }
    }

    fn ask_everybody(&mut self, out: &mut SessionOutbox<Self>) {
        let Status::Busy { waiting_for, .. } = &self.status else {
            return;
        };
        let last = *waiting_for;
        let others: Vec<NodeId> = after(&self.config.replicas, last)
            .filter(|&next| next != last)
            .collect();
        for replica in others.into_iter().chain([last]) {
            self.ask(replica, out);
        }
    }

    fn on_timeout(&mut self, timer: GroupSessionTimer, out: &mut SessionOutbox<Self>) {
        if let Status::Idle = self.status {
            return;
        }
        match timer {
            GroupSessionTimer::GiveUp => self.conclude(Conclusion::Unknown, out),
            GroupSessionTimer::Resend => self.on_silence(out),
            GroupSessionTimer::Round => self.begin_round(out),
        }
    }

    fn ask(&mut self, replica: NodeId, out: &mut SessionOutbox<Self>) {
        let Status::Busy {
            op,
            waiting_for,
            asked,
        } = &mut self.status
        else {
            return;
        };
        *waiting_for = replica;
        asked.insert(replica);
        let (number, op) = (self.number, op.clone());
        out.send(replica, R::ask(self.epoch, Request { number, op }));
    }

    fn conclude(
        &mut self,
        conclusion: Conclusion<<R::Service as Service>::Answer>,
        out: &mut SessionOutbox<Self>,
    ) {
        self.status = Status::Idle;
        for timer in [
            GroupSessionTimer::Round,
            GroupSessionTimer::Resend,
            GroupSessionTimer::GiveUp,
        ] {
            out.disarm(timer);
        }
        out.conclude(conclusion);
    }
}

/// The replicas in turn, from the one after `former` to `former` itself if it is one of them.
fn after(replicas: &[NodeId], former: NodeId) -> impl Iterator<Item = NodeId> {
    let place = replicas.iter().position(|&replica| replica == former);
    let start = place.map_or(0, |place| place + 1);
    let (before, from) = replicas.split_at(start);
    from.iter().chain(before).copied()
}

impl<R: Member> Session for GroupSession<R> {
    type Replica = R;
    type Op = <R::Service as Service>::Op;
    type Answer = <R::Service as Service>::Answer;
    type Timer = GroupSessionTimer;

    fn step(&mut self, _now: Time, input: SessionInput<Self>, out: &mut SessionOutbox<Self>) {
        match input {
            SessionInput::Invoke(op) => self.on_invoke(op, out),
            SessionInput::Response { from, response } => self.on_response(from, response, out),
            SessionInput::Unreachable(node) => self.go_on(node, None, out),
            SessionInput::Timeout(timer) => self.on_timeout(timer, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GroupSession, GroupSessionConfig, GroupSessionTimer, ROUND_PAUSE};
    use crate::group::{Configuration, Epoch, Member, Refusal, Request, Response};
    use crate::node_id::NodeId;
    use crate::replica::{Boot, Input, Outbox, Replica};
    use crate::service::client_table::RequestNumber;
    use crate::service::kv::{Answer, KeyValue, Op};
    use crate::session::{
        Conclusion, Patience, Persistence, Session, SessionEffect, SessionInput, SessionOutbox,
    };
    use crate::time::Time;
    use std::time::Duration;

    /// A replica that is never asked; only the session is under test.
    #[derive(Debug, Clone)]
    struct Mute;

    impl Replica for Mute {
        type Config = ();
        type Message = ();
        type Request = Request<Op>;
        type Response = Response<Answer>;
        type Timer = ();
        type Record = ();
        type Event = ();

        fn recover((): &(), _: Boot, _: Vec<()>) -> Self {
            Self
        }

        fn step(&mut self, _: Time, _: Input<Self>, _: &mut Outbox<Self>) {}
    }

    impl Member for Mute {
        type Service = KeyValue;

        fn ask(_: Epoch, request: Request<Op>) -> Request<Op> {
            request
        }
    }

    /// What a session did, without what does not matter here.
    #[derive(Debug, PartialEq, Eq)]
    enum Did {
        Ask(usize),
        Pause,
        Conclude(Conclusion<Answer>),
    }

    struct Scene(GroupSession<Mute>);

    impl Scene {
        fn new(persistence: Persistence) -> Self {
            let patience = Patience {
                resend_after: Duration::from_millis(400),
                give_up_after: Duration::from_secs(3),
                persistence,
            };
            let replicas = (1..=3).map(NodeId::replica).collect();
            Self(GroupSession::new(GroupSessionConfig::new(replicas, patience)))
        }

        fn invoke(&mut self) -> Vec<Did> {
            let op = Op::Get { key: "k".into() };
            self.step(SessionInput::Invoke(op))
        }

        fn redirect(&mut self, from: usize, leader: Option<usize>) -> Vec<Did> {
            let leader = leader.map(NodeId::replica);
            self.refuse(from, Refusal::Redirect { leader })
        }

        fn refuse(&mut self, from: usize, refusal: Refusal) -> Vec<Did> {
            let number = self.0.number;
            let response = Response::Refused { number, refusal };
            let from = NodeId::replica(from);
            self.step(SessionInput::Response { from, response })
        }

        fn answer(&mut self, from: usize, number: u64) -> Vec<Did> {
            let (number, answer) = (RequestNumber(number), Answer::Done);
            let response = Response::Answered { number, answer };
            let from = NodeId::replica(from);
            self.step(SessionInput::Response { from, response })
        }

        fn timeout(&mut self, timer: GroupSessionTimer) -> Vec<Did> {
            self.step(SessionInput::Timeout(timer))
        }

        fn step(&mut self, input: SessionInput<GroupSession<Mute>>) -> Vec<Did> {
            let mut out = SessionOutbox::new();
            self.0.step(Time::ZERO, input, &mut out);
            out.drain().filter_map(did).collect()
        }
    }

    fn did(effect: SessionEffect<GroupSession<Mute>>) -> Option<Did> {
        match effect {
            SessionEffect::Send { to, .. } => (1..=3).find(|&n| NodeId::replica(n) == to).map(Did::Ask),
            SessionEffect::Arm {
                timer: GroupSessionTimer::Round,
                after,
            } => {
                assert_eq!(after, ROUND_PAUSE);
                Some(Did::Pause)
            }
            SessionEffect::Arm { .. } | SessionEffect::Disarm(_) => None,
            SessionEffect::Conclude(conclusion) => Some(Did::Conclude(conclusion)),
        }
    }

    #[test]
    fn the_leader_that_a_refusal_names_is_asked_at_once_and_first_from_then_on() {
        let mut scene = Scene::new(Persistence::Retry);
        assert_eq!(scene.invoke(), [Did::Ask(1)]);
        assert_eq!(scene.redirect(1, Some(3)), [Did::Ask(3)]);
        let answered = Did::Conclude(Conclusion::Answered(Answer::Done));
        assert_eq!(scene.answer(3, 1), [answered]);
        assert_eq!(scene.invoke(), [Did::Ask(3)]);
    }

    #[test]
    fn replicas_that_name_each_other_are_asked_no_faster_than_the_pause_allows() {
        let mut scene = Scene::new(Persistence::Retry);
        scene.invoke();
        assert_eq!(scene.redirect(1, Some(2)), [Did::Ask(2)]);
        assert_eq!(scene.redirect(2, Some(1)), [Did::Pause]);
        assert_eq!(scene.timeout(GroupSessionTimer::Round), [Did::Ask(1)]);
    }

    #[test]
    fn without_a_name_the_others_are_asked_in_turn_and_then_there_is_a_pause() {
        let mut scene = Scene::new(Persistence::Retry);
        scene.invoke();
        assert_eq!(scene.redirect(1, None), [Did::Ask(2)]);
        let unreachable = SessionInput::Unreachable(NodeId::replica(2));
        assert_eq!(scene.step(unreachable), [Did::Ask(3)]);
        assert_eq!(scene.redirect(3, None), [Did::Pause]);
        assert_eq!(scene.timeout(GroupSessionTimer::Round), [Did::Ask(1)]);
    }

    #[test]
    fn after_a_silence_everybody_is_asked_and_a_word_that_is_not_waited_for_starts_nothing() {
        let mut scene = Scene::new(Persistence::Retry);
        scene.invoke();
        let silence = scene.timeout(GroupSessionTimer::Resend);
        assert_eq!(silence, [Did::Ask(2), Did::Ask(3), Did::Ask(1)]);
        assert_eq!(scene.redirect(2, Some(3)), []);
        assert_eq!(scene.redirect(3, None), []);
    }

    #[test]
    fn an_answer_to_an_operation_that_is_over_changes_nothing() {
        let mut scene = Scene::new(Persistence::GiveUp);
        scene.invoke();
        let unknown = Did::Conclude(Conclusion::Unknown);
        assert_eq!(scene.timeout(GroupSessionTimer::Resend), [unknown]);
        assert_eq!(scene.answer(1, 1), []);
        scene.invoke();
        assert_eq!(scene.answer(1, 1), []);
    }

    #[test]
    fn a_busy_leader_is_asked_again_after_a_pause() {
        let mut scene = Scene::new(Persistence::Retry);
        scene.invoke();
        scene.redirect(1, Some(2));
        assert_eq!(scene.refuse(2, Refusal::Busy), [Did::Pause]);
        assert_eq!(scene.timeout(GroupSessionTimer::Round), [Did::Ask(2)]);
    }

    #[test]
    fn a_newer_epoch_is_learnt_once_and_its_members_are_asked_from_then_on() {
        let mut scene = Scene::new(Persistence::Retry);
        scene.invoke();
        let moved = |epoch, members: &[usize]| {
            Refusal::NewEpoch(Configuration {
                epoch: Epoch(epoch),
                members: members.iter().copied().map(NodeId::replica).collect(),
            })
        };
        assert_eq!(scene.refuse(1, moved(2, &[3, 2])), [Did::Ask(3)]);
        assert_eq!(
            scene.refuse(3, moved(1, &[1])),
            [Did::Ask(2)],
            "an older one tells nothing"
        );
        assert_eq!(
            scene.refuse(2, moved(3, &[])),
            [Did::Pause],
            "nobody can be asked"
        );
        assert_eq!(scene.timeout(GroupSessionTimer::Round), [Did::Ask(3)]);
    }

    #[test]
    fn whatever_was_refused_a_request_that_left_ends_unknown() {
        let mut scene = Scene::new(Persistence::Retry);
        scene.invoke();
        scene.redirect(1, None);
        let unknown = Did::Conclude(Conclusion::Unknown);
        assert_eq!(scene.timeout(GroupSessionTimer::GiveUp), [unknown]);
    }

    #[test]
    fn what_the_service_refuses_in_any_state_is_not_sent() {
        let mut scene = Scene::new(Persistence::Retry);
        let op = Op::Get { key: String::new() };
        let did = scene.step(SessionInput::Invoke(op));
        assert!(matches!(
            did[..],
            [Did::Conclude(Conclusion::Answered(Answer::Refused(_)))]
        ));
    }
}
