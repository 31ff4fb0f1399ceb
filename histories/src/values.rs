//! The values of a history, each kept once: an answer that lists a thousand tokens costs four bytes a token, and comparing two
//! values compares two numbers.
//!
//! Equal JSON values have equal symbols and unequal ones have not; `1` and `1.0` are unequal.

use std::fmt;
use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Datum {
    /// Anything but an array.
    One(Symbol),
    /// An array, by its elements.
    Many(Box<[Symbol]>),
}

impl Datum {
    /// JSON's null.
    pub const NULL: Self = Self::One(Symbol::NULL);
}

/// The table of all values of one history.
#[derive(Debug, Clone)]
pub struct Values {
    items: Vec<Value>,
    index: HashTable<Symbol>,
}

impl Default for Values {
    fn default() -> Self {
        let mut values = Self {
            items: Vec::new(),
            index: HashTable::new(),
        };
        let null = values.intern(Value::Null);
        assert_eq!(null, Symbol::NULL, "null is the first value of every table");
        values
    }
}

impl Values {
    /// The symbol of `value`, which is added if it is new.
    pub fn intern(&mut self, value: Value) -> Symbol {
        if let Value::String(text) = &value {
            return self.intern_str(text);
        }
        let hash = hash_of(&value);
        if let Some(&known) = self
            .index
            .find(hash, |symbol| self.items[symbol.0 as usize] == value)
        {
            return known;
        }
        self.add(hash, value)
    }

    /// The symbol of a string, which is added if it is new.
    pub fn intern_str(&mut self, text: &str) -> Symbol {
        let hash = hash_of_str(text);
        let known = self.index.find(hash, |symbol| {
            self.items[symbol.0 as usize].as_str() == Some(text)
        });
        match known {
            Some(&symbol) => symbol,
            None => self.add(hash, Value::from(text)),
        }
    }

    /// The datum of `value`: an array is taken apart.
    pub fn intern_datum(&mut self, value: Value) -> Datum {
        match value {
            Value::Array(items) => Datum::Many(items.into_iter().map(|item| self.intern(item)).collect()),
            other => Datum::One(self.intern(other)),
        }
    }

    /// The value of a symbol of this table.
    ///
    /// # Panics
    /// When the symbol is of another table.
    #[must_use]
    pub fn get(&self, symbol: Symbol) -> &Value {
        &self.items[symbol.0 as usize]
    }

    /// The datum as JSON.
    #[must_use]
    pub fn json(&self, datum: &Datum) -> Value {
        match datum {
            Datum::One(symbol) => self.get(*symbol).clone(),
            Datum::Many(symbols) => symbols.iter().map(|&symbol| self.get(symbol).clone()).collect(),
        }
    }

    /// How a value looks in a sentence: strings without their quotes, `null` as `null`.
    #[must_use]
    pub fn show(&self, symbol: Symbol) -> Show<'_> {
        Show(self.get(symbol))
    }

    fn add(&mut self, hash: u64, value: Value) -> Symbol {
        let symbol =
            Symbol(u32::try_from(self.items.len()).expect("fewer than four billion values fit in memory"));
        self.items.push(value);
        let items = &self.items;
        self.index
            .insert_unique(hash, symbol, |symbol| hash_of(&items[symbol.0 as usize]));
        symbol
    }
}

/// Displays a value in a sentence.
#[derive(Debug, Clone, Copy)]
pub struct Show<'a>(&'a Value);

/// A string longer than this is cut in sentences, in characters.
const SHOWN_CHARS_MAX: usize = 60;

impl fmt::Display for Show<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) if text.is_empty() => f.write_str("\"\""),
            Value::String(text) => f.write_str(&one_line(text)),
            other => f.write_str(&one_line(&other.to_string())),
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

fn hash_of_str(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    hasher.finish()
}

fn hash_of(value: &Value) -> u64 {
    if let Value::String(text) = value {
        return hash_of_str(text);
    }
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Reads a datum straight into the table, without a JSON tree in between.
pub(crate) struct DatumSeed<'a>(pub(crate) &'a mut Values);

struct SymbolSeed<'a>(&'a mut Values);

impl<'de> DeserializeSeed<'de> for DatumSeed<'_> {
    type Value = Datum;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Datum, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> DeserializeSeed<'de> for SymbolSeed<'_> {
    type Value = Symbol;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Symbol, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SymbolSeed<'_> {
    type Value = Symbol;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Symbol, E> {
        Ok(Symbol::NULL)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Symbol, E> {
        Ok(self.0.intern(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Symbol, E> {
        Ok(self.0.intern(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Symbol, E> {
        Ok(self.0.intern(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Symbol, E> {
        Ok(self.0.intern(value.into()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Symbol, E> {
        Ok(self.0.intern_str(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Symbol, A::Error> {
        let items = de::Deserialize::deserialize(de::value::SeqAccessDeserializer::new(access))?;
        Ok(self.0.intern(Value::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Symbol, A::Error> {
        let fields = de::Deserialize::deserialize(de::value::MapAccessDeserializer::new(access))?;
        Ok(self.0.intern(Value::Object(fields)))
    }
}

impl<'de> Visitor<'de> for DatumSeed<'_> {
    type Value = Datum;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Datum, E> {
        Ok(Datum::NULL)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Datum, E> {
        SymbolSeed(self.0).visit_bool(value).map(Datum::One)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Datum, E> {
        SymbolSeed(self.0).visit_i64(value).map(Datum::One)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Datum, E> {
        SymbolSeed(self.0).visit_u64(value).map(Datum::One)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Datum, E> {
        SymbolSeed(self.0).visit_f64(value).map(Datum::One)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Datum, E> {
        SymbolSeed(self.0).visit_str(value).map(Datum::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Datum, A::Error> {
        let mut symbols = Vec::with_capacity(access.size_hint().unwrap_or(0));
        while let Some(symbol) = access.next_element_seed(SymbolSeed(self.0))? {
            symbols.push(symbol);
        }
        Ok(Datum::Many(symbols.into_boxed_slice()))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Datum, A::Error> {
        SymbolSeed(self.0).visit_map(access).map(Datum::One)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(values: &mut Values, text: &str) -> Datum {
        DatumSeed(values)
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
            "{\"a\":[1]}",
            "-1",
            "[]",
            "[[1],2,null]",
        ];
        let data: Vec<Datum> = texts.iter().map(|text| read(&mut values, text)).collect();
        for (place, text) in texts.iter().enumerate() {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(values.json(&data[place]), value);
            assert_eq!(values.intern_datum(value), data[place], "{text}");
            assert_eq!(
                data.iter().position(|datum| *datum == data[place]),
                Some(place),
                "{text}"
            );
        }
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
