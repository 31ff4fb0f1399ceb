//! Which nemeses a run has, as `--nemesis` says it.

use std::fmt;
use std::str::FromStr;

use super::catalogue::{Nemesis, catalogue};
use crate::fault::Family;
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
    /// A nemesis whose faults the world at hand cannot do.
    NotHere(&'static str),
}

impl Selection {
    /// The word for no nemesis at all.
    pub const NONE: &'static str = "none";
    /// The word for every family of the world at hand.
    pub const ALL: &'static str = "all";

    /// Reads what [`FromStr`] does, for a world that can do faults of these `families`; `all` means these.
    ///
    /// # Errors
    /// When a name is unknown, of another family, or `none` stands beside others.
    pub fn within(text: &str, families: &[Family]) -> Result<Self, SelectionError> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        let mut selection = Self::default();
        match names.as_slice() {
            [Self::NONE] => {}
            names if names.contains(&Self::NONE) => return Err(SelectionError::NoneBesideOthers),
            names => {
                for name in names {
                    selection.add_named(name, families)?;
                }
            }
        }
        Ok(selection)
    }

    /// These nemeses, each once.
    #[must_use]
    pub fn of(nemeses: impl IntoIterator<Item = &'static Nemesis>) -> Self {
        let mut selection = Self::default();
        nemeses.into_iter().for_each(|nemesis| selection.add(nemesis));
        selection
    }

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

    fn add_named(&mut self, name: &str, families: &[Family]) -> Result<(), SelectionError> {
        if name == Self::ALL {
            catalogue()
                .iter()
                .filter(|nemesis| nemesis.is_family() && families.contains(&nemesis.family))
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
            .ok_or_else(|| SelectionError::Unknown(UnknownName::new("nemesis", name, known)))?;
        if !families.contains(&found.family) {
            return Err(SelectionError::NotHere(found.name));
        }
        self.add(found);
        Ok(())
    }
}

impl FromStr for Selection {
    type Err = SelectionError;

    /// Reads `none`, `all`, or names separated by commas: families, faults, or `partition.one-way-in`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::within(text, &Family::ALL)
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
            Self::NotHere(name) => write!(f, "nemesis {name:?} cannot be done in this world"),
        }
    }
}

impl std::error::Error for SelectionError {}

#[cfg(test)]
mod tests {
    use super::Selection;
    use crate::fault::Family;

    fn names(text: &str) -> Vec<&'static str> {
        text.parse::<Selection>().unwrap().names()
    }

    #[test]
    fn families_faults_and_full_names_are_read_and_doubles_are_one() {
        assert_eq!(names("none"), [""; 0]);
        assert_eq!(
            names("all"),
            ["partition", "pause", "kill", "packet", "membership"]
        );
        assert_eq!(names("kill-all,all").len(), 6);
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
            "unknown nemesis \"kil\", did you mean \"kill\"? (known: none, all, partition, pause, kill, packet, membership, one, majority, \
             minority-third, majorities-ring, bridge, one-way-in, one-way-out, single-link, client-to-node, \
             primary-from-service, primaries, turns, pause-primaries, pause-service, kill-primaries, kill-service, kill-all, \
             loss, delay, duplicate, reorder, hold, reply-loss, slow, grow, shrink, replace)"
        );
        assert!("".parse::<Selection>().is_err());
        assert!("pause.kill".parse::<Selection>().is_err());
    }

    #[test]
    fn what_a_world_cannot_do_is_refused_by_name_and_is_not_in_its_all() {
        let real = |text| Selection::within(text, &Family::OF_PROCESSES);
        assert_eq!(
            real("all").unwrap().names(),
            ["partition", "pause", "kill", "membership"]
        );
        let refused = real("kill,hold").unwrap_err().to_string();
        assert_eq!(refused, "nemesis \"hold\" cannot be done in this world");
    }

    #[test]
    fn none_cannot_stand_beside_others() {
        let error = "none,kill".parse::<Selection>().unwrap_err();
        assert_eq!(error.to_string(), "nemesis \"none\" cannot stand beside others");
    }
}
