//! The changes of members that faults want, while they want them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nemesis::{Action, Change, FaultId, Roster, Standing, Verification};
use systems::{NodeId, quorum};

use crate::adapter::Group;

/// A group that nothing hinders changes within this time. It is the bound within which such a system claims to serve again.
const CHANGES_WITHIN: Duration = Duration::from_secs(5);

/// Which faults want which change.
#[derive(Debug, Default)]
pub struct Changes {
    wanted: BTreeMap<FaultId, Wanted>,
    /// Other faults in force.
    others: BTreeSet<FaultId>,
    /// When the last of the others was healed.
    healed: Option<Duration>,
}

#[derive(Debug)]
struct Wanted {
    change: Change,
    since: Duration,
    /// Whether another fault was in force, or had been of late, at some time since.
    hindered: bool,
}

impl Changes {
    /// Fault `id` wants `action` from `now` on.
    pub fn add(&mut self, now: Duration, id: FaultId, action: &Action) {
        let Action::Change(change) = action else {
            self.others.insert(id);
            self.wanted.values_mut().for_each(|wanted| wanted.hindered = true);
            return;
        };
        let of_late = self.healed.is_some_and(|healed| now < healed + CHANGES_WITHIN);
        let hindered = of_late || !self.others.is_empty();
        let wanted = Wanted {
            change: change.clone(),
            since: now,
            hindered,
        };
        self.wanted.insert(id, wanted);
    }

    /// Fault `id` does not want it any more.
    pub fn remove(&mut self, now: Duration, id: FaultId) {
        if self.others.remove(&id) {
            self.healed = Some(now);
        }
        self.wanted.remove(&id);
    }

    /// Who shall be a member.
    #[must_use]
    pub fn goal(&self, roster: &Roster) -> BTreeSet<NodeId> {
        Change::together(self.wanted.values().map(|wanted| &wanted.change), roster)
    }

    /// `standing` with who shall be a member, and nobody expendable whom the members that there shall be cannot do without: of them no more than
    /// those that are `sound` can be counted on.
    #[must_use]
    pub fn looked_at(&self, standing: Standing, roster: &Roster, sound: &BTreeSet<NodeId>) -> Standing {
        let members = self.goal(roster);
        let enough = quorum::majority(members.len());
        let goes_on_without = |node: &NodeId| {
            let left = members.intersection(sound).filter(|&member| member != node);
            enough <= left.count()
        };
        let expendable = standing.expendable.into_iter().filter(goes_on_without);
        Standing {
            expendable: expendable.collect(),
            members,
            ..standing
        }
    }

    /// Whether what fault `id` wants holds in `group`. If it does not, whether the group may take longer.
    #[must_use]
    pub fn look(&self, now: Duration, id: FaultId, group: &Group) -> Verification {
        let Some(wanted) = self.wanted.get(&id) else {
            return Verification::DoesNot("the group was not asked".to_owned());
        };
        if group.begun && wanted.change.holds_in(&group.members) {
            return Verification::Holds;
        }
        let members: Vec<&str> = group.members.iter().map(NodeId::as_str).collect();
        let seen = format!("the group was {}", members.join(", "));
        if wanted.hindered {
            Verification::NotYet(format!("{seen} while other faults were in force"))
        } else if now < wanted.since + CHANGES_WITHIN {
            Verification::NotYet(format!("{seen}, and there was not time enough to change"))
        } else {
            Verification::DoesNot(format!("{seen}, though nothing was in the way of a change"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use nemesis::{Action, Change, FaultId, Verification};
    use systems::NodeId;

    use super::Changes;
    use crate::adapter::Group;

    fn nodes(numbers: &[usize]) -> BTreeSet<NodeId> {
        numbers.iter().copied().map(NodeId::replica).collect()
    }

    fn grow() -> Action {
        Action::Change(Change {
            joins: nodes(&[4]),
            leaves: BTreeSet::new(),
        })
    }

    fn look(changes: &Changes, at_s: u64, members: &[usize]) -> Verification {
        let group = Group {
            members: nodes(members),
            begun: true,
        };
        changes.look(Duration::from_secs(at_s), FaultId(1), &group)
    }

    #[test]
    fn a_change_holds_as_soon_as_it_is_seen_and_must_after_a_while_that_nothing_disturbed() {
        let mut changes = Changes::default();
        changes.add(Duration::ZERO, FaultId(1), &grow());
        assert!(matches!(look(&changes, 1, &[1, 2, 3]), Verification::NotYet(_)));
        assert_eq!(look(&changes, 1, &[1, 2, 3, 4]), Verification::Holds);
        assert!(matches!(look(&changes, 9, &[1, 2, 3]), Verification::DoesNot(_)));
    }

    #[test]
    fn a_change_that_something_else_hindered_may_take_longer() {
        let pause = Action::Pause(nodes(&[1]));
        let mut changes = Changes::default();
        changes.add(Duration::ZERO, FaultId(1), &grow());
        changes.add(Duration::from_secs(1), FaultId(2), &pause);
        changes.remove(Duration::from_secs(2), FaultId(2));
        assert!(matches!(look(&changes, 9, &[1, 2, 3]), Verification::NotYet(_)));
        changes.add(Duration::from_secs(3), FaultId(1), &grow());
        assert!(matches!(look(&changes, 9, &[1, 2, 3]), Verification::NotYet(_)));
    }
}
