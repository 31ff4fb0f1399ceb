//! What is left in the folder of a run for those who doubt its verdict, or want to understand it: derived from its record and its
//! results, and never read again by a run.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};

use histories::format::certificate;
use histories::history::Time;
use histories::report::page::{Finding, Page};
use histories::report::{Band, Scene};
use histories::{Anomaly, History};

use crate::judge;
use crate::results::Results;
use crate::store::RunFolder;
use crate::testimony::FaultRecord;
use crate::workload::Workload;

/// So many findings are drawn.
pub const SCENES_MAX: usize = 5;

/// Writes the history in Jepsen's form, the certificates if there are any, and the page.
///
/// # Errors
/// When the journal cannot be read, or a file cannot be written.
pub fn write(folder: &RunFolder, results: &Results) -> io::Result<()> {
    judge::export(&folder.journal(), &folder.edn())?;
    write_certificates(folder, results)?;
    fs::write(folder.report(), page(folder, results)?.html())
}

/// The scene of each of the first findings, where operations prove it.
///
/// # Errors
/// When the journal cannot be read.
pub fn scenes(folder: &RunFolder, results: &Results) -> io::Result<Vec<Option<Scene>>> {
    let told = &results.anomalies[..results.anomalies.len().min(SCENES_MAX)];
    if told.iter().all(|anomaly| anomaly.ops.is_empty()) {
        return Ok(told.iter().map(|_| None).collect());
    }
    let journal = BufReader::new(File::open(folder.journal())?);
    let history = History::parse(journal, "journal.jsonl")
        .map_err(io::Error::other)?
        .history;
    let bands = bands(results);
    let scene = |anomaly: &Anomaly| Scene::of(&history, anomaly, &bands);
    Ok(told.iter().map(scene).collect())
}

/// The faults as they happened.
fn bands(results: &Results) -> Vec<Band> {
    let done = results.faults.iter().filter(|fault| fault.skipped.is_none());
    let band = |fault: &FaultRecord| {
        let nodes: Vec<&str> = fault.nodes.iter().map(|node| node.as_str()).collect();
        Band {
            name: format!("{} of {}", fault.fault, nodes.join(" ")),
            from: Time(fault.begin_ns),
            to: Time(fault.end_ns),
        }
    };
    done.map(band).collect()
}

fn page(folder: &RunFolder, results: &Results) -> io::Result<Page> {
    let findings = results.anomalies.iter().zip(scenes(folder, results)?);
    let findings = findings.map(|(anomaly, scene)| Finding {
        kind: anomaly.kind.name().to_owned(),
        sentence: anomaly.sentence.clone(),
        scene,
    });
    let nemesis = match &results.nemesis[..] {
        [] => "nothing".to_owned(),
        some => some.join(" + "),
    };
    Ok(Page {
        title: format!(
            "{} under {nemesis}, workload {}",
            results.system, results.workload
        ),
        verdict: results.verdict.clone(),
        reason: results.reason.clone(),
        findings: findings.collect(),
        more: results.anomalies.len().saturating_sub(SCENES_MAX),
        facts: facts(folder, results),
    })
}

fn facts(folder: &RunFolder, results: &Results) -> Vec<(String, String)> {
    let ops = results.ops;
    let mut facts = vec![
        (
            "operations",
            format!(
                "{}: {} ok, {} fail, {} info",
                ops.invoked, ops.ok, ops.fail, ops.info
            ),
        ),
        (
            "faults",
            format!(
                "{}, {} seen to hold",
                results.faults.len(),
                results.faults.iter().filter(|fault| fault.verified).count()
            ),
        ),
        ("world", results.world.clone()),
        ("seed", results.seed.to_string()),
        ("commit", results.commit.clone()),
    ];
    facts.extend(results.flaw.iter().map(|flaw| ("flaw", flaw.clone())));
    facts.extend(results.reads.iter().map(|reads| ("reads", reads.clone())));
    facts.extend(results.excuse.iter().map(|excuse| ("excused", excuse.clone())));
    for checker in &results.checkers {
        let certified = if checker.certificate {
            ", its certificate verified"
        } else {
            ""
        };
        facts.push((
            "checked",
            format!(
                "{}: {}, {} keys in {:.1} ms{certified}",
                checker.name, checker.verdict, checker.checked_keys, checker.ms
            ),
        ));
    }
    facts.push(("record", folder.path().display().to_string()));
    facts.push(("again", format!("tribunal replay {}", folder.path().display())));
    facts
        .into_iter()
        .map(|(name, fact)| (name.to_owned(), fact))
        .collect()
}

fn write_certificates(folder: &RunFolder, results: &Results) -> io::Result<()> {
    let Some(workload) = Workload::named(&results.workload).filter(|_| !results.certificates.is_empty())
    else {
        return Ok(());
    };
    let out = BufWriter::new(File::create(folder.certificate())?);
    certificate::write(out, workload.model(), results.ops.invoked, &results.certificates)
}
