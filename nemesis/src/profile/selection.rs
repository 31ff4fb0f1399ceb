//! Which nemeses a run has, as `--nemesis` says it.

use std::fmt;
use std::str::FromStr;

use super::catalogue::{Nemesis, catalogue};
use crate::unknown::UnknownName;

/// The nemeses of a run, in the order in which they were named, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection(Vec<&'static Nemesis>);

/// What was wrong with a selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectionError {
    /// A name that no nemesis has.
    Unknown(UnknownName),
    /// `none` beside something else.
    NoneBesideOthers,
}

impl Selection {
    /// The word for no nemesis at all.
    pub const NONE: &'static str = "none";
    /// The word for every family.
    pub const ALL: &'static str = "all";

    /// The nemeses.
    #[must_use]
    pub fn nemeses(&self) -> &[&'static Nemesis] {
        &self.0
    }

    /// Their names; empty for `none`, and `all` is spelt out.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|nemesis| nemesis.name).collect()
    }

    fn add(&mut self, nemesis: &'static Nemesis) {
        if !self.0.contains(&nemesis) {
            self.0.push(nemesis);
        }
    }

    fn add_named(&mut self, name: &str) -> Result<(), UnknownName> {
        if name == Self::ALL {
            catalogue()
                .iter()
                .filter(|nemesis| nemesis.is_family())
                .for_each(|nemesis| self.add(nemesis));
            return Ok(());
        }
        let meant = |nemesis: &&Nemesis| {
            name == nemesis.name
                || name
                    .strip_prefix(nemesis.family.name())
                    .is_some_and(|rest| rest.strip_prefix('.') == Some(nemesis.name))
        };
        let known = [Self::NONE, Self::ALL]
            .into_iter()
            .chain(catalogue().iter().map(|nemesis| nemesis.name));
        let found = catalogue()
            .iter()
            .find(meant)
            .ok_or_else(|| UnknownName::new("nemesis", name, known))?;
        self.add(found);
        Ok(())
    }
}

impl FromStr for Selection {
    type Err = SelectionError;

    /// Reads `none`, `all`, or names separated by commas: families, faults, or `partition.one-way-in`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        let mut selection = Self::default();
        match names.as_slice() {
            [Self::NONE] => {}
            names if names.contains(&Self::NONE) => return Err(SelectionError::NoneBesideOthers),
            names => {
                for name in names {
                    selection.add_named(name).map_err(SelectionError::Unknown)?;
                }
            }
        }
        Ok(selection)
    }
}

impl fmt::Display for Selection {
    /// The names, separated by commas, or `none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            f.write_str(Self::NONE)
        } else {
            f.write_str(&self.names().join(","))
        }
    }
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(unknown) => unknown.fmt(f),
            Self::NoneBesideOthers => f.write_str("nemesis \"none\" cannot stand beside others"),
        }
    }
}

impl std::error::Error for SelectionError {}

#[cfg(test)]
mod tests {
    use super::Selection;

    fn names(text: &str) -> Vec<&'static str> {
        text.parse::<Selection>().unwrap().names()
    }

    #[test]
    fn families_faults_and_full_names_are_read_and_doubles_are_one() {
        assert_eq!(names("none"), [""; 0]);
        assert_eq!(names("all"), ["partition", "pause", "kill"]);
        assert_eq!(names("all,kill-all"), ["partition", "pause", "kill", "kill-all"]);
        assert_eq!(
            names("pause, partition.one-way-in,pause"),
            ["pause", "one-way-in"]
        );
        assert_eq!(
            names("primary-from-service,kill-service"),
            ["primary-from-service", "kill-service"]
        );
    }

    #[test]
    fn a_selection_is_read_back_from_its_words() {
        for text in ["none", "partition,pause,kill", "kill-all,one"] {
            assert_eq!(text.parse::<Selection>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_unknown_nemesis_is_answered_with_the_nearest_and_the_known() {
        let error = "partition,kil".parse::<Selection>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown nemesis \"kil\", did you mean \"kill\"? (known: none, all, partition, pause, kill, one, majority, \
             minority-third, majorities-ring, bridge, one-way-in, one-way-out, single-link, client-to-node, \
             primary-from-service, primaries, pause-primaries, pause-service, kill-primaries, kill-service, kill-all)"
        );
        assert!("".parse::<Selection>().is_err());
        assert!("pause.kill".parse::<Selection>().is_err());
    }

    #[test]
    fn none_cannot_stand_beside_others() {
        let error = "none,kill".parse::<Selection>().unwrap_err();
        assert_eq!(error.to_string(), "nemesis \"none\" cannot stand beside others");
    }
}
