//! What the lab costs, beside loopback: `cargo bench -p nemesis --bench lab`.
//!
//! Times of 1-byte TCP round trips and of a bulk transfer, between two processes: once over loopback, once over the switch, each with
//! everything on one processor and with all of them. Then the times of making and taking away a lab of five nodes. Needs what
//! the lab needs; a quiet machine gives the better figures.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use nemesis::lab::{self, EngineCommand, Lab, LabConfig, LabError, NodeCommand};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use systems::NodeId;

const PINGS: usize = 20_000;
const BULK_BYTES: usize = 1 << 30;
const WRITE_BYTES: usize = 128 << 10;
const OPENINGS: usize = 10;
const PORT: u16 = 7000;

/// The promises of the lab: at most so many times loopback's round trip on one processor, at least so much bulk.
const RATIO_MAX: f64 = 4.0;
const BULK_GB_PER_SECOND_MIN: f64 = 1.0;

fn main() -> ExitCode {
    if let Some(code) = lab::entry() {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.first().map(String::as_str) {
        Some("engine") => engine(&args[1]),
        Some("server") => server().map_err(|error| LabError::Os("serve", error)),
        _ => ["one processor", "all processors"]
            .into_iter()
            .try_for_each(confined),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn confined(processors: &str) -> Result<(), LabError> {
    let args = ["engine", processors].map(Into::into).to_vec();
    lab::confine(&EngineCommand {
        args,
        env: Vec::new(),
    })
    .map(drop)
}

fn engine(processors: &str) -> Result<(), LabError> {
    let pinned = processors == "one processor";
    if pinned {
        pin().map_err(|error| LabError::Os("pin to a processor", error))?;
    }
    println!("\n{processors:<16}  round trip p50      p99      bulk");
    let loopback = measure_loopback().map_err(|error| LabError::Os("measure loopback", error))?;
    println!("{:<16}  {loopback}", "loopback");
    let switched = measure_switch()?;
    println!("{:<16}  {switched}", "switch");
    let ratio = switched.p50.as_secs_f64() / loopback.p50.as_secs_f64();
    println!("the switch's p50 is {ratio:.1} times loopback's");
    if pinned {
        println!("promised: {RATIO_MAX} times at most, {BULK_GB_PER_SECOND_MIN:.1} GB/s at least");
    } else {
        measure_life()?;
    }
    Ok(())
}

/// Keeps this process and all it starts on one processor.
fn pin() -> io::Result<()> {
    let mut first = CpuSet::new();
    first.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &first)?;
    Ok(())
}

struct Figures {
    p50: Duration,
    p99: Duration,
    gb_per_second: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        let (p50, p99) = (micros(self.p50), micros(self.p99));
        write!(f, "{p50:>11.1} us {p99:>5.1} us {:>4.2} GB/s", self.gb_per_second)
    }
}

fn measure_loopback() -> io::Result<Figures> {
    // The lab brings the interface up.
    let _lab = open(0).map_err(io::Error::other)?;
    let mut server = Command::new("/proc/self/exe").arg("server").spawn()?;
    let figures = measure(Ipv4Addr::LOCALHOST);
    server.kill()?;
    server.wait()?;
    figures
}

fn measure_switch() -> Result<Figures, LabError> {
    let mut lab = open(1)?;
    lab.start(NodeId::replica(1), &server_command())?;
    let address = lab.address(NodeId::replica(1))?;
    measure(address).map_err(|error| LabError::Os("measure the switch", error))
}

fn measure(address: Ipv4Addr) -> io::Result<Figures> {
    let mut stream = connect(address)?;
    stream.write_all(b"p")?;
    let mut times = vec![Duration::ZERO; PINGS];
    for time in &mut times {
        let begin = Instant::now();
        stream.write_all(&[1])?;
        stream.read_exact(&mut [0])?;
        *time = begin.elapsed();
    }
    times.sort_unstable();
    drop(stream);
    let gb_per_second = measure_bulk(address)?;
    Ok(Figures {
        p50: times[PINGS / 2],
        p99: times[PINGS * 99 / 100],
        gb_per_second,
    })
}

fn measure_bulk(address: Ipv4Addr) -> io::Result<f64> {
    let mut stream = connect(address)?;
    stream.write_all(b"b")?;
    let bytes = vec![0; WRITE_BYTES];
    let begin = Instant::now();
    for _ in 0..BULK_BYTES / WRITE_BYTES {
        stream.write_all(&bytes)?;
    }
    stream.shutdown(Shutdown::Write)?;
    stream.read_exact(&mut [0])?;
    Ok(BULK_BYTES as f64 / begin.elapsed().as_secs_f64() / 1e9)
}

fn connect(address: Ipv4Addr) -> io::Result<TcpStream> {
    let limit = Instant::now() + Duration::from_secs(5);
    loop {
        match TcpStream::connect(SocketAddr::from((address, PORT))) {
            Err(_) if Instant::now() < limit => std::thread::yield_now(),
            stream => {
                let stream = stream?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
        }
    }
}

/// Answers each byte after a `p`, and the end of all bytes after a `b`.
fn server() -> io::Result<()> {
    for stream in TcpListener::bind(("0.0.0.0", PORT))?.incoming() {
        let mut stream = stream?;
        stream.set_nodelay(true)?;
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        if kind == *b"p" {
            let mut byte = [0];
            while stream.read(&mut byte)? == 1 {
                stream.write_all(&byte)?;
            }
        } else {
            let mut bytes = vec![0; WRITE_BYTES];
            while stream.read(&mut bytes)? > 0 {}
            stream.write_all(&[1])?;
        }
    }
    Ok(())
}

fn open(nodes: usize) -> Result<Lab, LabError> {
    let nodes = (1..=nodes).map(NodeId::replica).collect();
    let clients = "clients".parse().expect("a good name");
    Lab::open(&LabConfig {
        nodes,
        clients,
        seed: 1,
        tcp_rto_max: None,
    })
}

fn server_command() -> NodeCommand {
    NodeCommand {
        program: "/proc/self/exe".into(),
        args: vec!["server".into()],
        env: Vec::new(),
        directory: "/".into(),
        stdout: "/dev/null".into(),
        stderr: "/dev/null".into(),
    }
}

/// Times of a lab of five nodes, the median of some.
fn measure_life() -> Result<(), LabError> {
    const STEPS: [&str; 6] = ["open", "start a node", "pause", "resume", "kill", "close"];
    let mut times = [const { Vec::new() }; STEPS.len()];
    for _ in 0..OPENINGS {
        for (times, time) in times.iter_mut().zip(live()?) {
            times.push(time);
        }
    }
    println!("\nfive nodes            median        most");
    for (step, mut times) in STEPS.into_iter().zip(times) {
        times.sort_unstable();
        let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
        println!(
            "{step:<16} {:>8.2} ms {:>8.2} ms",
            millis(times[OPENINGS / 2]),
            millis(times[OPENINGS - 1])
        );
    }
    Ok(())
}

fn live() -> Result<[Duration; 6], LabError> {
    let n1 = NodeId::replica(1);
    let (opening, mut lab) = timed(|| open(5))?;
    let (starting, ()) = timed(|| lab.start(n1, &server_command()))?;
    for node in (2..=5).map(NodeId::replica) {
        lab.start(node, &server_command())?;
    }
    let (pausing, ()) = timed(|| lab.pause(n1))?;
    let (resuming, ()) = timed(|| lab.resume(n1))?;
    let (killing, ()) = timed(|| lab.kill(n1))?;
    let (closing, ()) = timed(|| {
        drop(lab);
        Ok(())
    })?;
    Ok([opening, starting, pausing, resuming, killing, closing])
}

fn timed<T>(work: impl FnOnce() -> Result<T, LabError>) -> Result<(Duration, T), LabError> {
    let begin = Instant::now();
    let result = work()?;
    Ok((begin.elapsed(), result))
}
