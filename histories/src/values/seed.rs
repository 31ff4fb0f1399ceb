//! Reads JSON straight into the table of values, without a tree in between.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{FLOAT_END, Item, NUMBER_TOO_LARGE, Symbol, Values};

/// Reads an item into the table.
pub(crate) struct ItemSeed<'a>(pub(crate) &'a mut Values);

struct SymbolSeed<'a>(&'a mut Values);

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Item, D::Error> {
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
        Ok(self.0.intern_int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Symbol, E> {
        Ok(self.0.intern(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Symbol, E> {
        if value.abs() < FLOAT_END {
            Ok(self.0.intern(value.into()))
        } else {
            Err(E::custom(NUMBER_TOO_LARGE))
        }
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

impl<'de> Visitor<'de> for ItemSeed<'_> {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Item, E> {
        Ok(Item::NULL)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Item, E> {
        SymbolSeed(self.0).visit_bool(value).map(Item::from)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Item, E> {
        SymbolSeed(self.0).visit_i64(value).map(Item::from)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Item, E> {
        SymbolSeed(self.0).visit_u64(value).map(Item::from)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Item, E> {
        SymbolSeed(self.0).visit_f64(value).map(Item::from)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Item, E> {
        SymbolSeed(self.0).visit_str(value).map(Item::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Item, A::Error> {
        let from = self.0.open_list();
        loop {
            match access.next_element_seed(SymbolSeed(self.0)) {
                Ok(Some(symbol)) => self.0.push_element(symbol),
                Ok(None) => return Ok(self.0.close_list(from)),
                Err(error) => {
                    self.0.abandon_list(from);
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Item, A::Error> {
        SymbolSeed(self.0).visit_map(access).map(Item::from)
    }
}
