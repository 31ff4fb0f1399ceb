//! Clients as scenarios need them: one that finds its way, and one that asks a single server and takes what it says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use systems::pb::{ClientSession, Node, Patience, Persistence, Refusal, Request, Response, SessionConfig};
use systems::server::Client as Connection;
use systems::service::RequestNumber;
use systems::service::kv::{Answer, Op};
use systems::{ClientId, Conclusion, NodeId, Session, SessionInput, SessionOutbox, Time};
use tokio::runtime::{Builder, Runtime};
use tribunal::adapter::Addresses;
use tribunal::adapter::pb::Pb;

/// After this long without an answer a client asks again.
const RESEND_AFTER: Duration = Duration::from_millis(400);

/// How long a client that asks a single server waits for it.
pub(crate) const DIRECT_PATIENCE: Duration = Duration::from_secs(4);

/// A client that finds the primary and insists, with the same request number, up to its limit.
pub(crate) struct Client {
    runtime: Runtime,
    connection: Connection<ClientSession>,
    limit: Duration,
}

impl Client {
    pub(crate) fn new(number: u64, addresses: &Addresses, limit: Duration) -> Self {
        let patience = Patience {
            resend_after: RESEND_AFTER,
            give_up_after: limit,
            persistence: Persistence::Retry,
        };
        let session = ClientSession::new(SessionConfig::new(Pb::service(), patience));
        let connection = Connection::new(session, ClientId(number), addresses.0.clone());
        Self {
            runtime: runtime(),
            connection,
            limit,
        }
    }

    pub(crate) fn put(&mut self, key: &str, value: &str) {
        self.answered(Op::Put {
            key: key.to_owned(),
            value: value.to_owned(),
        });
    }

    pub(crate) fn append(&mut self, key: &str, value: &str) {
        self.answered(Op::Append {
            key: key.to_owned(),
            value: value.to_owned(),
        });
    }

    /// The value of `key`; none when it has none.
    pub(crate) fn get(&mut self, key: &str) -> Option<String> {
        match self.answered(get(key)) {
            Answer::Value(value) => value,
            other => panic!("a get of {key} was answered with {other:?}"),
        }
    }

    /// What comes of a get of `key` within the limit.
    pub(crate) fn try_get(&mut self, key: &str) -> Conclusion<Answer> {
        self.runtime.block_on(self.connection.invoke(get(key)))
    }

    fn answered(&mut self, op: Op) -> Answer {
        match self.runtime.block_on(self.connection.invoke(op.clone())) {
            Conclusion::Answered(answer) => answer,
            other => panic!("{op:?} was not answered within {:?}: {other:?}", self.limit),
        }
    }
}

/// What a single server said to a single request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Answer(Answer),
    Refusal(Refusal),
    Nothing,
}

/// A client that asks one server, once, and never another.
pub(crate) struct Direct {
    runtime: Runtime,
    connection: Connection<DirectSession>,
}

impl Direct {
    pub(crate) fn new(number: u64, addresses: &Addresses, to: NodeId) -> Self {
        let peers: BTreeMap<NodeId, SocketAddr> = addresses.0.clone();
        let session = DirectSession {
            to,
            request: RequestNumber(0),
        };
        Self {
            runtime: runtime(),
            connection: Connection::new(session, ClientId(number), peers),
        }
    }

    /// What the server says to a get of `key`.
    pub(crate) fn get(&mut self, key: &str) -> Said {
        match self.runtime.block_on(self.connection.invoke(get(key))) {
            Conclusion::Answered(said) => said,
            Conclusion::NeverSent | Conclusion::Unknown => Said::Nothing,
        }
    }

    /// Asks for `key` while the scenario goes on.
    pub(crate) fn get_meanwhile(mut self, key: &'static str) -> Pending {
        let (tell, said) = channel();
        thread::spawn(move || tell.send(self.get(key)));
        Pending { said }
    }
}

/// A question that is under way.
pub(crate) struct Pending {
    said: Receiver<Said>,
}

impl Pending {
    /// What was said to it in the end.
    pub(crate) fn said(self) -> Said {
        let limit = DIRECT_PATIENCE * 2;
        self.said
            .recv_timeout(limit)
            .expect("a session concludes within its own limit")
    }

    /// Whether nothing has been said to it yet.
    pub(crate) fn is_open(&self) -> bool {
        self.said.try_recv().is_err()
    }
}

#[derive(Debug, Clone)]
struct DirectSession {
    to: NodeId,
    request: RequestNumber,
}

impl Session for DirectSession {
    type Replica = Node;
    type Op = Op;
    type Answer = Said;
    type Timer = ();

    fn step(&mut self, _now: Time, input: SessionInput<Self>, out: &mut SessionOutbox<Self>) {
        let said = match input {
            SessionInput::Invoke(op) => {
                self.request = RequestNumber(self.request.0 + 1);
                out.arm((), DIRECT_PATIENCE);
                return out.send(
                    self.to,
                    Request::Do {
                        request: self.request,
                        op,
                    },
                );
            }
            SessionInput::Response {
                response: Response::Done { request, answer },
                ..
            } if request == self.request => Said::Answer(answer),
            SessionInput::Response {
                response: Response::Refused { request, refusal },
                ..
            } if request == self.request => Said::Refusal(refusal),
            SessionInput::Response { .. } => return,
            SessionInput::Unreachable(_) | SessionInput::Timeout(()) => Said::Nothing,
        };
        out.disarm(());
        out.conclude(Conclusion::Answered(said));
    }
}

fn get(key: &str) -> Op {
    Op::Get { key: key.to_owned() }
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system gives an event queue")
}
