//! Plants bugs in a copy of the checker, one at a time, and looks whether the fuzz finds each.
//!
//! `mutants/planted.txt` lists them: what is wrong, the file, the text that is replaced and the text that replaces it. A mutant that
//! does not compile, or whose text is not in the file exactly once, is an error: a list that has gone stale proves nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

/// So many histories each mutant has to survive to go unnoticed.
const HISTORIES: &str = "60000";

struct Mutant {
    what: String,
    file: String,
    from: String,
    to: String,
}

/// Runs those whose description contains one of `wanted`, or all; true if every one was caught.
pub fn run(wanted: &[&str]) -> bool {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let copy = copied(&crate_folder);
    let text =
        std::fs::read_to_string(crate_folder.join("mutants/planted.txt")).expect("the list is readable");
    let mut caught = 0;
    let mutants: Vec<Mutant> = text.split("\n====\n").filter_map(parsed).collect();
    let mutants: Vec<&Mutant> = mutants
        .iter()
        .filter(|mutant| wanted.is_empty() || wanted.iter().any(|word| mutant.what.contains(word)))
        .collect();
    assert!(fuzzed(&copy), "the checker as it is must survive");
    for mutant in &mutants {
        let path = copy.join(&mutant.file);
        let source = std::fs::read_to_string(&path).expect("the file is there");
        assert_eq!(source.matches(&mutant.from).count(), 1, "stale: {}", mutant.what);
        std::fs::write(&path, source.replacen(&mutant.from, &mutant.to, 1)).expect("the copy is ours");
        let survived = fuzzed(&copy);
        std::fs::write(&path, source).expect("the copy is ours");
        caught += u32::from(!survived);
        println!(
            "{}: {}",
            if survived { "NOT CAUGHT" } else { "caught" },
            mutant.what
        );
    }
    println!("{caught} of {} planted bugs caught", mutants.len());
    caught as usize == mutants.len()
}

fn parsed(block: &str) -> Option<Mutant> {
    let block = block.trim_end_matches('\n');
    let (head, rest) = block.split_once("\n----\n")?;
    let (from, to) = rest
        .split_once("\n----\n")
        .unwrap_or((rest.strip_suffix("\n----").unwrap_or(rest), ""));
    let (what, file) = head.trim_start().split_once('\n')?;
    let [what, file, from, to] = [what, file, from, to].map(str::to_owned);
    Some(Mutant { what, file, from, to })
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
opt-level = 1
"#;

/// Whether the fuzz finds nothing; a mutant that does not compile stops everything, and one that runs for ever counts as caught.
fn fuzzed(copy: &Path) -> bool {
    let cargo = |words: &[&str]| {
        let mut command = Command::new("cargo");
        command.current_dir(copy).args(words);
        command
    };
    let built = cargo(&["build", "--quiet", "--example", "agree"])
        .output()
        .expect("cargo starts");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| copy.join("target"), PathBuf::from);
    let program = target.join("debug/examples/agree");
    let ran = Command::new("timeout")
        .arg("900")
        .arg(program)
        .arg(HISTORIES)
        .output()
        .expect("the fuzz starts");
    ran.status.success()
}
