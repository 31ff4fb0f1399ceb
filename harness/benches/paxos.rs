//! How many instances of 1,000 bytes the Paxos log really commits at all of five nodes, and what bounds it: `cargo bench -p tribunal --bench paxos`.
//!
//! Five real processes (`tribunal node paxos -i RANK -o 1 -l RATE -t 5`) speak over loopback and write to disk; leaders take turns of a second. The rate
//! asked for doubles until more of it brings no more. Beside what was committed it prints what that took of each resource: processor time of all nodes
//! (`/proc/PID/stat`) and of everybody (`/proc/stat`), commits of a node's write-ahead file (its frames: one write and one fdatasync each), and how long such a
//! one takes on this disk by itself.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock, starts processes and waits for them"
)]

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use systems::codec::{self, FRAME_PAYLOAD_MAX, Parsed, Position};

const RANKS: usize = 5;
const SECONDS: u64 = 5;
const RATES: [u64; 7] = [2_500, 5_000, 10_000, 20_000, 40_000, 80_000, 160_000];
/// A rate is met when so much of it is committed everywhere.
const MET: f64 = 0.95;
/// Asking for more has to bring so much more.
const MORE: f64 = 1.1;
/// A resource that is used so much of the time is what bounds.
const BUSY: f64 = 0.8;
/// So many fdatasyncs are timed.
const SYNCS: u32 = 200;
/// The ports of the first run; each next one takes others, so that none waits for those before.
const FIRST_PORT: u64 = 21_000;
const PORTS_PER_RUN: u64 = 100;
/// The clock ticks of `/proc/PID/stat` in a second; the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a run took.
struct Measured {
    /// The fewest instances that any node has committed.
    committed: u64,
    /// Processor seconds of each node.
    processor_s: Vec<f64>,
    /// What part of all processors' time anybody used.
    machine: f64,
    /// The most commits of any node's write-ahead file, and its length in bytes.
    syncs: u64,
    bytes: u64,
    /// How long a commit of that many bytes takes by itself.
    sync_s: f64,
}

fn main() -> io::Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    println!(
        "{cores} processors; asked and committed are instances a second at every node, over {SECONDS} s"
    );
    let mut before = 0;
    for (number, rate) in (0..).zip(RATES) {
        let measured = measure(rate, FIRST_PORT + number * PORTS_PER_RUN)?;
        report(rate, cores, &measured);
        if (measured.committed as f64) < MORE * before as f64 {
            break;
        }
        before = measured.committed;
    }
    Ok(())
}

fn report(rate: u64, cores: usize, measured: &Measured) {
    let Measured {
        committed,
        processor_s,
        machine,
        syncs,
        bytes,
        sync_s,
    } = measured;
    let seconds = SECONDS as f64;
    let all: f64 = processor_s.iter().sum();
    let most = processor_s.iter().copied().fold(0.0, f64::max);
    let busy = all / (seconds * cores as f64);
    let syncing = *syncs as f64 * sync_s / seconds;
    let written = *bytes as f64 / seconds / 1e6;
    let met = MET * (rate * SECONDS) as f64 <= *committed as f64;
    let bound = if met {
        "the rate asked for"
    } else if BUSY <= syncing {
        "fdatasync"
    } else if BUSY <= busy {
        "the processors"
    } else if BUSY <= *machine {
        "the processors, which others used"
    } else {
        "waiting: the change of leaders, and round trips"
    };
    println!(
        "asked {rate}: committed {:.0}; processors {:.0} % busy with nodes ({all:.1} s in all, {most:.1} s at most in one), {:.0} % with anything; \
         {syncs} fdatasyncs at most in one node, {:.2} ms each alone, {:.0} % of the time; {written:.1} MB/s to its disk; bound: {bound}",
        *committed as f64 / seconds,
        busy * 100.0,
        machine * 100.0,
        sync_s * 1e3,
        syncing * 100.0,
    );
}

fn measure(rate: u64, port: u64) -> io::Result<Measured> {
    let folder = tempfile::tempdir()?;
    let mut nodes = (0..RANKS)
        .map(|rank| start(rank, rate, port, folder.path()))
        .collect::<io::Result<Vec<Child>>>()?;
    let before = machine()?;
    let processor_s = watch(&mut nodes)?;
    let after = machine()?;
    let committed = (0..RANKS)
        .map(|rank| commits(&folder.path().join(format!("instancelog{rank}.log"))))
        .collect::<io::Result<Vec<u64>>>()?;
    let frames = (0..RANKS)
        .map(|rank| frames(&folder.path().join(format!("rank{rank}/log"))))
        .collect::<io::Result<Vec<(u64, u64)>>>()?;
    let (syncs, bytes) = frames.into_iter().max().unwrap_or_default();
    let sync_s = time_of_a_sync(folder.path(), bytes / syncs.max(1))?;
    Ok(Measured {
        committed: committed.into_iter().min().unwrap_or_default(),
        processor_s,
        machine: 1.0 - (after.idle - before.idle) / (after.all - before.all).max(1.0),
        syncs,
        bytes,
        sync_s,
    })
}

fn start(rank: usize, rate: u64, port: u64, folder: &Path) -> io::Result<Child> {
    Command::new(env!("CARGO_BIN_EXE_tribunal"))
        .args(["node", "paxos", "-o", "1"])
        .args(["-i", &rank.to_string()])
        .args(["-l", &rate.to_string()])
        .args(["-t", &SECONDS.to_string()])
        .args(["--base-port", &port.to_string()])
        .arg("--folder")
        .arg(folder)
        .stderr(Stdio::null())
        .spawn()
}

/// Waits for all nodes to leave, and says how much processor time each had used when it was last seen.
fn watch(nodes: &mut [Child]) -> io::Result<Vec<f64>> {
    let mut used = vec![0.0; nodes.len()];
    loop {
        let mut running = false;
        for (node, used) in nodes.iter_mut().zip(&mut used) {
            if node.try_wait()?.is_none() {
                running = true;
                *used = processor_s(node.id())?.max(*used);
            }
        }
        if !running {
            return Ok(used);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// User and system time of a process so far.
fn processor_s(process: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name stands in parentheses and may hold anything.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok());
    let ticks = ticks(11).zip(ticks(12)).map(|(user, system)| user + system);
    Ok(ticks.unwrap_or_default() / TICKS_PER_SECOND)
}

/// Time of all processors since the machine was started, in clock ticks.
struct Machine {
    idle: f64,
    all: f64,
}

fn machine() -> io::Result<Machine> {
    let stat = fs::read_to_string("/proc/stat")?;
    let first = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = first
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // The fourth is idle, the fifth waits for the disk.
    Ok(Machine {
        idle: ticks.iter().skip(3).take(2).sum(),
        all: ticks.iter().sum(),
    })
}

fn commits(log: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(log)?;
    Ok(text.lines().filter(|line| line.starts_with("commit ")).count() as u64)
}

/// How many frames a write-ahead file has, and how many bytes.
fn frames(log: &Path) -> io::Result<(u64, u64)> {
    let bytes = fs::read(log)?;
    let (mut count, mut at) = (0, 0);
    while let Ok(Parsed::Whole(payload)) = codec::parse(&bytes[at..], Position(at as u64), FRAME_PAYLOAD_MAX)
    {
        at += payload.end;
        count += 1;
    }
    Ok((count, bytes.len() as u64))
}

/// How long it takes to append so many bytes and make them durable, when nobody else does.
fn time_of_a_sync(folder: &Path, bytes: u64) -> io::Result<f64> {
    let mut file = File::create(folder.join("sync"))?;
    let data = vec![7_u8; usize::try_from(bytes).unwrap_or(1)];
    let begin = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&data)?;
        file.sync_data()?;
    }
    Ok(begin.elapsed().as_secs_f64() / f64::from(SYNCS))
}
