//! The file: what is written is read back, and what is wrong is said with file, line and fault.

use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;

use super::{draw, roster};
use crate::cluster::FaultId;
use crate::fault::{Fault, Shape};
use crate::schedule::{Episode, Schedule};
use crate::target::Target;

/// The guide shows a schedule file; what it shows is read.
const GUIDE: &str = include_str!("../../../../docs/nemesis.md");

fn parse(text: &str) -> Result<Schedule, String> {
    Schedule::parse("faults.toml", text, &roster()).map_err(|error| error.to_string())
}

/// A file with one fault that is right but for `line`, which replaces the line of the same field or is added.
fn with(line: &str) -> String {
    let field = line.split(' ').next().unwrap();
    let right = [
        "id = 1",
        "from = \"1s\"",
        "until = \"2s\"",
        "fault = \"pause\"",
        "target = \"one\"",
    ];
    let kept = right
        .into_iter()
        .filter(|right| right.split(' ').next() != Some(field));
    let lines: Vec<&str> = ["[[fault]]"].into_iter().chain(kept).chain([line]).collect();
    lines.join("\n")
}

fn check_refused(text: &str, expected: &str) {
    assert_eq!(parse(text).unwrap_err(), expected, "of {text}");
}

fn any_target() -> impl Strategy<Value = Target> {
    let named = prop::sample::subsequence(roster().members(), 1..=3)
        .prop_shuffle()
        .prop_map(Target::Named);
    let word = select(vec![
        Target::One,
        Target::Minority,
        Target::Majority,
        Target::MinorityThird,
        Target::Primaries,
        Target::All,
        Target::Services,
    ]);
    prop_oneof![named, word]
}

fn any_episode() -> impl Strategy<Value = Episode> {
    let from_ns = 0..600_000_000_000_u64;
    let length_ns = 1..60_000_000_000_u64;
    let seed = any::<u64>().prop_map(|seed| seed >> 1);
    let fits = |fault: &Fault| fault.fits(&fault.target_default(), &roster()).is_ok();
    let faults: Vec<Fault> = Fault::all().into_iter().filter(fits).collect();
    (select(faults), any_target(), from_ns, length_ns, seed).prop_map(
        |(fault, target, from_ns, length_ns, seed)| {
            let from = Duration::from_nanos(from_ns);
            let until = from + Duration::from_nanos(length_ns);
            let episode = Episode {
                id: FaultId(1),
                from,
                until,
                fault,
                target,
                seed,
            };
            match Schedule::new(vec![episode.clone()], &roster()) {
                Ok(_) => episode,
                Err(_) => Episode {
                    target: fault.target_default(),
                    ..episode
                },
            }
        },
    )
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let numbered = |mut episodes: Vec<Episode>| {
        for (number, episode) in (1..).zip(&mut episodes) {
            episode.id = FaultId(number);
        }
        Schedule::new(episodes, &roster()).unwrap()
    };
    prop_oneof![Just(Vec::new()), prop::collection::vec(any_episode(), 0..20)].prop_map(numbered)
}

proptest! {
    #[test]
    fn a_schedule_is_read_back_as_it_was_written(schedule in any_schedule()) {
        prop_assert_eq!(parse(&schedule.to_string()), Ok(schedule));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn no_damage_to_a_file_makes_the_reader_panic(seed in 0_u64..1_000, at in any::<prop::sample::Index>(), with in any::<char>()) {
        let mut text: Vec<char> = draw("all", 10, seed).to_string().chars().collect();
        let at = at.index(text.len());
        text[at] = with;
        let _ = parse(&text.into_iter().collect::<String>());
    }
}

#[test]
fn what_was_drawn_is_read_back() {
    for seed in 0..100 {
        let schedule = draw("all,kill-all", 30, seed);
        assert_eq!(parse(&schedule.to_string()), Ok(schedule));
    }
}

#[test]
fn a_file_reads_like_this() {
    let episode = |id, from_ms, until_ms, fault, target| Episode {
        id: FaultId(id),
        from: Duration::from_millis(from_ms),
        until: Duration::from_millis(until_ms),
        fault,
        target,
        seed: 11,
    };
    let named = Target::Named(vec!["n1".parse().unwrap(), "vs".parse().unwrap()]);
    let episodes = vec![
        episode(2, 5_000, 5_350, Fault::Kill, Target::Services),
        episode(1, 1_250, 4_750, Fault::Partition(Shape::Majority), named),
    ];
    let expected = r#"# The faults of one run, in the order in which they begin. Times count from the start of the load.
# `target` is resolved when the fault begins; `seed` decides what it leaves open.
# Run exactly this with: tribunal run --schedule FILE

format = 1

[[fault]]
id = 1
from = "1.250s"
until = "4.750s"
fault = "partition.majority"
target = ["n1", "vs"]
seed = 11

[[fault]]
id = 2
from = "5.000s"
until = "5.350s"
fault = "kill"
target = "services"
seed = 11
"#;
    assert_eq!(Schedule::new(episodes, &roster()).unwrap().to_string(), expected);
}

#[test]
fn what_is_left_out_has_a_meaning() {
    let schedule = parse("[[fault]]\nfrom = \"1s\"\nuntil = \"2s\"\nfault = \"bridge\"\n").unwrap();
    let [episode] = schedule.episodes() else {
        panic!("one fault")
    };
    assert_eq!(
        (episode.id, episode.seed, &episode.target),
        (FaultId(1), 1, &Target::One)
    );
    assert_eq!(parse(""), Ok(Schedule::default()));
}

#[test]
fn a_single_node_may_stand_for_a_list() {
    let schedule = parse(&with("target = \"n2\"")).unwrap();
    assert_eq!(
        schedule.episodes()[0].target,
        Target::Named(vec!["n2".parse().unwrap()])
    );
}

#[test]
fn wrong_values_are_named_with_file_line_and_fault() {
    check_refused(
        &with("from = \"soon\""),
        "faults.toml, line 1, fault 1: `from`: \"soon\" is not a time; a time is a number and its unit, such as \"4.250s\" or \
         \"250ms\"",
    );
    check_refused(
        &with("until = \"0.5s\""),
        "faults.toml, line 1, fault 1: it ends at 0.500s, which is not after its beginning at 1.000s",
    );
    check_refused(
        &with("until = \"1s\""),
        "faults.toml, line 1, fault 1: it ends at 1.000s, which is not after its beginning at 1.000s",
    );
    check_refused(
        &with("until = \"200h\""),
        "faults.toml, line 1, fault 1: it ends at 720000.000s; 604800.000s is the latest",
    );
    check_refused(
        &with("target = \"primarys\""),
        "faults.toml, line 1, fault 1: unknown target \"primarys\", did you mean \"primaries\"? (known: one, minority, \
         majority, minority-third, primaries, all, services, n1, n2, n3, n4, n5, vs)",
    );
    check_refused(
        &with("target = [\"n1\", \"n6\"]"),
        "faults.toml, line 1, fault 1: unknown node \"n6\", did you mean \"n5\"? (known: n1, n2, n3, n4, n5, vs)",
    );
    check_refused(
        &with("target = [\"n1\", \"n1\"]"),
        "faults.toml, line 1, fault 1: a node stands twice in its target",
    );
    check_refused(
        &with("target = []"),
        "faults.toml, line 1, fault 1: no node was named",
    );
    check_refused(
        &with("fault = \"pase\""),
        "faults.toml, line 1, fault 1: unknown fault \"pase\", did you mean \"pause\"? (known: partition.one, \
         partition.majority, partition.minority-third, partition.majorities-ring, partition.bridge, partition.one-way-in, \
         partition.one-way-out, partition.single-link, partition.client-to-node, partition.primary-from-service, \
         partition.primaries, pause, kill, kill-all, packet.loss, packet.delay, packet.duplicate, \
         packet.reorder, packet.hold, packet.reply-loss, packet.slow, membership.grow, \
         membership.shrink, membership.replace)",
    );
    check_refused(
        &with("fault = \"kill-all\""),
        "faults.toml, line 1, fault 1: kill-all takes as its target all; not one",
    );
    check_refused(
        &with("fault = \"bridge\"").replace("\"one\"", "[\"n1\", \"n2\"]"),
        "faults.toml, line 1, fault 1: partition.bridge takes no more than 1 by name; 2 nodes are named",
    );
    check_refused(
        &with("fault = \"one-way-in\"").replace("\"one\"", "[\"n1\", \"n2\", \"n3\", \"vs\"]"),
        "faults.toml, line 1, fault 1: n1, n2, n3, vs were named: that cuts nothing",
    );
}

#[test]
fn a_second_fault_of_the_same_id_is_refused_where_it_stands() {
    let text = format!("# two\n{}\n\n{}", with("id = 7"), with("id = 7"));
    check_refused(
        &text,
        "faults.toml, line 9, fault 7: another fault has this id already",
    );
}

#[test]
fn what_is_no_schedule_is_refused_with_its_line() {
    check_refused(
        "format = 2",
        "faults.toml, line 1: format 2 is not known; this is a reader of format 1",
    );
    check_refused(
        &with("from = 5"),
        "faults.toml, line 6: a time is a string with a unit, such as \"4.250s\"",
    );
    check_refused(
        &with("target = 5"),
        "faults.toml, line 6: a target is a word such as \"primaries\" or a list of nodes such as [\"n1\", \"n2\"]",
    );
    check_refused(
        &with("wen = 5"),
        "faults.toml, line 7: unknown field `wen`, expected one of `id`, `from`, `until`, `fault`, `target`, `seed`",
    );
    check_refused("[[fault]]\nid = 1", "faults.toml, line 1: missing field `from`");
    check_refused(
        "[[fault]\n",
        "faults.toml, line 1: unclosed array table, expected `]`",
    );
}

#[test]
fn the_guide_names_everything_and_its_example_is_a_schedule() {
    for nemesis in crate::profile::catalogue() {
        assert!(
            GUIDE.contains(&format!("`{}`", nemesis.name)),
            "the guide does not name {}",
            nemesis.name
        );
    }
    let example = GUIDE
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    assert!(2 <= parse(example).unwrap().episodes().len());
}
