//! The primary/backup service with its view service.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use histories::{Invocation, Outcome, Process};
use nemesis::{Roster, Standing};
use systems::claims::{self, Claims};
use systems::pb::{ClientSession, Config, Event, Flaw, Observer, Patience, Persistence, SessionConfig};
use systems::server::{Client as Connection, EventLine};
use systems::{ClientId, NodeId};

use super::kv::{self, Reads};
use super::{Addresses, Client, Clients, ClientsConfig, FlawNote, Health, Place, System, Witness};

/// The name of the view service.
const SERVICE: &str = "vs";

/// How long a client waits for an answer before it asks again, or gives up if that is its way.
const RESEND_AFTER: Duration = Duration::from_millis(400);

/// The longest a client insists.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3);

/// Of so many clients one gives up at the first silence; the others insist, with the same request number.
const ONE_IN: u64 = 4;

/// The primary/backup service.
#[derive(Debug, Clone, Copy)]
pub struct Pb;

/// Where its clients come from.
#[derive(Debug, Clone)]
struct PbClients {
    addresses: Addresses,
    config: ClientsConfig,
}

struct PbClient {
    connection: Connection<ClientSession>,
    reads: Reads,
}

/// Who reads its event logs.
#[derive(Debug)]
struct PbWitness {
    observer: Observer,
    replicas: Vec<NodeId>,
}

impl Pb {
    /// The view service's name.
    ///
    /// # Panics
    /// Never: the name is a constant.
    #[must_use]
    pub fn service() -> NodeId {
        SERVICE.parse().expect("the view service's name is a node's name")
    }
}

impl System for Pb {
    fn name(&self) -> &'static str {
        "pb"
    }

    fn claims(&self) -> &'static Claims {
        &claims::PB
    }

    fn flaws(&self) -> Vec<FlawNote> {
        let note = |flaw: Flaw| {
            let known = flaw.description();
            FlawNote {
                system: "pb",
                name: known.name,
                description: known.summary,
                source: known.source,
                anomaly: known.anomaly,
                trial: trial(flaw),
            }
        };
        Flaw::ALL.into_iter().map(note).collect()
    }

    fn detector(&self) -> Duration {
        Config::new(Self::service(), Vec::new()).dead_after()
    }

    fn roster(&self, nodes: usize) -> Roster {
        Roster {
            replicas: (1..=nodes).map(NodeId::replica).collect(),
            services: vec![Self::service()],
            clients: "clients".parse().expect("the clients' name is a node's name"),
        }
    }

    fn node_arguments(&self, node: NodeId, place: &Place) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = ["node", "pb", "--name"].map(OsString::from).to_vec();
        arguments.push(node.to_string().into());
        for (peer, address) in &place.addresses.0 {
            arguments.extend(["--peer".into(), format!("{peer}={address}").into()]);
        }
        arguments.extend(["--data".into(), place.data.clone().into()]);
        arguments.extend(["--events".into(), place.events.clone().into()]);
        arguments.extend(["--seed".into(), place.seed.to_string().into()]);
        if let Some(flaw) = &place.flaw {
            arguments.extend(["--flaw".into(), flaw.into()]);
        }
        arguments
    }

    fn clients(&self, addresses: &Addresses, config: ClientsConfig) -> Box<dyn Clients> {
        Box::new(PbClients {
            addresses: addresses.clone(),
            config,
        })
    }

    fn witness(&self, roster: &Roster) -> Box<dyn Witness> {
        Box::new(PbWitness {
            observer: Observer::new(Self::service()),
            replicas: roster.replicas.clone(),
        })
    }
}

impl Clients for PbClients {
    fn open(&self, process: Process) -> Box<dyn Client> {
        let Process(number) = process;
        let thread = number % self.config.concurrency;
        let persistence = if thread % ONE_IN == ONE_IN - 1 {
            Persistence::GiveUp
        } else {
            Persistence::Retry
        };
        let patience = Patience {
            resend_after: RESEND_AFTER,
            give_up_after: GIVE_UP_AFTER,
            persistence,
        };
        let session = ClientSession::new(SessionConfig::new(Pb::service(), patience));
        let connection = Connection::new(session, ClientId(number), self.addresses.0.clone());
        Box::new(PbClient {
            connection,
            reads: self.config.reads,
        })
    }
}

impl Client for PbClient {
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

impl Witness for PbWitness {
    fn note(&mut self, node: NodeId, line: &str) {
        // A line that is none was torn by the death of its writer; the next life writes on a line of its own.
        if let Ok(line) = serde_json::from_str::<EventLine<Event>>(line) {
            self.observer.note(node, &line.event);
        }
    }

    fn formed(&self) -> bool {
        self.observer.formed() || self.is_alone()
    }

    fn standing(&self, health: &Health) -> Standing {
        let primaries = self.observer.primaries().iter();
        let alive = primaries.filter(|(node, _)| health.running.contains(node));
        Standing {
            primaries: alive
                .map(|(node, view)| (*node, format!("primary of view {view}")))
                .collect(),
            expendable: health
                .running
                .iter()
                .copied()
                .filter(|node| self.is_expendable(*node, health))
                .collect(),
            ..Standing::default()
        }
    }

    fn excuse(&self, running: &BTreeSet<NodeId>) -> Option<String> {
        self.observer.lost(running)
    }
}

/// Under which options real processes show `flaw`.
const fn trial(flaw: Flaw) -> Option<&'static str> {
    match flaw {
        Flaw::GetLocalRead => Some("--workload register --nemesis primaries"),
        Flaw::RestartedBackupNotResynced => Some("--workload append --nemesis kill"),
        Flaw::SolePrimaryRestartServes => Some("--workload append --nemesis kill-all"),
        Flaw::Volatile => Some("--workload append --nemesis kill,partition"),
        Flaw::IgnoreBackupError
        | Flaw::DedupNotSynced
        | Flaw::SyncOutsideLock
        | Flaw::AckBeforeSync
        | Flaw::PromoteWithoutAck
        | Flaw::FailedPingZeroesView
        | Flaw::PutNotDeduped
        | Flaw::AppendDedupNotAtomic
        | Flaw::ExecuteBeforeBackup
        | Flaw::ForwardUnordered
        | Flaw::ExitOnSyncFailure
        | Flaw::HandlerLockDeadlock => None,
    }
}

impl PbWitness {
    /// Whether the others are well enough to do without `node`, however it is itself.
    fn is_expendable(&self, node: NodeId, health: &Health) -> bool {
        let mut others = health.sound.clone();
        others.insert(node);
        self.observer.expendable(&others).contains(&node)
    }

    /// A single replica will never have a backup.
    fn is_alone(&self) -> bool {
        self.replicas.len() == 1 && !self.observer.primaries().is_empty()
    }
}
