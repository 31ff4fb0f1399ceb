//! The arguments of a command, one after the other.

use std::error::Error;
use std::str::FromStr;
use std::time::Duration;

use goldenscript::{ArgumentConsumer, Command};

/// The arguments that were not taken yet.
pub(crate) struct Words<'a>(ArgumentConsumer<'a>);

impl<'a> Words<'a> {
    pub(crate) fn of(command: &'a Command) -> Self {
        Self(command.consume_args())
    }

    /// The next word, if there is one.
    pub(crate) fn next(&mut self) -> Option<&'a str> {
        self.0.next_pos()
    }

    /// The next word, which must be there.
    pub(crate) fn need(&mut self, what: &str) -> Result<&'a str, Box<dyn Error>> {
        self.next().ok_or_else(|| format!("{what} is missing").into())
    }

    /// The next word as a `T`, which must be there.
    pub(crate) fn parse<T>(&mut self, what: &str) -> Result<T, Box<dyn Error>>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        let word = self.need(what)?;
        word.parse()
            .map_err(|error| format!("{word} is no {what}: {error}").into())
    }

    /// What stands behind `key=`, as a `T`.
    pub(crate) fn key<T>(&mut self, key: &str) -> Result<Option<T>, Box<dyn Error>>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        let Some(value) = self.0.take_key(key) else {
            return Ok(None);
        };
        let parsed = value.parse().map_err(|error| format!("{key}={value}: {error}"))?;
        Ok(Some(parsed))
    }

    /// The rest, as keys and values.
    pub(crate) fn pairs(&mut self) -> Vec<(&'a str, &'a str)> {
        std::iter::from_fn(|| self.0.next_key()).collect()
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), Box<dyn Error>> {
        self.0.reject_next()
    }
}

/// A span of time like `150ms` or `2s`.
pub(super) fn duration(word: &str) -> Result<Duration, Box<dyn Error>> {
    if let Some(ms) = word.strip_suffix("ms") {
        return Ok(Duration::from_millis(ms.parse()?));
    }
    let seconds = word
        .strip_suffix('s')
        .ok_or_else(|| format!("{word} is no time"))?;
    Ok(Duration::from_secs(seconds.parse()?))
}
