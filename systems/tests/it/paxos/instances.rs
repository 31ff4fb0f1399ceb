//! The log without clients: what the nodes' instance logs would say, under low and high pressure, and on a network that loses, doubles
//! and delays while nodes die.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systems::group::GroupSession;
use systems::paxos::instances::{INSTANCE_BYTES, InstanceConfig, InstanceEvent, InstanceNode};
use systems::paxos::{Config, Slot, Turn};
use systems::{NodeId, Replica};

use super::cluster::config;
use crate::world::{Chances, System, World, ms, n};

/// The nodes of such a log, as a world has to know them.
enum Instances {}

/// What each node's log says: everything since its last start, as the file is begun anew then.
#[derive(Debug, Default)]
struct Logs {
    generated: BTreeSet<(Slot, String)>,
    committed: BTreeMap<NodeId, BTreeMap<Slot, String>>,
    wrong: Vec<String>,
}

impl System for Instances {
    type Replica = InstanceNode;
    type Session = GroupSession<InstanceNode>;
    type Observer = Logs;

    fn nodes(config: &InstanceConfig) -> Vec<NodeId> {
        config.log.members.clone()
    }

    fn observer(_: &InstanceConfig) -> Logs {
        Logs::default()
    }

    fn note(logs: &mut Logs, node: NodeId, event: &<InstanceNode as Replica>::Event) {
        match event {
            InstanceEvent::Generated { data, seq } => {
                logs.generated.insert((*seq, data.clone()));
            }
            InstanceEvent::Committed { data, seq } => {
                let log = logs.committed.entry(node).or_default();
                if log
                    .insert(*seq, data.clone())
                    .is_some_and(|before| before != *data)
                {
                    logs.wrong
                        .push(format!("rule 1: {node} committed two values in {seq}"));
                }
            }
        }
    }

    fn expendable(_: &Logs, running: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        running.clone()
    }

    fn shown(logs: &Logs) -> String {
        format!("{:?}", logs.counts())
    }
}

impl Logs {
    fn counts(&self) -> Vec<usize> {
        self.committed.values().map(BTreeMap::len).collect()
    }

    /// Which of the three rules do not hold.
    fn broken(&self) -> Vec<String> {
        let mut wrong = self.wrong.clone();
        for (node, log) in &self.committed {
            let foreign = log
                .iter()
                .filter(|(seq, data)| !self.generated.contains(&(**seq, (*data).clone())));
            wrong.extend(
                foreign.map(|(seq, _)| format!("rule 2: {node} committed {seq}, which was never proposed")),
            );
            for (other, others) in &self.committed {
                let end = log
                    .keys()
                    .next_back()
                    .min(others.keys().next_back())
                    .copied()
                    .unwrap_or_default();
                if !log.range(..=end).eq(others.range(..=end)) {
                    wrong.push(format!("rule 3: {node} and {other} committed different things"));
                }
            }
        }
        wrong
    }
}

/// Five nodes with turns of a second and so many instances in each, for five seconds, and two to settle.
fn run(interval: u64, troubles: impl Fn(&mut World<Instances>)) -> Logs {
    let turn = Turn {
        lasts: ms(1_000),
        commands_max: interval,
    };
    let mut world = World::<Instances>::of(
        1,
        InstanceConfig {
            log: Config {
                turn: Some(turn),
                ..config(5, None)
            },
            bytes: INSTANCE_BYTES,
            proposes_for: ms(5_000),
        },
    );
    (1..=5).for_each(|node| world.start(n(node)));
    troubles(&mut world);
    let end = ms(7_000);
    let gone = Duration::from_nanos(world.now.as_nanos());
    world.run(end.saturating_sub(gone));
    world.observer
}

#[test]
fn under_low_pressure_each_turn_brings_its_hundred_to_all_five() {
    let logs = run(100, |_| ());
    assert_eq!(logs.broken(), [""; 0]);
    assert_eq!(logs.counts(), [500; 5]);
}

#[test]
fn under_high_pressure_all_five_have_equally_many_and_more_than_the_course_had() {
    let logs = run(600, |_| ());
    assert_eq!(logs.broken(), [""; 0]);
    let counts = logs.counts();
    assert!(
        counts.iter().all(|count| *count == counts[0] && 2_520 <= *count),
        "{counts:?}"
    );
}

#[test]
fn the_third_rule_holds_on_an_unreliable_network_too() {
    let logs = run(100, |world| {
        world.chances = Chances::UNRELIABLE;
        for victim in 1..=4 {
            world.run(ms(500));
            world.kill(n(victim));
            world.run(ms(300));
            world.start(n(victim));
        }
        world.run(ms(500));
        world.chances = Chances::default();
    });
    assert_eq!(logs.broken(), [""; 0]);
    let counts = logs.counts();
    assert!(
        counts.iter().all(|count| *count == counts[0] && 50 <= *count),
        "{counts:?}"
    );
}
