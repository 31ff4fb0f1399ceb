//! Every append exactly once, and in one order, whoever reads.
//!
//! For each list it compares all reads with the longest one and with the appends, in time linear in what was read but for the
//! sorting. It finds: acknowledged appends that a later read lacks (lost), tokens that stand twice (duplicate), that nobody appended
//! or nobody had yet (phantom), in part (partly applied), in an order that another read or real time forbids (reordered), that were
//! refused and yet appear, or were gone and came back (resurrected); and reads that merely lag (stale), which it calls so only if a
//! token that was not seen before is seen again after.

mod sightings;

use std::collections::BTreeSet;

use super::tokens::{Appended, Book, Read};
use super::watch::Watch;
use super::{Checker, Limits, Report, verdict_of};
use crate::history::{FOREVER, History};
use crate::values::Symbol;
use crate::verdict::{Anomaly, AnomalyKind, Verdict};
use sightings::Sightings;

/// The checker.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExactlyOnce;

/// More findings about one list are not told.
pub const ANOMALIES_PER_KEY_MAX: usize = 16;

/// So many reads that are no beginning of the longest one are looked at token by token.
const ODD_READS_MAX: usize = 32;

impl Checker for ExactlyOnce {
    fn name(&self) -> &'static str {
        "exactly-once"
    }

    fn check(&self, history: &History, limits: &Limits<'_>) -> Report {
        let mut verdicts = Vec::new();
        let mut checked_keys = 0;
        for (key, ids) in history.by_key() {
            if !(limits.may_go_on)() {
                verdicts.push(Verdict::Unknown(
                    "time ran out before exactly-once had seen all keys".to_owned(),
                ));
                break;
            }
            let watch = Watch::of(limits);
            let verdict = match Book::of(history, &ids, &watch) {
                Ok(_) if watch.is_up() => {
                    Verdict::Unknown("time ran out while its operations were gathered".to_owned())
                }
                Ok(book) => examine(&book),
                Err(mismatch) => Verdict::Unknown(mismatch.to_string()),
            };
            let place = key.map_or_else(String::new, |key| format!("key {key}: "));
            match verdict {
                Verdict::Unknown(reason) => verdicts.push(Verdict::Unknown(format!("{place}{reason}"))),
                verdict => {
                    checked_keys += 1;
                    verdicts.push(verdict);
                }
            }
        }
        Report {
            name: self.name(),
            verdict: verdict_of(verdicts),
            checked_keys,
            certificates: Vec::new(),
        }
    }
}

fn examine(book: &Book<'_>) -> Verdict {
    if let Some((first, second)) = book.reused {
        return Verdict::Unknown(format!(
            "{} and {} add the same token; whether it was applied once cannot be told",
            book.narrator.told(first),
            book.narrator.told(second)
        ));
    }
    let mut findings = Findings::default();
    findings.odd_reads(book);
    findings.times(book);
    findings.order(book);
    findings.verdict()
}

/// What was found about one list, each thing once.
#[derive(Debug, Default)]
struct Findings {
    anomalies: Vec<Anomaly>,
    told: BTreeSet<(AnomalyKind, Symbol)>,
    /// Tokens that some read lacks: to say so once is enough, and to find out more about each read would take long.
    missed: BTreeSet<Symbol>,
}

impl Findings {
    fn verdict(self) -> Verdict {
        if self.anomalies.is_empty() {
            Verdict::Valid
        } else {
            Verdict::Invalid(self.anomalies)
        }
    }

    fn is_full(&self) -> bool {
        self.anomalies.len() >= ANOMALIES_PER_KEY_MAX
    }

    fn add(&mut self, token: Symbol, anomaly: Anomaly) {
        if !self.is_full() && self.told.insert((anomaly.kind, token)) {
            self.anomalies.push(anomaly);
        }
    }

    /// Reads that are wrong in themselves, or no beginning of the longest one.
    fn odd_reads(&mut self, book: &Book<'_>) {
        let Some(reference) = book.reference.map(|place| book.reads[place]) else {
            return;
        };
        for (token, defect) in book.defects(reference) {
            self.add(token, defect);
        }
        let odd = book
            .reads
            .iter()
            .filter(|read| !reference.tokens.starts_with(read.tokens));
        for &read in odd.take(ODD_READS_MAX) {
            for (token, defect) in book.defects(read) {
                self.add(token, defect);
            }
            let parting = read
                .tokens
                .iter()
                .zip(reference.tokens)
                .find(|(mine, theirs)| mine != theirs);
            if let Some((anomaly, (&token, _))) = book.diverged(read, reference).zip(parting) {
                self.add(token, anomaly);
            }
        }
    }

    /// Tokens in another order than their appends were made; those that are not there would have to come last.
    fn order(&mut self, book: &Book<'_>) {
        let mut latest: Option<Appended> = None;
        let is_first = |&(position, token): &(usize, &Symbol)| book.token(*token).position == Some(position);
        let there = book
            .order()
            .iter()
            .enumerate()
            .filter(is_first)
            .filter_map(|(_, &token)| book.append(token));
        for append in there.chain(book.unseen()) {
            if let Some(other) = latest.filter(|other| append.ret < other.call) {
                self.add(append.token, book.overtaken(append, other));
            }
            if latest.is_none_or(|latest| append.call > latest.call) {
                latest = Some(append);
            }
        }
    }

    /// Each read against real time: it must have no token from later, and lack none from before.
    fn times(&mut self, book: &Book<'_>) {
        let sightings = Sightings::of(book);
        for &read in &book.reads {
            if self.is_full() {
                return;
            }
            if book.order().starts_with(read.tokens) {
                self.beginning(book, &sightings, read);
            }
        }
        let odd = book
            .reads
            .iter()
            .filter(|read| !book.order().starts_with(read.tokens));
        for &read in odd.take(ODD_READS_MAX) {
            self.odd_read(book, read);
        }
        self.unseen(book);
    }

    /// A read that is a beginning of the longest one.
    fn beginning(&mut self, book: &Book<'_>, sightings: &Sightings, read: Read<'_>) {
        if let Some(append) = sightings.called_after(read) {
            self.add(append.token, book.foreseen(read, append));
        }
        if let Some(before) = sightings.longer_before(book, read) {
            self.vanished(book, before, read);
        } else if let Some(append) = sightings.acknowledged_before(read) {
            self.missing(book, append, read);
        }
    }

    /// A read that lacks what an earlier one has: if it comes back, it was resurrected.
    fn vanished(&mut self, book: &Book<'_>, before: Read<'_>, read: Read<'_>) {
        let token = before.tokens[read.tokens.len()];
        if self.is_full() || !self.missed.insert(token) {
            return;
        }
        let mut anomaly = book.vanished(before, read);
        if anomaly.kind == AnomalyKind::StaleRead {
            anomaly.kind = AnomalyKind::Resurrected;
        }
        self.add(token, anomaly);
    }

    fn missing(&mut self, book: &Book<'_>, append: Appended, read: Read<'_>) {
        if !self.is_full() && self.missed.insert(append.token) {
            self.add(append.token, book.missing(append, read));
        }
    }

    /// Acknowledged appends that no read called after it contains.
    fn unseen(&mut self, book: &Book<'_>) {
        for append in book.unseen() {
            let later = &book.reads[book.reads.partition_point(|read| read.call < append.ret)..];
            if self.is_full() {
                return;
            }
            if let Some(&read) = later.iter().find(|read| !read.tokens.contains(&append.token)) {
                self.missing(book, append, read);
            }
        }
    }

    /// A read that is not.
    fn odd_read(&mut self, book: &Book<'_>, read: Read<'_>) {
        let latest = read
            .tokens
            .iter()
            .filter_map(|&token| book.append(token))
            .max_by_key(|append| append.call);
        if let Some(append) = latest.filter(|append| read.ret < append.call) {
            self.add(append.token, book.foreseen(read, append));
        }
        let tokens: BTreeSet<Symbol> = read.tokens.iter().copied().collect();
        let due = |append: &&Appended| append.ret != FOREVER && append.ret < read.call;
        for &append in book.appends.iter().filter(due) {
            if !tokens.contains(&append.token) {
                self.missing(book, append, read);
            }
        }
    }
}
