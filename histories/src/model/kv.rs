//! A string that is read whole, replaced and appended to. It starts empty.

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use serde_json::Value;
use std::hash::{Hash, Hasher};

use super::{Mismatch, Model, ModelName, Nature, Reading};
use crate::history::{Ending, Operation};
use crate::op::Function;
use crate::values::{Datum, Values};

/// One string under its key. Every string that occurs is kept once.
#[derive(Debug, Clone)]
pub struct Kv {
    texts: Vec<Box<str>>,
    by_content: HashTable<Text>,
    appended: HashTable<(Text, Text, Text)>,
    text_bytes: u64,
}

/// A string, by its number; 0 is the empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text(u32);

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
        assert_eq!(empty, Text(0), "the empty string is the first");
        kv
    }
}

impl Kv {
    fn text(&mut self, content: &str) -> Text {
        let hash = hash_of(content);
        let texts = &self.texts;
        if let Some(&known) = self
            .by_content
            .find(hash, |text| *texts[text.0 as usize] == *content)
        {
            return known;
        }
        let text = Text(u32::try_from(texts.len()).expect("fewer than four billion strings fit in memory"));
        self.texts.push(content.into());
        self.text_bytes += content.len() as u64;
        let texts = &self.texts;
        self.by_content
            .insert_unique(hash, text, |text| hash_of(&*texts[text.0 as usize]));
        text
    }

    fn joined(&mut self, head: Text, tail: Text) -> Text {
        let hash = hash_of(&(head, tail));
        if let Some(&(_, _, known)) = self.appended.find(hash, |&(h, t, _)| (h, t) == (head, tail)) {
            return known;
        }
        let content = [&*self.texts[head.0 as usize], &*self.texts[tail.0 as usize]].concat();
        let joined = self.text(&content);
        self.appended
            .insert_unique(hash, (head, tail, joined), |&(h, t, _)| hash_of(&(h, t)));
        joined
    }

    fn datum(&mut self, operation: &Operation, datum: &Datum, values: &Values) -> Result<Text, Mismatch> {
        match datum {
            Datum::One(symbol) if let Value::String(content) = values.get(*symbol) => Ok(self.text(content)),
            _ => {
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
            (Function::Get, Some(answer)) => KvOp::Get(self.datum(operation, answer, values)?),
            (Function::Put, _) => KvOp::Put(self.datum(operation, &operation.value, values)?),
            (Function::Append, _) => KvOp::Append(self.datum(operation, &operation.value, values)?),
            _ => return Err(ModelName::Kv.does_not_know(operation)),
        };
        Ok(match operation.ending {
            Ending::Ok(_) => Reading::Must(op),
            Ending::Fail { .. } => Reading::Nothing,
            Ending::Info { .. } | Ending::Unfinished => Reading::May(op),
        })
    }

    fn init(&self) -> Text {
        Text(0)
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

    fn any_state(&self, _: &[KvOp]) -> Option<Vec<Text>> {
        None
    }

    fn show(&self, state: Text, _: &Values) -> String {
        let content = &self.texts[state.0 as usize];
        let length = content.chars().count();
        if length <= TEXT_CHARS_MAX {
            return format!("\"{content}\"");
        }
        let tail: String = content.chars().skip(length - TEXT_CHARS_MAX).collect();
        format!("\"…{tail}\"")
    }

    fn memory_bytes(&self) -> u64 {
        let tables = self.by_content.allocation_size() + self.appended.allocation_size();
        self.text_bytes + (tables + self.texts.capacity() * size_of::<Box<str>>()) as u64
    }
}

/// Longer strings are shown by their end, where the last appends are.
const TEXT_CHARS_MAX: usize = 40;

fn hash_of<T: Hash + ?Sized>(content: &T) -> u64 {
    let mut hasher = FxHasher::default();
    content.hash(&mut hasher);
    hasher.finish()
}
