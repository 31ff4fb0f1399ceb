//! Answers about the reads that are beginnings of the longest one, each in logarithmic time.

use crate::checker::tokens::{Appended, Book, Read};
use crate::history::FOREVER;

/// What was seen by when.
#[derive(Debug)]
pub(super) struct Sightings {
    /// Of the first so many tokens the append with the latest call.
    latest_call: Vec<Option<Appended>>,
    /// Of the tokens from this position on the append that was acknowledged first.
    earliest_acknowledged: Vec<Option<Appended>>,
    /// For each return of a read, in the order of time, the longest read that has returned by then.
    longest: Vec<(u32, usize)>,
}

impl Sightings {
    pub(super) fn of(book: &Book<'_>) -> Self {
        Self {
            latest_call: latest_call(book),
            earliest_acknowledged: earliest_acknowledged(book),
            longest: longest(book),
        }
    }

    /// The longest read that returned before `read` was called, if it is longer.
    pub(super) fn longer_before<'a>(&self, book: &Book<'a>, read: Read<'a>) -> Option<Read<'a>> {
        let after = self.longest.partition_point(|&(ret, _)| ret < read.call);
        let (_, place) = *self.longest[..after].last()?;
        Some(book.reads[place]).filter(|before| before.tokens.len() > read.tokens.len())
    }

    /// Of the tokens that `read` lacks the one that was acknowledged first, if that was before it was called.
    pub(super) fn acknowledged_before(&self, read: Read<'_>) -> Option<Appended> {
        self.earliest_acknowledged[read.tokens.len()].filter(|append| append.ret < read.call)
    }

    /// Of the tokens in `read` the one whose append was called last, if that was after it returned.
    pub(super) fn called_after(&self, read: Read<'_>) -> Option<Appended> {
        self.latest_call[read.tokens.len()].filter(|append| append.call > read.ret)
    }
}

fn latest_call(book: &Book<'_>) -> Vec<Option<Appended>> {
    let mut latest: Option<Appended> = None;
    let mut all = vec![None];
    for &token in book.order() {
        latest = latest
            .into_iter()
            .chain(book.append(token))
            .max_by_key(|append| append.call);
        all.push(latest);
    }
    all
}

fn earliest_acknowledged(book: &Book<'_>) -> Vec<Option<Appended>> {
    let mut earliest: Option<Appended> = None;
    let mut all = vec![None];
    for &token in book.order().iter().rev() {
        let acknowledged = book.append(token).filter(|append| append.ret != FOREVER);
        earliest = earliest
            .into_iter()
            .chain(acknowledged)
            .min_by_key(|append| append.ret);
        all.push(earliest);
    }
    all.reverse();
    all
}

fn longest(book: &Book<'_>) -> Vec<(u32, usize)> {
    let is_beginning = |&place: &usize| book.order().starts_with(book.reads[place].tokens);
    let mut places: Vec<usize> = (0..book.reads.len()).filter(is_beginning).collect();
    places.sort_by_key(|&place| book.reads[place].ret);
    let mut longest: Option<usize> = None;
    let longer = |place: usize| book.reads[place].tokens.len();
    let mut all = Vec::with_capacity(places.len());
    for place in places {
        let best = longest
            .filter(|&longest| longer(longest) >= longer(place))
            .unwrap_or(place);
        longest = Some(best);
        all.push((book.reads[place].ret, best));
    }
    all
}
