use std::collections::BTreeSet;

use super::{SEEDS, done, node, roster, standing};
use crate::cluster::{Action, Link, Standing};
use crate::fault::Fault;
use crate::mischief::{Disturbance, Fate, Mischief};
use crate::resolution::Resolution;
use crate::target::Target;

fn disturbance(mischief: Mischief, target: Target, seed: u64, standing: &Standing) -> Disturbance {
    match done(Fault::Packet(mischief), target, seed, &roster(4), standing) {
        Resolution::Do {
            action: Action::Disturb(disturbance),
            ..
        } => disturbance,
        other => panic!("a mischief disturbs: {other:?}"),
    }
}

fn touches(link: &Link, name: &str) -> bool {
    link.from == node(name) || link.to == node(name)
}

#[test]
fn a_disturbance_stays_around_its_target_and_is_at_times_about_one_kind_of_message() {
    let standing = Standing {
        kinds: vec!["Ping", "Forward"],
        ..standing(&["n2"], &[])
    };
    let mut kinds = BTreeSet::new();
    for mischief in Mischief::ALL {
        for seed in 0..SEEDS {
            let disturbance = disturbance(mischief, Target::Primaries, seed, &standing);
            assert!(!disturbance.links.is_empty(), "{mischief:?}");
            assert!(disturbance.links.iter().all(|link| touches(link, "n2")));
            kinds.extend(disturbance.kinds);
        }
    }
    assert_eq!(kinds, BTreeSet::from(["Forward", "Ping"].map(str::to_owned)));
}

#[test]
fn lost_replies_go_to_clients_only() {
    for seed in 0..SEEDS {
        let disturbance = disturbance(Mischief::ReplyLoss, Target::One, seed, &Standing::default());
        assert!(matches!(disturbance.fate, Fate::Lost { .. }));
        assert!(disturbance.links.iter().all(|link| link.to == node("clients")));
    }
}

#[test]
fn every_width_of_reach_is_drawn() {
    let widths: BTreeSet<usize> = (0..SEEDS)
        .map(|seed| {
            let target = Target::Named(vec![node("n1")]);
            disturbance(Mischief::Loss, target, seed, &Standing::default())
                .links
                .len()
        })
        .collect();
    assert_eq!(widths, BTreeSet::from([1, 4, 8]), "one link, one way, both ways");
}

#[test]
fn a_disturbance_concerns_its_links_and_its_kinds() {
    let link = Link {
        from: node("n1"),
        to: node("n2"),
    };
    let mut disturbance = Disturbance {
        links: BTreeSet::from([link]),
        kinds: BTreeSet::new(),
        fate: Fate::Lost { percent: 100 },
    };
    assert!(disturbance.concerns(link, "Ping"));
    disturbance.kinds.insert("Forward".to_owned());
    assert!(!disturbance.concerns(link, "Ping"));
    let back = Link {
        from: node("n2"),
        to: node("n1"),
    };
    assert!(!disturbance.concerns(back, "Forward"));
}
