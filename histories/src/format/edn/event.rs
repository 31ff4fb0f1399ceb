//! An event of a history as a map of EDN has it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::form::Form;
use crate::history::builder::Happening;
use crate::history::{Builder, Defect, Time};
use crate::journal::{Edge, Index, Nemesis};
use crate::op::{Function, Key, Process};

/// The fields of an event that matter.
#[derive(Debug, Default)]
pub(super) struct Raw<'a> {
    pub(super) index: Option<u64>,
    pub(super) time: Option<u64>,
    edge: Option<&'a Form<'a>>,
    f: Option<&'a Form<'a>>,
    process: Option<&'a Form<'a>>,
    value: Option<&'a Form<'a>>,
    key: Option<&'a Form<'a>>,
    error: Option<&'a Form<'a>>,
    saw: Option<&'a Form<'a>>,
}

/// Where and when an event stands.
#[derive(Debug, Clone, Copy)]
pub(in crate::format) struct Place {
    pub(in crate::format) index: u64,
    pub(in crate::format) time: u64,
    pub(in crate::format) line: u64,
}

impl<'a> Raw<'a> {
    pub(super) fn of(fields: &'a [(Form<'a>, Form<'a>)]) -> Result<Self, Defect> {
        let mut raw = Self::default();
        for (name, value) in fields {
            let Form::Keyword(name) = name else { continue };
            match *name {
                "index" => raw.index = Some(whole_number(value, "index")?),
                "time" => raw.time = Some(whole_number(value, "time")?),
                "type" => raw.edge = Some(value),
                "f" => raw.f = Some(value),
                "process" => raw.process = Some(value),
                "value" => raw.value = Some(value),
                "key" => raw.key = Some(value),
                "error" => raw.error = Some(value),
                "saw" => raw.saw = Some(value),
                // Jepsen's tests add what they like to an event.
                _ => {}
            }
        }
        Ok(raw)
    }

    /// Whether it has what every event has.
    pub(super) const fn is_event(&self) -> bool {
        self.f.is_some() && self.process.is_some()
    }

    pub(super) fn enter(
        self,
        builder: &mut Builder,
        keyed: &mut BTreeMap<Process, Key>,
        place: Place,
    ) -> Result<(), Defect> {
        let f = self.f.ok_or(Defect::MissingField("f"))?.text();
        let process = match self.process.ok_or(Defect::MissingField("process"))? {
            Form::Int(number) => Process(u64::try_from(*number).map_err(|_| BAD_PROCESS)?),
            Form::Large(number) => Process(*number),
            Form::Keyword(_) | Form::Symbol(_) | Form::Text(_) => {
                let fields = [
                    ("f", Value::from(f.as_ref())),
                    ("value", self.value.map_or(Value::Null, |value| value.json())),
                ];
                let fields = fields
                    .map(|(name, value)| (name.to_owned(), value))
                    .into_iter()
                    .collect();
                return builder.nemesis(
                    Index(place.index),
                    Time(place.time),
                    Nemesis {
                        f: f.into_owned(),
                        fields,
                    },
                );
            }
            _ => return Err(BAD_PROCESS),
        };
        let edge = self.edge.ok_or(Defect::MissingField("type"))?.text();
        let edge = Edge::named(&edge).ok_or_else(|| Defect::UnknownType(edge.into_owned()))?;
        let (f, key, value) = if f == "txn" {
            let (f, key, value) = self.micro_operation()?;
            (f, Some(key), value)
        } else {
            let f = Function::named(&f).ok_or_else(|| Defect::UnknownFunction(f.into_owned()))?;
            let (key, value) = self.keyed_value(edge, f, process, keyed);
            (f, key, value)
        };
        let (value, saw) = {
            let values = builder.values_mut();
            (value.item(values), self.saw.map(|saw| saw.item(values)))
        };
        builder.happen(Happening {
            index: Index(place.index),
            t: Time(place.time),
            line: place.line,
            process,
            edge,
            f,
            key,
            value,
            error: self
                .error
                .filter(|error| **error != Form::Nil)
                .map(|error| error.text().into_owned()),
            saw,
        })
    }

    /// The one operation of a transaction, such as `[[:append 3 1]]`.
    fn micro_operation(&self) -> Result<(Function, Key, &'a Form<'a>), Defect> {
        let Some(Form::Sequence(operations)) = self.value else {
            return Err(BAD_TRANSACTION);
        };
        let [operation] = &operations[..] else {
            let count = operations.len();
            return Err(Defect::Syntax(format!(
                "a transaction of {count} operations; only those of a single one are read"
            )));
        };
        let Form::Sequence(parts) = operation else {
            return Err(BAD_TRANSACTION);
        };
        let [f, key, value] = &parts[..] else {
            return Err(BAD_TRANSACTION);
        };
        let f = match &*f.text() {
            "r" => Function::Read,
            "w" => Function::Write,
            "append" => Function::Append,
            other => return Err(Defect::UnknownFunction(other.to_owned())),
        };
        Ok((f, Key::from(&*key.text()), value))
    }

    /// The key and the value, which may stand together in a pair: whether they do shows in the invocation.
    fn keyed_value(
        &self,
        edge: Edge,
        f: Function,
        process: Process,
        keyed: &mut BTreeMap<Process, Key>,
    ) -> (Option<Key>, &'a Form<'a>) {
        let value = self.value.unwrap_or(&Form::Nil);
        if let Some(key) = self.key {
            // An explicit nil says that the value is no pair with a key.
            let key = (*key != Form::Nil).then(|| Key::from(&*key.text()));
            return (key, value);
        }
        if edge == Edge::Invoke {
            let Some((key, value)) = pair(f, value) else {
                return (None, value);
            };
            keyed.insert(process, key.clone());
            return (Some(key), value);
        }
        match (keyed.remove(&process), value) {
            (Some(key), Form::Sequence(pair)) if pair.len() == 2 && *pair[0].text() == *key.0 => {
                (Some(key), &pair[1])
            }
            (key, value) => (key, value),
        }
    }
}

/// The key and the value of an invocation, if it is a pair of them.
fn pair<'a>(f: Function, value: &'a Form<'a>) -> Option<(Key, &'a Form<'a>)> {
    let Form::Sequence(items) = value else { return None };
    let [key, inner] = &items[..] else { return None };
    // Without a key the argument of a compare-and-set is a pair too, but then of two plain values.
    let is_keyed = f != Function::Cas || matches!(inner, Form::Sequence(_));
    is_keyed.then(|| (Key::from(&*key.text()), inner))
}

const BAD_TRANSACTION: Defect = Defect::BadField {
    field: "value",
    expected: "a list of operations such as [:append 3 1], in a transaction",
};

const BAD_PROCESS: Defect = Defect::BadField {
    field: "process",
    expected: "a whole number or a keyword",
};

fn whole_number(form: &Form<'_>, field: &'static str) -> Result<u64, Defect> {
    match form {
        Form::Int(number) => u64::try_from(*number).ok(),
        Form::Large(number) => Some(*number),
        _ => None,
    }
    .ok_or(Defect::BadField {
        field,
        expected: "a whole number that is not negative",
    })
}
