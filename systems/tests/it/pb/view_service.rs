//! The view service alone, ping by ping: the scenarios of MIT 6.824 lab 2A (VS1 to VS10) and of dslabs lab 2 part 1 (01 to 12), and
//! what became of the findings in published solutions (V1 to V9).

use std::collections::BTreeMap;

use systems::pb::event::Acknowledgement;
use systems::pb::{Config, Event, Message, Node, Record, Request, Response, Stamp, Timer, View, ViewNumber};
use systems::{Boot, ClientId, Effect, Incarnation, Input, Outbox, Replica, Time};

use super::cluster::vs;
use crate::world::n;

/// A view service and the pings that reach it. Time stands still between calls of [`Office::wait`].
struct Office {
    node: Node,
    config: Config,
    now: Time,
    disk: Vec<Record>,
    lives: BTreeMap<usize, u64>,
    views: Vec<View>,
    /// The last answer to each life of each server.
    echoes: BTreeMap<(usize, u64), Stamp>,
}

/// Enough intervals for a silent server to be taken for dead.
const DEAD: u32 = 6;

impl Office {
    fn open() -> Self {
        let config = Config::new(vs(), (1..=4).map(n).collect());
        let node = Node::recover(&config, boot(1), Vec::new());
        let now = Time::from_nanos(1);
        let (disk, lives, views, echoes) = (Vec::new(), BTreeMap::new(), Vec::new(), BTreeMap::new());
        let mut office = Self {
            node,
            config,
            now,
            disk,
            lives,
            views,
            echoes,
        };
        office.step(Input::Start);
        office
    }

    /// View 2 with primary `n1` and backup `n2`, acknowledged.
    fn with_two() -> Self {
        let mut office = Self::open();
        office.ping(1, 0);
        office.ping(1, 1);
        office.ping(2, 0);
        office.ping(2, 2);
        assert_eq!(office.ping(1, 2), "2(n1, n2)");
        office
    }

    fn restart(&mut self) {
        self.node = Node::recover(&self.config, boot(2), self.disk.clone());
        self.echoes.clear();
        self.step(Input::Start);
    }

    /// `node` pings; what it is answered.
    fn ping(&mut self, node: usize, acknowledged: u64) -> String {
        let life = *self.lives.entry(node).or_default();
        self.ping_of_life(node, life, acknowledged)
    }

    /// What the last of at most two pings is answered: a life that has no answer to echo yet pings again at once.
    fn ping_of_life(&mut self, node: usize, life: u64, acknowledged: u64) -> String {
        if !self.echoes.contains_key(&(node, life)) {
            self.ping_once(node, life, acknowledged, None);
        }
        let echo = self.echoes.get(&(node, life)).copied();
        self.ping_once(node, life, acknowledged, echo)
    }

    fn ping_once(&mut self, node: usize, life: u64, acknowledged: u64, echo: Option<Stamp>) -> String {
        let effects = self.step(Input::Message {
            from: n(node),
            message: ping(life, acknowledged, echo),
        });
        let mut shown = String::new();
        for effect in effects {
            if let Effect::Send {
                to,
                message:
                    Message::Newest {
                        incarnation,
                        view,
                        stamp,
                    },
            } = effect
            {
                assert_eq!((to, incarnation), (n(node), Incarnation(life)));
                self.echoes.insert((node, life), stamp);
                shown = view.map_or("none".to_owned(), |view| view.to_string());
            }
        }
        shown
    }

    /// From now on `node` pings as another life.
    fn reborn(&mut self, node: usize) {
        *self.lives.entry(node).or_default() += 1;
    }

    /// So many intervals go by, in each of which these servers ping with these numbers.
    fn wait(&mut self, intervals: u32, pings: &[(usize, u64)]) {
        for _ in 0..intervals {
            self.now = self.now + self.config.ping_interval;
            self.step(Input::Timeout(Timer::Check));
            for &(node, acknowledged) in pings {
                self.ping(node, acknowledged);
            }
        }
    }

    /// What a client is told.
    fn view(&mut self) -> String {
        let effects = self.step(Input::Request {
            from: ClientId(1),
            request: Request::View,
        });
        match &effects[..] {
            [
                Effect::Reply {
                    response: Response::View(view),
                    ..
                },
            ] => view.as_ref().map_or("none".to_owned(), View::to_string),
            other => panic!("a client was told {other:?}"),
        }
    }

    fn acknowledgement(&self) -> Option<Acknowledgement> {
        match &self.node {
            Node::ViewService(service) => service.acknowledgement(),
            Node::Server(_) => None,
        }
    }

    fn step(&mut self, input: Input<Node>) -> Vec<Effect<Node>> {
        let mut out = Outbox::new();
        self.node.step(self.now, input, &mut out);
        let effects: Vec<_> = out.drain().collect();
        for effect in &effects {
            match effect {
                Effect::Persist(record) => self.disk.push(record.clone()),
                Effect::Compact(records) => self.disk.clone_from(records),
                Effect::Observe(Event::ViewAnnounced { view }) => self.views.push(view.clone()),
                _ => (),
            }
        }
        effects
    }
}

fn ping(life: u64, acknowledged: u64, echo: Option<Stamp>) -> Message {
    Message::Ping {
        incarnation: Incarnation(life),
        acknowledged: ViewNumber(acknowledged),
        echo,
    }
}

fn boot(life: u64) -> Boot {
    Boot {
        node: vs(),
        incarnation: Incarnation(life),
        seed: 0,
    }
}

// MIT 6.824 lab 2A, one after the other as there.

#[test]
fn vs1_to_vs8_one_after_the_other() {
    let mut office = Office::open();
    assert_eq!(
        office.view(),
        "none",
        "VS1: nobody is primary before anybody pinged"
    );

    assert_eq!(office.ping(1, 0), "1(n1, -)", "VS2: first primary");

    office.ping(1, 1);
    assert_eq!(office.ping(2, 0), "2(n1, n2)", "VS3: first backup");

    office.ping(1, 2);
    office.wait(2 * 5, &[(2, 2)]);
    assert_eq!(
        office.view(),
        "3(n2, -)",
        "VS4: the backup takes over when the primary fails"
    );

    office.reborn(1);
    office.ping(1, 0);
    assert_eq!(
        office.ping(2, 3),
        "4(n2, n1)",
        "VS5: a restarted server becomes backup"
    );

    office.ping(2, 4);
    office.wait(DEAD, &[(1, 4), (3, 0)]);
    assert_eq!(
        office.view(),
        "5(n1, n3)",
        "VS6: the idle third server becomes backup when the primary fails"
    );
    assert_eq!(office.views.len(), 5, "VS6: in the same view change");

    office.ping(1, 5);
    office.ping(3, 5);
    office.reborn(1);
    office.ping(1, 0);
    assert_eq!(
        office.ping(3, 5),
        "6(n3, n1)",
        "VS7: a restarted primary is treated as dead"
    );

    office.ping(3, 6);
    office.wait(3 * 5, &[(3, 6)]);
    assert_eq!(office.view(), "7(n3, -)", "VS8: a dead backup is removed");
}

#[test]
fn vs9_the_view_waits_for_its_primary_to_acknowledge() {
    let mut office = Office::open();
    office.ping(1, 0);
    office.ping(1, 1);
    assert_eq!(office.ping(2, 0), "2(n1, n2)");
    office.wait(2 * DEAD, &[(1, 1), (2, 2), (3, 0)]);
    assert_eq!(
        office.view(),
        "2(n1, n2)",
        "nothing may change before the acknowledgement"
    );
    office.wait(2 * DEAD, &[(2, 2), (3, 0)]);
    assert_eq!(
        office.view(),
        "2(n1, n2)",
        "the backup may hold nothing and is not promoted"
    );
}

#[test]
fn vs10_a_server_that_holds_nothing_does_not_become_primary() {
    let mut office = Office::with_two();
    office.wait(DEAD, &[]);
    office.reborn(2);
    office.wait(2 * DEAD, &[(2, 0), (3, 0)]);
    assert_eq!(office.view(), "2(n1, n2)");
}

// dslabs lab 2 part 1.

#[test]
fn dslabs_01_there_is_no_view_at_first() {
    assert_eq!(Office::open().view(), "none");
}

#[test]
fn dslabs_02_the_first_to_ping_is_primary() {
    let mut office = Office::open();
    office.ping(3, 0);
    assert_eq!(office.view(), "1(n3, -)");
}

#[test]
fn dslabs_03_the_next_to_ping_is_backup_once_the_first_view_is_acknowledged() {
    let mut office = Office::open();
    office.ping(1, 0);
    office.ping(1, 1);
    office.ping(2, 0);
    assert_eq!(office.view(), "2(n1, n2)");
}

#[test]
fn dslabs_04_a_server_that_pinged_before_the_acknowledgement_becomes_backup_with_it() {
    let mut office = Office::open();
    office.ping(1, 0);
    assert_eq!(office.ping(2, 0), "1(n1, -)");
    assert_eq!(office.ping(1, 1), "2(n1, n2)");
}

#[test]
fn dslabs_05_the_backup_takes_over() {
    let mut office = Office::with_two();
    office.wait(DEAD, &[(2, 2)]);
    assert_eq!(office.view(), "3(n2, -)");
}

#[test]
fn dslabs_06_an_old_primary_that_was_only_silent_becomes_backup() {
    let mut office = Office::with_two();
    office.wait(DEAD, &[(2, 2)]);
    office.ping(1, 2);
    assert_eq!(office.ping(2, 3), "4(n2, n1)");
}

#[test]
fn dslabs_07_an_idle_server_becomes_backup_in_one_view_change() {
    let mut office = Office::with_two();
    office.wait(DEAD, &[(2, 2), (3, 0)]);
    assert_eq!(office.view(), "3(n2, n3)");
}

#[test]
fn dslabs_08_no_backup_before_the_first_acknowledgement_and_no_other_primary_ever() {
    let mut office = Office::open();
    office.ping(1, 0);
    office.wait(2 * DEAD, &[(2, 0), (3, 0)]);
    assert_eq!(office.view(), "1(n1, -)");
}

#[test]
fn dslabs_09_a_dead_backup_is_removed() {
    let mut office = Office::with_two();
    office.wait(DEAD, &[(1, 2)]);
    assert_eq!(office.view(), "3(n1, -)");
}

#[test]
fn dslabs_10_a_backup_that_was_never_acknowledged_is_not_promoted() {
    let mut office = Office::open();
    office.ping(1, 0);
    office.ping(1, 1);
    office.ping(2, 0);
    office.reborn(1);
    office.wait(2 * DEAD, &[(1, 0), (2, 2)]);
    assert_eq!(office.view(), "2(n1, n2)");
}

#[test]
fn dslabs_11_a_dead_idle_server_is_not_made_backup() {
    let mut office = Office::with_two();
    office.ping(3, 0);
    office.wait(DEAD, &[(2, 2), (1, 2)]);
    office.wait(DEAD, &[(2, 2)]);
    assert_eq!(office.view(), "3(n2, -)", "n3 had pinged once, long ago");
}

#[test]
fn dslabs_12_a_view_differs_from_the_one_before_in_more_than_its_number() {
    let mut office = Office::with_two();
    office.wait(4 * DEAD, &[(1, 2), (2, 2)]);
    assert_eq!(office.view(), "2(n1, n2)");
    office.wait(4 * DEAD, &[(1, 2), (1, 3)]);
    office.wait(4 * DEAD, &[(1, 3)]);
    for pair in office.views.windows(2) {
        assert_ne!(
            (pair[0].primary, pair[0].backup),
            (pair[1].primary, pair[1].backup)
        );
    }
    assert_eq!(office.view(), "3(n1, -)");
}

// What it does beyond the courses' demands.

#[test]
fn a_backup_that_died_while_it_was_synchronised_is_dropped_though_nobody_acknowledged() {
    let mut office = Office::open();
    office.ping(1, 0);
    office.ping(1, 1);
    assert_eq!(office.ping(2, 0), "2(n1, n2)");
    office.wait(DEAD, &[(1, 1), (3, 0)]);
    assert_eq!(
        office.view(),
        "3(n1, -)",
        "the same primary, and nobody new to act"
    );
    assert_eq!(
        office.ping(1, 2),
        "3(n1, -)",
        "a late acknowledgement of the dropped view counts for nothing"
    );
    assert_eq!(office.ping(1, 3), "4(n1, n3)");
}

#[test]
fn a_member_is_dropped_only_in_answer_to_the_one_that_stays() {
    let mut office = Office::with_two();
    office.wait(DEAD, &[(3, 0)]);
    assert_eq!(
        office.view(),
        "2(n1, n2)",
        "either of them may be the last to hold the data"
    );
    assert_eq!(office.ping(2, 2), "3(n2, n3)");
}

#[test]
fn a_restarted_view_service_knows_its_view_and_whether_it_was_acknowledged() {
    let mut office = Office::with_two();
    office.restart();
    assert_eq!(
        (office.view(), office.acknowledgement()),
        ("2(n1, n2)".into(), Some(Acknowledgement::Given))
    );

    let mut office = Office::open();
    office.ping(1, 0);
    office.restart();
    assert_eq!(
        (office.view(), office.acknowledgement()),
        ("1(n1, -)".into(), Some(Acknowledgement::Pending))
    );
    assert_eq!(
        office.ping(2, 0),
        "1(n1, -)",
        "V1: nobody else may become primary of an empty store"
    );
}

#[test]
fn what_a_view_service_keeps_does_not_grow_with_the_number_of_views() {
    let mut office = Office::with_two();
    let mut longest = 0;
    while office.views.len() < 1_500 {
        office.reborn(2);
        office.ping(2, 0);
        let newest = office.views.len() as u64;
        office.ping(1, newest);
        longest = longest.max(office.disk.len());
    }
    assert!((1_000..1_100).contains(&longest), "{longest} records at most");
    let known = (office.view(), office.acknowledgement());
    office.restart();
    assert_eq!((office.view(), office.acknowledgement()), known);
}

#[test]
fn a_restarted_view_service_gives_everybody_time_to_be_heard() {
    let mut office = Office::with_two();
    office.wait(4, &[(2, 2)]);
    office.restart();
    office.wait(5, &[(2, 2)]);
    assert_eq!(
        office.view(),
        "2(n1, n2)",
        "n1 has been silent for five intervals of this life"
    );
    office.wait(1, &[(2, 2)]);
    assert_eq!(office.view(), "3(n2, -)");
}

#[test]
fn nothing_is_told_before_it_is_durable() {
    let mut office = Office::open();
    let mut durable = Vec::new();
    for (node, acknowledged) in [(1, 0), (1, 0), (1, 1), (2, 0), (2, 0), (1, 2), (3, 0), (3, 0)] {
        let echo = office.echoes.get(&(node, 0)).copied();
        for effect in office.step(Input::Message {
            from: n(node),
            message: ping(0, acknowledged, echo),
        }) {
            match effect {
                Effect::Persist(Record::Announced(view)) => durable.push(view),
                Effect::Send {
                    message: Message::Newest { view, stamp, .. },
                    ..
                } => {
                    assert!(view.is_none_or(|view| durable.contains(&view)));
                    office.echoes.insert((node, 0), stamp);
                }
                _ => (),
            }
        }
    }
    assert_eq!(durable.len(), 2);
}

#[test]
fn a_view_service_that_stood_still_blames_nobody_for_the_silence() {
    let mut office = Office::with_two();
    office.ping(3, 0);
    office.now = office.now + office.config.ping_interval * 100;
    assert_eq!(office.ping(2, 2), "2(n1, n2)", "n1 was alive when it fell asleep");
    office.wait(DEAD, &[(2, 2)]);
    assert_eq!(
        office.view(),
        "3(n2, -)",
        "silence counts again from then on, and n3 has not been heard either"
    );
}

#[test]
fn a_view_service_that_lost_its_disk_does_not_count_from_one_again() {
    let mut office = Office::with_two();
    office.disk.clear();
    office.restart();
    assert_eq!(office.ping(1, 2), "");
    assert_eq!(office.view(), "none");
}

#[test]
fn a_ghost_ping_of_an_earlier_life_has_no_effect() {
    let mut office = Office::with_two();
    let ghost = office.echoes[&(2, 0)];
    office.reborn(2);
    office.ping(2, 0);
    assert_eq!(office.ping(1, 2), "3(n1, n2)");
    office.ping(1, 3);
    office.ping_once(2, 0, 2, Some(ghost));
    assert_eq!(
        office.view(),
        "3(n1, n2)",
        "the later life is the one that echoes the later answer"
    );
}

#[test]
fn a_ghost_ping_does_not_promote_a_life_that_is_over() {
    let mut office = Office::with_two();
    let ghost = office.echoes[&(2, 0)];
    office.wait(DEAD, &[]);
    office.reborn(2);
    office.wait(2, &[(2, 0)]);
    assert_eq!(
        office.view(),
        "2(n1, n2)",
        "n1 is silent, and the life that was its backup is over"
    );
    office.ping_once(2, 0, 2, Some(ghost));
    office.ping_once(2, 0, 2, None);
    assert_eq!(office.view(), "2(n1, n2)");
    assert_eq!(
        office.ping(1, 2),
        "3(n1, n2)",
        "n1 was only silent, and nobody was put into its place"
    );
}

#[test]
fn a_ping_that_was_under_way_for_long_is_no_sign_of_life() {
    let mut office = Office::with_two();
    let late = office.echoes[&(2, 0)];
    office.wait(5 * DEAD, &[]);
    office.ping_once(2, 0, 2, Some(late));
    assert_eq!(office.view(), "2(n1, n2)", "neither member is known to be alive");
}

#[test]
fn a_ping_from_somebody_else_is_not_even_remembered() {
    let mut office = Office::with_two();
    assert_eq!(office.ping(9, 0), "");
    office.wait(DEAD, &[(9, 0), (1, 2)]);
    assert_eq!(office.view(), "3(n1, -)");
}

// The findings of published solutions.

#[test]
fn v1_the_first_view_has_number_1_whatever_the_first_ping_says() {
    let mut office = Office::open();
    assert_eq!(
        office.ping(1, 7),
        "",
        "a ping that knows of views says that this service lost its own"
    );
    assert_eq!(office.ping(2, 0), "1(n2, -)");
}

#[test]
fn v2_a_restarted_primary_of_a_view_that_was_not_acknowledged_does_not_make_its_backup_primary() {
    let mut office = Office::open();
    office.ping(1, 0);
    office.ping(1, 1);
    office.ping(2, 0);
    office.reborn(1);
    assert_eq!(office.ping(1, 0), "2(n1, n2)");
    office.wait(DEAD, &[(1, 0), (2, 2)]);
    assert_eq!(office.view(), "2(n1, n2)");
}

#[test]
fn v3_a_sole_primary_that_was_restarted_does_not_get_its_view_back() {
    let mut office = Office::open();
    office.ping(1, 0);
    office.ping(1, 1);
    let former = office.views[0].primary;
    office.reborn(1);
    office.wait(2 * DEAD, &[(1, 0), (2, 0)]);
    assert_eq!(
        office.views.last().unwrap().primary,
        former,
        "the view still names the life that died"
    );
}

#[test]
fn v4_a_late_ping_neither_takes_an_acknowledgement_back_nor_gives_one() {
    let mut office = Office::with_two();
    office.ping(1, 1);
    assert_eq!(office.acknowledgement(), Some(Acknowledgement::Given));
    office.wait(DEAD, &[(1, 2)]);
    assert_eq!(office.view(), "3(n1, -)");
    office.ping(1, 2);
    office.ping(2, 3);
    assert_eq!(
        office.acknowledgement(),
        Some(Acknowledgement::Pending),
        "the old number, and the number from another"
    );
}

#[test]
fn v5_a_restarted_backup_is_another_member_whether_or_not_the_view_was_acknowledged() {
    let mut office = Office::with_two();
    office.reborn(2);
    office.ping(2, 0);
    assert_eq!(office.ping(1, 2), "3(n1, n2)");
    let lives: Vec<_> = office.views.iter().filter_map(|view| view.backup).collect();
    assert_ne!(lives[0], lives[1]);

    office.reborn(2);
    office.ping(2, 0);
    assert_eq!(
        office.ping(1, 2),
        "4(n1, -)",
        "before the acknowledgement the dead life is dropped at once"
    );
    assert_eq!(office.ping(1, 4), "5(n1, n2)");
}

#[test]
fn v6_idle_servers_are_remembered_for_as_long_as_they_ping() {
    let mut office = Office::with_two();
    office.wait(3, &[(1, 2), (2, 2), (3, 0)]);
    office.wait(4, &[(1, 2), (3, 0)]);
    office.reborn(2);
    office.wait(DEAD, &[(1, 2), (3, 0)]);
    assert_eq!(
        office.view(),
        "3(n1, n3)",
        "without a view that has no backup in between"
    );
}

#[test]
fn v7_a_promoted_backup_must_acknowledge_for_itself() {
    let mut office = Office::with_two();
    office.ping(2, 2);
    office.wait(DEAD, &[(2, 2), (3, 0)]);
    assert_eq!(office.view(), "3(n2, n3)");
    assert_eq!(office.acknowledgement(), Some(Acknowledgement::Pending));
    office.wait(2 * DEAD, &[(3, 3)]);
    assert_eq!(office.view(), "3(n2, n3)", "n2's old numbers count for nothing");
}

#[test]
fn v8_a_dead_backup_is_not_promoted() {
    let mut office = Office::with_two();
    office.wait(2 * DEAD, &[]);
    assert_eq!(office.view(), "2(n1, n2)");
    office.reborn(2);
    office.wait(2 * DEAD, &[(2, 0)]);
    assert_eq!(office.view(), "2(n1, n2)");
}

#[test]
fn v9_time_begins_with_the_start_and_every_life_is_its_own() {
    let mut office = Office::open();
    office.step(Input::Timeout(Timer::Check));
    assert_eq!(
        office.view(),
        "none",
        "looking around before anybody pinged decides nothing"
    );
    office.ping(1, 0);
    assert_eq!(
        office.ping_of_life(1, 77, 0),
        "1(n1, -)",
        "a second life of n1 takes no view over"
    );
    assert_eq!(office.views[0].primary.incarnation, Incarnation(0));
}
