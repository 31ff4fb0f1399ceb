//! The Paxos log: three nodes, of which n2 has the first turn, n3 the second and n1 the third.
//!
//! In these scripts a value is a text, and what a node holds after a slot is the text of all values through it.

use histories::AnomalyKind;
use systems::paxos::{Ballot, Cause, CommandId, Config, Event, Node, Outcome, Role, Round, Slot};
use systems::service::RequestNumber;
use systems::service::kv::Answer;
use systems::{ClientId, NodeId};
use tribunal::oracle::paxos::PaxosOracle;

use super::digest;

type Script = super::Script<Node, PaxosOracle>;

const CLIENT: u64 = 7;

fn ballot(round: u64) -> Ballot {
    Ballot {
        round: Round(round),
        node: NodeId::replica((round % 3) as usize + 1),
    }
}

fn started(promised: Option<u64>, committed: u64, state: &str) -> Event {
    Event::Started {
        node: NodeId::replica(1),
        incarnation: systems::Incarnation(0),
        promised: promised.map(ballot),
        committed: Slot(committed),
        digest: digest(state),
    }
}

fn rotated(round: u64, cause: Cause) -> Event {
    Event::Rotated {
        round: Round(round),
        leader: ballot(round).node,
        cause,
    }
}

fn promised(round: u64) -> Event {
    Event::Promised {
        ballot: ballot(round),
        committed: Slot(0),
    }
}

fn reading(round: u64) -> Event {
    Event::Reading {
        ballot: ballot(round),
    }
}

fn took_over(round: u64, quorum: &[usize]) -> Event {
    Event::TookOver {
        ballot: ballot(round),
        quorum: quorum.iter().map(|&node| NodeId::replica(node)).collect(),
        committed: Slot(0),
        imposed: Slot(0),
    }
}

fn proposed(round: u64, slot: u64, value: &str) -> Event {
    Event::Proposed {
        ballot: ballot(round),
        first: Slot(slot),
        values: vec![digest(value)],
    }
}

fn accepted(round: u64, slot: u64, value: &str) -> Event {
    Event::Accepted {
        ballot: ballot(round),
        first: Slot(slot),
        values: vec![digest(value)],
    }
}

fn learned(slot: u64, value: &str) -> Event {
    Event::Learned {
        from: NodeId::replica(1),
        first: Slot(slot),
        values: vec![digest(value)],
    }
}

fn applied(slot: u64, value: &str, state: &str) -> Event {
    command_applied(slot, value, state, slot, Outcome::Now)
}

fn command_applied(slot: u64, value: &str, state: &str, number: u64, outcome: Outcome) -> Event {
    Event::Applied {
        slot: Slot(slot),
        value: digest(value),
        ballot: ballot(1),
        role: Role::Follower,
        command: Some(CommandId {
            client: ClientId(CLIENT),
            number: RequestNumber(number),
        }),
        outcome: Some(outcome),
        digest: digest(state),
    }
}

/// Three nodes have come to life, and nothing more.
fn alive() -> Script {
    let members = (1..=3).map(NodeId::replica).collect();
    let script = Script::new(PaxosOracle::new(&Config::new(members)));
    (1..=3).fold(script, |script, node| script.say(node, started(None, 0, "")))
}

/// n2 leads at the first ballot by the promises of itself and n1.
fn led() -> Script {
    alive().say(2, promised(1)).say(2, reading(1)).say(1, promised(1))
}

/// The same, and `a` has been chosen in the first slot by n1 and n2, and applied there.
fn one_chosen() -> Script {
    led()
        .say(2, proposed(1, 1, "a"))
        .say(2, accepted(1, 1, "a"))
        .say(1, accepted(1, 1, "a"))
        .say(2, applied(1, "a", "a"))
        .say(1, applied(1, "a", "a"))
}

/// The same, and n3 leads at the second ballot by the promises of itself and n1.
fn led_again() -> Script {
    one_chosen()
        .say(3, promised(2))
        .say(3, reading(2))
        .say(1, promised(2))
}

impl Script {
    /// n2 has `value` accepted in `slot` by itself and n1, and both apply it.
    fn chooses(self, slot: u64, value: &str, state: &str) -> Self {
        self.say(2, proposed(1, slot, value))
            .say(2, accepted(1, slot, value))
            .say(1, accepted(1, slot, value))
            .say(2, applied(slot, value, state))
            .say(1, applied(slot, value, state))
    }
}

#[test]
fn two_lives_of_a_node_may_not_act_at_one_ballot() {
    led()
        .dies(2)
        .say(2, started(Some(1), 0, ""))
        .say(2, reading(1))
        .breaks(
            AnomalyKind::TwoPrimaries,
            "n2 acted at ballot 1.n2, and so had n2 (an earlier life)",
        );
    led()
        .dies(2)
        .say(2, started(Some(1), 0, ""))
        .say(2, promised(4))
        .say(2, reading(4))
        .holds();
}

#[test]
fn nobody_acts_at_the_ballot_of_another() {
    alive().say(3, reading(1)).breaks(
        AnomalyKind::TwoPrimaries,
        "n3 acted at ballot 1.n2, which is not its own",
    );
    alive().say(3, reading(2)).holds();
}

#[test]
fn a_promise_is_kept_over_a_restart() {
    let promised_to_n3 = || led().say(1, promised(2)).dies(1).say(1, started(Some(2), 0, ""));
    promised_to_n3()
        .say(2, proposed(1, 1, "a"))
        .say(1, accepted(1, 1, "a"))
        .breaks(
            AnomalyKind::ViewRegressed,
            "n1 accepted at ballot 1.n2 though it had gone by ballot 2.n3 before",
        );
    promised_to_n3()
        .say(2, proposed(1, 1, "a"))
        .say(2, accepted(1, 1, "a"))
        .holds();
}

#[test]
fn a_promise_is_found_again_after_a_restart() {
    let forgetful = |promised| led().dies(1).say(1, started(promised, 0, ""));
    forgetful(None).breaks(AnomalyKind::ViewRegressed, "n1 came to life without any ballot");
    forgetful(Some(1)).holds();
}

#[test]
fn the_count_of_rounds_rises_within_a_life() {
    let counted = || alive().say(1, rotated(5, Cause::Timeout));
    counted()
        .say(1, rotated(4, Cause::Larger))
        .breaks(AnomalyKind::ViewRegressed, "n1 went to round 4");
    counted()
        .dies(1)
        .say(1, started(None, 0, ""))
        .say(1, rotated(4, Cause::Larger))
        .holds();
}

#[test]
fn a_slot_leads_to_the_same_state_everywhere() {
    let third = |state: &str| one_chosen().say(3, applied(1, "a", state));
    third("b").breaks(
        AnomalyKind::DivergentState,
        "n2 and n3 hold different things after slot 1",
    );
    third("a").holds();
}

#[test]
fn a_slot_holds_the_same_everywhere() {
    let third = |value: &str| one_chosen().say(3, applied(1, value, "a"));
    third("b").breaks(
        AnomalyKind::DivergentState,
        "n2 and n3 carried out different things as slot 1",
    );
    third("a").holds();
}

#[test]
fn what_is_applied_first_is_what_was_chosen() {
    let applies = |value: &str| {
        led()
            .say(2, proposed(1, 1, "a"))
            .say(2, accepted(1, 1, "a"))
            .say(1, accepted(1, 1, "a"))
            .say(3, applied(1, value, value))
    };
    applies("b").breaks(
        AnomalyKind::DivergentState,
        "n3 applied something else as slot 1 than had been chosen there in ballot 1.n2",
    );
    applies("a").holds();
}

#[test]
fn a_ballot_stands_for_one_value_in_a_slot() {
    let again = |value: &str| led().say(2, proposed(1, 1, "a")).say(2, proposed(1, 1, value));
    again("b").breaks(
        AnomalyKind::TwoValues,
        "ballot 1.n2 stands for two values at slot 1",
    );
    again("a").holds();
}

#[test]
fn what_was_chosen_is_what_later_ballots_stand_for() {
    let imposes = |value: &str| led_again().say(3, proposed(2, 1, value));
    imposes("b").breaks(
        AnomalyKind::TwoValues,
        "n3 had something else at slot 1 in ballot 2.n3 than was chosen there in ballot 1.n2",
    );
    imposes("a").say(3, accepted(2, 1, "a")).holds();
}

#[test]
fn what_an_earlier_ballot_chooses_late_is_what_later_ballots_stood_for() {
    // n3 does not have a promise of n2, so n2 goes on at its own ballot with whoever has not promised either.
    let late = |value: &str| {
        led()
            .say(2, proposed(1, 1, "a"))
            .say(2, accepted(1, 1, "a"))
            .say(3, promised(2))
            .say(2, promised(2))
            .say(3, proposed(2, 1, value))
            .say(1, accepted(1, 1, "a"))
    };
    late("b").breaks(
        AnomalyKind::TwoValues,
        "slot 1 was decided in ballot 1.n2, and otherwise in ballot 2.n3",
    );
    late("a").holds();
}

#[test]
fn nobody_proposes_without_the_promises_of_a_quorum() {
    let alone = || alive().say(2, promised(1)).say(2, reading(1));
    alone().say(2, proposed(1, 1, "a")).breaks(
        AnomalyKind::BrokenSuccession,
        "n2 acted in ballot 1.n2 when of 3 nodes no more had bound themselves to it than n2",
    );
    alone().say(1, promised(1)).say(2, proposed(1, 1, "a")).holds();
}

#[test]
fn nobody_takes_over_by_the_word_of_a_node_that_has_not_given_it() {
    led().say(2, took_over(1, &[2, 3])).breaks(
        AnomalyKind::BrokenSuccession,
        "n2 took office in ballot 1.n2 by the word of n3, who had not bound themselves to it",
    );
    led().say(2, took_over(1, &[1, 2])).holds();
}

/// The first client's first read.
const READ: CommandId = CommandId {
    client: ClientId(1),
    number: RequestNumber(1),
};

#[test]
fn a_read_without_a_slot_shows_what_any_leader_had_applied_when_it_came() {
    let answered = |script: Script| {
        let after = Slot(0);
        script.say(3, Event::ReadAnswered { command: READ, after })
    };
    let asked = Event::ReadAsked { command: READ };
    let led_on = Event::Applied {
        slot: Slot(1),
        value: digest("a"),
        ballot: ballot(1),
        role: Role::Leader,
        command: None,
        outcome: None,
        digest: digest("a"),
    };
    let late = led()
        .say(2, proposed(1, 1, "a"))
        .say(2, accepted(1, 1, "a"))
        .say(1, accepted(1, 1, "a"))
        .say(2, led_on)
        .say(3, asked.clone());
    answered(late).breaks(
        AnomalyKind::TwoPrimaries,
        "n3 answered a read by itself after slot 0, and slot 1 had been applied by a leader when the read came",
    );
    answered(led().say(3, asked)).holds();
}

#[test]
fn a_promise_that_was_durable_counts_though_its_life_ended_before_it_said_so() {
    alive()
        .say(2, promised(1))
        .say(2, reading(1))
        .dies(1)
        .say(1, started(Some(1), 0, ""))
        .say(2, proposed(1, 1, "a"))
        .holds();
}

#[test]
fn nobody_applies_what_no_quorum_has_accepted() {
    let accepted_by = |nodes: &[usize]| {
        let script = led().say(2, proposed(1, 1, "a"));
        let script = nodes
            .iter()
            .fold(script, |script, node| script.say(*node, accepted(1, 1, "a")));
        script.say(2, applied(1, "a", "a"))
    };
    accepted_by(&[2]).breaks(
        AnomalyKind::NotReplicated,
        "n2 applied slot 1, which no quorum had accepted in one ballot: in ballot 1.n2 n2 had",
    );
    accepted_by(&[2, 2]).breaks(AnomalyKind::NotReplicated, "in ballot 1.n2 n2 had");
    accepted_by(&[2, 3]).holds();
}

#[test]
fn acceptances_of_two_ballots_do_not_make_a_quorum() {
    let script = led()
        .say(2, proposed(1, 1, "a"))
        .say(2, accepted(1, 1, "a"))
        .say(3, promised(2))
        .say(1, promised(2))
        .say(3, proposed(2, 1, "a"))
        .say(3, accepted(2, 1, "a"));
    script
        .say(3, applied(1, "a", "a"))
        .breaks(AnomalyKind::NotReplicated, "n3 applied slot 1");
}

#[test]
fn what_was_answered_had_been_applied() {
    led().asks(CLIENT).hears(CLIENT).chooses(1, "a", "a").breaks(
        AnomalyKind::NotReplicated,
        "append of process 7 was answered, and nobody had carried it out",
    );
    led().asks(CLIENT).chooses(1, "a", "a").hears(CLIENT).holds();
}

#[test]
fn a_write_takes_effect_in_one_slot() {
    let again = |outcome| {
        led()
            .asks(CLIENT)
            .chooses(1, "a", "a")
            .hears(CLIENT)
            .say(2, proposed(1, 2, "a"))
            .say(2, accepted(1, 2, "a"))
            .say(1, accepted(1, 2, "a"))
            .say(1, command_applied(2, "a", "aa", 1, outcome))
    };
    again(Outcome::Now).breaks(
        AnomalyKind::AppliedTwice,
        "append of process 7 took effect as slot 1 and again as slot 2",
    );
    again(Outcome::Before).holds();
}

#[test]
fn whoever_lives_catches_up_when_all_is_quiet() {
    let lagging = || one_chosen().waits(200).quiet(4_000).waits(3_500);
    lagging()
        .say(3, rotated(1, Cause::Larger))
        .breaks(AnomalyKind::DivergentState, "n3 had not come further than slot 0");
    lagging()
        .say(3, learned(1, "a"))
        .say(3, applied(1, "a", "a"))
        .holds();
}

#[test]
fn no_slot_is_left_out() {
    let two = || one_chosen().chooses(2, "b", "ab");
    two()
        .say(3, applied(2, "b", "ab"))
        .breaks(AnomalyKind::Hole, "n3 carried out slot 2 straight after slot 0");
    two()
        .say(3, applied(1, "a", "a"))
        .say(3, applied(2, "b", "ab"))
        .holds();
}

#[test]
fn a_slot_is_not_applied_again_in_the_same_life() {
    one_chosen()
        .say(1, applied(1, "a", "a"))
        .breaks(AnomalyKind::Forgotten, "n1 carried out slot 1 again");
    one_chosen()
        .dies(1)
        .say(1, started(Some(1), 0, ""))
        .say(1, applied(1, "a", "a"))
        .holds();
}

#[test]
fn nothing_is_accepted_that_was_not_proposed() {
    led().say(1, accepted(1, 1, "a")).breaks(
        AnomalyKind::Invented,
        "n1 accepted something in slot 1 at ballot 1.n2",
    );
    led()
        .say(2, proposed(1, 1, "a"))
        .say(1, accepted(1, 1, "a"))
        .holds();
}

#[test]
fn leaders_are_not_given_up_again_and_again_when_all_is_quiet() {
    let rounds = |count: u64| {
        (1..=count).fold(alive().quiet(1_000), |script, round| {
            script.say(1, rotated(round, Cause::Timeout))
        })
    };
    rounds(20).breaks(AnomalyKind::ViewChurn, "20 rounds followed each other");
    rounds(3).holds();
}

#[test]
fn what_was_made_durable_is_there_in_the_next_life() {
    let restarted = |committed, state| {
        one_chosen()
            .say(3, learned(1, "a"))
            .say(3, applied(1, "a", "a"))
            .dies(3)
            .say(3, started(None, committed, state))
    };
    restarted(0, "").breaks(
        AnomalyKind::Forgotten,
        "n3 came to life with nothing after slot 0, and had made everything through slot 1 durable",
    );
    restarted(1, "a").holds();
    restarted(1, "b").breaks(
        AnomalyKind::DivergentState,
        "n2 and n3 hold different things after slot 1",
    );
}

#[test]
fn nobody_comes_to_life_with_what_was_not_chosen() {
    let comes_to_life = |script: Script| script.dies(1).say(1, started(Some(1), 2, "ab"));
    let proposed = || {
        one_chosen()
            .say(2, proposed(1, 2, "b"))
            .say(2, accepted(1, 2, "b"))
    };
    comes_to_life(proposed()).breaks(
        AnomalyKind::NotReplicated,
        "n1 came to life with slot 2, which no quorum had accepted in one ballot",
    );
    // It had applied it, and did not live to tell.
    comes_to_life(proposed().say(1, accepted(1, 2, "b"))).holds();
}

#[test]
fn a_snapshot_holds_what_others_hold_there_and_does_not_lead_back() {
    let installs = |through, state| {
        let event = Event::Installed {
            from: NodeId::replica(1),
            through: Slot(through),
            digest: digest(state),
        };
        one_chosen()
            .chooses(2, "b", "ab")
            .say(3, applied(1, "a", "a"))
            .say(3, event)
    };
    installs(2, "ab").holds();
    installs(2, "ba").breaks(
        AnomalyKind::DivergentState,
        "n2 and n3 hold different things after slot 2",
    );
    installs(0, "").breaks(
        AnomalyKind::Forgotten,
        "n3 went back to a snapshot through slot 0",
    );
}

#[test]
fn agreeing_does_not_take_ever_so_many_messages() {
    one_chosen()
        .traffic("Propose", 1_000)
        .breaks(AnomalyKind::Chatter, "1000 messages were sent for 1 slots");
    one_chosen().traffic("Propose", 100).holds();
}

#[test]
fn all_answers_to_one_write_are_the_same() {
    let other = |answer| {
        one_chosen()
            .answers(2, CLIENT, 1, Answer::Done)
            .answers(1, CLIENT, 1, answer)
    };
    other(Answer::Mismatch { saw: None }).breaks(
        AnomalyKind::AnswersDiffer,
        "request 1 of client 7 was answered Done by n2",
    );
    other(Answer::Done).holds();
}

#[test]
fn what_every_node_has_passed_is_forgotten_without_a_false_alarm() {
    let mut script = led();
    let mut state = String::new();
    for slot in 1..=4_000 {
        state = format!("{}{slot}", &state[state.len().saturating_sub(20)..]);
        script = script
            .chooses(slot, "a", &state)
            .say(3, applied(slot, "a", &state));
    }
    script.holds();
}
