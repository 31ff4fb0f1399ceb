//! The name of a place that can fail: `n1`, `n2`, .. for replicas, `vs` for a view service, `clients` for the clients' host.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A node's name: 1 to [`NodeId::LENGTH_MAX`] lower-case ASCII letters and digits, starting with a letter.
///
/// Ordered by length, then bytes, so that `n2` comes before `n10`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId([u8; NodeId::LENGTH_MAX]);

/// What was wrong with a node's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeIdError(String);

impl NodeId {
    /// The longest name, in bytes.
    pub const LENGTH_MAX: usize = 8;

    /// The `number`-th replica, counted from 1: `n1`, `n2`, ...
    ///
    /// # Panics
    /// When `number` has more than seven digits; no cluster is that large.
    #[must_use]
    pub fn replica(number: usize) -> Self {
        format!("n{number}")
            .parse()
            .expect("a cluster has fewer than ten million nodes")
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self
            .0
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(Self::LENGTH_MAX);
        std::str::from_utf8(&self.0[..length]).expect("a name is ASCII by construction")
    }
}

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let well_formed = (1..=Self::LENGTH_MAX).contains(&bytes.len())
            && bytes[0].is_ascii_lowercase()
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !well_formed {
            return Err(NodeIdError(text.to_owned()));
        }
        let mut name = [0; Self::LENGTH_MAX];
        name[..bytes.len()].copy_from_slice(bytes);
        Ok(Self(name))
    }
}

impl Ord for NodeId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (mine, theirs) = (self.as_str(), other.as_str());
        mine.len().cmp(&theirs.len()).then_with(|| mine.cmp(theirs))
    }
}

impl PartialOrd for NodeId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for NodeIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a node's name: 1 to {} lower-case letters and digits, a letter first",
            self.0,
            NodeId::LENGTH_MAX
        )
    }
}

impl std::error::Error for NodeIdError {}

#[cfg(test)]
mod tests {
    use super::NodeId;

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut nodes = [NodeId::replica(10), NodeId::replica(2), "vs".parse().unwrap()];
        nodes.sort();
        assert_eq!(nodes.map(|node| node.to_string()), ["n2", "vs", "n10"]);
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        for text in ["", "N1", "1n", "n-1", "ninechars"] {
            assert!(text.parse::<NodeId>().is_err(), "{text:?} was accepted");
        }
    }
}
