//! Plants bugs in a copy of the checker, one at a time, and looks whether the fuzz finds each.
//!
//! A mutant that does not compile, or whose text is not in the file exactly once, is an error: a list that has gone stale proves nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::bounded::{self, End};
use crate::planted;

/// So many histories each mutant has to survive to go unnoticed.
const HISTORIES: u64 = 200_000;

/// So many the checker as it is has to survive, to show that it is the mutants that are found.
const HISTORIES_FIRST: u64 = 20_000;

/// A mutant that takes longer for them is one that does not end.
const FUZZ_MAX: Duration = Duration::from_secs(600);

/// What the fuzz made of a mutant.
enum Finding {
    /// It disagreed on this history, counted from 1.
    Caught(u64),
    /// It did not come to an end.
    Endless,
    Unnoticed,
}

/// Runs those whose description contains one of `wanted`, or all; true if every one was caught.
pub fn run(wanted: &[&str]) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let copy = copied(&folder);
    let all = planted::all(&folder);
    let mutants: Vec<_> = all
        .iter()
        .filter(|mutant| wanted.is_empty() || wanted.iter().any(|word| mutant.what.contains(word)))
        .collect();
    assert!(
        matches!(fuzzed(&copy, HISTORIES_FIRST), Finding::Unnoticed),
        "the checker as it is must survive"
    );
    println!("| planted in | bug | found at history |\n|---|---|---|");
    let mut caught = 0;
    for mutant in &mutants {
        let path = copy.join(&mutant.file);
        let source = std::fs::read_to_string(&path).expect("the file is there");
        std::fs::write(&path, mutant.plant(&source)).expect("the copy is ours");
        let finding = fuzzed(&copy, HISTORIES);
        std::fs::write(&path, source).expect("the copy is ours");
        caught += usize::from(!matches!(finding, Finding::Unnoticed));
        let file = mutant.file.strip_prefix("src").unwrap_or(&mutant.file).display();
        println!("| `{file}` | {} | {finding} |", mutant.what);
    }
    println!("\n{caught} of {} planted bugs caught", mutants.len());
    std::fs::remove_dir_all(&copy).expect("the copy is ours");
    caught == mutants.len()
}

/// A copy of the crate that may be broken.
fn copied(folder: &Path) -> PathBuf {
    let copy = std::env::temp_dir().join(format!("histories-mutants-{}", std::process::id()));
    std::fs::create_dir_all(&copy).expect("the folder for temporary files is writable");
    for part in ["src", "tests", "examples"] {
        let done = Command::new("cp")
            .arg("-r")
            .arg(folder.join(part))
            .arg(&copy)
            .status();
        assert!(done.is_ok_and(|status| status.success()), "failed to copy {part}");
    }
    std::fs::write(copy.join("Cargo.toml"), MANIFEST).expect("the copy is ours");
    copy
}

/// The crate on its own, with no more than the fuzz needs.
const MANIFEST: &str = r#"[package]
name = "histories"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
hashbrown = { version = "0.17", default-features = false }
rustc-hash = "2"
serde = { version = "1", features = ["derive", "rc"] }
serde_json = { version = "1", features = ["preserve_order", "float_roundtrip", "raw_value"] }
thiserror = "2"

[dev-dependencies]
fastrand = "2"

[profile.dev]
debug = false

# Most mutants are found soon: it takes longer to compile than to run.
[profile.dev.package."*"]
opt-level = 2
"#;

/// What the fuzz makes of the copy as it is now; one that does not compile stops everything.
fn fuzzed(copy: &Path, histories: u64) -> Finding {
    let mut build = Command::new("cargo");
    build
        .current_dir(copy)
        .args(["build", "--quiet", "--example", "agree"]);
    let built = build.output().expect("cargo starts");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| copy.join("target"), PathBuf::from);
    let mut fuzz = Command::new(target.join("debug/examples/agree"));
    fuzz.arg(histories.to_string());
    let (end, out) = bounded::run(fuzz, FUZZ_MAX);
    match end {
        End::OutOfTime => Finding::Endless,
        End::Ended(status) if status.success() => Finding::Unnoticed,
        End::Ended(status) => {
            let number = out
                .lines()
                .find_map(|line| line.strip_prefix("history ")?.split(':').next()?.parse().ok());
            Finding::Caught(number.unwrap_or_else(|| panic!("the fuzz ended with {status}: {out}")))
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caught(number) => write!(f, "{number}"),
            Self::Endless => write!(f, "does not end"),
            Self::Unnoticed => write!(f, "NOT CAUGHT in {HISTORIES}"),
        }
    }
}
