//! Groups whose members change: n1, n2 and n3 are members of the first epoch, n2, n3 and n4 of the second.
//!
//! In these scripts a command is a letter, and a log is the text of its commands; the change of members is `!`.

use histories::AnomalyKind;
use systems::group::Epoch;
use systems::service::RequestNumber;
use systems::service::kv::KeyValue;
use systems::vr::event::{Logged, Outcome};
use systems::vr::{Config, Event, Node, OpNumber, Role, View};
use systems::{ClientId, Incarnation, NodeId};
use tribunal::oracle::vr::VrOracle;

use super::digest;

type Script = super::Script<Node<KeyValue>, VrOracle>;

const FIRST: View = View::FIRST;
const SECOND: View = View::first_of(Epoch(1));

fn op(log: &str) -> OpNumber {
    OpNumber(log.len() as u64)
}

fn started(node: usize) -> Event {
    Event::Started {
        node: NodeId::replica(node),
        incarnation: Incarnation(0),
        view: FIRST,
        log_view: FIRST,
        op: OpNumber(0),
        prefix: digest(""),
        snapshot: OpNumber(0),
        digest: digest(""),
    }
}

/// The entries of `log` after a part of it, with their places from the primaries of the views in `stamps`.
fn entries(stamps: &[View], log: &str, after: usize) -> Vec<Logged> {
    let ends = (after + 1)..=log.len();
    ends.map(|end| Logged {
        stamp: stamps[end - 1],
        client: ClientId(7),
        number: RequestNumber(end as u64),
        prefix: digest(&log[..end]),
    })
    .collect()
}

/// The last command of `log` is added to it, in `view`.
fn appended(view: View, log: &str) -> Event {
    let after = log.len() - 1;
    Event::Appended {
        view,
        after: OpNumber(after as u64),
        entries: entries(&vec![view; log.len()], log, after),
    }
}

fn executed(view: View, role: Role, state: &str) -> Event {
    Event::Executed {
        view,
        op: op(state),
        role,
        client: ClientId(7),
        number: RequestNumber(state.len() as u64),
        outcome: Outcome::Now,
        digest: digest(state),
    }
}

fn began(members: &[usize], log: &str) -> Event {
    Event::EpochBegan {
        view: SECOND,
        members: members.iter().copied().map(NodeId::replica).collect(),
        former: (1..=3).map(NodeId::replica).collect(),
        op: op(log),
        prefix: digest(log),
    }
}

/// The log of the second epoch's first view is `log`.
fn installed(role: Role, log: &str) -> Event {
    Event::Installed {
        view: SECOND,
        role,
        after: OpNumber(0),
        entries: entries(&vec![FIRST; log.len()], log, 0),
    }
}

/// Four replicas have come to life, n4 as an outsider; n1 and n2 hold a command and the change.
fn asked() -> Script {
    let config = Config {
        reserve: vec![NodeId::replica(4)],
        ..Config::new((1..=3).map(NodeId::replica).collect())
    };
    let script = Script::new(VrOracle::new(&config));
    let script = (1..=4).fold(script, |script, node| script.say(node, started(node)));
    let script = script.say(4, Event::Outside { view: FIRST });
    let script = ["a", "a!"].into_iter().fold(script, |script, log| {
        script.say(1, appended(FIRST, log)).say(2, appended(FIRST, log))
    });
    script
        .say(1, executed(FIRST, Role::Primary, "a"))
        .say(1, executed(FIRST, Role::Primary, "a!"))
}

/// n1 has left, and n2 is primary of the second epoch's first view.
fn changed() -> Script {
    follow(left().say(1, Event::Outside { view: SECOND }))
}

fn left() -> Script {
    asked().say(1, began(&[2, 3, 4], "a!"))
}

fn follow(script: Script) -> Script {
    script
        .say(2, executed(FIRST, Role::Backup, "a"))
        .say(2, executed(FIRST, Role::Backup, "a!"))
        .say(2, began(&[2, 3, 4], "a!"))
        .say(2, appended(SECOND, "a!b"))
}

#[test]
fn an_epoch_begins_after_a_change_that_a_quorum_of_the_members_before_holds() {
    changed().holds();
    let alone = |log: &str| {
        asked()
            .say(1, appended(FIRST, "a!?"))
            .say(1, began(&[2, 3, 4], log))
    };
    alone("a!?").breaks(
        AnomalyKind::NotReplicated,
        "n1 began an epoch after place 3, which no quorum had accepted in one view: in view 0 n1 had",
    );
}

#[test]
fn all_that_enter_an_epoch_have_the_same_members() {
    let joins = |members: &[usize]| {
        changed()
            .say(4, began(members, "a!"))
            .say(4, installed(Role::Backup, "a!"))
    };
    joins(&[2, 3, 4]).holds();
    joins(&[1, 3, 4]).breaks(
        AnomalyKind::BrokenSuccession,
        "n4 entered epoch 1 with n1, n3, n4 after place 2, and it had begun with n2, n3, n4 after place 2",
    );
}

#[test]
fn a_quorum_is_one_of_the_members_of_its_epoch() {
    // Nothing is known of n1 but that it has left.
    let commits = |node| {
        follow(left())
            .say(4, began(&[2, 3, 4], "a!"))
            .say(4, installed(Role::Backup, "a!"))
            .say(node, appended(SECOND, "a!b"))
            .say(
                2,
                Event::Committed {
                    view: SECOND,
                    op: OpNumber(3),
                },
            )
    };
    commits(4).holds();
    commits(1).breaks(
        AnomalyKind::NotReplicated,
        "n2 called committed place 3, which no quorum had accepted in one view: in view 1.0 n1, n2 had",
    );
}

#[test]
fn whoever_is_not_a_member_takes_part_in_nothing() {
    let prepared = Event::Prepared {
        view: SECOND,
        through: OpNumber(2),
    };
    changed().say(2, prepared.clone()).holds();
    changed().say(1, prepared).breaks(
        AnomalyKind::OutOfTurn,
        "n1 confirmed entries in an epoch of which it is not a member",
    );
}

#[test]
fn nobody_acts_in_an_epoch_that_it_has_left() {
    let late = Event::ViewEntered {
        view: View::in_first_epoch(9),
    };
    changed().say(2, late).breaks(
        AnomalyKind::ViewRegressed,
        "n2 entered view 9 though it had gone by view 1.0 before",
    );
}

#[test]
fn a_replica_may_come_back_after_it_left_the_view_whose_log_it_holds() {
    let next = SECOND.next();
    let wished = Event::Suspected { view: next };
    let third = ["a", "a!"].into_iter().fold(changed(), |script, log| {
        script
            .say(3, appended(FIRST, log))
            .say(3, executed(FIRST, Role::Backup, log))
    });
    third
        .say(3, began(&[2, 3, 4], "a!"))
        .say(3, wished.clone())
        .say(2, wished)
        .say(2, Event::ViewEntered { view: next })
        .say(
            2,
            Event::Started {
                node: NodeId::replica(2),
                incarnation: Incarnation(1),
                view: next,
                log_view: SECOND,
                op: op("a!b"),
                prefix: digest("a!b"),
                snapshot: OpNumber(0),
                digest: digest(""),
            },
        )
        .say(2, began(&[2, 3, 4], "a!"))
        .holds();
}
