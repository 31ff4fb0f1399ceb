//! Oracles, told by hand what nodes say: each of their rules is broken by a stream that breaks nothing else, and kept by its twin.

mod epochs;
mod logs;
mod paxos;
mod vr;

use std::collections::BTreeMap;
use std::time::Duration;

use histories::checker::progress::Window;
use histories::history::{Builder, Time};
use histories::{Anomaly, AnomalyKind, Function, History, Outcome};
use serde_json::json;
use systems::group::Response;
use systems::server::EventLine;
use systems::service::kv::Answer;
use systems::service::{Digest, RequestNumber};
use systems::{ClientId, Incarnation, NodeId, Replica};
use tribunal::oracle::{Hindsight, Oracle, Traffic};

/// Between two things that happen, in nanoseconds, unless the script waits.
const STEP_NS: u64 = 1_000_000;

/// What happened, as an oracle hears of it. Times count from the first event.
struct Script<R: Replica, O> {
    oracle: O,
    now: u64,
    lives: BTreeMap<NodeId, u64>,
    history: Builder,
    quiet: Option<Window>,
    traffic: Option<Traffic>,
    replica: std::marker::PhantomData<R>,
}

impl<R: Replica, O: Oracle<R>> Script<R, O> {
    fn new(oracle: O) -> Self {
        Self {
            oracle,
            now: 0,
            lives: BTreeMap::new(),
            history: History::builder(),
            quiet: None,
            traffic: None,
            replica: std::marker::PhantomData,
        }
    }

    /// `node` says something in its present life.
    fn say(mut self, node: usize, event: R::Event) -> Self {
        self.now += STEP_NS;
        let line = EventLine {
            t: self.now,
            wall: self.now,
            node: NodeId::replica(node),
            incarnation: self.life(node),
            event,
        };
        self.oracle.note(&line);
        self
    }

    /// `node` was killed; what it says from now on it says in another life.
    fn dies(mut self, node: usize) -> Self {
        *self.lives.entry(NodeId::replica(node)).or_default() += 1;
        self
    }

    fn life(&self, node: usize) -> Incarnation {
        let number = self.lives.get(&NodeId::replica(node)).copied();
        Incarnation(100 * node as u64 + number.unwrap_or(0))
    }

    fn waits(mut self, ms: u64) -> Self {
        self.now += ms * 1_000_000;
        self
    }

    /// A client asks for an append.
    fn asks(mut self, client: u64) -> Self {
        self.now += STEP_NS;
        self.history
            .ask(Time(self.now), client, Function::Append, "k", json!("x"))
            .expect("a client has one operation at a time");
        self
    }

    /// A client is answered that its append is done.
    fn hears(mut self, client: u64) -> Self {
        self.now += STEP_NS;
        self.history
            .answer(Time(self.now), client, Outcome::Ok(json!(null)))
            .expect("who is answered has asked");
        self
    }

    /// From now on all is quiet, for so long.
    fn quiet(mut self, ms: u64) -> Self {
        self.quiet = Some(Window {
            from: Time(self.now),
            to: Time(self.now + ms * 1_000_000),
        });
        self
    }

    /// So many messages of a kind went over the network in all.
    fn traffic(mut self, kind: &'static str, count: u64) -> Self {
        self.traffic = Some(Traffic {
            sent: BTreeMap::from([(kind, count)]),
            within: Duration::from_nanos(self.now),
        });
        self
    }

    fn conclude(self) -> Vec<Anomaly> {
        let history = self.history.finish();
        self.oracle.conclude(&Hindsight {
            history: &history,
            began_ns: 0,
            quiet: self.quiet,
            traffic: self.traffic,
        })
    }

    /// Nothing is wrong.
    #[track_caller]
    fn holds(self) {
        let anomalies = self.conclude();
        assert!(anomalies.is_empty(), "a false alarm: {anomalies:#?}");
    }

    /// Exactly one thing is wrong, and the sentence that tells of it has these words.
    #[track_caller]
    fn breaks(self, kind: AnomalyKind, words: &str) {
        let anomalies = self.conclude();
        let [anomaly] = anomalies.as_slice() else {
            panic!("not one anomaly, {kind}, but {anomalies:#?}");
        };
        assert_eq!(anomaly.kind, kind, "{anomaly}");
        assert!(anomaly.sentence.contains(words), "{anomaly}");
    }
}

impl<R: Replica<Response = Response<Answer>>, O: Oracle<R>> Script<R, O> {
    /// `node` answers a request of a client.
    fn answers(mut self, node: usize, client: u64, number: u64, answer: Answer) -> Self {
        let response = Response::Answered {
            number: RequestNumber(number),
            answer,
        };
        self.oracle
            .answer(NodeId::replica(node), ClientId(client), &response);
        self
    }
}

/// The digest of a text, for values, logs and states alike.
fn digest(text: &str) -> Digest {
    if text.is_empty() {
        Digest::default()
    } else {
        Digest::of(text.as_bytes())
    }
}
