//! The client's half: finds the primary, and says everything again under the same number until it is answered or gives up.
//!
//! It remembers the primary it last heard of and asks the view service only when that one turned out wrong, unreachable or
//! silent, at most once per pacing interval. A request whose answer did not come is sent again with the same number, to the same
//! server or another; whether it had been carried out is for the servers to know. Once a request has left, only an answer can
//! tell what became of it: without one the conclusion is *unknown*, whatever was refused in between, because another copy may
//! still be on its way.

use std::time::Duration;

use crate::node_id::NodeId;
use crate::pb::message::{Refusal, Request, Response};
use crate::pb::{Node, PING_INTERVAL};
use crate::service::client_table::RequestNumber;
use crate::service::kv::{Answer, Op};
use crate::session::{Conclusion, Patience, Persistence, Session, SessionInput, SessionOutbox};
use crate::time::Time;

/// What a session is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    /// The view service.
    pub service: NodeId,
    /// How long to wait between two questions to the view service.
    pub ask_interval: Duration,
    /// How long to wait for answers.
    pub patience: Patience,
}

/// One client's conversation with the cluster.
#[derive(Debug, Clone)]
pub struct ClientSession {
    config: SessionConfig,
    /// The last request's number.
    request: RequestNumber,
    /// The primary it last heard of; perhaps it still is.
    primary: Option<NodeId>,
    /// When it last asked the view service.
    asked_at: Option<Time>,
    status: Status,
}

/// The timers of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionTimer {
    /// The view service may be asked (again).
    Ask,
    /// The answer should have come.
    Resend,
    /// The limit of the operation.
    GiveUp,
}

#[derive(Debug, Clone)]
enum Status {
    Idle,
    Busy { op: Op, sent: Sent, stage: Stage },
}

/// Whether the request has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Never,
    Perhaps,
}

/// What the session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The name of a primary.
    Seeking,
    /// The answer of this server.
    Waiting(NodeId),
}

impl SessionConfig {
    /// Asks the view service `service`, at the usual pace.
    #[must_use]
    pub fn new(service: NodeId, patience: Patience) -> Self {
        Self {
            service,
            ask_interval: PING_INTERVAL / 2,
            patience,
        }
    }
}

impl ClientSession {
    /// A session that has spoken to nobody yet.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        Self {
            config,
            request: RequestNumber(0),
            primary: None,
            asked_at: None,
            status: Status::Idle,
        }
    }

    fn on_invoke(&mut self, now: Time, op: Op, out: &mut SessionOutbox<Self>) {
        assert!(
            matches!(self.status, Status::Idle),
            "a session has one operation at a time"
        );
        if let Some(rule) = op.broken_rule() {
            return out.conclude(Conclusion::Answered(Answer::Refused(rule)));
        }

        self.request = RequestNumber(self.request.0 + 1);
        self.status = Status::Busy {
            op,
            sent: Sent::Never,
            stage: Stage::Seeking,
        };
        out.arm(SessionTimer::GiveUp, self.config.patience.give_up_after);
        out.arm(SessionTimer::Resend, self.config.patience.resend_after);
        match self.primary {
            Some(primary) => self.send_to(primary, out),
            None => self.ask(now, out),
        }
    }

    fn on_response(&mut self, now: Time, from: NodeId, response: Response, out: &mut SessionOutbox<Self>) {
        match response {
            Response::View(view) => self.on_view(from, view.map(|view| view.primary.node), out),
            Response::Done { request, answer } if self.waits_for(request) => {
                self.primary = Some(from);
                self.conclude(Conclusion::Answered(answer), out);
            }
            Response::Refused { request, refusal } if self.waits_for(request) => {
                self.on_refusal(now, from, refusal, out);
            }
            // A late answer to an operation that is over.
            Response::Done { .. } | Response::Refused { .. } => (),
        }
    }

    /// The view service names a primary, or nobody.
    fn on_view(&mut self, from: NodeId, primary: Option<NodeId>, out: &mut SessionOutbox<Self>) {
        let Some(primary) = primary.filter(|_| from == self.config.service) else {
            return;
        };
        self.primary = Some(primary);
        match self.status {
            Status::Idle => (),
            Status::Busy {
                stage: Stage::Waiting(server),
                ..
            } if server == primary => (),
            Status::Busy { .. } => {
                out.arm(SessionTimer::Resend, self.config.patience.resend_after);
                self.send_to(primary, out);
            }
        }
    }

    fn on_refusal(&mut self, now: Time, from: NodeId, refusal: Refusal, out: &mut SessionOutbox<Self>) {
        match refusal {
            Refusal::NotPrimary | Refusal::Moved => self.doubt(now, from, out),
            // It is the right one; the request goes again when the time has come.
            Refusal::Busy => (),
            Refusal::Stale | Refusal::Expired => self.conclude(Conclusion::Unknown, out),
        }
    }

    /// `server` is not, or cannot be reached as, the primary.
    fn doubt(&mut self, now: Time, server: NodeId, out: &mut SessionOutbox<Self>) {
        let Status::Busy { stage, .. } = &mut self.status else {
            return;
        };
        if *stage == Stage::Waiting(server) {
            *stage = Stage::Seeking;
            self.ask(now, out);
        }
    }

    fn on_unreachable(&mut self, now: Time, server: NodeId, out: &mut SessionOutbox<Self>) {
        // A question to the view service that got lost is asked again when its time has come, not before.
        if server != self.config.service {
            self.doubt(now, server, out);
        }
    }

    /// The answer should have come by now.
    fn on_silence(&mut self, now: Time, out: &mut SessionOutbox<Self>) {
        match self.config.patience.persistence {
            Persistence::GiveUp => self.give_up(out),
            Persistence::Retry => {
                out.arm(SessionTimer::Resend, self.config.patience.resend_after);
                if let Some(primary) = self.primary {
                    self.send_to(primary, out);
                }
                self.ask(now, out);
            }
        }
    }

    fn on_timeout(&mut self, now: Time, timer: SessionTimer, out: &mut SessionOutbox<Self>) {
        match (timer, &self.status) {
            (_, Status::Idle) => (),
            (SessionTimer::GiveUp, Status::Busy { .. }) => self.give_up(out),
            (SessionTimer::Resend, Status::Busy { .. }) => self.on_silence(now, out),
            (
                SessionTimer::Ask,
                Status::Busy {
                    stage: Stage::Seeking,
                    ..
                },
            ) => self.ask(now, out),
            (
                SessionTimer::Ask,
                Status::Busy {
                    stage: Stage::Waiting(_),
                    ..
                },
            ) => (),
        }
    }

    /// Asks the view service for the primary, now or when its time has come.
    fn ask(&mut self, now: Time, out: &mut SessionOutbox<Self>) {
        if let Status::Idle = self.status {
            return;
        }
        let interval = self.config.ask_interval;
        let wait = self
            .asked_at
            .map_or(Duration::ZERO, |asked| interval.saturating_sub(now.since(asked)));
        if wait.is_zero() {
            self.asked_at = Some(now);
            out.send(self.config.service, Request::View);
        }
        // The question or its answer may get lost.
        out.arm(SessionTimer::Ask, if wait.is_zero() { interval } else { wait });
    }

    fn send_to(&mut self, server: NodeId, out: &mut SessionOutbox<Self>) {
        let Status::Busy { op, sent, stage } = &mut self.status else {
            return;
        };
        (*sent, *stage) = (Sent::Perhaps, Stage::Waiting(server));
        out.send(
            server,
            Request::Do {
                request: self.request,
                op: op.clone(),
            },
        );
    }

    fn give_up(&mut self, out: &mut SessionOutbox<Self>) {
        match self.status {
            Status::Idle => (),
            Status::Busy {
                sent: Sent::Never, ..
            } => self.conclude(Conclusion::NeverSent, out),
            Status::Busy {
                sent: Sent::Perhaps, ..
            } => self.conclude(Conclusion::Unknown, out),
        }
    }

    fn conclude(&mut self, conclusion: Conclusion<Answer>, out: &mut SessionOutbox<Self>) {
        self.status = Status::Idle;
        for timer in [SessionTimer::Ask, SessionTimer::Resend, SessionTimer::GiveUp] {
            out.disarm(timer);
        }
        out.conclude(conclusion);
    }

    fn waits_for(&self, request: RequestNumber) -> bool {
        matches!(self.status, Status::Busy { .. }) && request == self.request
    }
}

impl Session for ClientSession {
    type Replica = Node;
    type Op = Op;
    type Answer = Answer;
    type Timer = SessionTimer;

    fn step(&mut self, now: Time, input: SessionInput<Self>, out: &mut SessionOutbox<Self>) {
        match input {
            SessionInput::Invoke(op) => self.on_invoke(now, op, out),
            SessionInput::Response { from, response } => self.on_response(now, from, response, out),
            SessionInput::Unreachable(node) => self.on_unreachable(now, node, out),
            SessionInput::Timeout(timer) => self.on_timeout(now, timer, out),
        }
    }
}
