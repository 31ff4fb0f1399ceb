//! The loop, over a world whose time is a number.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use histories::history::Ending;
use histories::journal::Journal;
use histories::{Function, History, Outcome, Process};
use nemesis::{Episode, Fault, FaultId, Schedule, Shape, Standing, Target};
use serde_json::{Value, json};
use tribunal::interpreter::{Interpreter, Recovered, Recovery};
use tribunal::progress::Unwatched;
use tribunal::testimony::{Departure, PrimaryKill, Testimony};

use crate::script::{Script, append, read};
use crate::stage::{Scene, Stage, answered_after, ok, roster, standing, unknown};

/// The bound of recovery in these runs.
const RECOVERY: Duration = Duration::from_secs(10);

const RECOVERED: Recovery = Recovery {
    within: RECOVERY,
    until: Recovered::Readable,
};

/// A run on a stage: what was recorded, and what the interpreter says of it.
struct Ran {
    stage: Stage,
    script: Script,
    journal: String,
    testimony: io::Result<Testimony>,
}

impl Ran {
    fn testimony(&self) -> &Testimony {
        self.testimony.as_ref().expect("the run came to its end")
    }

    fn history(&self) -> History {
        History::parse(self.journal.as_bytes(), "journal")
            .expect("what was recorded is a history")
            .history
    }

    /// The lines of the nemesis: name, fault and phase.
    fn edges(&self) -> Vec<(String, u64, String)> {
        let lines = self
            .journal
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
        lines
            .filter(|line| line["process"] == "nemesis")
            .map(|line| {
                (
                    text(&line["f"]),
                    line["fault"].as_u64().expect("a number"),
                    text(&line["phase"]),
                )
            })
            .collect()
    }

    /// The place of the first scene that `is` true of.
    fn place(&self, is: impl Fn(&Scene) -> bool) -> usize {
        let found = self.stage.order().into_iter().position(is);
        found.unwrap_or_else(|| panic!("nothing of the kind happened: {:#?}", self.stage.scenes))
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn run(mut stage: Stage, mut script: Script, concurrency: u64, schedule: &Schedule) -> Ran {
    let mut out = Vec::new();
    let journal = Journal::create(&mut out, 1, &json!({})).expect("memory takes everything");
    let interpreter = Interpreter::new(&mut stage, journal, concurrency, schedule);
    let testimony = interpreter.run(&mut script, RECOVERED, &mut Unwatched);
    let journal = String::from_utf8(out).expect("a journal is text");
    Ran {
        stage,
        script,
        journal,
        testimony,
    }
}

fn quiet(stage: Stage, script: Script, concurrency: u64) -> Ran {
    run(stage, script, concurrency, &Schedule::default())
}

/// Faults by number, kind, target, and from when until when in milliseconds.
fn schedule(faults: &[(u64, Fault, Target, u64, u64)]) -> Schedule {
    let episode = |(id, fault, target, from, until): &(u64, Fault, Target, u64, u64)| Episode {
        id: FaultId(*id),
        from: Duration::from_millis(*from),
        until: Duration::from_millis(*until),
        fault: *fault,
        target: target.clone(),
        seed: *id,
    };
    Schedule::new(faults.iter().map(episode).collect(), &roster(3)).expect("the schedule is well formed")
}

const CUT: Fault = Fault::Partition(Shape::One);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn every_operation_is_recorded_with_both_edges_and_the_times_they_had() {
    let ran = quiet(Stage::new(answered_after(7)), Script::steady("k1", 10, 100), 2);
    let history = ran.history();
    let appends: Vec<_> = history
        .operations()
        .iter()
        .filter(|op| op.f == Function::Append)
        .collect();
    assert_eq!(appends.len(), 10);
    for (number, operation) in (0_u64..).zip(appends) {
        assert_eq!(operation.call.0, number * 10_000_000, "{operation:?}");
        assert_eq!(
            operation.completed.map(|time| time.0),
            Some(number * 10_000_000 + 7_000_000),
            "{operation:?}"
        );
        assert!(matches!(operation.ending, Ending::Ok(_)), "{operation:?}");
    }
    assert_eq!(
        ran.script.learned.len(),
        10,
        "the generator hears what came of each"
    );
}

#[test]
fn a_completion_is_taken_before_the_next_operation_is_drawn() {
    // The second operation is due in the very moment in which the first is answered, and somebody is free to do it.
    let ran = quiet(
        Stage::new(answered_after(10)),
        Script::of([(0, append("k1", "a")), (10, append("k1", "b"))]),
        2,
    );
    let history = ran.history();
    let [first, second] = [0, 1].map(|place| {
        history
            .operations()
            .get(place)
            .expect("two operations were asked")
    });
    assert_eq!((first.completed, second.call.0), (Some(second.call), 10_000_000));
    let lines: Vec<Value> = ran
        .journal
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let types: Vec<&str> = lines
        .iter()
        .take(3)
        .filter_map(|line| line["type"].as_str())
        .collect();
    assert_eq!(
        types,
        ["invoke", "ok", "invoke"],
        "the completion stands before the invocation of the same time"
    );
}

#[test]
fn no_more_operations_are_out_than_there_are_clients() {
    let script = Script::of((0..20).map(|n| (0, append("k1", &format!("t{n}")))));
    let ran = quiet(Stage::new(answered_after(50)), script, 4);
    let (mut out, mut most) = (0_u32, 0);
    for scene in ran.stage.order() {
        match scene {
            Scene::Invoked(..) => out += 1,
            Scene::Completed(_) => out -= 1,
            Scene::Retired(_) | Scene::Injected(_) | Scene::Looked(_) | Scene::Healed(_) => {}
        }
        most = most.max(out);
    }
    assert_eq!(most, 4);
}

#[test]
fn a_process_that_does_not_know_is_retired_and_another_takes_its_place() {
    let answers = |_, invocation: &histories::Invocation| {
        let outcome = if invocation.value == json!("lost") {
            unknown()
        } else {
            ok(invocation)
        };
        Some((ms(5), outcome))
    };
    let script = Script::of([
        (0, append("k1", "lost")),
        (20, append("k1", "a")),
        (40, append("k1", "b")),
    ]);
    let ran = quiet(Stage::new(Box::new(answers)), script, 1);
    let appends: Vec<u64> = ran
        .history()
        .operations()
        .iter()
        .filter(|op| op.f == Function::Append)
        .map(|op| op.process.0)
        .collect();
    assert_eq!(
        appends,
        [0, 1, 1],
        "0 is replaced by 0 + 1 clients, and only once"
    );
    let retired: Vec<&Scene> = ran
        .stage
        .order()
        .into_iter()
        .filter(|scene| matches!(scene, Scene::Retired(_)))
        .collect();
    assert_eq!(retired, [&Scene::Retired(Process(0))]);
}

#[test]
fn a_sure_failure_keeps_the_process() {
    let failing = |_, _: &histories::Invocation| {
        Some((
            ms(5),
            Outcome::Fail {
                error: "never-sent".to_owned(),
                saw: None,
            },
        ))
    };
    let ran = quiet(
        Stage::new(Box::new(failing)).with_replicas(1),
        Script::steady("k1", 10, 30),
        1,
    );
    assert!(
        ran.history()
            .operations()
            .iter()
            .all(|op| op.process == Process(0))
    );
    assert!(
        !ran.stage
            .order()
            .iter()
            .any(|scene| matches!(scene, Scene::Retired(_)))
    );
}

#[test]
fn faults_begin_and_end_when_they_are_due_and_are_looked_at_on_both_edges() {
    let faults = schedule(&[
        (1, CUT, Target::One, 20, 60),
        (2, Fault::Pause, Target::One, 40, 80),
        (3, Fault::Kill, Target::One, 80, 95),
    ]);
    let ran = run(
        Stage::new(answered_after(1)),
        Script::steady("k1", 5, 100),
        2,
        &faults,
    );
    let done: Vec<(u64, Scene)> = ran
        .stage
        .scenes
        .iter()
        .filter(|(_, scene)| matches!(scene, Scene::Injected(_) | Scene::Looked(_) | Scene::Healed(_)))
        .take(12)
        .map(|(time, scene)| {
            (
                u64::try_from(time.as_millis()).expect("a short run"),
                scene.clone(),
            )
        })
        .collect();
    use Scene::{Healed, Injected, Looked};
    let expected = [
        (20, Injected(1)),
        (20, Looked(1)),
        (40, Injected(2)),
        (40, Looked(2)),
        (60, Looked(1)),
        (60, Healed(1)),
        (80, Looked(2)),
        (80, Healed(2)),
        (80, Injected(3)),
        (80, Looked(3)),
        (95, Looked(3)),
        (95, Healed(3)),
    ];
    assert_eq!(done, expected);
}

#[test]
fn the_record_of_a_fault_says_when_it_was_whom_it_met_and_that_it_held() {
    let n2 = Target::Named(vec![systems::NodeId::replica(2)]);
    let ran = run(
        Stage::new(answered_after(1)),
        Script::steady("k1", 5, 100),
        2,
        &schedule(&[(7, Fault::Pause, n2, 20, 60)]),
    );
    let fault = &ran.testimony().faults[0];
    assert_eq!(
        (fault.id, fault.family.as_str(), fault.fault.as_str()),
        (7, "pause", "pause")
    );
    assert_eq!(
        (fault.begin_ns, fault.end_ns, fault.verified),
        (20_000_000, 60_000_000, true)
    );
    assert_eq!(fault.nodes, [systems::NodeId::replica(2)]);
    assert_eq!((&fault.skipped, &fault.seen_instead), (&None, &None));
    let edge = |f: &str, phase: &str| (f.to_owned(), 7, phase.to_owned());
    assert_eq!(ran.edges()[..2], [edge("pause", "begin"), edge("resume", "end")]);
}

#[test]
fn a_fault_that_is_not_seen_to_hold_at_either_look_is_recorded_as_such() {
    let mut stage = Stage::new(answered_after(1));
    stage.unseen.extend([(1, 1), (2, 2)]);
    let faults = schedule(&[
        (1, CUT, Target::One, 20, 40),
        (2, CUT, Target::One, 50, 60),
        (3, CUT, Target::One, 70, 80),
    ]);
    let ran = run(stage, Script::steady("k1", 5, 100), 2, &faults);
    let [first, second, third, ..] = &ran.testimony().faults[..] else {
        panic!("three faults were due");
    };
    let seen = Some("it went on as if nothing were");
    assert_eq!((first.verified, first.seen_instead.as_deref()), (false, seen));
    assert_eq!((second.verified, second.seen_instead.as_deref()), (false, seen));
    assert_eq!((third.verified, third.seen_instead.as_deref()), (true, None));
}

#[test]
fn a_fault_that_cannot_be_done_now_is_left_out_on_record() {
    // Nobody may be killed until 50 ms have passed.
    let standings = |now: Duration| standing(&[1], if now < ms(50) { &[] } else { &[1, 2, 3] });
    let stage = Stage::new(answered_after(1)).with_standing(Box::new(standings));
    let faults = schedule(&[
        (1, Fault::Kill, Target::One, 20, 40),
        (2, Fault::Kill, Target::One, 60, 80),
    ]);
    let ran = run(stage, Script::steady("k1", 5, 100), 2, &faults);
    let [first, second, ..] = &ran.testimony().faults[..] else {
        panic!("two faults were due")
    };
    assert!(first.skipped.is_some() && first.nodes.is_empty(), "{first:?}");
    assert!(second.skipped.is_none() && second.verified, "{second:?}");
    assert!(!ran.stage.order().contains(&&Scene::Injected(1)));
    assert!(
        !ran.stage.order().contains(&&Scene::Healed(1)),
        "what was not done is not undone"
    );
    assert!(
        ran.edges().iter().all(|(_, fault, _)| *fault != 1),
        "nothing of it is in the journal"
    );
}

#[test]
fn what_outlasts_the_load_is_healed_before_anything_is_read_back() {
    // The load is over after 100 ms; the fault would last for a minute.
    let faults = schedule(&[(1, CUT, Target::One, 50, 60_000)]);
    let ran = run(
        Stage::new(answered_after(1)),
        Script::steady("k1", 5, 100),
        2,
        &faults,
    );
    let healed = ran.place(|scene| *scene == Scene::Healed(1));
    let first_read = ran.place(|scene| matches!(scene, Scene::Invoked(Function::Read, ..)));
    assert!(healed < first_read, "{:?}", ran.stage.scenes);
    assert!(ran.stage.time_of(&Scene::Healed(1)) < Some(ms(200)));
}

#[test]
fn what_was_to_come_after_the_load_is_left_out_on_record_and_nobody_spins_for_it() {
    // An operation that is not answered for a while keeps the last reads going beyond the times of both faults.
    let slow = |now: Duration, invocation: &histories::Invocation| {
        let outcome = if now < ms(3_000) && invocation.f == Function::Read {
            unknown()
        } else {
            ok(invocation)
        };
        Some((ms(20), outcome))
    };
    let faults = schedule(&[
        (1, CUT, Target::One, 50, 500),
        (2, Fault::Pause, Target::One, 1_000, 1_500),
    ]);
    let ran = run(
        Stage::new(Box::new(slow)),
        Script::steady("k1", 5, 100),
        2,
        &faults,
    );
    assert!(
        !ran.stage.order().contains(&&Scene::Injected(2)),
        "the load was over before it was due"
    );
    let faults = &ran.testimony().faults;
    let left_out = faults
        .iter()
        .find(|fault| fault.id == 2)
        .expect("what was scheduled is accounted for");
    assert!(
        left_out
            .skipped
            .as_deref()
            .is_some_and(|reason| reason.contains("load")),
        "{left_out:?}"
    );
}

#[test]
fn everything_that_was_touched_is_read_back_and_again_after_the_primary_was_killed() {
    let script = Script::of([
        (0, append("k1", "a")),
        (5, append("k2", "b")),
        (10, read("k3")),
        (15, append("k1", "c")),
    ]);
    let ran = quiet(Stage::new(answered_after(1)), script, 2);
    let kill = ran.place(|scene| matches!(scene, Scene::Injected(_)));
    let reads = |scenes: &[&Scene]| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for scene in scenes {
            if let Scene::Invoked(Function::Read, key, _) = scene {
                *counts.entry(key.clone()).or_default() += 1;
            }
        }
        counts.into_iter().collect::<Vec<_>>()
    };
    let (before, after) = (&ran.stage.order()[..kill], &ran.stage.order()[kill..]);
    let once = ["k1", "k2", "k3"].map(|key| (key.to_owned(), 1));
    assert_eq!(reads(after), once);
    assert_eq!(
        reads(before),
        [("k1".to_owned(), 1), ("k2".to_owned(), 1), ("k3".to_owned(), 2)],
        "once by the load"
    );
    assert_eq!(ran.testimony().aftermath.healed.unread, []);
    assert!(
        matches!(&ran.testimony().aftermath.primary_killed, PrimaryKill::Killed(reads) if reads.unread.is_empty())
    );
}

#[test]
fn a_last_read_is_repeated_until_it_is_answered() {
    // Reads of k2 are refused for three seconds: half of the time surely, half of the time nobody knows.
    let mut asked = 0;
    let answers = move |now: Duration, invocation: &histories::Invocation| {
        asked += 1;
        let outcome = match (
            invocation.f,
            invocation.key.to_string().as_str(),
            now < ms(3_000),
            asked % 2,
        ) {
            (Function::Read, "k2", true, 0) => unknown(),
            (Function::Read, "k2", true, _) => Outcome::Fail {
                error: "never-sent".to_owned(),
                saw: None,
            },
            _ => ok(invocation),
        };
        Some((ms(100), outcome))
    };
    let script = Script::of([(0, append("k1", "a")), (5, append("k2", "b"))]);
    let ran = quiet(Stage::new(Box::new(answers)), script, 2);
    let healed = &ran.testimony().aftermath.healed;
    assert_eq!(healed.unread, []);
    assert!(
        (ms(2_800)..ms(3_300)).contains(&healed.took),
        "it took {:?}",
        healed.took
    );
}

#[test]
fn a_last_read_that_nobody_answers_is_given_up_at_the_bound_and_named() {
    let answers = |_, invocation: &histories::Invocation| {
        let dead = invocation.f == Function::Read && invocation.key.to_string() == "k2";
        Some((ms(100), if dead { unknown() } else { ok(invocation) }))
    };
    let script = Script::of([(0, append("k1", "a")), (5, append("k2", "b"))]);
    let ran = quiet(Stage::new(Box::new(answers)), script, 2);
    let healed = &ran.testimony().aftermath.healed;
    assert_eq!(healed.unread, ["k2".into()]);
    assert!(
        (RECOVERY..RECOVERY + ms(300)).contains(&healed.took),
        "it took {:?}",
        healed.took
    );
    assert!(
        matches!(&ran.testimony().aftermath.primary_killed, PrimaryKill::Killed(reads) if reads.unread == ["k2".into()])
    );
}

fn kill_with(standings: impl Fn(Duration) -> Standing + 'static) -> Ran {
    let stage = Stage::new(answered_after(1)).with_standing(Box::new(standings));
    quiet(stage, Script::steady("k1", 5, 100), 2)
}

#[test]
fn the_last_kill_waits_for_a_primary_that_the_system_can_lose() {
    let ran = kill_with(|now| standing(&[2], if now < ms(2_000) { &[1, 3] } else { &[2] }));
    let at = ran.stage.time_of(&Scene::Injected(1)).expect("it was killed");
    assert!((ms(2_000)..ms(2_100)).contains(&at), "{at:?}");
    let kill = &ran.testimony().faults[0];
    assert_eq!(
        (kill.fault.as_str(), &kill.nodes[..]),
        ("final-kill", &[systems::NodeId::replica(2)][..])
    );
    assert_eq!(kill.resolved, "n2 was primary of view 7");
    assert!(
        ran.stage.order().contains(&&Scene::Healed(1)),
        "it is started again in the end"
    );
}

#[test]
fn a_primary_that_the_system_cannot_lose_is_never_killed() {
    let ran = kill_with(|_| standing(&[2], &[1, 3]));
    assert_eq!(
        ran.testimony().aftermath.primary_killed,
        PrimaryKill::NoneExpendable
    );
    assert!(
        !ran.stage
            .order()
            .iter()
            .any(|scene| matches!(scene, Scene::Injected(_)))
    );
    assert!(
        RECOVERY <= ran.testimony().recover,
        "it had the whole bound to become whole"
    );
}

#[test]
fn a_single_replica_is_spared() {
    let ran = quiet(
        Stage::new(answered_after(1)).with_replicas(1),
        Script::steady("k1", 5, 100),
        2,
    );
    assert_eq!(ran.testimony().aftermath.primary_killed, PrimaryKill::Spared);
}

#[test]
fn the_last_kill_has_a_number_of_its_own() {
    let faults = schedule(&[(4, CUT, Target::One, 20, 60), (9, CUT, Target::One, 70, 80)]);
    let ran = run(
        Stage::new(answered_after(1)),
        Script::steady("k1", 5, 100),
        2,
        &faults,
    );
    let numbers: Vec<u64> = ran.testimony().faults.iter().map(|fault| fault.id).collect();
    assert_eq!(numbers, [4, 9, 10]);
}

#[test]
fn an_interrupted_run_asks_for_nothing_more_heals_and_keeps_what_it_recorded() {
    let mut stage = Stage::new(answered_after(30));
    stage.interrupted_from = Some(ms(500));
    let faults = schedule(&[(1, CUT, Target::One, 100, 9_000)]);
    let ran = run(stage, Script::steady("k1", 10, 10_000), 8, &faults);
    assert!(ran.testimony().interrupted);
    assert_eq!(ran.testimony().aftermath.primary_killed, PrimaryKill::NotReached);
    let history = ran.history();
    assert!(
        history.operations().iter().all(|op| op.call.0 <= 600_000_000),
        "nothing was asked after it"
    );
    assert!(
        history
            .operations()
            .iter()
            .all(|op| matches!(op.ending, Ending::Ok(_))),
        "what was out was waited for"
    );
    assert!(45 < history.operations().len());
    assert!(
        ran.stage
            .time_of(&Scene::Healed(1))
            .is_some_and(|time| time < ms(1_000))
    );
}

#[test]
fn an_operation_that_is_never_concluded_is_a_failure_of_the_harness() {
    let answers = |_, invocation: &histories::Invocation| {
        (invocation.value != json!("t50")).then(|| (ms(1), ok(invocation)))
    };
    let ran = quiet(Stage::new(Box::new(answers)), Script::steady("k1", 10, 100), 2);
    let sentence = ran
        .testimony
        .as_ref()
        .expect_err("the harness failed")
        .to_string();
    assert!(
        sentence.contains("append of k1") && sentence.contains("not concluded"),
        "{sentence}"
    );
    assert_eq!(
        ran.history().operations().len(),
        10,
        "what was recorded until then is there"
    );
}

#[test]
fn an_operation_that_takes_long_is_waited_for() {
    let answers = |_, invocation: &histories::Invocation| Some((ms(50_000), ok(invocation)));
    let ran = quiet(Stage::new(Box::new(answers)), Script::steady("k1", 10, 20), 2);
    let history = ran.history();
    let appends: Vec<_> = history
        .operations()
        .iter()
        .filter(|op| op.f == Function::Append)
        .collect();
    assert!(
        appends.iter().all(|op| matches!(op.ending, Ending::Ok(_))),
        "{appends:?}"
    );
}

#[test]
fn nodes_that_leave_by_themselves_are_told_whenever_they_do() {
    let left = |number: usize, at: u64| Departure {
        node: systems::NodeId::replica(number),
        status: "exit status: 3".to_owned(),
        at: ms(at),
    };
    let mut stage = Stage::new(answered_after(1)).with_standing(Box::new(|_| standing(&[1], &[])));
    stage.leaving = vec![left(1, 50), left(2, 4_000), left(3, 9_500)];
    let ran = quiet(stage, Script::steady("k1", 5, 100), 2);
    let nodes: Vec<String> = ran
        .testimony()
        .departures
        .iter()
        .map(|departure| departure.node.to_string())
        .collect();
    assert_eq!(nodes, ["n1", "n2", "n3"]);
}

#[test]
fn the_systems_own_excuse_is_asked_for_at_the_end() {
    let mut stage = Stage::new(answered_after(1));
    stage.excuse = Some("both members of view 3 died".to_owned());
    let ran = quiet(stage, Script::steady("k1", 5, 100), 2);
    assert_eq!(
        ran.testimony().aftermath.excuse.as_deref(),
        Some("both members of view 3 died")
    );
}
