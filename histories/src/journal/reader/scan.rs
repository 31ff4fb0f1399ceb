//! The short way through a line: one look at each byte, no tree, nothing allocated.
//!
//! It takes lines as nearly all are: the known fields, each once, in any order; whole numbers; strings without escapes; arrays of
//! such values. Of anything else it says nothing, and the long way decides what it means or what is wrong with it: whatever this way
//! takes, the other takes for the same.

use crate::op::{Function, Process};
use crate::values::{Item, Symbol, Values};

use crate::journal::Edge;

/// An edge of a client's operation.
#[derive(Debug, PartialEq)]
pub(super) struct Plain<'a> {
    pub(super) i: Option<u64>,
    pub(super) t: u64,
    pub(super) edge: Edge,
    pub(super) process: Process,
    pub(super) f: Function,
    pub(super) key: Option<&'a str>,
    pub(super) value: Item,
    pub(super) error: Option<&'a str>,
    pub(super) saw: Option<Item>,
    pub(super) node: Option<&'a str>,
}

/// What the fields of a line say, as far as they have been met.
#[derive(Debug, Default)]
struct Fields<'a> {
    i: Option<u64>,
    t: Option<u64>,
    edge: Option<Edge>,
    process: Option<u64>,
    f: Option<Function>,
    key: Option<Option<&'a str>>,
    value: Option<Item>,
    error: Option<Option<&'a str>>,
    saw: Option<Item>,
    node: Option<Option<&'a str>>,
}

/// The line, if it is a plain one.
pub(super) fn scan<'a>(line: &'a [u8], values: &mut Values) -> Option<Plain<'a>> {
    let mut cursor = Cursor {
        text: str::from_utf8(line).ok()?,
        at: 0,
    };
    let mut fields = Fields::default();
    cursor.take(b'{')?;
    loop {
        let name = cursor.string()?;
        cursor.take(b':')?;
        fields.read(name, &mut cursor, values)?;
        match cursor.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    if cursor.at < line.len() {
        return None;
    }
    fields.plain()
}

impl<'a> Fields<'a> {
    /// Reads the value of the field of that name; a field that was there before is for the long way.
    fn read(&mut self, name: &str, cursor: &mut Cursor<'a>, values: &mut Values) -> Option<()> {
        match name {
            "i" => once(&mut self.i, cursor.natural()?),
            "t" => once(&mut self.t, cursor.natural()?),
            "process" => once(&mut self.process, cursor.natural()?),
            "type" => once(&mut self.edge, Edge::named(cursor.string()?)?),
            "f" => once(&mut self.f, Function::named(cursor.string()?)?),
            "key" => once(&mut self.key, cursor.key()?),
            "error" => once(&mut self.error, cursor.optional_string()?),
            "node" => once(&mut self.node, cursor.optional_string()?),
            "value" => once(&mut self.value, cursor.item(values)?),
            "saw" => once(&mut self.saw, cursor.item(values)?),
            _ => None,
        }
    }

    fn plain(self) -> Option<Plain<'a>> {
        Some(Plain {
            i: self.i,
            t: self.t?,
            edge: self.edge?,
            process: Process(self.process?),
            f: self.f?,
            key: self.key.flatten(),
            value: self.value.unwrap_or(Item::NULL),
            error: self.error.flatten(),
            saw: self.saw,
            node: self.node.flatten(),
        })
    }
}

fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

/// A place in a line.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// A whole number of so many digits fits into 64 bits with its sign.
const DIGITS_MAX: usize = 18;

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not blank.
    fn next(&mut self) -> Option<u8> {
        self.skip_blanks();
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..]
            .starts_with(word)
            .then(|| self.at += word.len())
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let from = self.at;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return Some(&self.text[from..self.at - 1]),
                b'\\' | 0..0x20 => return None,
                _ => {}
            }
        }
    }

    fn optional_string(&mut self) -> Option<Option<&'a str>> {
        self.skip_blanks();
        match self.peek()? {
            b'n' => self.word("null").map(|()| None),
            _ => self.string().map(Some),
        }
    }

    /// A string without escapes, or a whole number as it stands there.
    fn key(&mut self) -> Option<Option<&'a str>> {
        self.skip_blanks();
        let from = self.at;
        match self.peek()? {
            b'0'..=b'9' => self.digits().map(|_| Some(&self.text[from..self.at])),
            _ => self.optional_string(),
        }
    }

    /// A whole number that is not negative.
    fn natural(&mut self) -> Option<u64> {
        self.skip_blanks();
        self.digits()
    }

    fn digits(&mut self) -> Option<u64> {
        let from = self.at;
        let mut number = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number * 10 + u64::from(digit - b'0');
            self.at += 1;
            if self.at - from > DIGITS_MAX {
                return None;
            }
        }
        let begins_with_zero = self.text.as_bytes().get(from) == Some(&b'0');
        let is_whole = !matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        let is_number = from < self.at && is_whole && (!begins_with_zero || self.at - from == 1);
        is_number.then_some(number)
    }

    fn item(&mut self, values: &mut Values) -> Option<Item> {
        self.skip_blanks();
        if self.peek()? != b'[' {
            return self.symbol(values).map(Item::from);
        }
        self.at += 1;
        let from = values.open_list();
        if self.elements(values).is_none() {
            values.abandon_list(from);
            return None;
        }
        Some(values.close_list(from))
    }

    /// The elements of an array up to its end.
    fn elements(&mut self, values: &mut Values) -> Option<()> {
        self.skip_blanks();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            let element = self.symbol(values)?;
            values.push_element(element);
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// A value that is no array and no object.
    fn symbol(&mut self, values: &mut Values) -> Option<Symbol> {
        self.skip_blanks();
        match self.peek()? {
            b'"' => self.string().map(|text| values.intern_str(text)),
            b'n' => self.word("null").map(|()| Symbol::NULL),
            b't' => self.word("true").map(|()| values.intern(true.into())),
            b'f' => self.word("false").map(|()| values.intern(false.into())),
            b'-' => {
                self.at += 1;
                let number = i64::try_from(self.digits()?).ok().filter(|&number| number != 0)?;
                Some(values.intern_int(-number))
            }
            b'0'..=b'9' => {
                let number = i64::try_from(self.digits()?).ok()?;
                Some(values.intern_int(number))
            }
            _ => None,
        }
    }
}
