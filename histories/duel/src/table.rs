//! Both beside each other.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::families;
use crate::measure::PEER_SECONDS_MAX;

/// More address space than this the peer is not given, in kilobytes.
const PEER_KILOBYTES_MAX: u64 = 5_000_000;

/// A process is ended after its limit and this, for generating and parsing.
const GRACE: Duration = Duration::from_secs(30);

/// The ratios count where the peer takes so long at least.
const COUNTS_FROM_US: f64 = 100_000.0;

#[derive(Debug, Clone, Default)]
struct Measured {
    verdict: String,
    us: f64,
    kilobytes: f64,
    proof: u64,
}

/// Measures the families whose names contain one of `wanted`, or all, and prints the table.
pub fn print(wanted: &[&str]) {
    println!(
        "| history | verdict | ours | memory | proof | porcupine-rs 0.3.0 | memory | time ratio | memory ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let (mut ratios, mut given_up, mut decided) = (Vec::new(), 0, 0);
    for family in families::all() {
        if !wanted.is_empty() && !wanted.iter().any(|word| family.name.contains(word)) {
            continue;
        }
        let ours = measure("own", &family.name);
        let peer = measure("peer", &family.name);
        let has_given_up = !matches!(peer.verdict.as_str(), "valid" | "invalid");
        if has_given_up {
            given_up += 1;
            decided += u32::from(matches!(ours.verdict.as_str(), "valid" | "invalid"));
        } else {
            assert_eq!(ours.verdict, peer.verdict, "{}", family.name);
        }
        let ratio = peer.us / ours.us.max(1.0);
        if !has_given_up && peer.us >= COUNTS_FROM_US {
            ratios.push(ratio);
        }
        let bound = if has_given_up { ">" } else { "" };
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {bound}{ratio:.0} | {bound}{:.0} |",
            family.name,
            ours.verdict,
            time(ours.us),
            memory(ours.kilobytes),
            if ours.proof == 0 {
                String::new()
            } else {
                format!("{} ops", ours.proof)
            },
            if has_given_up {
                peer.verdict.clone()
            } else {
                time(peer.us)
            },
            memory(peer.kilobytes),
            peer.kilobytes / ours.kilobytes.max(100.0),
        );
    }
    let mean = (ratios.iter().map(|ratio: &f64| ratio.ln()).sum::<f64>() / ratios.len().max(1) as f64).exp();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    println!();
    println!(
        "{} histories cost the peer 100 ms or more: geometric mean {mean:.0}x, at least {least:.0}x. It gave up on {given_up}, of \
         which {decided} were decided.",
        ratios.len()
    );
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
    let script = format!("ulimit -v {PEER_KILOBYTES_MAX}; exec \"$0\" \"$@\"");
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .arg(exe)
        .args([who, name])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell starts");
    let limit = Duration::from_secs(PEER_SECONDS_MAX) + GRACE;
    let began = Instant::now();
    let mut verdict = "out of memory";
    while child.try_wait().expect("a child can be asked").is_none() {
        if began.elapsed() > limit {
            verdict = "out of time";
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("it has ended");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let fields: Vec<&str> = text.split_whitespace().collect();
    match fields[..] {
        ["unknown", us, kilobytes, _] => Measured {
            verdict: format!("gave up after {PEER_SECONDS_MAX} s"),
            us: us.parse().unwrap_or(0.0),
            kilobytes: kilobytes.parse().unwrap_or(0.0),
            proof: 0,
        },
        [verdict, us, kilobytes, proof] => Measured {
            verdict: verdict.to_owned(),
            us: us.parse().unwrap_or(0.0),
            kilobytes: kilobytes.parse().unwrap_or(0.0),
            proof: proof.parse().unwrap_or(0),
        },
        _ => Measured {
            verdict: verdict.to_owned(),
            us: began.elapsed().as_micros() as f64,
            kilobytes: PEER_KILOBYTES_MAX as f64,
            proof: 0,
        },
    }
}
