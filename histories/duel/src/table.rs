//! Both beside each other.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use crate::bounded::{self, End};
use crate::families;
use crate::measure::PEER_SECONDS_MAX;

/// More address space than this nobody is given, in kilobytes.
const KILOBYTES_MAX: u64 = 5_000_000;

/// A process is ended after the peer's time and this, for generating, for what the peer takes beyond its time, and for repetitions.
const GRACE: Duration = Duration::from_secs(20);

/// The ratios count where the peer takes so long at least.
const COUNTS_FROM_US: f64 = 100_000.0;

/// What became of one measurement.
#[derive(Debug, Clone)]
enum Measured {
    Decided(Figures),
    /// It did not decide, and why.
    GaveUp(&'static str),
}

#[derive(Debug, Clone)]
struct Figures {
    verdict: String,
    us: f64,
    kilobytes: f64,
    /// In which the certificates were verified.
    verify_us: f64,
    /// How many operations each proof has.
    proofs: Vec<u64>,
}

/// What the whole table comes to.
#[derive(Debug, Default)]
struct Sum {
    ratios: Vec<f64>,
    memory_ratios: Vec<f64>,
    /// Of the judgements with certificates: the time of the verification as a part of the time of the judgement.
    verifications: Vec<f64>,
    proofs: Vec<u64>,
    given_up: u32,
    decided: u32,
}

/// Measures the families whose names contain one of `wanted`, or all, and prints the table.
pub fn print(wanted: &[&str]) {
    println!(
        "| history | verdict | ours | memory | proof | verified in | porcupine-rs 0.3.0 | memory | time ratio | memory ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut sum = Sum::default();
    for family in families::all() {
        if wanted.is_empty() || wanted.iter().any(|word| family.name.contains(word)) {
            let (ours, peer) = (measure("own", &family.name), measure("peer", &family.name));
            println!("| {} | {} |", family.name, row(&ours, &peer));
            sum.add(&family.name, &ours, &peer);
        }
    }
    sum.print();
}

fn row(ours: &Measured, peer: &Measured) -> String {
    let verdict = match ours {
        Measured::Decided(figures) => figures.verdict.as_str(),
        Measured::GaveUp(why) => why,
    };
    let proof = match ours {
        Measured::Decided(Figures { proofs, .. }) if !proofs.is_empty() => format!("{} ops", median(proofs)),
        Measured::Decided(_) | Measured::GaveUp(_) => String::new(),
    };
    let verified = match ours {
        Measured::Decided(figures) if figures.verdict == "valid" => time(figures.verify_us),
        Measured::Decided(_) | Measured::GaveUp(_) => String::new(),
    };
    let (time_ratio, memory_ratio) = match (ours, peer) {
        (Measured::Decided(ours), Measured::Decided(peer)) => (
            format!("{:.0}", ours.time_ratio(peer)),
            format!("{:.0}", ours.memory_ratio(peer)),
        ),
        (Measured::Decided(ours), Measured::GaveUp(_)) => (
            format!("> {:.0}", PEER_SECONDS_MAX as f64 * 1e6 / ours.us.max(1.0)),
            String::new(),
        ),
        (Measured::GaveUp(_), _) => (String::new(), String::new()),
    };
    format!(
        "{verdict} | {} | {proof} | {verified} | {} | {time_ratio} | {memory_ratio}",
        ours.cells(),
        peer.cells()
    )
}

impl Measured {
    fn cells(&self) -> String {
        match self {
            Self::Decided(figures) => format!("{} | {}", time(figures.us), memory(figures.kilobytes)),
            Self::GaveUp(why) => format!("{why} | "),
        }
    }
}

impl Figures {
    fn time_ratio(&self, peer: &Self) -> f64 {
        peer.us / self.us.max(1.0)
    }

    /// Less than a hundred kilobytes cannot be told from nothing.
    fn memory_ratio(&self, peer: &Self) -> f64 {
        peer.kilobytes / self.kilobytes.max(100.0)
    }
}

impl Sum {
    fn add(&mut self, name: &str, ours: &Measured, peer: &Measured) {
        if let Measured::Decided(ours) = ours {
            self.proofs.extend(&ours.proofs);
            if ours.verdict == "valid" {
                self.verifications.push(ours.verify_us / ours.us.max(1.0));
            }
        }
        match (ours, peer) {
            (Measured::Decided(ours), Measured::Decided(peer)) => {
                assert_eq!(ours.verdict, peer.verdict, "{name}: they disagree");
                if peer.us >= COUNTS_FROM_US {
                    self.ratios.push(ours.time_ratio(peer));
                    self.memory_ratios.push(ours.memory_ratio(peer));
                }
            }
            (_, Measured::GaveUp(_)) => {
                self.given_up += 1;
                self.decided += u32::from(matches!(ours, Measured::Decided(_)));
            }
            (Measured::GaveUp(_), Measured::Decided(_)) => self.ratios.push(0.0),
        }
    }

    fn print(&self) {
        let least = |ratios: &[f64]| ratios.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "\n{} histories cost the peer 100 ms or more and were decided by it. Time: geometric mean {:.0}x, at least {:.0}x. Memory: \
             geometric mean {:.0}x, at least {:.0}x.",
            self.ratios.len(),
            mean(&self.ratios),
            least(&self.ratios),
            mean(&self.memory_ratios),
            least(&self.memory_ratios),
        );
        println!(
            "The peer gave up on {}, of which {} were decided ({:.0} %).",
            self.given_up,
            self.decided,
            f64::from(self.decided) * 100.0 / f64::from(self.given_up.max(1)),
        );
        println!(
            "{} proofs: median {} operations, at most {}. Verifying certificates took {:.0} % of the time of the judgement in the \
             geometric mean, and {:.0} % at most.",
            self.proofs.len(),
            median(&self.proofs),
            self.proofs.iter().max().unwrap_or(&0),
            mean(&self.verifications) * 100.0,
            self.verifications.iter().copied().fold(0.0, f64::max) * 100.0,
        );
    }
}

fn mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len().max(1) as f64).exp()
}

fn median(numbers: &[u64]) -> u64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

fn time(us: f64) -> String {
    match us {
        us if us < 1_000.0 => format!("{us:.0} us"),
        us if us < 1_000_000.0 => format!("{:.1} ms", us / 1_000.0),
        us => format!("{:.1} s", us / 1_000_000.0),
    }
}

fn memory(kilobytes: f64) -> String {
    format!("{:.1} MB", kilobytes / 1024.0)
}

/// Runs `duel WHO NAME` within bounds.
fn measure(who: &str, name: &str) -> Measured {
    let exe = std::env::current_exe().expect("a process knows its program");
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -v {KILOBYTES_MAX}; exec \"$0\" \"$@\"")])
        .arg(exe)
        .args([who, name]);
    let (end, text) = bounded::run(command, Duration::from_secs(PEER_SECONDS_MAX) + GRACE);
    let fields: Vec<&str> = text.split_whitespace().collect();
    match end {
        End::OutOfTime => Measured::GaveUp("out of time"),
        // That is how a program ends that is given no more memory.
        End::Ended(status) if status.signal() == Some(SIGABRT) => Measured::GaveUp("out of memory"),
        End::Ended(status) => {
            assert!(status.success(), "{who} on {name} ended with {status}");
            read(&fields)
        }
    }
}

const SIGABRT: i32 = 6;

fn read(fields: &[&str]) -> Measured {
    let number = |place: usize| {
        fields
            .get(place)
            .map_or(0.0, |field| field.parse().expect("a number"))
    };
    match fields[0] {
        "unknown" => Measured::GaveUp("out of time"),
        verdict => Measured::Decided(Figures {
            verdict: verdict.to_owned(),
            us: number(1),
            kilobytes: number(2),
            verify_us: number(3),
            proofs: fields
                .iter()
                .skip(4)
                .map(|field| field.parse().expect("a number"))
                .collect(),
        }),
    }
}
