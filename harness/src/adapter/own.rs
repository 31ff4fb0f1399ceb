//! What the systems of this program have in common: how their nodes are started, how their clients reach them, and how they are read.

use std::ffi::OsString;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use histories::{Invocation, Outcome, Process};
use serde::de::DeserializeOwned;

use systems::server::{Client as Connection, EventLine};
use systems::service::kv::{Answer, Op};
use systems::session::{Patience, Persistence};
use systems::{ClientId, NodeId, Session};

use super::{Addresses, Client, Clients, ClientsConfig, Place, Reads, kv};
use crate::world::sim::Conditions;

/// How long a client waits for an answer before it asks again, or gives up if that is its way.
const RESEND_AFTER: Duration = Duration::from_millis(400);

/// The longest a client insists.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3);

/// Of so many clients one gives up at the first silence; the others insist, with the same request number.
const ONE_IN: u64 = 4;

/// The arguments of `tribunal` that make it a node of the system called `system`.
pub(super) fn node_arguments(system: &str, node: NodeId, place: &Place) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["node", system, "--name"].map(OsString::from).to_vec();
    arguments.push(node.to_string().into());
    for (peer, address) in &place.addresses.0 {
        arguments.extend(["--peer".into(), format!("{peer}={address}").into()]);
    }
    for peer in &place.reserve {
        arguments.extend(["--reserve".into(), peer.to_string().into()]);
    }
    arguments.extend(["--data".into(), place.data.clone().into()]);
    arguments.extend(["--events".into(), place.events.clone().into()]);
    arguments.extend(["--seed".into(), place.seed.to_string().into()]);
    if let Some(flaw) = &place.flaw {
        arguments.extend(["--flaw".into(), flaw.into()]);
    }
    if let Some(reads) = &place.reads {
        arguments.extend(["--reads".into(), reads.into()]);
    }
    arguments
}

/// How patient the client of `process` is.
pub(super) fn patience(process: Process, concurrency: u64, conditions: &Conditions) -> Patience {
    let thread = process.0 % concurrency;
    let persistence = if thread % ONE_IN == ONE_IN - 1 {
        Persistence::GiveUp
    } else {
        Persistence::Retry
    };
    Patience {
        resend_after: conditions.patience(RESEND_AFTER),
        give_up_after: conditions.patience(GIVE_UP_AFTER),
        persistence,
    }
}

/// What a line of a node's event log tells; nothing when it is none: it was torn by the death of its writer, and the next life writes on
/// a line of its own.
pub(super) fn event<E: DeserializeOwned>(line: &str) -> Option<E> {
    let line = serde_json::from_str::<EventLine<E>>(line).ok()?;
    Some(line.event)
}

/// Where the clients of a key-value service come from that speak to its nodes over TCP.
pub(super) struct KvClients<F> {
    addresses: Addresses,
    config: ClientsConfig,
    session: F,
}

struct KvClient<S: Session> {
    connection: Connection<S>,
    reads: Reads,
}

impl<F> KvClients<F> {
    /// Clients whose sessions are as `session` makes them.
    pub(super) fn new(addresses: &Addresses, config: ClientsConfig, session: F) -> Self {
        Self {
            addresses: addresses.clone(),
            config,
            session,
        }
    }
}

impl<S, F> Clients for KvClients<F>
where
    S: Session<Op = Op, Answer = Answer> + 'static,
    F: Fn(Process) -> S + Send,
{
    fn open(&self, process: Process) -> Box<dyn Client> {
        let session = (self.session)(process);
        let connection = Connection::new(session, ClientId(process.0), self.addresses.0.clone());
        Box::new(KvClient {
            connection,
            reads: self.config.reads,
        })
    }
}

impl<S: Session<Op = Op, Answer = Answer>> Client for KvClient<S> {
    fn invoke<'a>(&'a mut self, invocation: &'a Invocation) -> Pin<Box<dyn Future<Output = Outcome> + 'a>> {
        Box::pin(async move {
            let Some(op) = kv::op(invocation) else {
                return Outcome::Fail {
                    error: "not-offered".to_owned(),
                    saw: None,
                };
            };
            kv::outcome(invocation, self.reads, self.connection.invoke(op).await)
        })
    }
}
