//! What is seen, in words: one line each, without what only a machine wants to know.

use serde_json::{Map, Value};

use super::kinds::kebab;

/// Where an event says what it is.
const TAG: &str = "event";
/// Longer lists of numbers are bytes, and only counted.
const NUMBERS_SHOWN_MAX: usize = 8;

/// How a system likes its values shown.
pub(super) struct Prose {
    /// Fields nobody reads.
    pub(super) noise: &'static [&'static str],
    /// Fields that are shown before the others, in this order.
    pub(super) first: &'static [&'static str],
    /// A shorter form of a value, where there is one.
    pub(super) abbreviate: fn(&Value) -> Option<String>,
}

impl Prose {
    /// An enum's variant with its fields: `view-installed view=2(n1, n2) role=primary`.
    pub(super) fn variant(&self, value: &Value) -> String {
        match value {
            Value::String(name) => kebab(name),
            Value::Object(fields) => self.tagged(fields),
            other => self.value(other),
        }
    }

    fn tagged(&self, fields: &Map<String, Value>) -> String {
        if let Some(Value::String(tag)) = fields.get(TAG) {
            return self.named(tag, fields);
        }
        match fields.iter().next() {
            Some((name, Value::Object(fields))) => self.named(name, fields),
            Some((name, Value::Null)) => format!("{} none", kebab(name)),
            Some((name, content)) => format!("{} {}", kebab(name), self.value(content)),
            None => String::new(),
        }
    }

    fn named(&self, name: &str, fields: &Map<String, Value>) -> String {
        let mut line = kebab(name);
        for field in self.fields(fields) {
            line.push(' ');
            line.push_str(&field);
        }
        line
    }

    fn fields(&self, fields: &Map<String, Value>) -> Vec<String> {
        let shown = fields.iter().filter(|(name, value)| {
            name.as_str() != TAG && !self.noise.contains(&name.as_str()) && !value.is_null()
        });
        let mut shown: Vec<(&String, &Value)> = shown.collect();
        let rank = |name: &str| self.first.iter().position(|first| *first == name);
        shown.sort_by_key(|(name, _)| rank(name).unwrap_or(usize::MAX));
        let fields = shown
            .into_iter()
            .map(|(name, value)| match (name.as_str(), value) {
                ("client", Value::Number(number)) => format!("client=c{number}"),
                _ => format!("{name}={}", self.value(value)),
            });
        fields.collect()
    }

    fn value(&self, value: &Value) -> String {
        if let Some(short) = (self.abbreviate)(value) {
            return short;
        }
        match value {
            Value::Null => "none".to_owned(),
            Value::Bool(yes) => yes.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) if text.is_empty() || text.contains(' ') => format!("{text:?}"),
            Value::String(text) => text.clone(),
            Value::Array(values) => self.list(values),
            Value::Object(fields) => self.object(fields),
        }
    }

    fn list(&self, values: &[Value]) -> String {
        if NUMBERS_SHOWN_MAX < values.len() && values.iter().all(Value::is_number) {
            return format!("<{} bytes>", values.len());
        }
        let values: Vec<String> = values.iter().map(|value| self.value(value)).collect();
        format!("[{}]", values.join(", "))
    }

    fn object(&self, fields: &Map<String, Value>) -> String {
        if let [name] = fields.keys().collect::<Vec<_>>()[..]
            && fields[name].is_object()
        {
            return self.named(name, fields[name].as_object().expect("it is an object"));
        }
        format!("({})", self.fields(fields).join(" "))
    }
}
