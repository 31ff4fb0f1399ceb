//! What is expected of histories: lines of a path, a tab, and `ok` or `illegal`.

use std::path::{Path, PathBuf};

use crate::cli::Refusal;

/// What is expected of a file.
#[derive(Debug)]
pub(super) struct Expectation {
    pub(super) path: PathBuf,
    pub(super) verdict: &'static str,
}

/// The expectations in `file`, whose paths are relative to it.
pub(super) fn read(file: &Path) -> Result<Vec<Expectation>, Refusal> {
    let unreadable = |error| Refusal::arguments(format!("failed to read {}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| expectation(line, folder, file, number + 1))
        .collect()
}

fn expectation(line: &str, folder: &Path, file: &Path, number: usize) -> Result<Expectation, Refusal> {
    let (path, verdict) = line.split_once('\t').unwrap_or((line, ""));
    let verdict = match verdict.trim() {
        "ok" => "valid",
        "illegal" => "invalid",
        other => {
            let place = format!("{} line {number}", file.display());
            return Err(Refusal::arguments(format!(
                "{place}: {other:?} is neither ok nor illegal"
            )));
        }
    };
    Ok(Expectation {
        path: folder.join(path),
        verdict,
    })
}
