//! From what was recorded to the verdict: the journal is parsed, every checker of the workload judges it, and what the interpreter saw
//! beside the operations is weighed.

mod contact;
mod patience;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter};
use std::path::Path;
use std::time::Duration;

use histories::checker::availability::{self, Outage, Recovery};
use histories::checker::certificate::Certificate;
use histories::checker::progress::{Progress, Window, WindowSet};
use histories::checker::{Checker, Limits, Report};
use histories::format::edn;
use histories::history::{Ending, Time};
use histories::verify::{Doubt, verify};
use histories::{Anomaly, AnomalyKind, History, ModelName, Verdict};
use nemesis::{Family, catalogue};
use systems::NodeId;

use self::contact::Silence;
use self::patience::Patience;
use crate::adapter;
use crate::faults::FINAL_KILL;
use crate::oracle::Examination;
use crate::results::{Cause, CheckerResult, Durations, FORMAT, OkCount, OpCounts, OutcomeCounts, Results};
use crate::test::{Test, WorldKind};
use crate::testimony::{Departure, FaultRecord, LastReads, PrimaryKill, Testimony};
use crate::workload::Workload;

/// What is said of a cluster that has no copy to spare when everything has been healed.
const NOT_WHOLE: &str = "within the recovery bound after everything had been healed, no primary had a successor that could take over";

/// What the oracles are called among the checkers.
pub const ORACLES: &str = "oracles";

/// What is said of a run that somebody ended.
const ENDED_EARLY: &str = "the run was ended before its time; nothing was read back";

/// A verdict, and to which misfortune it belongs when it is not valid.
#[derive(Debug)]
struct Finding {
    verdict: Verdict,
    cause: Cause,
}

/// Looks inside the system, if it can be looked into: what its oracles found, in the light of the history and of when all was quiet.
pub type Inside<'a> = dyn FnMut(&History, Option<Window>) -> Option<Examination> + 'a;

/// Judges the journal at `path` of a run of `test`, in the light of `testimony`.
///
/// # Errors
/// When the journal cannot be read or is none: the harness wrote it, so that is its failure.
pub fn judge(
    test: &Test,
    testimony: &Testimony,
    path: &Path,
    inside: &mut Inside<'_>,
) -> io::Result<Results> {
    let name = path.display().to_string();
    judge_named(test, testimony, BufReader::new(File::open(path)?), &name, inside)
}

/// Judges a record of a run of `test` that is in no file.
///
/// # Errors
/// When it is none: the harness wrote it, so that is its failure.
pub fn judge_record(
    test: &Test,
    testimony: &Testimony,
    record: impl BufRead,
    inside: &mut Inside<'_>,
) -> io::Result<Results> {
    judge_named(test, testimony, record, "the record", inside)
}

fn judge_named(
    test: &Test,
    testimony: &Testimony,
    record: impl BufRead,
    name: &str,
    inside: &mut Inside<'_>,
) -> io::Result<Results> {
    let patience = Patience::of(test.world);
    let history = History::parse(record, name).map_err(io::Error::other)?.history;
    let windows = windows(testimony);
    let progress = Progress::of(&history, &windows);
    let workload = Workload::named(&test.workload).expect("a test's workload was looked up before it ran");
    let mut certificates = Vec::new();
    let (mut checkers, judged) = check(&history, workload, test.world, &mut certificates);
    let (looked, broken) = look_inside(&history, testimony, test.world, inside).unzip();
    checkers.extend(looked);
    // Of two violations the one that clients saw is told first.
    let mut findings: Vec<Finding> = broken.into_iter().chain(judged).collect();
    findings.push(Finding {
        verdict: progress.verdict,
        cause: Cause::Vacuous,
    });
    findings.push(unchanged(test, testimony));
    findings.push(unverified(testimony));
    findings.push(interrupted(testimony));
    findings.push(unavailable(testimony));
    findings.extend(uneven(testimony));
    let mut results = blank(test, testimony);
    results.certificates = certificates;
    results.checkers = checkers;
    results.under_fault = progress
        .under_any
        .iter()
        .map(|(f, tally)| (f.name().to_owned(), OkCount { ok: tally.ok }))
        .collect();
    count(&history, &mut results);
    weigh_availability(&history, testimony, &mut results);
    findings.extend(silent(test, &history, testimony, &mut results));
    conclude(findings, &mut results);
    results.durations_ms.check = patience.ms();
    Ok(results)
}

/// The results of a run that `error` kept from being judged: a failure of the harness, unless somebody wanted it to end.
#[must_use]
pub fn not_judged(test: &Test, error: &io::Error) -> Results {
    let (cause, reason) = match error.kind() {
        io::ErrorKind::Interrupted => (Cause::Interrupted, ENDED_EARLY.to_owned()),
        _ => (Cause::Harness, error.to_string()),
    };
    let mut results = blank(test, &Testimony::default());
    results.verdict = "unknown".to_owned();
    results.cause = Some(cause);
    results.reason = Some(reason);
    results
}

/// Writes the journal at `journal` in Jepsen's form to `file`.
///
/// # Errors
/// When one cannot be read or the other cannot be written.
pub fn export(journal: &Path, file: &Path) -> io::Result<()> {
    let input = BufReader::new(File::open(journal)?);
    let out = BufWriter::new(File::create(file)?);
    let name = journal.display().to_string();
    // What is passed over is said where the journal is judged.
    edn::export(input, &name, out).map(drop).map_err(io::Error::other)
}

/// When something was wrong, one set a family.
fn windows(testimony: &Testimony) -> Vec<WindowSet> {
    let mut sets: BTreeMap<&str, Vec<Window>> = BTreeMap::new();
    for fault in testimony.faults.iter().filter(|fault| fault.skipped.is_none()) {
        let window = Window {
            from: Time(fault.begin_ns),
            to: Time(fault.end_ns),
        };
        sets.entry(&fault.family).or_default().push(window);
    }
    sets.into_iter()
        .map(|(name, windows)| WindowSet {
            name: name.to_owned(),
            windows,
        })
        .collect()
}

/// What every checker says; the certificates of those that leave some are verified, and added to `certificates`.
fn check(
    history: &History,
    workload: Workload,
    world: WorldKind,
    certificates: &mut Vec<Certificate>,
) -> (Vec<CheckerResult>, Vec<Finding>) {
    let judge = |checker: Box<dyn Checker>| {
        let patience = Patience::of(world);
        let may_go_on = || patience.lasts();
        let limits = Limits {
            may_go_on: &may_go_on,
            ..Limits::patient()
        };
        let mut report = checker.check(history, &limits);
        let verified = verified(&report, history, workload.model());
        let mut result = CheckerResult {
            name: report.name.to_owned(),
            verdict: report.verdict.name().to_owned(),
            ms: patience.ms(),
            checked_keys: report.checked_keys,
            certificate: verified == Some(Ok(())),
        };
        let (verdict, cause) = match (verified, report.verdict) {
            (Some(Err(doubt)), _) => (Verdict::Unknown(doubtful(&doubt)), Cause::Harness),
            (_, Verdict::Unknown(reason)) => (Verdict::Unknown(reason), Cause::CheckerLimit),
            (_, decided @ (Verdict::Valid | Verdict::Invalid(_))) => (decided, Cause::Violation),
        };
        verdict.name().clone_into(&mut result.verdict);
        if result.certificate {
            certificates.append(&mut report.certificates);
        }
        (result, Finding { verdict, cause })
    };
    workload.checkers().into_iter().map(judge).unzip()
}

/// What is said of a verdict that its own certificate does not bear out.
pub(crate) fn doubtful(doubt: &Doubt) -> String {
    format!(
        "the checker found an order that does not explain the history: {doubt}; this is an error of the checker, please report it"
    )
}

/// Whether the certificates of a valid report hold; none if it has none.
fn verified(report: &Report, history: &History, model: ModelName) -> Option<Result<(), Doubt>> {
    match report.verdict {
        Verdict::Valid if !report.certificates.is_empty() => {
            Some(verify(history, model, &report.certificates))
        }
        Verdict::Valid | Verdict::Invalid(_) | Verdict::Unknown(_) => None,
    }
}

/// What the oracles say, as if they were one checker more; objects are events to them.
fn look_inside(
    history: &History,
    testimony: &Testimony,
    world: WorldKind,
    inside: &mut Inside<'_>,
) -> Option<(CheckerResult, Finding)> {
    let patience = Patience::of(world);
    let Examination { events, anomalies } = inside(history, quiet(testimony))?;
    let verdict = if anomalies.is_empty() {
        Verdict::Valid
    } else {
        Verdict::Invalid(anomalies)
    };
    let result = CheckerResult {
        name: ORACLES.to_owned(),
        verdict: verdict.name().to_owned(),
        ms: patience.ms(),
        checked_keys: events,
        certificate: false,
    };
    let cause = Cause::Violation;
    Some((result, Finding { verdict, cause }))
}

/// From the healing of everything to the death of the primary.
fn quiet(testimony: &Testimony) -> Option<Window> {
    let healed = &testimony.aftermath.healed;
    let from = u64::try_from(healed.begin.as_nanos()).ok()?;
    let took = u64::try_from(healed.took.as_nanos()).ok()?;
    let (from, to) = (Time(from), Time(from + took));
    (!testimony.interrupted).then_some(Window { from, to })
}

/// A run in which nothing but the members was to change, and they did not, shows nothing.
fn unchanged(test: &Test, testimony: &Testimony) -> Finding {
    let of_members = |name: &String| {
        let named = catalogue().iter().find(|nemesis| nemesis.name == name);
        named.is_some_and(|nemesis| nemesis.family == Family::Membership)
    };
    let faults = || testimony.faults.iter().filter(|fault| fault.fault != FINAL_KILL);
    let changes = |fault: &FaultRecord| fault.family == Family::Membership.name();
    let asked = !test.nemesis.is_empty() && test.nemesis.iter().all(of_members);
    let only = asked || (faults().next().is_some() && faults().all(changes));
    let verdict = if only && !faults().any(|fault| fault.verified) {
        Verdict::Unknown("the members were to change, and never did".to_owned())
    } else {
        Verdict::Valid
    };
    Finding {
        verdict,
        cause: Cause::Vacuous,
    }
}

/// A fault that was not seen to hold shows nothing.
fn unverified(testimony: &Testimony) -> Finding {
    let missed: Vec<String> = testimony
        .faults
        .iter()
        .filter(|fault| fault.skipped.is_none() && !fault.verified)
        .map(|fault| {
            let seen = fault.seen_instead.as_deref().unwrap_or("nothing was seen of it");
            format!("fault {} ({}) did not hold: {seen}", fault.id, fault.fault)
        })
        .collect();
    let verdict = if missed.is_empty() {
        Verdict::Valid
    } else {
        Verdict::Unknown(missed.join("; "))
    };
    Finding {
        verdict,
        cause: Cause::UnverifiedFault,
    }
}

fn interrupted(testimony: &Testimony) -> Finding {
    let verdict = if testimony.interrupted {
        Verdict::Unknown(ENDED_EARLY.to_owned())
    } else {
        Verdict::Valid
    };
    Finding {
        verdict,
        cause: Cause::Interrupted,
    }
}

/// Not answering is held against a system that claims to answer.
fn unavailable(testimony: &Testimony) -> Finding {
    let mut anomalies: Vec<Anomaly> = testimony.departures.iter().map(departed).collect();
    let aftermath = &testimony.aftermath;
    if aftermath.excuse.is_none() && !testimony.interrupted {
        anomalies.extend(unread(&aftermath.healed, "everything had been healed"));
        match &aftermath.primary_killed {
            PrimaryKill::NotReached | PrimaryKill::Spared => {}
            PrimaryKill::NoneExpendable => {
                anomalies.push(sentence(AnomalyKind::Unavailable, NOT_WHOLE.to_owned()))
            }
            PrimaryKill::Killed(reads) => anomalies.extend(unread(reads, "the primary had been killed")),
        }
    }
    let verdict = if anomalies.is_empty() {
        Verdict::Valid
    } else {
        Verdict::Invalid(anomalies)
    };
    Finding {
        verdict,
        cause: Cause::Unavailable,
    }
}

/// Nodes that were waited for come equally far.
fn uneven(testimony: &Testimony) -> Option<Finding> {
    let level = testimony.aftermath.level.as_ref()?;
    if level.is_even() || testimony.interrupted {
        return None;
    }
    let counts: Vec<String> = level
        .applied
        .iter()
        .map(|(node, count)| format!("{node} {count}"))
        .collect();
    let text = format!(
        "the nodes had not applied equally much of the log {:.1} s after everything had been healed and read: {}",
        level.waited.as_secs_f64(),
        counts.join(", ")
    );
    Some(Finding {
        verdict: Verdict::Invalid(vec![sentence(AnomalyKind::DivergentState, text)]),
        cause: Cause::Violation,
    })
}

/// A majority that is in touch is to answer, if the system says so.
fn silent(test: &Test, history: &History, testimony: &Testimony, results: &mut Results) -> Option<Finding> {
    let system = adapter::system(&test.system)?;
    let enough = system.claims().enough(test.nodes)?;
    let end = Time(u64::try_from((testimony.load + testimony.recover).as_nanos()).ok()?);
    let contacts = contact::contacts(&testimony.faults, &system.roster(test.nodes), enough, end);
    let silence = contact::longest_silence(&availability::outages(history), &contacts)?;
    let length_ns = silence.outage.length_ns();
    results.longest_silence_in_touch_ns = Some(length_ns);
    let bound = test.answers_within(system.claims());
    let too_long = bound < Duration::from_nanos(length_ns) && !testimony.interrupted;
    too_long.then(|| Finding {
        verdict: Verdict::Invalid(vec![sentence(AnomalyKind::Unavailable, told(&silence, bound))]),
        cause: Cause::Unavailable,
    })
}

fn told(silence: &Silence, bound: Duration) -> String {
    let names: Vec<String> = silence.contact.nodes.iter().map(NodeId::to_string).collect();
    let Outage { from, to } = silence.outage;
    let seconds = |Time(ns)| ns as f64 / 1e9;
    format!(
        "nobody was answered from {:.3} s to {:.3} s, though {} were up and in touch with each other and the clients from {:.3} s to {:.3} s; the system claims to answer within {:.1} s",
        seconds(from),
        seconds(to),
        names.join(", "),
        seconds(silence.contact.window.from),
        seconds(silence.contact.window.to),
        bound.as_secs_f64()
    )
}

fn departed(departure: &Departure) -> Anomaly {
    let Departure { node, status, at } = departure;
    sentence(
        AnomalyKind::Departed,
        format!(
            "{node} left by itself at {:.3} s ({status}); see {node}/stderr.log",
            at.as_secs_f64()
        ),
    )
}

fn unread(reads: &LastReads, since: &str) -> Option<Anomaly> {
    let first = reads.unread.first()?;
    let text = format!(
        "{} of the last reads were not answered within {:.1} s after {since}, that of {first} among them",
        reads.unread.len(),
        reads.took.as_secs_f64()
    );
    Some(Anomaly {
        key: Some(first.to_string()),
        ..sentence(AnomalyKind::Unavailable, text)
    })
}

fn sentence(kind: AnomalyKind, sentence: String) -> Anomaly {
    Anomaly {
        kind,
        key: None,
        ops: Vec::new(),
        sentence,
    }
}

fn count(history: &History, results: &mut Results) {
    let mut by_f: BTreeMap<String, OutcomeCounts> = BTreeMap::new();
    for operation in history.operations() {
        let counts = by_f.entry(operation.f.name().to_owned()).or_default();
        match operation.ending {
            Ending::Ok(_) => counts.ok += 1,
            Ending::Fail { .. } => counts.fail += 1,
            Ending::Info { .. } | Ending::Unfinished => counts.info += 1,
        }
    }
    let sum = |count: fn(&OutcomeCounts) -> u64| by_f.values().map(count).sum();
    let invoked = history.operations().len() as u64;
    results.ops = OpCounts {
        invoked,
        ok: sum(|c| c.ok),
        fail: sum(|c| c.fail),
        info: sum(|c| c.info),
    };
    results.by_f = by_f;
}

fn weigh_availability(history: &History, testimony: &Testimony, results: &mut Results) {
    let ends: Vec<Window> = testimony
        .faults
        .iter()
        .map(|fault| Window {
            from: Time(fault.begin_ns),
            to: Time(fault.end_ns),
        })
        .collect();
    results.recovery_ns = availability::recoveries(history, &ends)
        .into_iter()
        .map(|recovery| match recovery {
            Recovery::After(ns) => Some(ns),
            Recovery::NotWithin(_) | Recovery::Untried => None,
        })
        .collect();
    results.longest_unavailable_ns =
        availability::longest_outage(history).map_or(0, |outage| outage.length_ns());
}

/// The worst finding decides; among equals the one that weighs most, in the order of the causes.
fn conclude(findings: Vec<Finding>, results: &mut Results) {
    let rank = |finding: &Finding| match finding.verdict {
        Verdict::Invalid(_) => 2,
        Verdict::Unknown(_) => 1,
        Verdict::Valid => 0,
    };
    let worst = findings
        .iter()
        .max_by_key(|finding| (rank(finding), std::cmp::Reverse(finding.cause)));
    if let Some(worst) = worst.filter(|worst| 0 < rank(worst)) {
        results.cause = Some(worst.cause);
        results.reason = reason(&worst.verdict);
        results.verdict = worst.verdict.name().to_owned();
    }
    for finding in findings {
        if let Verdict::Invalid(anomalies) = finding.verdict {
            results.anomalies.extend(anomalies);
        }
    }
    results.anomalies.sort_by_key(|anomaly| anomaly.kind.is_inside());
}

fn reason(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Valid => None,
        Verdict::Unknown(reason) => Some(reason.clone()),
        Verdict::Invalid(anomalies) => anomalies.first().map(|anomaly| anomaly.sentence.clone()),
    }
}

fn blank(test: &Test, testimony: &Testimony) -> Results {
    Results {
        format: FORMAT,
        system: test.system.clone(),
        workload: test.workload.clone(),
        nemesis: test.nemesis.clone(),
        world: test.world.name().to_owned(),
        seed: test.seed,
        flaw: test.flaw.clone(),
        reads: test.reads.clone(),
        commit: test.commit.clone(),
        verdict: "valid".to_owned(),
        cause: None,
        reason: None,
        ops: OpCounts::default(),
        by_f: BTreeMap::new(),
        under_fault: BTreeMap::new(),
        faults: testimony.faults.clone(),
        recovery_ns: Vec::new(),
        longest_unavailable_ns: 0,
        longest_silence_in_touch_ns: None,
        applied: testimony
            .aftermath
            .level
            .as_ref()
            .map(|level| level.applied.clone())
            .unwrap_or_default(),
        checkers: Vec::new(),
        certificates: Vec::new(),
        anomalies: Vec::new(),
        excuse: testimony.aftermath.excuse.clone(),
        durations_ms: Durations {
            load: ms(testimony.load),
            recover: ms(testimony.recover),
            ..Durations::default()
        },
    }
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}
