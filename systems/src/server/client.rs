//! The real world around one [`Session`]: a client's connections and timers.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use tracing::{debug, warn};

use super::clock;
use super::link::Link;
use super::timers::Timers;
use crate::codec::{self, Position};
use crate::node_id::NodeId;
use crate::replica::{ClientId, Replica};
use crate::session::{Conclusion, Session, SessionEffect, SessionInput, SessionOutbox};
use crate::time::Time;

/// A node that could not be reached is tried again after this time at the earliest, so that a session which insists does not spin.
const RETRY_AFTER: Duration = Duration::from_millis(5);

/// A client of a cluster, which drives one session over TCP. Dropping it closes its connections.
///
/// It has no task of its own: connections make progress while [`Client::invoke`] is awaited, in whatever runtime that happens
/// (with I/O and time enabled). What arrives between two operations waits in the operating system's bounded buffers.
#[derive(Debug)]
pub struct Client<S: Session> {
    session: S,
    id: ClientId,
    peers: BTreeMap<NodeId, SocketAddr>,
    links: BTreeMap<NodeId, Link>,
    /// When each connection failed last.
    failed: BTreeMap<NodeId, Time>,
    timers: Timers<S::Timer>,
    outbox: SessionOutbox<S>,
    arrived: VecDeque<SessionInput<S>>,
    operation: Operation<S::Answer>,
}

/// Whether an operation is going on.
#[derive(Debug)]
enum Operation<A> {
    None,
    Running,
    Concluded(Conclusion<A>),
}

impl<S: Session> Client<S> {
    /// A client that knows these nodes, and has not connected to any of them yet.
    #[must_use]
    pub fn new(session: S, id: ClientId, peers: BTreeMap<NodeId, SocketAddr>) -> Self {
        let (links, failed, arrived) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        let (timers, outbox, operation) = (Timers::new(), SessionOutbox::new(), Operation::None);
        Self {
            session,
            id,
            peers,
            links,
            failed,
            timers,
            outbox,
            arrived,
            operation,
        }
    }

    /// The session as it stands.
    #[must_use]
    pub fn session(&self) -> &S {
        &self.session
    }

    /// Asks for `op` and waits until the session has concluded it, which takes as long as the session allows.
    ///
    /// When the future is dropped before, the operation goes on as soon as the next one is invoked, which then waits for it to conclude:
    /// a session has one operation at a time.
    pub async fn invoke(&mut self, op: S::Op) -> Conclusion<S::Answer> {
        if let Operation::Running = self.operation {
            self.conclude().await;
        }
        self.take_in_what_is_late().await;
        self.operation = Operation::Running;
        self.step(SessionInput::Invoke(op));
        self.conclude().await
    }

    async fn conclude(&mut self) -> Conclusion<S::Answer> {
        loop {
            match std::mem::replace(&mut self.operation, Operation::None) {
                Operation::Concluded(conclusion) => return conclusion,
                Operation::Running | Operation::None => self.operation = Operation::Running,
            }
            let input = self.next().await;
            self.step(input);
        }
    }

    /// Hands the session what came after its last operation. Connections that have broken meanwhile are nobody's concern any more.
    async fn take_in_what_is_late(&mut self) {
        poll_fn(|cx| {
            _ = self.poll_links(cx);
            Poll::Ready(())
        })
        .await;
        while let Some(input) = self.arrived.pop_front() {
            match input {
                SessionInput::Unreachable(_) => {}
                SessionInput::Response { .. } | SessionInput::Invoke(_) | SessionInput::Timeout(_) => {
                    self.step(input)
                }
            }
        }
    }

    async fn next(&mut self) -> SessionInput<S> {
        loop {
            if let Some(input) = self.arrived.pop_front() {
                return input;
            }
            let deadline = self.timers.deadline();
            tokio::select! {
                biased;
                () = poll_fn(|cx| self.poll_links(cx)) => {}
                () = clock::until(deadline) => {
                    let expired = self.timers.expire(clock::now());
                    self.arrived.extend(expired.map(SessionInput::Timeout));
                }
            }
        }
    }

    /// Makes progress on all connections. Ready when something has arrived for the session.
    fn poll_links(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self {
            links,
            arrived,
            failed,
            ..
        } = self;
        links.retain(|&node, link| {
            let error = match poll_link(node, link, arrived, cx) {
                Ok(()) => return true,
                Err(error) => error,
            };
            debug!(%node, error, "connection to a node ended");
            failed.insert(node, clock::now());
            arrived.push_back(SessionInput::Unreachable(node));
            false
        });
        if arrived.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    fn step(&mut self, input: SessionInput<S>) {
        let mut outbox = std::mem::take(&mut self.outbox);
        self.session.step(clock::now(), input, &mut outbox);
        for effect in outbox.drain() {
            match effect {
                SessionEffect::Send { to, request } => self.send(to, &request),
                SessionEffect::Arm { timer, after } => self.timers.arm(timer, clock::now(), after),
                SessionEffect::Disarm(timer) => self.timers.disarm(timer),
                SessionEffect::Conclude(conclusion) => self.operation = Operation::Concluded(conclusion),
            }
        }
        self.outbox = outbox;
    }

    fn send(&mut self, to: NodeId, request: &<S::Replica as Replica>::Request) {
        let frame = match codec::encode(request, Position::WIRE) {
            Ok(frame) => frame,
            Err(error) => {
                warn!(%to, %error, "lost a request that does not fit into a frame");
                self.arrived.push_back(SessionInput::Unreachable(to));
                return;
            }
        };
        let now = clock::now();
        if self.links.get(&to).is_some_and(|link| link.is_stale(now)) {
            debug!(%to, "left a connection that has been silent for too long");
            self.links.remove(&to);
        }
        let (id, address) = (self.id, self.peers.get(&to).copied());
        let not_before = self.failed.get(&to).map(|&failed| failed + RETRY_AFTER);
        let link = self
            .links
            .entry(to)
            .or_insert_with(|| Link::open(id, address, not_before));
        link.send(&frame, now);
    }
}

/// Takes everything a connection has; why it ended, if it did.
fn poll_link<S: Session>(
    from: NodeId,
    link: &mut Link,
    arrived: &mut VecDeque<SessionInput<S>>,
    cx: &mut Context<'_>,
) -> Result<(), String> {
    while let Poll::Ready(payloads) = link.poll(cx) {
        for payload in payloads.map_err(|error| error.to_string())? {
            let response = codec::decode(&payload).map_err(|error| error.to_string())?;
            arrived.push_back(SessionInput::Response { from, response });
        }
    }
    Ok(())
}
