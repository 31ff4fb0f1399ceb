//! The connections others open to this node: other nodes to send to it, clients to ask it.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::clock;
use super::peer::pump;
use super::queue::Queue;
use super::receive::Receiver;
use super::socket;
use crate::codec::{HELLO_PAYLOAD_MAX, Hello, Speaker};
use crate::node_id::NodeId;

/// Connections that may be open at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 4096;

/// How long a new connection may be silent before it has said who speaks.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// How long to wait when the operating system has no connection to give, for instance for want of file descriptors.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A connection that said who speaks.
#[derive(Debug)]
pub(super) struct Connection {
    /// Who speaks.
    pub(super) speaker: Speaker,
    /// What waits to be written on it.
    pub(super) queue: Queue,
}

/// What a connection brings.
#[derive(Debug)]
pub(super) enum Arrival {
    /// The payloads of whole frames.
    Payloads(Rc<Connection>, Vec<Bytes>),
    /// Its end.
    Ended(Rc<Connection>),
}

/// Where the engine takes in what connections bring.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// From nodes; these go first, so that no crowd of clients makes a node seem dead.
    pub(super) nodes: mpsc::Receiver<Arrival>,
    /// From clients.
    pub(super) clients: mpsc::Receiver<Arrival>,
}

/// Who may come in, and where what they bring goes.
#[derive(Debug)]
pub(super) struct Doors {
    /// The nodes that are known.
    pub(super) known: BTreeSet<NodeId>,
    /// For what nodes bring.
    pub(super) nodes: mpsc::Sender<Arrival>,
    /// For what clients bring.
    pub(super) clients: mpsc::Sender<Arrival>,
}

/// Takes in connections for ever.
pub(super) async fn accept(listener: TcpListener, doors: Rc<Doors>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = listener.accept().await;
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((_, address)) if CONNECTIONS_MAX <= connections.len() => {
                warn!(%address, "refused a connection: {CONNECTIONS_MAX} are open");
            }
            Ok((stream, address)) => {
                let doors = Rc::clone(&doors);
                connections.spawn_local(async move {
                    let reason = attend(stream, &doors).await;
                    debug!(%address, reason, "connection ended");
                });
            }
            Err(error) => {
                warn!(%error, "failed to accept a connection");
                clock::until(Some(clock::now() + ACCEPT_AGAIN_AFTER)).await;
            }
        }
    }
}

/// Attends to a connection until it ends, and returns why it did.
async fn attend(mut stream: TcpStream, doors: &Doors) -> String {
    if let Err(error) = socket::watch_accepted(&stream) {
        return error.to_string();
    }
    let mut receiver = Receiver::default();
    let speaker = match tokio::time::timeout(HELLO_WITHIN, hello(&mut stream, &mut receiver)).await {
        Ok(Ok(Hello { from })) => from,
        Ok(Err(reason)) => return reason,
        Err(_) => return "no hello in time".to_owned(),
    };
    let door = match speaker {
        Speaker::Node(node) if !doors.known.contains(&node) => {
            warn!(%node, "refused a connection of a node that is not among the peers");
            return format!("{node} is not among the peers");
        }
        Speaker::Node(_) => &doors.nodes,
        Speaker::Client(_) => &doors.clients,
    };
    let connection = Rc::new(Connection {
        speaker,
        queue: Queue::new(),
    });
    let reason = converse(stream, receiver, &connection, door).await;
    connection.queue.close();
    // Fails only when the engine has ended, and then nobody needs to know.
    _ = door.send(Arrival::Ended(connection)).await;
    reason
}

async fn hello(stream: &mut TcpStream, receiver: &mut Receiver) -> Result<Hello, String> {
    loop {
        match receiver.payload(HELLO_PAYLOAD_MAX) {
            Ok(Some(payload)) => {
                return Hello::decode(&payload).map_err(|error| {
                    warn!(%error, "refused a connection");
                    error.to_string()
                });
            }
            Ok(None) => {}
            Err(error) => return Err(error.to_string()),
        }
        match receiver.read(stream).await {
            Ok(true) => {}
            Ok(false) => return Err("ended before its hello".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

async fn converse(
    mut stream: TcpStream,
    receiver: Receiver,
    connection: &Rc<Connection>,
    door: &mpsc::Sender<Arrival>,
) -> String {
    let (reader, writer) = stream.split();
    tokio::select! {
        reason = hear(reader, receiver, connection, door) => reason,
        error = pump(&connection.queue, writer, Vec::new()) => error.to_string(),
    }
}

/// Hands over what arrives until nothing more can.
async fn hear(
    mut reader: tokio::net::tcp::ReadHalf<'_>,
    mut receiver: Receiver,
    connection: &Rc<Connection>,
    door: &mpsc::Sender<Arrival>,
) -> String {
    loop {
        match receiver.payloads() {
            Ok(payloads) if payloads.is_empty() => {}
            Ok(payloads) => {
                if door
                    .send(Arrival::Payloads(Rc::clone(connection), payloads))
                    .await
                    .is_err()
                {
                    return "the engine has ended".to_owned();
                }
            }
            Err(error) => return error.to_string(),
        }
        match receiver.read(&mut reader).await {
            Ok(true) => {}
            Ok(false) => return "ended by the other side".to_owned(),
            Err(error) => return error.to_string(),
        }
    }
}
