//! `tribunal check --model log`: the instance logs of all nodes of a cluster, judged together.

use std::fs;
use std::path::{Path, PathBuf};

use histories::instance_log::{Agreement, InstanceLog};

use crate::cli::Refusal;
use crate::cli::exit_code::{INVALID, VALID};
use crate::screen;

/// What the files are called in a folder: this, the node's rank, and [`SUFFIX`].
const PREFIX: &str = "instancelog";
const SUFFIX: &str = ".log";

/// Judges the logs in `paths`, files or folders of them, as those of the nodes of one cluster, and shows the table.
pub(super) fn judge(paths: &[PathBuf]) -> Result<u8, Refusal> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(logs_in(path)?);
        } else {
            files.push(path.clone());
        }
    }
    let logs = files
        .iter()
        .map(|file| read(file))
        .collect::<Result<Vec<_>, _>>()?;
    let agreement = Agreement::of(&logs);
    screen::print(&agreement.to_string())?;
    Ok(if agreement.holds() { VALID } else { INVALID })
}

fn read(path: &Path) -> Result<InstanceLog, Refusal> {
    let failed = |error: &dyn std::fmt::Display| Refusal::arguments(format!("{}: {error}", path.display()));
    let text = fs::read(path).map_err(|error| failed(&error))?;
    InstanceLog::parse(&text).map_err(|error| failed(&error))
}

/// The logs in `folder`, by rank.
fn logs_in(folder: &Path) -> Result<Vec<PathBuf>, Refusal> {
    let failed = |error| Refusal::arguments(format!("{}: {error}", folder.display()));
    let mut ranked = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(rank) = rank(&path) {
            ranked.push((rank, path));
        }
    }
    ranked.sort();
    if ranked.is_empty() {
        return Err(Refusal::arguments(format!(
            "{}: there is no {PREFIX}*{SUFFIX}",
            folder.display()
        )));
    }
    Ok(ranked.into_iter().map(|(_, path)| path).collect())
}

fn rank(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()
}
