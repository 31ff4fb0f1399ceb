//! The oracles of primary/backup.
//!
//! | | what must hold | kind when it does not |
//! |---|---|---|
//! | I1 | at most one life of a server acts as primary of a view | `two-primaries` |
//! | I2 | view numbers rise: at the view service over its restarts, at a server within a life and over its restarts | `view-regressed` |
//! | I7 | what a primary carries out its backup has carried out before; what a client was answered a primary had carried out | `not-replicated` |
//! | I8 | a write takes effect once, whoever is primary | `applied-twice` |
//! | I9 | a new primary was primary or backup before; nobody else takes over, and not before the view was acknowledged; that waits for the backup to hold everything; who takes office holds what it held | `broken-succession` |
//! | I10 | copies that stand at the same position hold the same | `divergent-state` |
//! | I16 | views do not follow each other for ever when nothing is wrong | `view-churn` |
//! | I17 | nobody takes office with an empty store after the first view | `broken-succession` |
//! | I18 | the view service is not told more than it needs | `chatter` |
//! | I19 | all answers to one write are the same | `answers-differ` |

mod execution;
mod succession;

use std::time::Duration;

use histories::{Anomaly, AnomalyKind};
use systems::pb::{Config, Event, Node, Response};
use systems::server::EventLine;
use systems::{ClientId, NodeId};

use self::execution::Execution;
use self::succession::Succession;
use super::answers::Answers;
use super::life::Life;
use super::requests::bare;
use super::{Findings, Hindsight, Oracle};

/// A ping in each interval, and as many again for what a server has to say sooner.
const PINGS_PER_INTERVAL_MAX: u64 = 2;

/// Pings that come with each view beside those: both members take it up.
const PINGS_PER_VIEW_MAX: u64 = 4;

/// Pings for starting, and for what lies over the edges.
const PINGS_BESIDE_MAX: u64 = 100;

/// Follows the nodes of one cluster.
#[derive(Debug)]
pub struct PbOracle {
    service: NodeId,
    servers: u64,
    ping_interval: Duration,
    findings: Findings,
    succession: Succession,
    execution: Execution,
    answers: Answers,
}

impl PbOracle {
    /// Somebody who follows the cluster of `config` and has heard nothing yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            service: config.service,
            servers: config.servers.len() as u64,
            ping_interval: config.ping_interval,
            findings: Findings::default(),
            succession: Succession::default(),
            execution: Execution::default(),
            answers: Answers::default(),
        }
    }

    fn chatter(&self, hindsight: &Hindsight<'_>) -> Option<Anomaly> {
        let traffic = hindsight.traffic.as_ref()?;
        let pings = traffic.sent.get("Ping").copied().unwrap_or(0);
        let intervals = (traffic.within.as_nanos() / self.ping_interval.as_nanos().max(1)) as u64 + 1;
        let most = self.servers * intervals * PINGS_PER_INTERVAL_MAX
            + self.succession.churn().count() * PINGS_PER_VIEW_MAX
            + PINGS_BESIDE_MAX;
        (most < pings).then(|| {
            bare(
                AnomalyKind::Chatter,
                format!("the view service was sent {pings} pings; {most} would have been more than enough"),
            )
        })
    }
}

impl Oracle<Node> for PbOracle {
    fn note(&mut self, line: &EventLine<Event>) {
        let (t, findings) = (line.t, &mut self.findings);
        let life = Life::of(line);
        match &line.event {
            Event::ViewAnnounced { view } => self.succession.announce(t, view, findings),
            Event::ViewRecovered {
                view,
                acknowledgement,
            } => self.succession.recover(t, view, *acknowledgement, findings),
            Event::ViewAcknowledged { view } => self.succession.acknowledge(t, *view, findings),
            Event::ViewInstalled { view, .. } => self.succession.install(t, life, view, findings),
            Event::Synchronised { view, digest, .. } => {
                self.succession.synchronise(*view, life);
                self.execution.synchronise(*view, life, *digest);
            }
            Event::TookOffice { view, digest } => {
                self.execution.take_office(t, *view, life, *digest, findings);
            }
            Event::Executed { .. } => {
                let backup = self.succession.backup_of(&line.event);
                self.execution.execute(t, life, &line.event, backup, findings);
            }
            Event::Started { .. }
            | Event::StoodStill { .. }
            | Event::Unfit { .. }
            | Event::Ignored { .. }
            | Event::Halted => {}
        }
    }

    fn answer(&mut self, from: NodeId, to: ClientId, response: &Response) {
        if from != self.service
            && let Response::Done { request, answer } = response
        {
            self.answers.note(from, to, *request, answer);
        }
    }

    fn conclude(&self, hindsight: &Hindsight<'_>) -> Vec<Anomaly> {
        let mut anomalies = self.findings.anomalies(hindsight);
        anomalies.extend(self.execution.fates().unexecuted(hindsight));
        anomalies.extend(self.execution.fates().twice(hindsight));
        anomalies.extend(self.answers.different());
        anomalies.extend(self.succession.churn().conclude(hindsight));
        anomalies.extend(self.chatter(hindsight));
        anomalies
    }
}
