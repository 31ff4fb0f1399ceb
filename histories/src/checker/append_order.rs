//! Lists of unique tokens that are read whole, decided exactly in time linear in what was read.
//!
//! The longest read gives the order of the appends; every other read must be a beginning of it, and appends that are in no read
//! come last, in any order. So the operations fall into groups that are totally ordered: reads of nothing, first token, reads of one
//! token, second token, and so on. The history is linearizable if and only if no operation returns before one of an earlier group
//! is called: going along the groups and keeping the latest call decides it. (Elle, Kingsbury and Alvaro 2020, recovers versions
//! from list reads in this way; the sweep makes it exact for linearizability.)
//!
//! An indeterminate append that was seen did happen; one that was not seen is dropped: nobody needs it.

use super::special::Special;
use super::tokens::{Appended, Book, Read};
use super::watch::Watch;
use crate::history::OperationId;
use crate::verdict::{Anomaly, AnomalyKind};

/// An operation of the sweep.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Append(Appended),
    Read(Read<'a>),
}

impl Step<'_> {
    const fn id(self) -> OperationId {
        match self {
            Self::Append(append) => append.id,
            Self::Read(read) => read.id,
        }
    }

    const fn call(self) -> u32 {
        match self {
            Self::Append(append) => append.call,
            Self::Read(read) => read.call,
        }
    }

    const fn ret(self) -> u32 {
        match self {
            Self::Append(append) => append.ret,
            Self::Read(read) => read.ret,
        }
    }
}

/// Decides the list history in `book`, if it can.
pub(super) fn decide(book: &Book<'_>, watch: &Watch<'_>) -> Special {
    if book.reused.is_some() {
        return Special::NotApplicable;
    }
    match sorted(book, watch) {
        Err(anomaly) => Special::Broken(anomaly),
        Ok(order) => Special::Order(order),
    }
}

fn sorted(book: &Book<'_>, watch: &Watch<'_>) -> Result<Vec<OperationId>, Anomaly> {
    if let Some(reference) = book.reference.map(|place| book.reads[place])
        && let Some((_, defect)) = book.defects(reference).into_iter().next()
    {
        return Err(defect);
    }
    let order = book.order();
    if watch.look() {
        return Ok(Vec::new());
    }
    let odd = watch
        .over(&book.reads)
        .find(|read| !order.starts_with(read.tokens));
    if let Some((&odd, reference)) = odd.zip(book.reference) {
        let anomaly = book.diverged(odd, book.reads[reference]);
        return Err(anomaly.expect("a read that is no beginning of the longest one parts from it somewhere"));
    }
    sweep(book, watch).map_err(|(later, earlier)| book.out_of_order(later, earlier))
}

/// Goes along the groups; the error is two operations of which the first returned before the second, of an earlier group, was
/// called. Inside a group it goes by the calls, so that nothing there returns before what it has passed is called.
fn sweep<'a>(book: &Book<'a>, watch: &Watch<'_>) -> Result<Vec<OperationId>, (Step<'a>, Step<'a>)> {
    let mut by_length: Vec<Read<'_>> = book.reads.clone();
    by_length.sort_by_key(|read| read.tokens.len());
    let mut reads = by_length.into_iter().peekable();
    let mut latest = Latest {
        step: None,
        passed: Vec::with_capacity(book.reads.len() + book.appends.len()),
    };
    for length in watch.over(0..=book.order().len()) {
        while let Some(read) = reads.next_if(|read| read.tokens.len() == length) {
            latest.pass(Step::Read(read))?;
        }
        if let Some(append) = book.order().get(length).and_then(|&token| book.append(token)) {
            latest.pass(Step::Append(append))?;
        }
    }
    book.unseen()
        .try_for_each(|append| latest.pass(Step::Append(append)))?;
    Ok(latest.passed)
}

/// The operation with the latest call of those passed so far, and all of them.
struct Latest<'a> {
    step: Option<Step<'a>>,
    passed: Vec<OperationId>,
}

impl<'a> Latest<'a> {
    /// Nothing may return before it is called.
    fn pass(&mut self, step: Step<'a>) -> Result<(), (Step<'a>, Step<'a>)> {
        match self.step {
            Some(latest) if step.ret() < latest.call() => return Err((step, latest)),
            Some(latest) if step.call() < latest.call() => {}
            _ => self.step = Some(step),
        }
        self.passed.push(step.id());
        Ok(())
    }
}

impl Book<'_> {
    /// `later` comes after `earlier` in the list, but returned before it was called.
    fn out_of_order(&self, later: Step<'_>, earlier: Step<'_>) -> Anomaly {
        match (later, earlier) {
            (Step::Append(append), Step::Read(read)) => self.missing(append, read),
            (Step::Read(before), Step::Read(read)) => self.vanished(before, read),
            (Step::Read(read), Step::Append(append)) => self.foreseen(read, append),
            (Step::Append(append), Step::Append(other)) => self.overtaken(append, other),
        }
    }

    /// A read called after the append was acknowledged lacks it.
    pub(super) fn missing(&self, append: Appended, read: Read<'_>) -> Anomaly {
        let [acknowledged, called] = self.narrator.returned_called(append.id, read.id);
        let token = self.narrator.value(append.token);
        let seen_after = self.seen_after(append, read);
        let sentence = format!(
            "append {token} was acknowledged at {acknowledged}; the read called at {called} does not contain it{}",
            if seen_after.is_some() {
                ", though a later one does"
            } else {
                ""
            }
        );
        let kind = if seen_after.is_some() {
            AnomalyKind::StaleRead
        } else {
            AnomalyKind::LostAppend
        };
        self.anomaly(
            kind,
            &[Some(append.id), Some(read.id), seen_after.map(|read| read.id)],
            sentence,
        )
    }

    /// A read lacks a token that an earlier one contained.
    pub(super) fn vanished(&self, before: Read<'_>, read: Read<'_>) -> Anomaly {
        let token = before.tokens[read.tokens.len()];
        let append = self.append(token);
        let [returned, called] = self.narrator.returned_called(before.id, read.id);
        let token = self.narrator.value(token);
        let seen_after = append.and_then(|append| self.seen_after(append, read));
        let sentence = format!(
            "the read that returned at {returned} contains {token}; the read called at {called} does not{}",
            if seen_after.is_some() {
                ", though a later one does"
            } else {
                ""
            }
        );
        let kind = if seen_after.is_some() {
            AnomalyKind::StaleRead
        } else {
            AnomalyKind::LostAppend
        };
        let ops = [
            append.map(|append| append.id),
            Some(before.id),
            Some(read.id),
            seen_after.map(|read| read.id),
        ];
        self.anomaly(kind, &ops, sentence)
    }

    /// A read contains a token whose append was called only after it.
    pub(super) fn foreseen(&self, read: Read<'_>, append: Appended) -> Anomaly {
        let [returned, called] = self.narrator.returned_called(read.id, append.id);
        let token = self.narrator.value(append.token);
        let sentence = format!(
            "the read that returned at {returned} contains {token}, whose append was called only at {called}"
        );
        self.anomaly(AnomalyKind::Phantom, &[Some(read.id), Some(append.id)], sentence)
    }

    /// `append` was acknowledged before `other` was called, but `other` stands before it, or it is not there at all.
    pub(super) fn overtaken(&self, append: Appended, other: Appended) -> Anomaly {
        let [acknowledged, called] = self.narrator.returned_called(append.id, other.id);
        let (token, other_token) = (
            self.narrator.value(append.token),
            self.narrator.value(other.token),
        );
        let reference = self.reference.map(|place| self.reads[place].id);
        let ops = [Some(append.id), Some(other.id), reference];
        let began = format!(
            "append {token} was acknowledged at {acknowledged} before append {other_token} was called at {called}"
        );
        if self.token(append.token).position.is_some() {
            let sentence = format!("{began}, yet {other_token} stands before {token}");
            return self.anomaly(AnomalyKind::Reordered, &ops, sentence);
        }
        let sentence = format!("{began}, but {other_token} was read and {token} was not");
        self.anomaly(AnomalyKind::LostAppend, &ops, sentence)
    }

    /// A read called after `read` returned that contains the token.
    pub(super) fn seen_after(&self, append: Appended, read: Read<'_>) -> Option<Read<'_>> {
        self.reads
            .iter()
            .copied()
            .find(|later| later.call > read.ret && later.tokens.contains(&append.token))
    }
}
