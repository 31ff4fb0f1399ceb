//! `tribunal node`: one node of one of our own systems, as a process. Not typed by people.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use systems::server::{BootArgs, Listen, serve};
use systems::service::kv::KeyValue;
use systems::{NodeId, Replica, paxos, pb, vr};

mod instances;

use super::Refusal;
use crate::adapter::pb::Pb;
use instances::InstanceArgs;

/// Which system.
#[derive(Debug, Args)]
pub struct NodeArgs {
    #[command(subcommand)]
    system: NodeSystem,
}

#[derive(Debug, Subcommand)]
enum NodeSystem {
    /// A server of the primary/backup service, or its view service
    Pb(MemberArgs<pb::Flaw>),
    /// A replica of the group that viewstamped replication keeps in step
    Vr(VrArgs),
    /// A node of the Paxos log: of the key-value service over it, or, with -i, one that proposes instances of its own
    Paxos(PaxosArgs),
}

/// Where the node lives.
#[derive(Debug, Args)]
struct PlaceArgs {
    /// Its name
    #[arg(long)]
    name: NodeId,
    /// A node and where it listens, itself included
    #[arg(long = "peer")]
    peers: Vec<Peer>,
    /// The folder that survives its deaths
    #[arg(long)]
    data: PathBuf,
    /// Its event log
    #[arg(long)]
    events: PathBuf,
    /// The source of its chance
    #[arg(long)]
    seed: u64,
}

/// A member of a cluster.
#[derive(Debug, Args)]
struct MemberArgs<F>
where
    F: FromStr + Clone + Send + Sync + 'static,
    F::Err: Into<Box<dyn Error + Send + Sync>>,
{
    #[command(flatten)]
    place: PlaceArgs,
    /// The deviation it shall have
    #[arg(long)]
    flaw: Option<F>,
}

/// A replica of the group that viewstamped replication keeps in step.
#[derive(Debug, Args)]
struct VrArgs {
    #[command(flatten)]
    member: MemberArgs<vr::Flaw>,
    /// A peer that is not a member of the first epoch, and may become one later
    #[arg(long = "reserve")]
    reserve: Vec<NodeId>,
    /// How it answers reads
    #[arg(long, default_value = vr::Reads::ThroughLog.path().name)]
    reads: vr::Reads,
    /// Whether commands that come while others are on their way wait, and go together
    #[arg(long, value_enum, default_value = "on")]
    batching: Batching,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Batching {
    On,
    Off,
}

/// A node of the Paxos log, of one kind or the other: one with a rank needs no place.
#[derive(Debug, Args)]
struct PaxosArgs {
    /// Its name
    #[arg(long, required_unless_present = "rank")]
    name: Option<NodeId>,
    /// A node and where it listens, itself included
    #[arg(long = "peer")]
    peers: Vec<Peer>,
    /// The folder that survives its deaths
    #[arg(long, required_unless_present = "rank")]
    data: Option<PathBuf>,
    /// Its event log
    #[arg(long, required_unless_present = "rank")]
    events: Option<PathBuf>,
    /// The source of its chance
    #[arg(long, required_unless_present = "rank")]
    seed: Option<u64>,
    /// The deviation it shall have
    #[arg(long)]
    flaw: Option<paxos::Flaw>,
    /// How it answers reads
    #[arg(long, default_value = paxos::Reads::ThroughLog.path().name)]
    reads: paxos::Reads,
    #[command(flatten)]
    instances: InstanceArgs,
}

#[derive(Debug, Clone, Copy)]
struct Peer {
    name: NodeId,
    address: SocketAddr,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not NAME=ADDRESS:PORT"))?;
        let name = name.parse::<NodeId>().map_err(|error| error.to_string())?;
        let address = address
            .parse()
            .map_err(|error| format!("{address:?} is no address and port: {error}"))?;
        Ok(Self { name, address })
    }
}

impl NodeArgs {
    /// Runs the node until it is told to end.
    ///
    /// # Errors
    /// When it cannot start, or its disk fails it.
    pub fn execute(self) -> Result<u8, Refusal> {
        tracing_subscriber::fmt().with_writer(std::io::stderr).init();
        match self.system {
            NodeSystem::Pb(MemberArgs { place, flaw }) => {
                let servers = place.names().filter(|name| *name != Pb::service()).collect();
                let config = pb::Config::new(Pb::service(), servers);
                place.serve::<pb::Node>(&pb::Config { flaw, ..config })
            }
            NodeSystem::Vr(args) => args.serve(),
            NodeSystem::Paxos(args) => args.serve(),
        }
    }
}

impl VrArgs {
    fn serve(self) -> Result<u8, Refusal> {
        let MemberArgs { place, flaw } = self.member;
        let members: Vec<NodeId> = place
            .names()
            .filter(|name| !self.reserve.contains(name))
            .collect();
        if members.is_empty() {
            return Err(Refusal::arguments(
                "a group has a member that is not in --reserve",
            ));
        }
        let config = vr::Config {
            reserve: self.reserve,
            reads: self.reads,
            batching: match self.batching {
                Batching::On => vr::Batching::On,
                Batching::Off => vr::Batching::Off,
            },
            flaw,
            ..vr::Config::new(members)
        };
        place.serve::<vr::Node<KeyValue>>(&config)
    }
}

impl PaxosArgs {
    fn serve(self) -> Result<u8, Refusal> {
        if let Some(rank) = self.instances.rank() {
            return self.instances.serve(rank);
        }
        let (Some(name), Some(data), Some(events), Some(seed)) =
            (self.name, self.data, self.events, self.seed)
        else {
            return Err(Refusal::arguments(
                "a node of the Paxos log has a --rank or a place",
            ));
        };
        let place = PlaceArgs {
            name,
            peers: self.peers,
            data,
            events,
            seed,
        };
        let config = paxos::Config {
            flaw: self.flaw,
            reads: self.reads,
            ..paxos::Config::new(place.names().collect())
        };
        place.serve::<paxos::Node>(&config)
    }
}

impl PlaceArgs {
    /// Who takes part.
    fn names(&self) -> impl Iterator<Item = NodeId> {
        self.peers.iter().map(|peer| peer.name)
    }

    /// Runs the node until it is told to end.
    fn serve<R: Replica + 'static>(&self, config: &R::Config) -> Result<u8, Refusal> {
        let boot = BootArgs {
            node: self.name,
            seed: self.seed,
        };
        serve::<R>(config, boot, self.listen()?, &self.data, &self.events).map_err(Refusal::harness)?;
        Ok(0)
    }

    fn listen(&self) -> Result<Listen, Refusal> {
        let peers: BTreeMap<NodeId, SocketAddr> =
            self.peers.iter().map(|peer| (peer.name, peer.address)).collect();
        let own = peers.get(&self.name);
        let address = *own.ok_or_else(|| {
            Refusal::arguments(format!("no --peer says where {} itself listens", self.name))
        })?;
        Ok(Listen { address, peers })
    }
}
