//! The part of EDN that histories use, as a tree. Tags are dropped and what they stand before is kept.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::values::{FLOAT_END, Item, NUMBER_TOO_LARGE, Symbol, Values};

/// A form. Its names are those of the text it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::format) enum Form<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// More than fits into an [`i64`].
    Large(u64),
    Float(f64),
    Text(Cow<'a, str>),
    /// A keyword without its colon.
    Keyword(&'a str),
    Symbol(&'a str),
    /// A vector, a list or a set.
    Sequence(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

/// Forms may be nested so deep.
const DEPTH_MAX: usize = 64;

impl Form<'_> {
    /// The form as an item of a history: keywords and symbols become strings.
    pub(in crate::format) fn item(&self, values: &mut Values) -> Item {
        let Self::Sequence(elements) = self else {
            return self.symbol(values).into();
        };
        let from = values.open_list();
        for element in elements {
            let element = element.symbol(values);
            values.push_element(element);
        }
        values.close_list(from)
    }

    fn symbol(&self, values: &mut Values) -> Symbol {
        match self {
            Self::Nil => Symbol::NULL,
            Self::Int(number) => values.intern_int(*number),
            Self::Text(text) => values.intern_str(text),
            Self::Keyword(name) | Self::Symbol(name) => values.intern_str(name),
            Self::Sequence(_) | Self::Map(_) | Self::Bool(_) | Self::Large(_) | Self::Float(_) => {
                values.intern(self.json())
            }
        }
    }

    /// The form as JSON: keywords and symbols become strings.
    pub(in crate::format) fn json(&self) -> Value {
        match self {
            Self::Nil => Value::Null,
            Self::Bool(it) => Value::Bool(*it),
            Self::Int(number) => Value::from(*number),
            Self::Large(number) => Value::from(*number),
            Self::Float(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Self::Text(text) => Value::from(text.as_ref()),
            Self::Keyword(name) | Self::Symbol(name) => Value::from(*name),
            Self::Sequence(items) => items.iter().map(Self::json).collect(),
            Self::Map(pairs) => Value::Object(
                pairs
                    .iter()
                    .map(|(key, value)| (key.text().into_owned(), value.json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// The form as a name.
    pub(in crate::format) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Keyword(name) | Self::Symbol(name) => Cow::Borrowed(name),
            other => Cow::Owned(other.json().to_string()),
        }
    }
}

/// Whether everything that was opened has been closed, without looking at what it is; but for a vector or list around all events, whose
/// brackets are made blanks, so that each event inside stands for itself.
#[derive(Debug, Default)]
pub(super) struct Balance {
    depth: u64,
    is_in_string: bool,
    /// What closes the vector around all events.
    around: Option<u8>,
}

impl Balance {
    /// Takes a whole line.
    pub(super) fn feed(&mut self, line: &mut [u8]) {
        let mut at = 0;
        while let Some(byte) = line.get_mut(at) {
            at += 1;
            match *byte {
                b'\\' => at += 1,
                b'"' => self.is_in_string = !self.is_in_string,
                _ if self.is_in_string => {}
                b'[' | b'(' if self.depth == 0 && self.around.is_none() => {
                    self.around = Some(if *byte == b'[' { b']' } else { b')' });
                    *byte = b' ';
                }
                b'{' | b'[' | b'(' => self.depth += 1,
                close @ (b']' | b')') if self.depth == 0 && self.around == Some(close) => {
                    self.around = None;
                    *byte = b' ';
                }
                b'}' | b']' | b')' => self.depth = self.depth.saturating_sub(1),
                b';' => return,
                _ => {}
            }
        }
    }

    /// Whether an event ends here, or none has begun.
    pub(super) const fn is_even(&self) -> bool {
        self.depth == 0 && !self.is_in_string
    }

    /// Whether the vector around all events waits for its end.
    pub(super) const fn is_inside(&self) -> bool {
        self.around.is_some()
    }
}

/// All forms in `text`.
pub(in crate::format) fn parse_all(text: &str) -> Result<Vec<Form<'_>>, String> {
    let mut parser = Parser { rest: text, depth: 0 };
    let mut forms = Vec::new();
    while let Some(form) = parser.form()? {
        forms.push(form);
    }
    parser.skip_blanks();
    if parser.rest.is_empty() {
        Ok(forms)
    } else {
        Err(parser.unexpected())
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// The next form; none at the end or before a closing bracket.
    fn form(&mut self) -> Result<Option<Form<'a>>, String> {
        self.skip_blanks();
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        match first {
            '}' | ']' | ')' => Ok(None),
            '{' => self.nested(Self::map).map(Some),
            '[' => self.nested(|parser| parser.sequence(']')).map(Some),
            '(' => self.nested(|parser| parser.sequence(')')).map(Some),
            '"' => self.string().map(Some),
            '#' => self.nested(Self::dispatch),
            '\\' => self.character().map(Some),
            _ => self.atom().map(Some),
        }
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == DEPTH_MAX {
            return Err(format!("nested more than {DEPTH_MAX} deep"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self
                .rest
                .trim_start_matches(|char: char| char.is_whitespace() || char == ',');
            if !self.rest.starts_with(';') {
                return;
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    fn bump(&mut self, bytes: usize) -> &'a str {
        let (head, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        head
    }

    fn sequence(&mut self, close: char) -> Result<Form<'a>, String> {
        self.bump(1);
        let mut items = Vec::new();
        while let Some(item) = self.form()? {
            items.push(item);
        }
        self.close(close)?;
        Ok(Form::Sequence(items))
    }

    fn map(&mut self) -> Result<Form<'a>, String> {
        self.bump(1);
        let mut pairs = Vec::new();
        while let Some(key) = self.form()? {
            let value = self.form()?.ok_or("a map has a key without a value")?;
            pairs.push((key, value));
        }
        self.close('}')?;
        Ok(Form::Map(pairs))
    }

    fn close(&mut self, bracket: char) -> Result<(), String> {
        if !self.rest.starts_with(bracket) {
            return Err(self.unexpected());
        }
        self.bump(1);
        Ok(())
    }

    /// What follows a `#`: a set, something to pass over, or a tag.
    fn dispatch(&mut self) -> Result<Option<Form<'a>>, String> {
        self.bump(1);
        match self.rest.chars().next() {
            Some('{') => self.sequence('}').map(Some),
            // Such as ##Inf; a tag is no name for a number that is none.
            Some('#') => Err("unexpected `##`".to_owned()),
            Some('_') => {
                self.bump(1);
                self.form()?;
                self.form()
            }
            _ => {
                let length = self.rest.find(is_end_of_atom).unwrap_or(self.rest.len());
                self.bump(length);
                self.form()
            }
        }
    }

    fn string(&mut self) -> Result<Form<'a>, String> {
        self.bump(1);
        // Most strings have no escapes, and are as they stand there.
        if let Some(end) = self
            .rest
            .find(['"', '\\'])
            .filter(|&end| self.rest.as_bytes()[end] == b'"')
        {
            let text = &self.bump(end + 1)[..end];
            return Ok(Form::Text(Cow::Borrowed(text)));
        }
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.bump(at + 1);
                    return Ok(Form::Text(Cow::Owned(text)));
                }
                '\\' => text.push(escaped(&mut chars).ok_or("a string has an unknown escape")?),
                other => text.push(other),
            }
        }
        Err("a string does not end".to_owned())
    }

    fn character(&mut self) -> Result<Form<'a>, String> {
        self.bump(1);
        let first = self.rest.chars().next().ok_or("a character is missing")?;
        let name = &self.rest[first.len_utf8()..];
        let length = first.len_utf8() + name.find(is_end_of_atom).unwrap_or(name.len());
        Ok(Form::Text(Cow::Borrowed(match self.bump(length) {
            "newline" => "\n",
            "space" => " ",
            "tab" => "\t",
            "return" => "\r",
            other => other,
        })))
    }

    fn atom(&mut self) -> Result<Form<'a>, String> {
        let length = self.rest.find(is_end_of_atom).unwrap_or(self.rest.len());
        if length == 0 {
            return Err(self.unexpected());
        }
        let atom = self.bump(length);
        Ok(match atom {
            "nil" => Form::Nil,
            "true" => Form::Bool(true),
            "false" => Form::Bool(false),
            _ => match atom.strip_prefix(':') {
                Some(name) => Form::Keyword(name),
                None => number(atom)?.unwrap_or(Form::Symbol(atom)),
            },
        })
    }

    fn unexpected(&self) -> String {
        match self.rest.chars().next() {
            Some(char) => format!("unexpected `{}`", char.escape_default()),
            None => "it ends too early".to_owned(),
        }
    }
}

fn is_end_of_atom(char: char) -> bool {
    char.is_whitespace() || matches!(char, ',' | '"' | '{' | '}' | '[' | ']' | '(' | ')' | ';')
}

/// The number that `atom` is, if it is one. Numbers that would be rounded to others are refused: two values would become one.
fn number(atom: &str) -> Result<Option<Form<'static>>, String> {
    let digits = atom.strip_suffix(['N', 'M']).unwrap_or(atom);
    let unsigned = digits.trim_start_matches(['-', '+']);
    if !unsigned.starts_with(|char: char| char.is_ascii_digit()) {
        return Ok(None);
    }
    if let Ok(number) = digits.parse() {
        return Ok(Some(Form::Int(number)));
    }
    if let Ok(number) = digits.parse() {
        return Ok(Some(Form::Large(number)));
    }
    match digits.parse::<f64>() {
        Ok(number) if number.abs() < FLOAT_END => Ok(Some(Form::Float(number))),
        Ok(_) => Err(NUMBER_TOO_LARGE.to_owned()),
        Err(_) => Ok(None),
    }
}

fn escaped(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    Some(match chars.next()?.1 {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let digits: String = chars.by_ref().take(4).map(|(_, char)| char).collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
        }
        char @ ('"' | '\\' | '/') => char,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expected: &Value) {
        let forms = parse_all(text).unwrap();
        assert_eq!(
            Value::Array(forms.iter().map(Form::json).collect()),
            *expected,
            "{text}"
        );
    }

    #[test]
    fn forms_are_read() {
        check(
            "nil true -3 2.5 7N \"a\\\"\\u00e9\\n\" :k/w sym",
            &json!([null, true, -3, 2.5, 7, "a\"é\n", "k/w", "sym"]),
        );
        check(
            "18446744073709551615 -9223372036854775808 1/2 -inf -",
            &json!([u64::MAX, i64::MIN, "1/2", "-inf", "-"]),
        );
        check(
            "{:a [1, 2], \"b\" (3 #{4})} ; {",
            &json!([{"a": [1, 2], "b": [3, [4]]}]),
        );
        check(
            "#jepsen.history.Op{:index 0} #_ignored 5 #inst \"2020\" \\a \\newline",
            &json!([{"index": 0}, 5, "2020", "a", "\n"]),
        );
        check("", &json!([]));
    }

    #[test]
    fn defects_are_told() {
        for (text, reason) in [
            ("{:a}", "a map has a key without a value"),
            ("[1 2", "it ends too early"),
            ("[1 }", "unexpected `}`"),
            ("\"abc", "a string does not end"),
            ("\"\\q\"", "a string has an unknown escape"),
            ("##NaN", "unexpected `##`"),
            (
                "18446744073709551616N",
                "a number of more than 64 bits; write it as a string",
            ),
            ("-1e400", "a number of more than 64 bits; write it as a string"),
        ] {
            assert_eq!(parse_all(text).unwrap_err(), reason, "{text}");
        }
        assert_eq!(
            parse_all(&"[".repeat(100)).unwrap_err(),
            "nested more than 64 deep"
        );
        assert_eq!(
            parse_all(&"#a".repeat(100)).unwrap(),
            [],
            "a tag of nothing is nothing"
        );
    }
}
