//! A name nobody here knows: said once, with the names that are known and the one that was probably meant.

use std::fmt;

/// How alike two names must be, from 0 to 1, for one to be offered in place of the other.
const LIKENESS_MIN: f64 = 0.4;

/// A name that is not known, and what might have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    what: &'static str,
    name: String,
    nearest: Option<String>,
    known: Vec<String>,
}

impl UnknownName {
    /// Says that `name` is no `what` (a noun such as `fault`); these are `known`.
    pub fn new<K: Into<String>>(what: &'static str, name: &str, known: impl IntoIterator<Item = K>) -> Self {
        let known: Vec<String> = known.into_iter().map(Into::into).collect();
        let nearest = nearest(name, &known).map(str::to_owned);
        Self {
            what,
            name: name.to_owned(),
            nearest,
            known,
        }
    }

    /// The known name most like the unknown one, when any is like it at all.
    #[must_use]
    pub fn nearest(&self) -> Option<&str> {
        self.nearest.as_deref()
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} {:?}", self.what, self.name)?;
        if let Some(nearest) = &self.nearest {
            write!(f, ", did you mean {nearest:?}?")?;
        }
        write!(f, " (known: {})", self.known.join(", "))
    }
}

impl std::error::Error for UnknownName {}

fn nearest<'known>(name: &str, known: &'known [String]) -> Option<&'known str> {
    known
        .iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(name, known), known))
        .filter(|(likeness, _)| LIKENESS_MIN <= *likeness)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, known)| known.as_str())
}

#[cfg(test)]
mod tests {
    use super::UnknownName;

    #[test]
    fn the_nearest_name_is_offered_when_there_is_one() {
        let unknown = UnknownName::new("fault", "partiton", ["pause", "partition", "kill"]);
        assert_eq!(
            unknown.to_string(),
            "unknown fault \"partiton\", did you mean \"partition\"? (known: pause, partition, kill)"
        );
    }

    #[test]
    fn nothing_is_offered_for_a_name_like_none() {
        let unknown = UnknownName::new("fault", "xyzzy", ["pause", "partition", "kill"]);
        assert_eq!(
            unknown.to_string(),
            "unknown fault \"xyzzy\" (known: pause, partition, kill)"
        );
    }
}
