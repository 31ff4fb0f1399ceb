//! The programs that run on the nodes.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::thread;

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{pause, setsid};

use crate::SERVER;

/// Where `echo` and `sink` listen.
pub(crate) const PORT: u16 = 7000;

pub(crate) fn run(server: &str) -> ExitCode {
    let result = match server {
        "echo" => echo(),
        "sink" => sink(),
        "daemon" => daemon(),
        "daemon-child" => daemon_child(),
        "daemon-grandchild" => stay(),
        "diary" => diary(),
        "leaver" => return ExitCode::from(3),
        "environment" => environment(),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    result.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// Sends back what it is sent.
fn echo() -> io::Result<()> {
    serve(|mut stream| {
        stream.set_nodelay(true)?;
        let mut bytes = [0; 4096];
        loop {
            match stream.read(&mut bytes)? {
                0 => return Ok(()),
                count => stream.write_all(&bytes[..count])?,
            }
        }
    })
}

/// Reads to the end and then says how much it was.
fn sink() -> io::Result<()> {
    serve(|mut stream| {
        let count = io::copy(&mut stream, &mut io::sink())?;
        stream.write_all(&count.to_le_bytes())
    })
}

fn serve(talk: fn(TcpStream) -> io::Result<()>) -> io::Result<()> {
    for stream in TcpListener::bind(("0.0.0.0", PORT))?.incoming() {
        let stream = stream?;
        thread::spawn(move || talk(stream));
    }
    Ok(())
}

/// Leaves a process behind that has left every group and session and ignores what can be ignored; and stays itself.
fn daemon() -> io::Result<()> {
    start("daemon-child")?.wait()?;
    stay()
}

fn daemon_child() -> io::Result<()> {
    setsid()?;
    start("daemon-grandchild").map(drop)
}

fn start(server: &str) -> io::Result<std::process::Child> {
    Command::new("/proc/self/exe").args([SERVER, server]).spawn()
}

fn stay() -> io::Result<()> {
    for stubborn in Signal::iterator() {
        // SAFETY: ignoring is no handler. Those that cannot be ignored are refused.
        let _ = unsafe { signal(stubborn, SigHandler::SigIgn) };
    }
    loop {
        pause();
    }
}

/// Writes a line to a file in its folder and stays.
fn diary() -> io::Result<()> {
    let mut diary = OpenOptions::new().create(true).append(true).open("diary")?;
    diary.write_all(b"started\n")?;
    stay()
}

/// Says what it sees of the world it was started in.
fn environment() -> io::Result<()> {
    let mask = nix::sys::signal::SigSet::thread_get_mask()?;
    println!("host {}", nix::unistd::gethostname()?.to_string_lossy());
    println!("pid {}", std::process::id());
    println!("blocked {}", mask.iter().count());
    println!(
        "processes {}",
        std::fs::read_dir("/proc")?.flatten().filter(is_process).count()
    );
    println!("descriptors {}", descriptors() == descriptors_of_outer());
    println!("greeting {}", std::env::var("GREETING").unwrap_or_default());
    eprintln!("privileges {}", privileges()?);
    stay()
}

/// The variable that tells how many descriptors the outer process was given.
pub(crate) const DESCRIPTORS: &str = "LAB_TEST_DESCRIPTORS";

pub(crate) fn descriptors_of_outer() -> usize {
    std::env::var(DESCRIPTORS)
        .expect("the outer process tells")
        .parse()
        .expect("a number")
}

/// How many descriptors this process has, besides the one to find that out.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("/proc is mounted")
        .count()
        - 1
}

fn is_process(entry: &std::fs::DirEntry) -> bool {
    entry
        .file_name()
        .to_str()
        .is_some_and(|name| name.parse::<u32>().is_ok())
}

fn privileges() -> io::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.map(|set| set.trim().to_owned())
        .ok_or(io::ErrorKind::InvalidData.into())
}
