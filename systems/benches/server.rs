//! Round trips over loopback TCP with a replica that does nothing: what the server itself costs.
//!
//!     cargo bench -p systems --bench server
//!
//! The server has a thread of its own, the clients share another. Every figure is over a fixed number of requests of a few bytes.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and gives the server a thread of its own"
)]
#![expect(clippy::unwrap_used, reason = "what fails ends the benchmark")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use systems::codec::{Hello, Position, Speaker, encode};
use systems::server::{BootArgs, Client, Listen, Server};
use systems::{
    Boot, ClientId, Conclusion, Input, NodeId, Outbox, Replica, Session, SessionInput, SessionOutbox, Time,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, LocalSet};

/// Requests on their way at a time, per client that does not wait.
const WINDOW: usize = 100;

/// Answers its requests; keeps a record of those that are odd.
#[derive(Debug, Clone)]
struct Answering;

impl Replica for Answering {
    type Config = ();
    type Message = ();
    type Request = u64;
    type Response = u64;
    type Timer = ();
    type Record = u64;
    type Event = ();

    fn recover(_: &(), _: Boot, _: Vec<u64>) -> Self {
        Self
    }

    fn step(&mut self, _: Time, input: Input<Self>, out: &mut Outbox<Self>) {
        if let Input::Request { from, request } = input {
            if request % 2 == 1 {
                out.persist(request);
            }
            out.reply(from, request);
        }
    }
}

#[derive(Debug, Clone)]
struct Asking;

impl Session for Asking {
    type Replica = Answering;
    type Op = u64;
    type Answer = u64;
    type Timer = ();

    fn step(&mut self, _: Time, input: SessionInput<Self>, out: &mut SessionOutbox<Self>) {
        match input {
            SessionInput::Invoke(op) => {
                out.arm((), Duration::from_secs(1));
                out.send(NodeId::replica(1), op);
            }
            SessionInput::Response { response, .. } => {
                out.disarm(());
                out.conclude(Conclusion::Answered(response));
            }
            SessionInput::Unreachable(_) | SessionInput::Timeout(()) => out.conclude(Conclusion::Unknown),
        }
    }
}

fn main() {
    let address = start();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for clients in [1, 10] {
        report(
            &format!("{clients} clients, {WINDOW} requests on their way each"),
            500_000,
            |requests| {
                run(&runtime, clients, |_| pipeline(address, requests / clients));
            },
        );
    }
    for (clients, requests) in [(1, 20_000), (10, 100_000), (100, 100_000)] {
        report(
            &format!("{clients} sessions, one at a time each"),
            requests,
            |requests| {
                run(&runtime, clients, |id| ask(address, id, requests / clients, 0));
            },
        );
    }
    for clients in [1, 10, 100] {
        report(
            &format!("{clients} sessions, each request made durable"),
            20 * clients,
            |requests| {
                run(&runtime, clients, |id| ask(address, id, requests / clients, 1));
            },
        );
    }
}

/// Starts the server; it ends with the process.
fn start() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        LocalSet::new().block_on(&runtime, async {
            let boot = BootArgs {
                node: NodeId::replica(1),
                seed: 1,
            };
            let listen = Listen {
                address: "127.0.0.1:0".parse().unwrap(),
                peers: BTreeMap::new(),
            };
            let events = data.path().join("events");
            let server = Server::<Answering>::open(&(), boot, listen, data.path(), &events)
                .await
                .unwrap();
            tell.send(server.address().unwrap()).unwrap();
            server.run(std::future::pending()).await.unwrap();
        });
    });
    told.recv().unwrap()
}

fn report(what: &str, requests: usize, body: impl FnOnce(usize)) {
    let begun = Instant::now();
    body(requests);
    let took = begun.elapsed().as_secs_f64();
    let (rate, each) = (requests as f64 / took, took / requests as f64 * 1e6);
    println!("{what:50} {rate:>10.0} requests/s {each:>10.2} us each");
}

fn run<F: Future<Output = ()> + 'static>(runtime: &Runtime, clients: usize, client: impl Fn(usize) -> F) {
    LocalSet::new().block_on(runtime, async {
        let mut tasks = JoinSet::new();
        for id in 0..clients {
            tasks.spawn_local(client(id));
        }
        tasks.join_all().await;
    });
}

async fn pipeline(address: SocketAddr, requests: usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let client = u64::from(stream.local_addr().unwrap().port());
    stream
        .write_all(
            &Hello {
                from: Speaker::Client(ClientId(client)),
            }
            .encode(),
        )
        .await
        .unwrap();
    let frame = encode(&0_u64, Position::WIRE).unwrap();
    let (mut asked, mut answered, mut buffer) = (0, 0, vec![0; 64 * 1024]);
    while answered < requests * frame.len() {
        let more = (WINDOW - (asked - answered / frame.len())).min(requests - asked);
        stream.write_all(&frame.repeat(more)).await.unwrap();
        asked += more;
        answered += stream.read(&mut buffer).await.unwrap();
    }
}

async fn ask(address: SocketAddr, id: usize, requests: usize, op: u64) {
    let peers = BTreeMap::from([(NodeId::replica(1), address)]);
    let mut client = Client::new(Asking, ClientId(id as u64), peers);
    for _ in 0..requests {
        assert_eq!(client.invoke(op).await, Conclusion::Answered(op));
    }
}
