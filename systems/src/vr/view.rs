//! What orders everything: which view of which epoch, and which place in the log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::group::Epoch;

/// A view: within its epoch upwards from 0, and every view of an epoch before all views of the next. In each of them one member is primary,
/// taking turns in the order of their names.
///
/// Whatever replicas say to each other names a view, and so the epoch. It is read and written as its number in the first epoch, and as
/// `epoch.number` in later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct View {
    /// Of which epoch.
    pub epoch: Epoch,
    /// Which one in it.
    pub number: u64,
}

/// A text that names no view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownView(String);

/// A place in the log, upwards from 1. Zero is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct OpNumber(pub u64);

impl View {
    /// The view every group begins in.
    pub const FIRST: Self = Self::first_of(Epoch::FIRST);

    /// The view in which `epoch` begins.
    #[must_use]
    pub const fn first_of(epoch: Epoch) -> Self {
        Self { epoch, number: 0 }
    }

    /// View `number` of a group whose members have never changed.
    #[must_use]
    pub const fn in_first_epoch(number: u64) -> Self {
        let epoch = Epoch::FIRST;
        Self { epoch, number }
    }

    /// The view after this one, in the same epoch.
    #[must_use]
    pub const fn next(self) -> Self {
        let number = self.number.saturating_add(1);
        Self { number, ..self }
    }
}

impl OpNumber {
    /// Before the first operation.
    pub const ZERO: Self = Self(0);

    /// The place `count` further.
    #[must_use]
    pub const fn plus(self, count: usize) -> Self {
        Self(self.0.saturating_add(count as u64))
    }

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// How many places lie between `earlier` and this; zero when it lies behind.
    #[must_use]
    pub const fn since(self, earlier: Self) -> usize {
        self.0.saturating_sub(earlier.0) as usize
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            Epoch::FIRST => write!(f, "{}", self.number),
            epoch => write!(f, "{epoch}.{}", self.number),
        }
    }
}

impl FromStr for View {
    type Err = UnknownView;

    fn from_str(text: &str) -> Result<Self, UnknownView> {
        let (epoch, number) = text.split_once('.').unwrap_or(("0", text));
        match (epoch.parse(), number.parse()) {
            (Ok(epoch), Ok(number)) => Ok(Self {
                epoch: Epoch(epoch),
                number,
            }),
            _ => Err(UnknownView(text.to_owned())),
        }
    }
}

impl fmt::Display for UnknownView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a view: NUMBER, or EPOCH.NUMBER", self.0)
    }
}

impl std::error::Error for UnknownView {}

/// How a view looks where people read.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl Serialize for View {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return (self.epoch, self.number).serialize(serializer);
        }
        match self.epoch {
            Epoch::FIRST => Written::Number(self.number),
            _ => Written::Text(self.to_string()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for View {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            let (epoch, number) = Deserialize::deserialize(deserializer)?;
            return Ok(Self { epoch, number });
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Self::in_first_epoch(number)),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

impl fmt::Display for OpNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::View;
    use crate::group::Epoch;

    #[test]
    fn every_view_of_an_epoch_comes_before_all_views_of_the_next() {
        let last = View::in_first_epoch(u64::MAX);
        assert!(last < View::first_of(Epoch(1)) && last.next() == last);
    }

    #[test]
    fn a_view_is_read_back_from_words_and_from_bytes() {
        let (early, late) = (
            View::in_first_epoch(7),
            View {
                epoch: Epoch(2),
                number: 5,
            },
        );
        for (view, text) in [(early, "7"), (late, "\"2.5\"")] {
            assert_eq!(serde_json::to_string(&view).unwrap(), text);
            assert_eq!(serde_json::from_str::<View>(text).unwrap(), view);
            let bytes = postcard::to_stdvec(&view).unwrap();
            assert_eq!(postcard::from_bytes::<View>(&bytes).unwrap(), view);
        }
        assert!("2.".parse::<View>().is_err());
    }
}
