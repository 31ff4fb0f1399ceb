//! Oracles: what must hold inside a system, checked from what its nodes said of themselves when it happened.
//!
//! A history shows what clients could see. Much goes wrong before any of them sees it: two nodes act for the same view, a copy differs, an
//! answer was given that only one node knows. An oracle follows the event logs of all nodes as one stream in the order of time and
//! recounts: it believes what a node did, not what a node concludes from it.
//!
//! It is the same whether the stream comes from a simulation as it happens or from the files of a real run afterwards.

mod answers;
mod churn;
mod fates;
mod life;
mod log;
mod mandates;
mod offices;
pub mod paxos;
pub mod pb;
mod prefix;
mod requests;
mod settled;
mod terms;
mod votes;
pub mod vr;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use histories::checker::progress::Window;
use histories::{Anomaly, AnomalyKind, History};
use systems::server::EventLine;
use systems::{ClientId, NodeId, Replica};

/// So much evidence of one kind is kept; more of it says nothing new.
const EVIDENCE_MAX: usize = 5;

/// Somebody who follows what the nodes of a system say of themselves.
pub trait Oracle<R: Replica>: Debug {
    /// Hears of an event. Events come in the order of time, those of one node in their order.
    fn note(&mut self, line: &EventLine<R::Event>);

    /// Hears that a node answered a client, where that can be seen.
    fn answer(&mut self, from: NodeId, to: ClientId, response: &R::Response);

    /// What was broken, now that the run is over.
    fn conclude(&self, hindsight: &Hindsight<'_>) -> Vec<Anomaly>;
}

/// What is known when a run is over.
#[derive(Debug)]
pub struct Hindsight<'a> {
    /// What the clients saw.
    pub history: &'a History,
    /// What the clock of the events showed when the history's time began.
    pub began_ns: u64,
    /// From when everything had been healed until the next fault, by the history's time.
    pub quiet: Option<Window>,
    /// What went over the network, where that can be counted.
    pub traffic: Option<Traffic>,
}

/// What went over a network.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// How many messages of each kind nodes sent each other.
    pub sent: BTreeMap<&'static str, u64>,
    /// In how much time.
    pub within: Duration,
}

/// Somebody who reads event logs, whatever system they are of.
pub trait Examiner: Debug {
    /// Reads a line of the event log of `node`.
    fn read(&mut self, node: NodeId, line: &str);

    /// What was broken. The lines have been read in any order.
    fn examine(&mut self, hindsight: &Hindsight<'_>) -> Examination;
}

/// What an examination of the nodes' events came to.
#[derive(Debug, Clone, Default)]
pub struct Examination {
    /// How many events were looked at.
    pub events: u64,
    /// What was broken.
    pub anomalies: Vec<Anomaly>,
}

/// An oracle that is told of the events afterwards, from the lines of the logs.
#[derive(Debug)]
pub struct FromLines<R: Replica, O> {
    oracle: O,
    lines: Vec<EventLine<R::Event>>,
}

/// Something that must not be, and when it was.
#[derive(Debug, Clone)]
struct Finding {
    kind: AnomalyKind,
    /// By the clock of the events.
    t: u64,
    sentence: String,
}

/// What has been found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl<R: Replica, O: Oracle<R>> FromLines<R, O> {
    /// `oracle`, which has been told nothing yet.
    pub const fn new(oracle: O) -> Self {
        Self {
            oracle,
            lines: Vec::new(),
        }
    }
}

impl<R: Replica, O: Oracle<R>> Examiner for FromLines<R, O> {
    fn read(&mut self, node: NodeId, line: &str) {
        // A line that is none was torn by the death of its writer, and nothing that it tells of has left that node.
        if let Ok(line) = serde_json::from_str::<EventLine<R::Event>>(line)
            && line.node == node
        {
            self.lines.push(line);
        }
    }

    fn examine(&mut self, hindsight: &Hindsight<'_>) -> Examination {
        // Stable, so that what a node wrote within one tick of the clock stays in its order.
        self.lines.sort_by_key(|line| line.t);
        for line in &self.lines {
            self.oracle.note(line);
        }
        Examination {
            events: self.lines.len() as u64,
            anomalies: self.oracle.conclude(hindsight),
        }
    }
}

impl Findings {
    fn add(&mut self, kind: AnomalyKind, t: u64, sentence: String) {
        let known = self.0.iter().filter(|finding| finding.kind == kind).count();
        if known < EVIDENCE_MAX {
            self.0.push(Finding { kind, t, sentence });
        }
    }

    fn anomalies(&self, hindsight: &Hindsight<'_>) -> Vec<Anomaly> {
        let anomaly = |finding: &Finding| {
            let at_s = (finding.t as f64 - hindsight.began_ns as f64) / 1e9;
            Anomaly {
                kind: finding.kind,
                key: None,
                ops: Vec::new(),
                sentence: format!("at {at_s:.3} s {}", finding.sentence),
            }
        };
        self.0.iter().map(anomaly).collect()
    }
}
