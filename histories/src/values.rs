//! The values of a history, each kept once: an answer that lists a thousand tokens costs four bytes a token, and comparing two
//! values compares two numbers.
//!
//! Equal JSON values have equal symbols and unequal ones have not; `1` and `1.0` are unequal, and so are `0.0` and `-0.0`. A value
//! takes sixteen bytes, and a string its text beside it; nothing is allocated for one alone.

mod seed;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use serde_json::{Number, Value};

pub(crate) use seed::ItemSeed;

/// A JSON value, by its number in the [`Values`] it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

impl Symbol {
    /// JSON's null, in every [`Values`].
    pub const NULL: Self = Self(0);

    /// Its number, dense from zero.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// The argument or the answer of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Datum<'a> {
    /// Anything but an array.
    One(Symbol),
    /// An array, by its elements.
    Many(&'a [Symbol]),
}

impl Datum<'_> {
    /// JSON's null.
    pub const NULL: Self = Self::One(Symbol::NULL);
}

/// A [`Datum`], by its number in the [`Values`] it belongs to. Equal items are equal data; unequal ones may be too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item(u32);

impl Item {
    /// JSON's null.
    pub const NULL: Self = Self(Symbol::NULL.0);

    /// Its number.
    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    /// The item of that number.
    pub(crate) const fn numbered(number: u32) -> Self {
        Self(number)
    }
}

impl From<Symbol> for Item {
    fn from(symbol: Symbol) -> Self {
        Self(symbol.0)
    }
}

/// Numbers that are not whole, or are written so, end here, up and down: beyond, a float is no more what was written there.
pub(crate) const FLOAT_END: f64 = (1_u64 << 63) as f64;

/// What is said of numbers beyond.
pub(crate) const NUMBER_TOO_LARGE: &str = "a number of more than 64 bits; write it as a string";

/// Items from here on are arrays.
const LISTS_FROM: u32 = 1 << 31;

/// The table of all values of one history.
#[derive(Debug, Clone)]
pub struct Values {
    kept: Vec<Kept>,
    /// The texts of all strings, one after the other.
    texts: String,
    index: HashTable<Symbol>,
    /// The elements of all arrays, one after the other, and where each ends.
    elements: Vec<Symbol>,
    ends: Vec<u64>,
}

/// A value as it is kept.
#[derive(Debug, Clone, PartialEq)]
enum Kept {
    Null,
    Bool(bool),
    Int(i64),
    /// More than fits into an [`i64`].
    Large(u64),
    /// A number that is not whole, by its bits.
    Float(u64),
    /// Its text among the texts.
    Text {
        length: u32,
        start: u64,
    },
    /// An object, or an array within an array.
    Tree(Box<Value>),
}

/// A value that may not be in the table yet.
enum Fresh<'a> {
    Text(&'a str),
    Plain(Kept),
}

impl Default for Values {
    fn default() -> Self {
        let mut values = Self {
            kept: Vec::new(),
            texts: String::new(),
            index: HashTable::new(),
            elements: Vec::new(),
            ends: Vec::new(),
        };
        let null = values.intern_kept(Kept::Null);
        assert_eq!(null, Symbol::NULL, "null is the first value of every table");
        values
    }
}

impl Values {
    /// The symbol of `value`, which is added if it is new.
    pub fn intern(&mut self, value: Value) -> Symbol {
        match value {
            Value::Null => Symbol::NULL,
            Value::Bool(it) => self.intern_kept(Kept::Bool(it)),
            Value::Number(number) => self.intern_number(&number),
            Value::String(text) => self.intern_str(&text),
            tree @ (Value::Array(_) | Value::Object(_)) => self.intern_kept(Kept::Tree(Box::new(tree))),
        }
    }

    /// The symbol of a whole number, which is added if it is new.
    pub fn intern_int(&mut self, number: i64) -> Symbol {
        self.intern_kept(Kept::Int(number))
    }

    /// The symbol of a string, which is added if it is new.
    pub fn intern_str(&mut self, text: &str) -> Symbol {
        self.find_or_add(Fresh::Text(text))
    }

    /// The item of `value`: an array is taken apart.
    pub fn intern_item(&mut self, value: Value) -> Item {
        match value {
            Value::Array(items) => {
                let from = self.elements.len();
                for item in items {
                    let symbol = self.intern(item);
                    self.elements.push(symbol);
                }
                self.close_list(from)
            }
            other => self.intern(other).into(),
        }
    }

    /// Which item it is.
    ///
    /// # Panics
    /// When the item is of another table.
    #[must_use]
    #[inline]
    pub fn datum(&self, item: Item) -> Datum<'_> {
        match item.0.checked_sub(LISTS_FROM) {
            None => Datum::One(Symbol(item.0)),
            Some(list) => Datum::Many(self.list(list as usize)),
        }
    }

    /// The value of a symbol of this table.
    ///
    /// # Panics
    /// When the symbol is of another table.
    #[must_use]
    pub fn get(&self, symbol: Symbol) -> Value {
        match &self.kept[symbol.0 as usize] {
            Kept::Null => Value::Null,
            Kept::Bool(it) => Value::Bool(*it),
            Kept::Int(number) => Value::from(*number),
            Kept::Large(number) => Value::from(*number),
            Kept::Float(bits) => Number::from_f64(f64::from_bits(*bits)).map_or(Value::Null, Value::Number),
            text @ Kept::Text { .. } => Value::from(self.text_of(text).unwrap_or_default()),
            Kept::Tree(tree) => Value::clone(tree),
        }
    }

    /// The text of a symbol of this table, if it is a string.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> Option<&str> {
        self.text_of(&self.kept[symbol.0 as usize])
    }

    /// The whole number that a symbol of this table is, if it is one and not beyond the range.
    #[must_use]
    pub fn int(&self, symbol: Symbol) -> Option<i64> {
        match self.kept[symbol.0 as usize] {
            Kept::Int(number) => Some(number),
            Kept::Null
            | Kept::Bool(_)
            | Kept::Large(_)
            | Kept::Float(_)
            | Kept::Text { .. }
            | Kept::Tree(_) => None,
        }
    }

    /// The datum as JSON.
    #[must_use]
    pub fn json<'a>(&self, datum: impl Borrow<Datum<'a>>) -> Value {
        match *datum.borrow() {
            Datum::One(symbol) => self.get(symbol),
            Datum::Many(symbols) => symbols.iter().map(|&symbol| self.get(symbol)).collect(),
        }
    }

    /// How a value looks in a sentence: strings without their quotes, `null` as `null`.
    #[must_use]
    pub fn show(&self, symbol: Symbol) -> Show<'_> {
        match self.text(symbol) {
            Some(text) => Show::Text(text),
            None => Show::Other(self.get(symbol)),
        }
    }

    /// Whether it is a string.
    #[must_use]
    #[inline]
    pub fn is_text(&self, symbol: Symbol) -> bool {
        matches!(self.kept[symbol.0 as usize], Kept::Text { .. })
    }

    /// The symbol of a string, if it occurs.
    #[must_use]
    pub fn find_str(&self, text: &str) -> Option<Symbol> {
        let same = |symbol: &Symbol| self.text(*symbol) == Some(text);
        self.index.find(hash_of_str(text), same).copied()
    }

    /// True or false, if it is one of them.
    #[must_use]
    pub fn bool(&self, symbol: Symbol) -> Option<bool> {
        match self.kept[symbol.0 as usize] {
            Kept::Bool(it) => Some(it),
            _ => None,
        }
    }

    /// Leaves out all arrays; their items mean nothing any more.
    pub(crate) fn forget_lists(&mut self) {
        self.elements.clear();
        self.ends.clear();
    }

    /// Where the elements of the next array begin.
    pub(crate) const fn open_list(&self) -> usize {
        self.elements.len()
    }

    /// Adds an element to the array that is open.
    pub(crate) fn push_element(&mut self, element: Symbol) {
        self.elements.push(element);
    }

    /// The array of the elements since `from`.
    pub(crate) fn close_list(&mut self, from: usize) -> Item {
        let begun = self.ends.last().copied().unwrap_or_default();
        assert_eq!(
            begun, from as u64,
            "arrays of an operation are closed in the order in which they are opened"
        );
        let list = u32::try_from(self.ends.len())
            .ok()
            .and_then(|list| list.checked_add(LISTS_FROM));
        self.ends.push(self.elements.len() as u64);
        Item(list.expect("events are limited to EVENTS_MAX"))
    }

    /// Forgets the elements since `from`, which do not become an array.
    pub(crate) fn abandon_list(&mut self, from: usize) {
        self.elements.truncate(from);
    }

    fn list(&self, list: usize) -> &[Symbol] {
        let place = |end: u64| usize::try_from(end).expect("what is in memory has a place");
        let from = list.checked_sub(1).map_or(0, |before| place(self.ends[before]));
        &self.elements[from..place(self.ends[list])]
    }

    fn intern_number(&mut self, number: &Number) -> Symbol {
        self.intern_kept(match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Kept::Int(number),
            (None, Some(number)) => Kept::Large(number),
            (None, None) => Kept::Float(number.as_f64().unwrap_or_default().to_bits()),
        })
    }

    fn intern_kept(&mut self, kept: Kept) -> Symbol {
        self.find_or_add(Fresh::Plain(kept))
    }

    fn find_or_add(&mut self, fresh: Fresh<'_>) -> Symbol {
        let hash = fresh.hash();
        let known = self
            .index
            .find(hash, |symbol| match (&fresh, &self.kept[symbol.0 as usize]) {
                (Fresh::Text(text), kept) => self.text_of(kept) == Some(text),
                (Fresh::Plain(fresh), kept) => fresh == kept,
            });
        if let Some(&known) = known {
            return known;
        }
        let kept = match fresh {
            Fresh::Plain(kept) => kept,
            Fresh::Text(text) => self.keep_text(text),
        };
        self.add(hash, kept)
    }

    fn keep_text(&mut self, text: &str) -> Kept {
        let start = self.texts.len() as u64;
        self.texts.push_str(text);
        let length = u32::try_from(text.len()).expect("a string is shorter than LINE_BYTES_MAX");
        Kept::Text { length, start }
    }

    fn text_of(&self, kept: &Kept) -> Option<&str> {
        match *kept {
            Kept::Text { length, start } => {
                let start = usize::try_from(start).expect("what is in memory has a place");
                Some(&self.texts[start..start + length as usize])
            }
            Kept::Null | Kept::Bool(_) | Kept::Int(_) | Kept::Large(_) | Kept::Float(_) | Kept::Tree(_) => {
                None
            }
        }
    }

    fn add(&mut self, hash: u64, kept: Kept) -> Symbol {
        let number = u32::try_from(self.kept.len())
            .ok()
            .filter(|&number| number < LISTS_FROM);
        let symbol = Symbol(number.expect("events are limited to EVENTS_MAX"));
        self.kept.push(kept);
        let Self {
            kept, texts, index, ..
        } = self;
        index.insert_unique(hash, symbol, |symbol| hash_of(&kept[symbol.0 as usize], texts));
        symbol
    }
}

impl Fresh<'_> {
    fn hash(&self) -> u64 {
        match self {
            Self::Text(text) => hash_of_str(text),
            Self::Plain(kept) => hash_of(kept, ""),
        }
    }
}

fn hash_of_str(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The hash of what is kept, whose text is in `texts` if it is a string.
fn hash_of(kept: &Kept, texts: &str) -> u64 {
    let mut hasher = FxHasher::default();
    match kept {
        Kept::Null => 0_u8.hash(&mut hasher),
        Kept::Bool(it) => it.hash(&mut hasher),
        Kept::Int(number) => number.hash(&mut hasher),
        Kept::Large(number) | Kept::Float(number) => number.hash(&mut hasher),
        Kept::Text { length, start } => {
            let start = usize::try_from(*start).expect("what is in memory has a place");
            texts[start..start + *length as usize].hash(&mut hasher);
        }
        Kept::Tree(tree) => tree.hash(&mut hasher),
    }
    hasher.finish()
}

/// Displays a value in a sentence.
#[derive(Debug, Clone)]
pub enum Show<'a> {
    /// A string.
    Text(&'a str),
    /// Anything else.
    Other(Value),
}

/// A string longer than this is cut in sentences, in characters.
const SHOWN_CHARS_MAX: usize = 60;

impl fmt::Display for Show<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text("") => f.write_str("\"\""),
            Self::Text(text) => f.write_str(&one_line(text)),
            Self::Other(other) => f.write_str(&one_line(&other.to_string())),
        }
    }
}

/// Text from a file as a sentence can bear it: no control characters, and cut in the middle when it is long.
pub(crate) fn one_line(text: &str) -> String {
    let length = text.chars().count();
    if length <= SHOWN_CHARS_MAX {
        return text.chars().flat_map(visible).collect();
    }
    let head = text.chars().take(SHOWN_CHARS_MAX / 2);
    let tail = text.chars().skip(length - SHOWN_CHARS_MAX / 2);
    head.chain(['…']).chain(tail).flat_map(visible).collect()
}

fn visible(char: char) -> impl Iterator<Item = char> {
    let escaped = char.is_control().then(|| char.escape_default());
    let plain = (!char.is_control()).then_some(char);
    escaped.into_iter().flatten().chain(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeSeed;
    use serde_json::json;

    fn read(values: &mut Values, text: &str) -> Item {
        ItemSeed(values)
            .deserialize(&mut serde_json::Deserializer::from_str(text))
            .unwrap()
    }

    #[test]
    fn equal_values_have_one_symbol_and_unequal_ones_have_not() {
        let mut values = Values::default();
        let texts = [
            "null",
            "1",
            "1.0",
            "\"1\"",
            "true",
            "\"a\\nb\"",
            "\"\"",
            "{\"a\":[1]}",
            "-1",
            "18446744073709551615",
            "-0.0",
            "0.0",
            "0",
            "false",
        ];
        let items: Vec<Item> = texts.iter().map(|text| read(&mut values, text)).collect();
        for (place, text) in texts.iter().enumerate() {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(values.json(values.datum(items[place])), value);
            assert_eq!(values.intern_item(value), items[place], "{text}");
            assert_eq!(
                items.iter().position(|item| *item == items[place]),
                Some(place),
                "{text}"
            );
        }
    }

    #[test]
    fn arrays_are_kept_by_their_elements() {
        let mut values = Values::default();
        for text in ["[]", "[[1],2,null]", "[\"a\",\"b\"]", "[]"] {
            let value: Value = serde_json::from_str(text).unwrap();
            let (read, interned) = (read(&mut values, text), values.intern_item(value.clone()));
            assert_eq!(values.datum(read), values.datum(interned), "{text}");
            assert_eq!(values.json(values.datum(read)), value);
        }
    }

    #[test]
    fn an_array_that_breaks_off_leaves_nothing_behind() {
        let mut values = Values::default();
        let seed = ItemSeed(&mut values);
        seed.deserialize(&mut serde_json::Deserializer::from_str("[1,2,"))
            .unwrap_err();
        let item = read(&mut values, "[3]");
        assert_eq!(values.json(values.datum(item)), json!([3]));
    }

    #[test]
    fn a_value_takes_sixteen_bytes() {
        assert_eq!(size_of::<Kept>(), 16);
    }

    #[test]
    fn long_strings_are_cut_in_the_middle() {
        let mut values = Values::default();
        let symbol = values.intern(json!("é".repeat(100)));
        assert_eq!(
            values.show(symbol).to_string().chars().count(),
            SHOWN_CHARS_MAX + 1
        );
        assert_eq!(values.show(Symbol::NULL).to_string(), "null");
        assert_eq!(one_line("a\nb\u{7f}"), "a\\nb\\u{7f}");
    }
}
