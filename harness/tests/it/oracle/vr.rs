//! Viewstamped replication: three replicas, of which n1 is primary of view 0, n2 of view 1 and n3 of view 2.
//!
//! In these scripts a command is a letter, and a log, as well as what a replica holds after carrying it out, is the text of its commands.

use histories::AnomalyKind;
use systems::service::RequestNumber;
use systems::service::kv::{Answer, KeyValue};
use systems::vr::event::{Logged, Outcome, Recovery};
use systems::vr::{Base, Config, Event, Node, Nonce, OpNumber, Report, Role, View};
use systems::{ClientId, Incarnation, NodeId};
use tribunal::oracle::vr::VrOracle;

use super::digest;

type Script = super::Script<Node<KeyValue>, VrOracle>;

const CLIENT: u64 = 7;

fn started(view: u64, log_view: u64, log: &str) -> Event {
    started_after(view, log_view, log, "")
}

fn started_after(view: u64, log_view: u64, log: &str, snapshot: &str) -> Event {
    Event::Started {
        node: NodeId::replica(1),
        incarnation: Incarnation(0),
        view: View::in_first_epoch(view),
        log_view: View::in_first_epoch(log_view),
        op: op(log),
        prefix: digest(log),
        snapshot: op(snapshot),
        digest: digest(snapshot),
    }
}

fn op(log: &str) -> OpNumber {
    OpNumber(log.len() as u64)
}

/// The entries of `log` after a part of it, stamped with `stamp`.
fn entries(stamp: u64, log: &str, after: u64) -> Vec<Logged> {
    let ends = (after as usize + 1)..=log.len();
    ends.map(|end| Logged {
        stamp: View::in_first_epoch(stamp),
        client: ClientId(CLIENT),
        number: RequestNumber(end as u64),
        prefix: digest(&log[..end]),
    })
    .collect()
}

/// The last command of `log` is added to it, in `view`.
fn appended(view: u64, log: &str) -> Event {
    let after = log.len() as u64 - 1;
    Event::Appended {
        view: View::in_first_epoch(view),
        after: OpNumber(after),
        entries: entries(view, log, after),
    }
}

/// The log of `view` is `log` from now on; its entries were stamped in view 0.
fn installed(view: u64, role: Role, log: &str) -> Event {
    Event::Installed {
        view: View::in_first_epoch(view),
        role,
        after: OpNumber(0),
        entries: entries(0, log, 0),
    }
}

fn prepared(view: u64, through: u64) -> Event {
    Event::Prepared {
        view: View::in_first_epoch(view),
        through: OpNumber(through),
    }
}

fn committed(view: u64, op: u64) -> Event {
    Event::Committed {
        view: View::in_first_epoch(view),
        op: OpNumber(op),
    }
}

fn executed(view: u64, role: Role, state: &str) -> Event {
    command_executed(view, role, state, state.len() as u64, Outcome::Now)
}

fn command_executed(view: u64, role: Role, state: &str, number: u64, outcome: Outcome) -> Event {
    Event::Executed {
        view: View::in_first_epoch(view),
        op: op(state),
        role,
        client: ClientId(CLIENT),
        number: RequestNumber(number),
        outcome,
        digest: digest(state),
    }
}

fn wished(view: u64) -> Event {
    Event::Suspected {
        view: View::in_first_epoch(view),
    }
}

fn entered(view: u64) -> Event {
    Event::ViewEntered {
        view: View::in_first_epoch(view),
    }
}

fn report(log_view: u64, op: u64) -> Report {
    Report {
        log_view: View::in_first_epoch(log_view),
        last_stamp: View::in_first_epoch(0),
        op: OpNumber(op),
        commit: OpNumber(0),
    }
}

fn reported(view: u64, log_view: u64, op: u64) -> Event {
    Event::Reported {
        view: View::in_first_epoch(view),
        report: report(log_view, op),
    }
}

fn nonce(incarnation: u64) -> Nonce {
    Nonce {
        incarnation: Incarnation(incarnation),
        attempt: 1,
    }
}

fn recovered(nonce: Nonce) -> Event {
    Event::Recovered {
        view: View::in_first_epoch(0),
        by: Recovery::Peers,
        nonce,
    }
}

/// Three replicas have come to life, and a quorum would rather be in any other view.
fn alive() -> Script {
    quiet().say(2, wished(99)).say(3, wished(99))
}

/// Three replicas have come to life, and nothing more.
fn quiet() -> Script {
    let members = (1..=3).map(NodeId::replica).collect();
    let script = Script::new(VrOracle::new(&Config::new(members)));
    (1..=3).fold(script, |script, node| script.say(node, started(0, 0, "")))
}

/// `a` has a place at n1 and n3, which makes it committed, and both have carried it out.
fn one_committed() -> Script {
    alive().commits("a")
}

/// n2 and n3 have left the first view and reported; n3 has what was committed.
fn left() -> Script {
    one_committed()
        .say(2, entered(1))
        .say(3, entered(1))
        .say(2, reported(1, 0, 0))
        .say(3, reported(1, 0, 1))
}

/// n2 is primary of the second view, with the log of n3.
fn second_view() -> Script {
    left().say(2, installed(1, Role::Primary, "a"))
}

impl Script {
    /// n1 and n3 take the last command of `log` in, and carry it out, in the first view.
    fn commits(self, log: &str) -> Self {
        let place = log.len() as u64;
        self.say(1, appended(0, log))
            .say(3, appended(0, log))
            .say(3, prepared(0, place))
            .say(1, committed(0, place))
            .say(1, executed(0, Role::Primary, log))
            .say(3, executed(0, Role::Backup, log))
    }
}

#[test]
fn only_the_primary_of_a_view_acts_as_such() {
    let executes = |role| {
        one_committed()
            .say(2, appended(0, "a"))
            .say(2, executed(0, role, "a"))
    };
    executes(Role::Primary).breaks(
        AnomalyKind::TwoPrimaries,
        "n2 acted as primary of view 0, which is the turn of n1",
    );
    executes(Role::Backup).holds();
}

#[test]
fn a_primary_answers_no_read_by_itself_once_a_later_one_has_acted() {
    let reads = Event::ReadLocally {
        view: View::in_first_epoch(0),
        op: OpNumber(1),
        client: ClientId(CLIENT),
        number: RequestNumber(9),
    };
    second_view()
        .say(2, executed(1, Role::Primary, "a"))
        .say(1, reads.clone())
        .holds();
    second_view()
        .say(2, executed(1, Role::Primary, "a"))
        .say(2, appended(1, "ab"))
        .say(3, installed(1, Role::Backup, "a"))
        .say(3, appended(1, "ab"))
        .say(2, executed(1, Role::Primary, "ab"))
        .say(1, reads)
        .breaks(
            AnomalyKind::TwoPrimaries,
            "n1 answered a read by itself as primary of view 0 after place 1, and n2 had carried out place 2",
        );
}

#[test]
fn nobody_confirms_entries_of_a_view_it_has_left() {
    let confirms = |script: Script| script.say(3, prepared(0, 1));
    confirms(one_committed().say(3, entered(1))).breaks(
        AnomalyKind::ViewRegressed,
        "n3 confirmed entries of view 0 though it had gone by view 1 before",
    );
    confirms(one_committed()).holds();
}

#[test]
fn a_view_that_was_entered_is_known_in_the_next_life() {
    let restarted = |view| {
        one_committed()
            .say(2, entered(1))
            .dies(2)
            .say(2, started(view, 0, ""))
    };
    restarted(0).breaks(AnomalyKind::ViewRegressed, "n2 came to life in view 0");
    restarted(1).holds();
}

#[test]
fn a_place_leads_to_the_same_state_everywhere() {
    let third = |state: &str| {
        one_committed()
            .say(2, appended(0, "a"))
            .say(2, executed(0, Role::Backup, state))
    };
    third("b").breaks(
        AnomalyKind::DivergentState,
        "n1 and n2 hold different things after place 1",
    );
    third("a").holds();
}

#[test]
fn a_view_has_one_log() {
    let takes = |log: &str| alive().say(1, appended(0, "a")).say(2, appended(0, log));
    takes("b").breaks(AnomalyKind::TwoValues, "view 0 stands for two values at place 1");
    takes("a").holds();
}

#[test]
fn a_later_view_has_what_was_committed_in_an_earlier_one() {
    let begins = |log: &str| left().say(2, installed(1, Role::Primary, log));
    begins("").breaks(
        AnomalyKind::Forgotten,
        "n2 took up view 1 with a log that ends with place 0, and place 1 had been committed in view 0",
    );
    begins("a").holds();
}

#[test]
fn what_is_committed_late_is_in_the_views_that_have_begun_since() {
    let late = |log: &str| {
        alive()
            .say(1, appended(0, "a"))
            .say(2, entered(1))
            .say(3, entered(1))
            .say(2, reported(1, 0, 0))
            .say(3, reported(1, 0, 0))
            .say(2, installed(1, Role::Primary, log))
    };
    let dies_before_it_says_so = |script: Script| script.dies(3).say(3, started(1, 0, "a"));
    dies_before_it_says_so(late("")).breaks(
        AnomalyKind::Forgotten,
        "n2 is in view 1 without place 1, which was committed in view 0",
    );
    dies_before_it_says_so(late("a")).holds();
}

#[test]
fn nothing_is_committed_without_a_quorum() {
    let commits = |backups: &[usize]| {
        let script = alive().say(1, appended(0, "a"));
        let script = backups
            .iter()
            .fold(script, |script, node| script.say(*node, appended(0, "a")));
        script.say(1, committed(0, 1))
    };
    commits(&[]).breaks(
        AnomalyKind::NotReplicated,
        "n1 called committed place 1, which no quorum had accepted in one view: in view 0 n1 had",
    );
    commits(&[2]).holds();
}

#[test]
fn nothing_is_carried_out_that_is_not_committed() {
    alive()
        .say(1, appended(0, "a"))
        .say(1, executed(0, Role::Primary, "a"))
        .breaks(AnomalyKind::NotReplicated, "n1 carried out place 1");
}

#[test]
fn what_a_life_did_not_live_to_tell_counts_when_the_next_one_has_it() {
    let rest = |script: Script| script.say(2, appended(0, "a")).say(1, committed(0, 1));
    rest(alive().dies(1).say(1, started(0, 0, "a"))).holds();
    // Of two entries in its log one has been sent; a view has one log, so it is the one that n1 has there.
    rest(alive().dies(1).say(1, started(0, 0, "ab"))).holds();
    rest(alive().dies(1).say(1, started(0, 0, ""))).breaks(AnomalyKind::NotReplicated, "in view 0 n2 had");
}

#[test]
fn nobody_leaves_for_a_view_that_no_quorum_wishes_for_and_whoever_has_left_takes_the_others_along() {
    let leave = |wishing: &[usize]| {
        let script = wishing
            .iter()
            .fold(quiet(), |script, node| script.say(*node, wished(1)));
        script.say(3, entered(1)).say(1, entered(1))
    };
    leave(&[3]).breaks(
        AnomalyKind::OutOfTurn,
        "n3 left for view 1 when of 3 replicas only n3 wished for it",
    );
    leave(&[2, 3]).holds();
    leave(&[1, 2]).holds();
}

#[test]
fn a_wish_that_was_not_lived_to_be_told_is_seen_by_what_came_of_it() {
    let dies = |script: Script, view| script.dies(2).say(2, started(view, 0, "")).say(3, entered(1));
    dies(quiet().say(3, wished(1)), 1).holds();
    dies(quiet().say(3, wished(1)), 0).breaks(AnomalyKind::OutOfTurn, "only n3 wished for it");
}

#[test]
fn no_view_begins_before_a_quorum_has_reported() {
    let begins = |script: Script| script.say(2, installed(1, Role::Primary, ""));
    let alone = || alive().say(2, entered(1)).say(2, reported(1, 0, 0));
    begins(alone()).breaks(
        AnomalyKind::BrokenSuccession,
        "n2 acted in view 1 when of 3 nodes no more had bound themselves to it than n2",
    );
    begins(alone().say(3, entered(1)).say(3, reported(1, 0, 0))).holds();
}

#[test]
fn a_view_begins_with_the_newest_log_that_was_reported() {
    let chooses = |from: usize, told: Report| {
        let reports = vec![(NodeId::replica(2), report(0, 0)), (NodeId::replica(3), told)];
        left().say(
            2,
            Event::LogChosen {
                view: View::in_first_epoch(1),
                reports,
                from: NodeId::replica(from),
            },
        )
    };
    chooses(2, report(0, 1)).breaks(
        AnomalyKind::BrokenSuccession,
        "n2 began view 1 with the log of n2 (of view 0, through place 0) though that of n3 was newer",
    );
    chooses(3, report(0, 5)).breaks(
        AnomalyKind::BrokenSuccession,
        "n2 began view 1 by a report of n3 that n3 never made",
    );
    chooses(3, report(0, 1)).holds();
}

#[test]
fn reports_tell_what_is_held() {
    let reports = |op| one_committed().say(3, entered(1)).say(3, reported(1, 0, op));
    reports(0).breaks(
        AnomalyKind::Forgotten,
        "n3 reported to view 1 a log of view 0 through place 0, and its log is of view 0 through place 1",
    );
    reports(1).holds();
}

#[test]
fn reports_do_not_contradict_themselves() {
    let reports = |commit| {
        let report = Report {
            commit: OpNumber(commit),
            ..report(0, 1)
        };
        let event = Event::Reported {
            view: View::in_first_epoch(1),
            report,
        };
        one_committed().say(3, entered(1)).say(3, event)
    };
    reports(2).breaks(
        AnomalyKind::OutOfTurn,
        "n3 reported to view 1 that everything through place 2 is committed, with a log through place 1",
    );
    reports(1).holds();
    alive().dies(3).say(3, started(0, 1, "")).breaks(
        AnomalyKind::OutOfTurn,
        "n3 came to life in view 0 with the log of view 1",
    );
}

#[test]
fn who_recovers_takes_part_in_nothing() {
    let recovering = || {
        one_committed()
            .dies(3)
            .say(3, started(0, 0, "a"))
            .say(3, Event::Recovering { nonce: nonce(301) })
    };
    recovering()
        .say(3, prepared(0, 1))
        .breaks(AnomalyKind::OutOfTurn, "n3 confirmed entries while it recovered");
    recovering()
        .say(3, recovered(nonce(301)))
        .say(3, prepared(0, 1))
        .holds();
    recovering()
        .say(3, recovered(nonce(300)))
        .breaks(AnomalyKind::OutOfTurn, "n3 went by answers to another attempt");
}

#[test]
fn nobody_confirms_what_it_does_not_have() {
    let confirms = |through| one_committed().say(3, prepared(0, through));
    confirms(2).breaks(
        AnomalyKind::Hole,
        "n3 confirmed everything through place 2 when its log ended with place 1",
    );
    confirms(1).holds();
}

#[test]
fn no_place_of_a_log_is_left_out() {
    let takes = |script: Script| script.say(2, appended(0, "ab"));
    let two = || one_committed().commits("ab");
    takes(two()).breaks(
        AnomalyKind::Hole,
        "n2 took entries after place 1 when its log ended with place 0",
    );
    takes(two().say(2, appended(0, "a"))).holds();
}

#[test]
fn no_place_is_left_out_when_carrying_out() {
    let two = || {
        one_committed()
            .commits("ab")
            .say(2, appended(0, "a"))
            .say(2, appended(0, "ab"))
    };
    two()
        .say(2, executed(0, Role::Backup, "ab"))
        .breaks(AnomalyKind::Hole, "n2 carried out place 2 straight after place 0");
    two()
        .say(2, executed(0, Role::Backup, "a"))
        .say(2, executed(0, Role::Backup, "ab"))
        .holds();
}

#[test]
fn a_log_is_there_in_the_next_life() {
    let restarted = |log| one_committed().dies(3).say(3, started(0, 0, log));
    restarted("").breaks(
        AnomalyKind::Forgotten,
        "n3 came to life with a log of view 0 that ends with place 0: it held one through place 1",
    );
    restarted("b").breaks(AnomalyKind::Forgotten, "it held another");
    restarted("a").holds();
}

#[test]
fn a_snapshot_is_there_in_the_next_life() {
    let checkpointed = || {
        let event = Event::Checkpointed {
            op: OpNumber(1),
            digest: digest("a"),
            base: OpNumber(0),
        };
        one_committed().say(3, event).dies(3)
    };
    checkpointed().say(3, started(0, 0, "a")).breaks(
        AnomalyKind::Forgotten,
        "had made everything through place 1 durable",
    );
    checkpointed().say(3, started_after(0, 0, "a", "a")).holds();
}

#[test]
fn a_snapshot_of_another_counts_from_when_its_view_is_taken_up() {
    let snapshot = |state| Event::SnapshotInstalled {
        base: Base {
            op: OpNumber(1),
            prefix: digest("a"),
        },
        digest: digest(state),
    };
    let taken_up = Event::Installed {
        view: View::in_first_epoch(0),
        role: Role::Backup,
        after: OpNumber(1),
        entries: Vec::new(),
    };
    one_committed()
        .say(2, snapshot("a"))
        .dies(2)
        .say(2, started(0, 0, ""))
        .holds();
    one_committed()
        .say(2, snapshot("a"))
        .say(2, taken_up.clone())
        .holds();
    one_committed().say(2, snapshot("b")).say(2, taken_up).breaks(
        AnomalyKind::DivergentState,
        "n1 and n2 hold different things after place 1",
    );
}

#[test]
fn what_was_answered_had_been_carried_out() {
    alive()
        .asks(CLIENT)
        .hears(CLIENT)
        .commits("a")
        .breaks(AnomalyKind::NotReplicated, "append of process 7 was answered");
    alive().asks(CLIENT).commits("a").hears(CLIENT).holds();
}

#[test]
fn a_write_takes_effect_at_one_place() {
    let again = |outcome| {
        alive()
            .asks(CLIENT)
            .commits("a")
            .hears(CLIENT)
            .say(1, appended(0, "aa"))
            .say(3, appended(0, "aa"))
            .say(3, command_executed(0, Role::Backup, "aa", 1, outcome))
    };
    again(Outcome::Now).breaks(
        AnomalyKind::AppliedTwice,
        "append of process 7 took effect as place 1 and again as place 2",
    );
    again(Outcome::Before).holds();
}

#[test]
fn whoever_lives_catches_up_when_all_is_quiet() {
    let lagging = || one_committed().waits(200).quiet(4_000).waits(3_500);
    lagging()
        .say(
            2,
            Event::FellSilent {
                view: View::in_first_epoch(0),
            },
        )
        .breaks(
            AnomalyKind::DivergentState,
            "n2 had not come further than place 0",
        );
    lagging()
        .say(2, appended(0, "a"))
        .say(2, executed(0, Role::Backup, "a"))
        .holds();
}

#[test]
fn views_do_not_follow_each_other_when_all_is_quiet() {
    let views =
        |count: u64| (1..=count).fold(alive().quiet(1_000), |script, view| script.say(1, entered(view)));
    views(20).breaks(AnomalyKind::ViewChurn, "20 views followed each other");
    views(3).holds();
}

#[test]
fn all_answers_to_one_write_are_the_same() {
    let other = |answer| {
        one_committed()
            .answers(1, CLIENT, 1, Answer::Done)
            .answers(2, CLIENT, 1, answer)
    };
    other(Answer::Mismatch { saw: None }).breaks(AnomalyKind::AnswersDiffer, "request 1 of client 7");
    other(Answer::Done).holds();
}
