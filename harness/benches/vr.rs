//! What a replicated group costs beside a single server: `cargo bench -p tribunal --bench vr`.
//!
//! Real replicas in the lab, over the switch, each with a disk of its own folder; clients that each ask for one write at a time. A single
//! server is a group of one: the same program, the same disk, nobody to wait for.
//!
//! `cargo bench -p tribunal --bench vr -- long 1000000` asks a group of five for so many writes and prints, as they go by, how fast they
//! are, and how much memory and disk the replicas use: both are bounded by snapshots, so neither grows with the number of writes. It
//! needs what the lab needs; a quiet machine gives the better figures.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::unwrap_used, reason = "what fails ends the benchmark")]

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use histories::{Function, Invocation, Outcome, Process};
use nemesis::Roster;
use nemesis::lab::{self, EngineCommand, Lab, LabConfig, NodeCommand};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet};
use tribunal::adapter::vr::Vr;
use tribunal::adapter::{Addresses, Client, ClientsConfig, Place, Reads, System};

const PORT: u16 = 7000;
const REPLICAS: usize = 5;
/// Nothing is counted before so much has gone by: views begin, connections are made.
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(5);
/// The length of a tick in /proc, everywhere on x86-64.
const TICK_MS: u64 = 10;
const LONG_CLIENTS: u64 = 64;
/// The writes of a long run go to so many keys in turn.
const LONG_KEYS: u64 = 1_000;
/// So often a long run says how it is.
const LONG_STEPS: u64 = 10;

fn main() -> ExitCode {
    if let Some(code) = lab::entry() {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .filter(|arg| *arg != "--bench")
        .collect();
    match words[..] {
        ["engine"] => compare(),
        ["engine", "long", count] => endure(count.parse().unwrap()),
        _ => {
            let args = std::iter::once("engine")
                .chain(words)
                .map(OsString::from)
                .collect();
            let engine = EngineCommand {
                args,
                env: Vec::new(),
            };
            if let Err(error) = lab::confine(&engine) {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Whether commands wait for each other, as `tribunal node vr` takes it.
const BATCHING: [&str; 2] = ["on", "off"];

fn compare() {
    println!(
        "{:>7} {:>8} {:>9}   writes/s       p50       p99  processor time a write",
        "clients", "batching", "replicas"
    );
    for clients in [1, 10, 64] {
        for batching in BATCHING {
            let [single, group] = [1, REPLICAS].map(|replicas| measure(replicas, batching, clients));
            for (replicas, figures) in [(1, &single), (REPLICAS, &group)] {
                println!("{clients:>7} {batching:>8} {replicas:>9} {figures}");
            }
            let throughput = group.per_second / single.per_second;
            let latency = group.p50.as_secs_f64() / single.p50.as_secs_f64();
            let processor = group.processor.as_secs_f64() / single.processor.as_secs_f64();
            println!(
                "{:>27} {throughput:>9.2} x {latency:>6.2} x {processor:>30.2} x",
                "ratio"
            );
        }
    }
}

struct Figures {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    /// Of all replicas together, for each write.
    processor: Duration,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        write!(
            f,
            "{:>10.0} {:>6.2} ms {:>6.2} ms {:>20.3} ms",
            self.per_second,
            ms(self.p50),
            ms(self.p99),
            ms(self.processor)
        )
    }
}

fn measure(replicas: usize, batching: &str, clients: u64) -> Figures {
    let group = Group::open(replicas, batching, clients);
    let times = Rc::new(RefCell::new(Vec::new()));
    let done = Rc::new(Cell::new(0_u32));
    let begin = Instant::now();
    let end = begin + WARM_UP + MEASURED;
    group.load(clients, |mut client, process| {
        let (times, done) = (Rc::clone(&times), Rc::clone(&done));
        async move {
            let mut number = 0;
            while Instant::now() < end {
                number += 1;
                let asked = Instant::now();
                write(&mut *client, process, process, number).await;
                done.set(done.get() + 1);
                if begin + WARM_UP <= asked {
                    times.borrow_mut().push(asked.elapsed());
                }
            }
        }
    });
    let processor = processor_time() / done.get().max(1);
    let mut times = times.take();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    Figures {
        per_second: times.len() as f64 / MEASURED.as_secs_f64(),
        p50: at(50),
        p99: at(99),
        processor,
    }
}

/// Asks a group for `count` writes.
fn endure(count: u64) {
    let group = Group::open(REPLICAS, "on", LONG_CLIENTS);
    println!("   writes   writes/s   memory of a replica, most   disk of a replica, most");
    let (done, begin) = (Rc::new(Cell::new(0)), Instant::now());
    let last = Rc::new(Cell::new(begin));
    let home: Rc<Path> = group.home.path().into();
    group.load(LONG_CLIENTS, |mut client, process| {
        let (done, last, home) = (Rc::clone(&done), Rc::clone(&last), Rc::clone(&home));
        async move {
            for number in 0..count / LONG_CLIENTS {
                write(
                    &mut *client,
                    process,
                    (process + number * LONG_CLIENTS) % LONG_KEYS,
                    number,
                )
                .await;
                done.set(done.get() + 1);
                if done.get() % (count / LONG_STEPS).max(1) == 0 {
                    let step = last.replace(Instant::now()).elapsed().as_secs_f64();
                    tell(done.get(), (count / LONG_STEPS) as f64 / step, &home);
                }
            }
        }
    });
    println!("{} writes in {:.0} s", done.get(), begin.elapsed().as_secs_f64());
}

fn tell(done: u64, per_second: f64, home: &Path) {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "{done:>9} {per_second:>10.0} {:>23.1} MiB {:>21.1} MiB",
        mib(memory_of_replicas().into_iter().max().unwrap_or(0)),
        mib((1..=REPLICAS)
            .map(|number| disk_of(&home.join(format!("n{number}"))))
            .max()
            .unwrap_or(0)),
    );
}

/// The folder in /proc of every process that is a replica.
fn replicas() -> impl Iterator<Item = PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes.filter(|path| {
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        let mut words = line.split(|byte| *byte == 0);
        words.nth(1) == Some(b"node") && words.next() == Some(b"vr")
    })
}

/// The processor time that all replicas have used so far.
fn processor_time() -> Duration {
    let ticks = replicas().filter_map(|path| {
        let line = fs::read_to_string(path.join("stat")).ok()?;
        // What follows the name, which stands in parentheses: the state, and from the twelfth word on the ticks in user and system mode.
        let (_, rest) = line.rsplit_once(") ")?;
        let mut words = rest.split(' ').skip(11).map(str::parse::<u64>);
        Some(words.next()?.ok()? + words.next()?.ok()?)
    });
    Duration::from_millis(ticks.sum::<u64>() * TICK_MS)
}

/// The resident memory of every process that is a replica, in bytes.
fn memory_of_replicas() -> Vec<u64> {
    let resident = |path: PathBuf| {
        let status = fs::read_to_string(path.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
    };
    replicas().filter_map(resident).collect()
}

/// The bytes of all files in a folder and those within.
fn disk_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => disk_of(&entry.path()),
        Ok(about) => about.len(),
        // It was replaced while we looked.
        Err(_) => 0,
    });
    bytes.sum()
}

/// Writes `value` to a key, and insists until it is done.
async fn write(client: &mut dyn Client, process: u64, key: u64, value: u64) {
    let invocation = Invocation {
        process: Process(process),
        f: Function::Write,
        key: format!("k{key}").as_str().into(),
        value: json!(value),
    };
    while !matches!(client.invoke(&invocation).await, Outcome::Ok(_)) {}
}

/// A group in a lab of its own; gone when it is dropped.
struct Group {
    roster: Roster,
    addresses: Addresses,
    clients: u64,
    home: TempDir,
    _lab: Lab,
}

impl Group {
    fn open(replicas: usize, batching: &str, clients: u64) -> Self {
        let roster = Vr.roster(replicas);
        let mut lab = Lab::open(&LabConfig {
            nodes: roster.members(),
            clients: roster.clients,
            seed: 1,
            tcp_rto_max: None,
        })
        .unwrap();
        let address = |node: &_| SocketAddr::new(IpAddr::V4(lab.address(*node).unwrap()), PORT);
        let addresses = Addresses(
            roster
                .members()
                .iter()
                .map(|node| (*node, address(node)))
                .collect(),
        );
        let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        start(&mut lab, &roster, &addresses, home.path(), batching);
        Self {
            roster,
            addresses,
            clients,
            home,
            _lab: lab,
        }
    }

    /// Lets each of `count` clients do its `work` to the end, all at the same time.
    fn load<F: Future<Output = ()> + 'static>(&self, count: u64, work: impl Fn(Box<dyn Client>, u64) -> F) {
        let config = ClientsConfig {
            concurrency: self.clients,
            reads: Reads::Scalar,
        };
        let clients = Vr.clients(&self.roster, &self.addresses, config);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let mut tasks = JoinSet::new();
            for process in 0..count {
                tasks.spawn_local(work(clients.open(Process(process)), process));
            }
            tasks.join_all().await;
        });
    }
}

fn start(lab: &mut Lab, roster: &Roster, addresses: &Addresses, home: &Path, batching: &str) {
    for node in roster.members() {
        let home = home.join(node.as_str());
        let data = home.join("data");
        fs::create_dir_all(&data).unwrap();
        let place = Place {
            addresses: addresses.clone(),
            reserve: Vec::new(),
            data,
            // Nobody reads what they say of themselves here, and a million operations say much.
            events: "/dev/null".into(),
            seed: 1,
            flaw: None,
            reads: None,
        };
        let mut args = Vr.node_arguments(node, &place);
        args.extend(["--batching", batching].map(OsString::from));
        let command = NodeCommand {
            program: env!("CARGO_BIN_EXE_tribunal").into(),
            args,
            env: vec![("RUST_LOG".into(), "error".into())],
            stdout: home.join("stdout.log"),
            stderr: home.join("stderr.log"),
            directory: home,
        };
        lab.start(node, &command).unwrap();
    }
}
