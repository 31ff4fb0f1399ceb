use super::*;
use std::collections::BTreeSet;
use std::time::Duration;
use systems::NodeId;

impl Cargo for u32 {
    fn bytes(&self) -> u64 {
        1_000
    }
}

fn link() -> Link {
    Link {
        from: NodeId::replica(1),
        to: NodeId::replica(2),
    }
}

fn label(kind: &'static str) -> Label {
    Label {
        link: link(),
        connection: Connection(0),
        kind,
    }
}

fn network(fate: Option<Fate>) -> Network<u32> {
    let conditions = Conditions {
        jitter_us: 50_000,
        kept_percent: 100,
        ..Conditions::default()
    };
    let mut network = Network::new(conditions, 7);
    if let Some(fate) = fate {
        let disturbance = Disturbance {
            links: BTreeSet::from([link()]),
            kinds: BTreeSet::from(["x".to_owned()]),
            fate,
        };
        network.disturb(FaultId(1), disturbance);
    }
    network
}

/// What arrives of messages 0 to 99, sent a millisecond apart, in the order of its arrival.
fn arrivals(network: &mut Network<u32>, kind: &'static str) -> Vec<u32> {
    let sent = (0..100).map(|number| (Moment(u64::from(number) * 1_000_000), number));
    let arrived = passed(network, kind, sent);
    arrived.into_iter().map(|(_, cargo)| cargo).collect()
}

/// What arrives of what is sent, and when, in the order of its arrival; slow lines stay slow.
fn passed(
    network: &mut Network<u32>,
    kind: &'static str,
    sent: impl Iterator<Item = (Moment, u32)>,
) -> Vec<(Moment, u32)> {
    let (mut arrived, mut through) = (Vec::new(), Vec::new());
    for (now, number) in sent {
        network.send(now, label(kind), number, |passage| match passage {
            Passage::Arrives(at, cargo) => arrived.push((at, cargo)),
            Passage::Through(at, _) => through.push(at),
        });
    }
    for now in through {
        network.pass_on(now, link(), |passage| arrived.extend(arrival(passage)));
    }
    arrived.sort();
    arrived
}

fn arrival(passage: Passage<u32>) -> Option<(Moment, u32)> {
    match passage {
        Passage::Arrives(at, cargo) => Some((at, cargo)),
        Passage::Through(..) => None,
    }
}

fn all() -> Vec<u32> {
    (0..100).collect()
}

#[test]
fn without_faults_everything_arrives_once_and_in_order() {
    assert_eq!(arrivals(&mut network(None), "x"), all());
}

#[test]
fn each_fate_does_what_its_name_says_to_its_kind_and_nothing_to_another() {
    let ms_max = 500;
    let check = |fate: Fate, expected: fn(&[u32]) -> bool| {
        let arrived = arrivals(&mut network(Some(fate)), "x");
        assert!(expected(&arrived), "{fate}: {arrived:?}");
        assert_eq!(arrivals(&mut network(Some(fate)), "y"), all(), "{fate}");
    };
    check(Fate::Lost { percent: 50 }, |arrived| {
        (30..70).contains(&arrived.len())
    });
    check(Fate::Lost { percent: 100 }, <[u32]>::is_empty);
    check(Fate::Delayed { ms_max }, |arrived| arrived == all());
    check(Fate::Doubled { percent: 50, ms_max }, |arrived| {
        (130..170).contains(&arrived.len()) && arrived.windows(2).any(|two| two[1] < two[0])
    });
    check(Fate::Overtaken { percent: 50, ms_max }, |arrived| {
        arrived.len() == 100 && arrived != all()
    });
    let release = Release::InOrder;
    check(Fate::Held { release }, <[u32]>::is_empty);
    check(
        Fate::Slowed {
            bytes_per_second: 100_000,
        },
        |arrived| arrived == all(),
    );
}

#[test]
fn what_was_held_arrives_afterwards_in_order_or_in_reverse() {
    for (release, reversed) in [(Release::InOrder, false), (Release::Reversed, true)] {
        let mut network = network(Some(Fate::Held { release }));
        assert!(arrivals(&mut network, "x").is_empty());
        let mut arrived = Vec::new();
        network.calm(Moment(1), FaultId(1), |passage| {
            arrived.extend(arrival(passage));
        });
        arrived.sort();
        let mut expected = all();
        if reversed {
            expected.reverse();
        }
        let arrived: Vec<u32> = arrived.into_iter().map(|(_, cargo)| cargo).collect();
        assert_eq!(arrived, expected);
    }
}

#[test]
fn a_cut_link_delivers_nothing_and_a_connection_that_survives_delivers_it_all_later() {
    let mut network = network(None);
    network.cut(link());
    assert!(arrivals(&mut network, "x").is_empty());
    let mut count = 0;
    network.mend(Moment(1), link(), |_| count += 1);
    assert_eq!(count, 100);
    assert!(!network.is_cut(link()));
}

#[test]
fn a_slow_link_takes_as_long_as_its_bytes_need() {
    let mut network = network(Some(Fate::Slowed {
        bytes_per_second: 10_000,
    }));
    let arrived = passed(&mut network, "x", (0..10).map(|number| (Moment(0), number)));
    let last = arrived.last().expect("something arrives").0;
    let took = last.since(Moment(0)).as_millis();
    assert!((1_000..1_100).contains(&took), "{took} ms for 10 x 1000 bytes");
}

#[test]
fn what_would_wait_too_long_in_front_of_a_slow_link_is_lost() {
    let mut network = network(Some(Fate::Slowed {
        bytes_per_second: 10_000,
    }));
    let arrived = passed(&mut network, "x", (0..100).map(|number| (Moment(0), number)));
    let last = arrived.last().expect("something arrives").0;
    assert_eq!(arrived.len(), 21);
    assert!(last.since(Moment(0)) < Duration::from_millis(2_200));
}

#[test]
fn what_crawls_over_a_slow_link_is_through_as_soon_as_that_is_healed() {
    let mut network = network(Some(Fate::Slowed { bytes_per_second: 10 }));
    network.send(Moment(0), label("x"), 1, |passage| {
        assert!(arrival(passage).is_none(), "it takes 100 s");
    });
    // Another kind is not slowed, and still does not overtake what was sent before it on the same connection.
    network.send(Moment(1), label("y"), 2, |passage| {
        assert!(arrival(passage).is_none())
    });
    let mut arrived = Vec::new();
    network.calm(Moment(2), FaultId(1), |passage| arrived.extend(arrival(passage)));
    network.send(Moment(3), label("y"), 3, |passage| {
        arrived.extend(arrival(passage))
    });
    let in_order: Vec<u32> = arrived.iter().map(|(_, cargo)| *cargo).collect();
    assert_eq!(in_order, [1, 2, 3]);
    let last = arrived.iter().map(|(at, _)| *at).max().expect("all arrive");
    assert!(last.since(Moment(0)) < Duration::from_millis(200));
}
