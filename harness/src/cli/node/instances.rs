//! `tribunal node paxos -i RANK`: a node of the log without clients, that writes `instancelog<RANK>.log`.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use systems::NodeId;
use systems::paxos::instances::{INSTANCE_BYTES, InstanceConfig, InstanceEvent, InstanceLine, InstanceNode};
use systems::paxos::{Config, Turn};
use systems::server::{BootArgs, Listen, Manner, Wording, serve_in_manner};

use crate::cli::Refusal;

/// Of the time-out for a change of leaders a follower waits so small a part for a sign of life.
const PATIENCES_PER_TIMEOUT: u32 = 4;

/// Of its patience there are so many beats of the leader.
const BEATS_PER_PATIENCE: u32 = 5;

/// After the last proposal a node stays for so long, so that everybody catches up.
const SETTLE: Duration = Duration::from_secs(2);

/// The distance between the ports of two nodes.
const PORT_STEP: u16 = 10;

/// Where the node stands, and for how long.
#[derive(Debug, Args)]
pub(super) struct InstanceArgs {
    /// Its rank among the nodes, from 0
    #[arg(short = 'i', long)]
    rank: Option<u16>,
    /// The course's low pressure (-o 1 -l 100 -t 5) or high pressure (-o 1 -l 10000 -t 5), where nothing else is said
    #[arg(long, value_enum)]
    pressure: Option<Pressure>,
    /// How long one leader's turn is, in seconds [default: 10]
    #[arg(short = 'o', long)]
    timeout: Option<u64>,
    /// The most instances a leader proposes in its turn [default: 100]
    #[arg(short = 'l', long)]
    interval: Option<u64>,
    /// For how long instances are proposed, in seconds [default: 50]
    #[arg(short = 't', long)]
    background: Option<u64>,
    /// How many nodes there are, all on this machine
    #[arg(long, default_value_t = 5)]
    ranks: u16,
    /// The port of rank 0; that of each next one is 10 higher
    #[arg(long, default_value_t = 10_000)]
    base_port: u16,
    /// The length of an instance in bytes
    #[arg(long, default_value_t = INSTANCE_BYTES)]
    bytes: usize,
    /// Where the logs are written, and what the node keeps
    #[arg(long, default_value = ".")]
    folder: PathBuf,
}

/// How much the course's runs ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pressure {
    Low,
    High,
}

/// What is asked of the nodes.
#[derive(Debug, Clone, Copy)]
struct Asked {
    timeout_s: u64,
    interval: u64,
    background_s: u64,
}

impl Asked {
    /// What holds under `pressure` when nothing else is said.
    const fn usual(pressure: Option<Pressure>) -> Self {
        let (timeout_s, interval, background_s) = match pressure {
            None => (10, 100, 50),
            Some(Pressure::Low) => (1, 100, 5),
            Some(Pressure::High) => (1, 10_000, 5),
        };
        Self {
            timeout_s,
            interval,
            background_s,
        }
    }
}

impl InstanceArgs {
    fn asked(&self) -> Asked {
        let usual = Asked::usual(self.pressure);
        Asked {
            timeout_s: self.timeout.unwrap_or(usual.timeout_s),
            interval: self.interval.unwrap_or(usual.interval),
            background_s: self.background.unwrap_or(usual.background_s),
        }
    }

    /// Its rank, if it is to be such a node.
    pub(super) const fn rank(&self) -> Option<u16> {
        self.rank
    }

    /// Runs the node of `rank` for its time.
    ///
    /// # Errors
    /// When it cannot start, or its disk fails it.
    pub(super) fn serve(&self, rank: u16) -> Result<u8, Refusal> {
        let peers = self.peers(rank)?;
        let log = self.folder.join(format!("instancelog{rank}.log"));
        // Everything that is known is said again.
        match fs::remove_file(&log) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Refusal::harness(error));
            }
            Ok(()) | Err(_) => (),
        }
        let node = name(rank);
        let boot = BootArgs {
            node,
            seed: u64::from(rank),
        };
        let listen = Listen {
            address: peers[&node],
            peers,
        };
        let proposes_for = Duration::from_secs(self.asked().background_s);
        let manner = Manner {
            wording: Wording::Own(line),
            lasts: Some(proposes_for + SETTLE),
        };
        let data = self.folder.join(format!("rank{rank}"));
        let config = self.config(proposes_for);
        serve_in_manner::<InstanceNode>(&config, boot, listen, &data, &log, manner)
            .map_err(Refusal::harness)?;
        Ok(0)
    }

    fn config(&self, proposes_for: Duration) -> InstanceConfig {
        let Asked {
            timeout_s, interval, ..
        } = self.asked();
        let lasts = Duration::from_secs(timeout_s.max(1));
        let patience = lasts / PATIENCES_PER_TIMEOUT;
        let turn = Turn {
            lasts,
            commands_max: interval,
        };
        InstanceConfig {
            log: Config {
                patience,
                patience_max: lasts,
                beat_interval: patience / BEATS_PER_PATIENCE,
                turn: Some(turn),
                ..Config::new((0..self.ranks).map(name).collect())
            },
            bytes: self.bytes,
            proposes_for,
        }
    }

    fn peers(&self, rank: u16) -> Result<BTreeMap<NodeId, SocketAddr>, Refusal> {
        if self.ranks <= rank {
            return Err(Refusal::arguments(format!(
                "rank {rank} is none of {} ranks",
                self.ranks
            )));
        }
        let address = |rank: u16| {
            let port = rank
                .checked_mul(PORT_STEP)
                .and_then(|above| self.base_port.checked_add(above));
            let port = port.ok_or_else(|| Refusal::arguments(format!("there is no port for rank {rank}")))?;
            Ok((name(rank), SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
        };
        (0..self.ranks).map(address).collect()
    }
}

/// Ranks count from 0, names from 1.
fn name(rank: u16) -> NodeId {
    NodeId::replica(usize::from(rank) + 1)
}

fn line(event: &InstanceEvent, wall_ns: u64) -> String {
    let at_ms = wall_ns / 1_000_000;
    InstanceLine { event, at_ms }.to_string()
}
