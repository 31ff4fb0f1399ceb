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
    /// The fingerprints of the beginnings of every string that was got, each [`STRIDE`] bytes.
    beginnings: Vec<Box<[Fingerprint]>>,
    /// Where those of a string are in `beginnings`, and its content, if it was got.
    got: HashTable<(Text, u32)>,
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
    Whole(Box<str>),
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

/// A prime, so that products stay in 122 bits.
const MODULUS: u64 = (1 << 61) - 1;
const BASE: u64 = 0x1357_9bdf_0246_8ace;

impl Fingerprint {
    const EMPTY: Self = Self {
        hash: 0,
        shift: 1,
        length: 0,
    };

    fn of(content: &[u8]) -> Self {
        let byte = |byte: u8| Self {
            hash: u64::from(byte) + 1,
            shift: BASE,
            length: 1,
        };
        content
            .iter()
            .fold(Self::EMPTY, |print, &next| print.followed_by(byte(next)))
    }

    fn followed_by(self, tail: Self) -> Self {
        Self {
            hash: (product(self.hash, tail.shift) + tail.hash) % MODULUS,
            shift: product(self.shift, tail.shift),
            length: self.length + tail.length,
        }
    }
}

fn product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b) % u128::from(MODULUS);
    u64::try_from(product).expect("a remainder is less than its modulus")
}

/// Fingerprints of beginnings are kept at every so many bytes.
const STRIDE: usize = 64;

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
            beginnings: Vec::new(),
            got: HashTable::new(),
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
            parts: Parts::Whole(content.into()),
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
        let hash = hash_of(&text);
        if self.got.find(hash, |(known, _)| *known == text).is_some() {
            return;
        }
        let content = self.content(text);
        let mut print = Fingerprint::EMPTY;
        let mut prints = vec![print];
        for chunk in content.as_bytes().chunks(STRIDE) {
            print = print.followed_by(Fingerprint::of(chunk));
            prints.push(print);
        }
        self.text_bytes += (prints.len() * size_of::<Fingerprint>()) as u64;
        let place =
            u32::try_from(self.beginnings.len()).expect("fewer than four billion strings fit in memory");
        self.beginnings.push(prints.into_boxed_slice());
        self.got
            .insert_unique(hash, (text, place), |(text, _)| hash_of(text));
    }

    /// Whether `text`, which was got, begins with the string of that fingerprint; errs by yes at most.
    fn may_begin_with(&self, text: Text, beginning: Fingerprint) -> bool {
        let Parts::Whole(content) = &self.texts[text.0 as usize].parts else {
            return true;
        };
        let Some((_, place)) = self.got.find(hash_of(&text), |(known, _)| *known == text) else {
            return true;
        };
        let Some(length) = usize::try_from(beginning.length)
            .ok()
            .filter(|&length| length <= content.len())
        else {
            return false;
        };
        let before = self.beginnings[*place as usize][length / STRIDE];
        before.followed_by(Fingerprint::of(
            &content.as_bytes()[length / STRIDE * STRIDE..length],
        )) == beginning
    }

    fn print(&self, text: Text) -> Fingerprint {
        self.texts[text.0 as usize].print
    }

    fn content(&self, text: Text) -> String {
        let mut left = vec![text];
        let mut content = String::new();
        while let Some(text) = left.pop() {
            match &self.texts[text.0 as usize].parts {
                Parts::Whole(whole) => content.push_str(whole),
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
