//! Which view follows which: the rules, as a pure function.
//!
//! | primary | backup | acknowledged | next view                                    |
//! |---------|--------|--------------|----------------------------------------------|
//! | alive   | alive  | either       | none: nothing to change                      |
//! | alive   | none   | no           | none: one change at a time                   |
//! | alive   | none   | yes          | an idle server, if there is one, as backup   |
//! | alive   | dead   | yes          | the same, an idle server in the place        |
//! | alive   | dead   | no           | the same without a backup                    |
//! | dead    | alive  | yes          | the backup, an idle server in its place      |
//! | dead    | else   |              | none: nobody else is known to hold the data  |
//!
//! **Why these are safe.** Only a server that holds everything may become primary. The acknowledgement of a view says that its
//! backup holds everything, so a change of primary waits for it. A view that keeps the primary hands the power to nobody
//! new, so it could follow at any time; it still waits for the acknowledgement, because a second change while the first is being
//! carried out helps nobody, except in one case: the backup that is being synchronised has died. Its primary would wait for it
//! for ever, and so would the view service for the acknowledgement. Dropping the backup is then the only way out. It endangers
//! nothing: the primary of the new view is the primary of the old, whose data is whole whether or not the synchronisation got
//! anywhere; nobody else may act in either view; and should the old view have been taken up without this service knowing yet,
//! then whatever was answered in it was carried out by that same primary. A late acknowledgement of the dropped view names
//! another number and counts for nothing. The empty place is filled in the next change, when the primary has acknowledged.

use std::collections::BTreeSet;

use crate::pb::Flaw;
use crate::pb::event::Acknowledgement;
use crate::pb::view::{Member, View};

/// The view that should follow `view`, given who is alive; none if nothing may or need change.
pub(crate) fn successor(
    view: &View,
    acknowledgement: Acknowledgement,
    alive: &BTreeSet<Member>,
    flaw: Option<Flaw>,
) -> Option<View> {
    use Acknowledgement::{Given, Pending};
    let lives = |member: Member| alive.contains(&member);
    let View { primary, backup, .. } = *view;
    let (primary, backup) = match (lives(primary), backup, acknowledgement) {
        (true, Some(backup), _) if lives(backup) => return None,
        (true, Some(backup), Given) => (primary, substitute(view, Some(backup), alive)),
        (true, Some(_), Pending) => (primary, None),
        (true, None, Given) => (primary, Some(substitute(view, None, alive)?)),
        (true, None, Pending) => return None,
        (false, Some(backup), Given) if lives(backup) => (backup, substitute(view, Some(primary), alive)),
        (false, Some(backup), Pending) if lives(backup) && flaw == Some(Flaw::PromoteWithoutAck) => {
            (backup, substitute(view, Some(primary), alive))
        }
        (false, backup, _) if !backup.is_some_and(lives) && flaw == Some(Flaw::SolePrimaryRestartServes) => {
            (restarted(primary, alive)?, None)
        }
        (false, _, _) => return None,
    };
    Some(View {
        number: view.number.next(),
        primary,
        backup,
    })
}

/// A live server without a part in `view`: rather the one that was restarted in the place of `leaving`, or else the first.
fn substitute(view: &View, leaving: Option<Member>, alive: &BTreeSet<Member>) -> Option<Member> {
    let idle = || {
        alive
            .iter()
            .copied()
            .filter(|&member| view.members().all(|other| other != member))
    };
    leaving
        .and_then(|leaving| restarted(leaving, alive))
        .or_else(|| idle().next())
}

/// The life that followed `former` at the same node.
fn restarted(former: Member, alive: &BTreeSet<Member>) -> Option<Member> {
    alive
        .iter()
        .copied()
        .find(|&member| member.node == former.node && member != former)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Acknowledgement, Member, View, successor};
    use crate::node_id::NodeId;
    use crate::pb::view::ViewNumber;
    use crate::replica::Incarnation;

    fn member(node: usize) -> Member {
        Member {
            node: NodeId::replica(node),
            incarnation: Incarnation(1),
        }
    }

    fn check(
        view: (usize, Option<usize>),
        acknowledgement: Acknowledgement,
        alive: &[usize],
        expected: &str,
    ) {
        let view = View {
            number: ViewNumber(4),
            primary: member(view.0),
            backup: view.1.map(member),
        };
        let alive: BTreeSet<Member> = alive.iter().map(|&node| member(node)).collect();
        let next = successor(&view, acknowledgement, &alive, None);
        let shown = next.map_or("none".to_owned(), |next| next.to_string());
        assert_eq!(
            shown, expected,
            "after {view} with {alive:?} alive, {acknowledgement:?}"
        );
    }

    #[test]
    fn the_table_of_the_rules_holds() {
        use Acknowledgement::{Given, Pending};
        let view = (1, Some(2));
        check(view, Given, &[1, 2, 3], "none");
        check(view, Pending, &[1, 2, 3], "none");
        check((1, None), Pending, &[1, 3], "none");
        check((1, None), Given, &[1], "none");
        check((1, None), Given, &[1, 3], "5(n1, n3)");
        check(view, Given, &[1, 3], "5(n1, n3)");
        check(view, Given, &[1], "5(n1, -)");
        check(view, Pending, &[1, 3], "5(n1, -)");
        check(view, Given, &[2, 3], "5(n2, n3)");
        check(view, Given, &[2], "5(n2, -)");
        check(view, Pending, &[2, 3], "none");
        check(view, Given, &[3], "none");
        check((1, None), Given, &[3], "none");
    }

    #[test]
    fn a_restarted_server_gets_its_place_back_before_others() {
        let view = View {
            number: ViewNumber(4),
            primary: member(1),
            backup: Some(member(3)),
        };
        let again = Member {
            incarnation: Incarnation(2),
            ..member(3)
        };
        let alive = BTreeSet::from([member(1), member(2), again]);
        let next = successor(&view, Acknowledgement::Given, &alive, None).unwrap();
        assert_eq!(next.backup, Some(again));
    }
}
