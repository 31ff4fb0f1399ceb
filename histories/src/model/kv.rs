//! A string that is read whole, replaced and appended to. It starts empty.

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use super::{Mismatch, Model, ModelName, Nature, Reading};
use crate::history::{Ending, Operation};
use crate::op::Function;
use crate::values::{Datum, Values};

/// One string under its key. Every string that occurs is kept once, as what it was made of, so that appending to a long one costs
/// no more than to a short one.
#[derive(Debug, Clone)]
pub struct Kv {
    texts: Vec<Rope>,
    by_content: HashTable<Text>,
    appended: HashTable<(Text, Text, Text)>,
    text_bytes: u64,
}

/// A string and its fingerprint. Equal strings have equal fingerprints; of unequal ones that is not relied upon.
#[derive(Debug, Clone)]
struct Rope {
    print: Fingerprint,
    parts: Parts,
}

#[derive(Debug, Clone)]
enum Parts {
    /// Its content and, if it was got, the hashes of its beginnings, each [`STRIDE`] bytes.
    Whole(Box<str>, Box<[u64]>),
    Joined(Text, Text),
}

/// A string, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(u32);

const EMPTY: Text = Text(0);

/// Some string that no answer can have begun with; it stays so until something is put.
const OTHER: Text = Text(u32::MAX);

/// A polynomial hash of a string: that of a concatenation follows from those of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    hash: u64,
    /// The base to the power of the length.
    shift: u64,
    length: u64,
}

/// A prime of Mersenne's, so that products stay in 122 bits and are quickly reduced.
const MODULUS: u64 = (1 << 61) - 1;
const BASE: u64 = 0x1357_9bdf_0246_8ace;

impl Fingerprint {
    fn of(content: &[u8]) -> Self {
        Self {
            hash: extended(0, content),
            shift: power(BASE, content.len()),
            length: content.len() as u64,
        }
    }

    fn followed_by(self, tail: Self) -> Self {
        Self {
            hash: sum(product(self.hash, tail.shift), tail.hash),
            shift: product(self.shift, tail.shift),
            length: self.length + tail.length,
        }
    }
}

/// The hash of a string with `tail` at its end, from its own.
fn extended(hash: u64, tail: &[u8]) -> u64 {
    tail.iter()
        .fold(hash, |hash, &byte| sum(product(hash, BASE), u64::from(byte) + 1))
}

fn power(base: u64, exponent: usize) -> u64 {
    let (mut power, mut square, mut left) = (1, base, exponent);
    while left > 0 {
        if left % 2 == 1 {
            power = product(power, square);
        }
        square = product(square, square);
        left /= 2;
    }
    power
}

/// The product modulo 2^61 - 1: there 2^61 is 1, so that the bits above are added to those below.
fn product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let (low, high) = (product as u64 & MODULUS, (product >> 61) as u64);
    sum(low, high)
}

/// The sum of two numbers up to the modulus, less than it.
const fn sum(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum < MODULUS { sum } else { sum - MODULUS }
}

/// Hashes of beginnings are kept at every so many bytes.
const STRIDE: usize = 16;

/// More states than this are not tried as the beginning of a proof.
const ANY_STATES_MAX: usize = 4096;

/// What was asked and what was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KvOp {
    /// It was this.
    Get(Text),
    /// Now it is this.
    Put(Text),
    /// This was added at its end.
    Append(Text),
}

impl Default for Kv {
    fn default() -> Self {
        let mut kv = Self {
            texts: Vec::new(),
            by_content: HashTable::new(),
            appended: HashTable::new(),
            text_bytes: 0,
        };
        let empty = kv.text("");
        assert_eq!(empty, EMPTY, "the empty string is the first");
        kv
    }
}

impl Kv {
    fn text(&mut self, content: &str) -> Text {
        let print = Fingerprint::of(content.as_bytes());
        let is_same = |&text: &Text| self.print(text) == print && *self.content(text) == *content;
        if let Some(&known) = self.by_content.find(print.hash, is_same) {
            return known;
        }
        self.text_bytes += content.len() as u64;
        self.add(Rope {
            print,
            parts: Parts::Whole(content.into(), Box::default()),
        })
    }

    fn joined(&mut self, head: Text, tail: Text) -> Text {
        if head == OTHER {
            return OTHER;
        }
        let hash = hash_of(&(head, tail));
        if let Some(&(_, _, known)) = self.appended.find(hash, |&(h, t, _)| (h, t) == (head, tail)) {
            return known;
        }
        let print = self.print(head).followed_by(self.print(tail));
        let is_same = |&text: &Text| {
            self.print(text) == print
                && self.content(text) == [self.content(head), self.content(tail)].concat()
        };
        let joined = match self.by_content.find(print.hash, is_same) {
            Some(&known) => known,
            None => self.add(Rope {
                print,
                parts: Parts::Joined(head, tail),
            }),
        };
        self.appended
            .insert_unique(hash, (head, tail, joined), |&(h, t, _)| hash_of(&(h, t)));
        joined
    }

    fn add(&mut self, rope: Rope) -> Text {
        let text =
            Text(u32::try_from(self.texts.len()).expect("fewer than four billion strings fit in memory"));
        let hash = rope.print.hash;
        self.texts.push(rope);
        let texts = &self.texts;
        self.by_content
            .insert_unique(hash, text, |text| texts[text.0 as usize].print.hash);
        text
    }

    /// Notes what `text` begins with, so that [`Self::may_begin_with`] is quick.
    fn note_beginnings(&mut self, text: Text) {
        let Parts::Whole(content, beginnings) = &mut self.texts[text.0 as usize].parts else {
            return;
        };
        if beginnings.is_empty() {
            let mut hash = 0;
            let chunks = content.as_bytes().chunks(STRIDE);
            let after = chunks.map(|chunk| {
                hash = extended(hash, chunk);
                hash
            });
            *beginnings = [0].into_iter().chain(after).collect();
            self.text_bytes += (beginnings.len() * size_of::<u64>()) as u64;
        }
    }

    /// Whether `text`, which was got, begins with the string of that fingerprint; errs by yes at most.
    fn may_begin_with(&self, text: Text, beginning: Fingerprint) -> bool {
        let Parts::Whole(content, beginnings) = &self.texts[text.0 as usize].parts else {
            return true;
        };
        let Some(length) = usize::try_from(beginning.length)
            .ok()
            .filter(|&length| length <= content.len())
        else {
            return false;
        };
        let Some(&before) = beginnings.get(length / STRIDE) else {
            return true;
        };
        extended(before, &content.as_bytes()[length / STRIDE * STRIDE..length]) == beginning.hash
    }

    fn print(&self, text: Text) -> Fingerprint {
        self.texts[text.0 as usize].print
    }

    fn content(&self, text: Text) -> String {
        let mut left = vec![text];
        let mut content = String::new();
        while let Some(text) = left.pop() {
            match &self.texts[text.0 as usize].parts {
                Parts::Whole(whole, _) => content.push_str(whole),
                Parts::Joined(head, tail) => left.extend([*tail, *head]),
            }
        }
        content
    }

    fn datum(&mut self, operation: &Operation, datum: Datum<'_>, values: &Values) -> Result<Text, Mismatch> {
        match datum {
            Datum::One(symbol) if let Some(content) = values.text(symbol) => Ok(self.text(content)),
            Datum::One(_) | Datum::Many(_) => {
                let reason = format!("wants a string in a `{}`", operation.f);
                Err(ModelName::Kv.mismatch(operation, reason))
            }
        }
    }
}

impl Model for Kv {
    type State = Text;
    type Op = KvOp;

    fn read(&mut self, operation: &Operation, values: &Values) -> Result<Reading<KvOp>, Mismatch> {
        let op = match (operation.f, operation.answer()) {
            (Function::Get, None) => return Ok(Reading::Nothing),
            (Function::Get, Some(answer)) => {
                let text = self.datum(operation, *answer, values)?;
                self.note_beginnings(text);
                KvOp::Get(text)
            }
            (Function::Put, _) => KvOp::Put(self.datum(operation, operation.value, values)?),
            (Function::Append, _) => KvOp::Append(self.datum(operation, operation.value, values)?),
            _ => return Err(ModelName::Kv.does_not_know(operation)),
        };
        Ok(match operation.ending {
            Ending::Ok(_) => Reading::Must(op),
            Ending::Fail { .. } => Reading::Nothing,
            Ending::Info { .. } | Ending::Unfinished => Reading::May(op),
        })
    }

    fn init(&self) -> Text {
        EMPTY
    }

    fn step(&mut self, state: Text, op: KvOp) -> Option<Text> {
        match op {
            KvOp::Get(text) => (state == text).then_some(state),
            KvOp::Put(text) => Some(text),
            KvOp::Append(text) => Some(self.joined(state, text)),
        }
    }

    fn nature(&self, op: KvOp) -> Nature {
        match op {
            KvOp::Get(_) => Nature::Pure,
            KvOp::Put(_) => Nature::Blind,
            KvOp::Append(_) => Nature::Total,
        }
    }

    /// Any string that was got, less strings at its end that may have been appended since.
    fn any_state(&mut self, ops: &[KvOp]) -> Option<Vec<Text>> {
        let appended = |op: &KvOp| match *op {
            KvOp::Append(text) => Some(self.content(text)),
            KvOp::Get(_) | KvOp::Put(_) => None,
        };
        let appended: BTreeSet<String> = ops.iter().filter_map(appended).collect();
        let mut states = BTreeSet::from([OTHER]);
        let got = |op: &KvOp| match *op {
            KvOp::Get(text) => Some(text),
            KvOp::Append(_) | KvOp::Put(_) => None,
        };
        let mut left: Vec<Text> = ops.iter().filter_map(got).collect();
        while let Some(text) = left.pop() {
            if states.len() > ANY_STATES_MAX {
                return None;
            }
            if states.insert(text) {
                let whole = self.content(text);
                let heads = appended
                    .iter()
                    .filter(|tail| !tail.is_empty())
                    .filter_map(|tail| whole.strip_suffix(&**tail));
                left.extend(heads.map(|head| self.text(head)));
            }
        }
        Some(states.into_iter().collect())
    }

    const GROWS: bool = true;

    fn may_lead_to(&self, state: Text, op: KvOp) -> bool {
        match op {
            KvOp::Put(_) | KvOp::Append(_) => true,
            KvOp::Get(text) => state != OTHER && self.may_begin_with(text, self.print(state)),
        }
    }

    fn show(&self, state: Text, _: &Values) -> String {
        if state == OTHER {
            return "something else".to_owned();
        }
        let content = self.content(state);
        let length = content.chars().count();
        if length <= TEXT_CHARS_MAX {
            return format!("\"{content}\"");
        }
        let tail: String = content.chars().skip(length - TEXT_CHARS_MAX).collect();
        format!("\"…{tail}\"")
    }

    fn memory_bytes(&self) -> u64 {
        let tables = self.by_content.allocation_size() + self.appended.allocation_size();
        self.text_bytes + (tables + self.texts.capacity() * size_of::<Rope>()) as u64
    }
}

/// Longer strings are shown by their end, where the last appends are.
const TEXT_CHARS_MAX: usize = 40;

fn hash_of<T: Hash + ?Sized>(content: &T) -> u64 {
    let mut hasher = FxHasher::default();
    content.hash(&mut hasher);
    hasher.finish()
}
