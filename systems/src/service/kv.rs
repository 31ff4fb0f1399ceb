//! Strings by key: get, put, append, compare-and-set.
//!
//! Limits are part of the service, so that every replica refuses the same operation with the same words.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::service::{Footprint, Service};

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 512;
/// The longest value, in bytes, as an argument and as what appending makes of it.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// The most a store holds, keys and values together, in bytes: so much can be encoded or taken in within one step without
/// anybody being missed meanwhile (some 4 ms a megabyte).
pub const STORE_BYTES_MAX: usize = 64 << 20;

/// What is asked of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// The whole value.
    Get {
        /// Of which key.
        key: String,
    },
    /// Replace the value, whatever it was.
    Put {
        /// Of which key.
        key: String,
        /// By what.
        value: String,
    },
    /// Add at the end; a key without a value counts as empty.
    Append {
        /// To which key.
        key: String,
        /// What to add.
        value: String,
    },
    /// Replace the value if it is `from`.
    Cas {
        /// Of which key.
        key: String,
        /// What it must be; none means that the key has no value.
        from: Option<String>,
        /// What it shall be.
        to: String,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is done (put, append, a compare-and-set that matched).
    Done,
    /// The value (get); none if the key has none.
    Value(Option<String>),
    /// The compare-and-set did not match and changed nothing; this is what it saw instead.
    Mismatch {
        /// The value there was.
        saw: Option<String>,
    },
    /// The operation is against the rules and changed nothing, now or later.
    Refused(Rule),
}

/// The rule an operation is against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A key has at least one byte.
    EmptyKey,
    /// A key has at most [`KEY_BYTES_MAX`] bytes.
    KeyTooLong,
    /// A value has at most [`VALUE_BYTES_MAX`] bytes, also after appending.
    ValueTooLong,
    /// A store holds at most [`STORE_BYTES_MAX`] bytes.
    StoreFull,
}

/// The store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    values: BTreeMap<String, String>,
    bytes: usize,
}

impl Op {
    /// The key it is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Get { key } | Self::Put { key, .. } | Self::Append { key, .. } | Self::Cas { key, .. } => {
                key
            }
        }
    }

    /// The length of its arguments, key included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let arguments = match self {
            Self::Get { .. } => 0,
            Self::Put { value, .. } | Self::Append { value, .. } => value.len(),
            Self::Cas { from, to, .. } => from.as_ref().map_or(0, String::len) + to.len(),
        };
        self.key().len() + arguments
    }

    /// The rule it is against whatever the store holds.
    #[must_use]
    pub fn broken_rule(&self) -> Option<Rule> {
        match self.key().len() {
            0 => Some(Rule::EmptyKey),
            1..=KEY_BYTES_MAX => (self.longest_argument() > VALUE_BYTES_MAX).then_some(Rule::ValueTooLong),
            _ => Some(Rule::KeyTooLong),
        }
    }

    fn longest_argument(&self) -> usize {
        match self {
            Self::Get { .. } => 0,
            Self::Put { value, .. } | Self::Append { value, .. } => value.len(),
            Self::Cas { from, to, .. } => from.as_ref().map_or(0, String::len).max(to.len()),
        }
    }
}

impl KeyValue {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The answer to `op` if it is one that only reads.
    #[must_use]
    pub fn read(&self, op: &Op) -> Option<Answer> {
        match op {
            Op::Get { key } => Some(Answer::Value(self.get(key).map(str::to_owned))),
            Op::Put { .. } | Op::Append { .. } | Op::Cas { .. } => None,
        }
    }

    /// All keys with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn put(&mut self, key: &str, value: &str) -> Answer {
        let before = self.values.get(key).map_or(0, |old| key.len() + old.len());
        let bytes = self.bytes.saturating_sub(before) + key.len() + value.len();
        if bytes > STORE_BYTES_MAX {
            return Answer::Refused(Rule::StoreFull);
        }
        self.bytes = bytes;
        self.values.insert(key.to_owned(), value.to_owned());
        Answer::Done
    }

    fn append(&mut self, key: &str, value: &str) -> Answer {
        let Some(held) = self.values.get_mut(key) else {
            return self.put(key, value);
        };
        if held.len() + value.len() > VALUE_BYTES_MAX {
            return Answer::Refused(Rule::ValueTooLong);
        }
        if self.bytes + value.len() > STORE_BYTES_MAX {
            return Answer::Refused(Rule::StoreFull);
        }
        held.push_str(value);
        self.bytes += value.len();
        Answer::Done
    }

    fn compare_and_set(&mut self, key: &str, from: Option<&str>, to: &str) -> Answer {
        let saw = self.get(key);
        if saw == from {
            self.put(key, to)
        } else {
            Answer::Mismatch {
                saw: saw.map(str::to_owned),
            }
        }
    }
}

impl Service for KeyValue {
    type Op = Op;
    type Answer = Answer;

    fn refuse(op: &Op) -> Option<Answer> {
        op.broken_rule().map(Answer::Refused)
    }

    fn footprint(op: &Op) -> Footprint {
        match op {
            Op::Get { .. } => Footprint::Reads,
            Op::Put { .. } | Op::Append { .. } | Op::Cas { .. } => Footprint::Writes,
        }
    }

    fn apply(&mut self, op: &Op) -> Answer {
        match op {
            Op::Get { key } => Answer::Value(self.get(key).map(str::to_owned)),
            Op::Put { key, value } => self.put(key, value),
            Op::Append { key, value } => self.append(key, value),
            Op::Cas { key, from, to } => self.compare_and_set(key, from.as_deref(), to),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyKey => f.write_str("the key is empty"),
            Self::KeyTooLong => write!(f, "the key has more than {KEY_BYTES_MAX} bytes"),
            Self::ValueTooLong => write!(f, "the value has more than {VALUE_BYTES_MAX} bytes"),
            Self::StoreFull => write!(f, "the store would hold more than {STORE_BYTES_MAX} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, KEY_BYTES_MAX, KeyValue, Op, Rule, VALUE_BYTES_MAX};
    use crate::service::Service;

    fn put(key: &str, value: &str) -> Op {
        Op::Put {
            key: key.into(),
            value: value.into(),
        }
    }

    fn append(key: &str, value: &str) -> Op {
        Op::Append {
            key: key.into(),
            value: value.into(),
        }
    }

    fn cas(from: Option<&str>, to: &str) -> Op {
        Op::Cas {
            key: "k".into(),
            from: from.map(str::to_owned),
            to: to.into(),
        }
    }

    fn answers(ops: &[Op]) -> Vec<Answer> {
        let mut store = KeyValue::default();
        ops.iter().map(|op| store.apply(op)).collect()
    }

    #[test]
    fn appending_to_nothing_starts_at_empty() {
        let mut store = KeyValue::default();
        store.apply(&append("k", "a"));
        store.apply(&append("k", "b"));
        assert_eq!(store.get("k"), Some("ab"));
    }

    #[test]
    fn a_compare_and_set_that_does_not_match_tells_what_it_saw() {
        let saw = |value: Option<&str>| Answer::Mismatch {
            saw: value.map(str::to_owned),
        };
        let ops = [
            cas(Some("1"), "2"),
            cas(None, "1"),
            cas(None, "3"),
            cas(Some("1"), "2"),
        ];
        assert_eq!(
            answers(&ops),
            [saw(None), Answer::Done, saw(Some("1")), Answer::Done]
        );
    }

    #[test]
    fn operations_against_the_rules_are_known_without_the_store() {
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        assert_eq!(put("", "v").broken_rule(), Some(Rule::EmptyKey));
        assert_eq!(
            put(&"k".repeat(KEY_BYTES_MAX + 1), "v").broken_rule(),
            Some(Rule::KeyTooLong)
        );
        assert_eq!(put("k", &long).broken_rule(), Some(Rule::ValueTooLong));
        assert_eq!(put("k", &long[1..]).broken_rule(), None);
    }

    #[test]
    fn appending_beyond_the_limit_changes_nothing() {
        let mut store = KeyValue::default();
        store.apply(&put("k", &"x".repeat(VALUE_BYTES_MAX)));
        assert_eq!(
            store.apply(&append("k", "y")),
            Answer::Refused(Rule::ValueTooLong)
        );
        assert_eq!(store.get("k").map(str::len), Some(VALUE_BYTES_MAX));
    }

    #[test]
    fn the_size_of_the_store_is_counted_right() {
        let mut store = KeyValue::default();
        for op in [
            put("k", "123"),
            put("k", "1"),
            append("k", "23"),
            put("l", ""),
            cas(Some("123"), "9"),
        ] {
            store.apply(&op);
        }
        let held: usize = store.iter().map(|(key, value)| key.len() + value.len()).sum();
        assert_eq!((store.bytes, held), (3, 3));
    }
}
