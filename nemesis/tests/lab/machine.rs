//! What the lab asks of the machine and does to it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nemesis::lab::{self, Lab, LabConfig, LabError, Outcome, Part};
use nix::mount::{MsFlags, mount};

use crate::engine::clients;
use crate::runner::NOT_POSSIBLE;
use crate::servers::{descriptors, descriptors_of_outer};

/// Parts are taken away from the scenario's own machine: the namespaces it is in.
pub(crate) fn missing_parts() {
    lab::check().expect("a lab can be opened inside of a lab");
    let is_well = |part: Part| {
        lab::examine()
            .unwrap()
            .into_iter()
            .any(|it| it.part == part && it.outcome == Outcome::Works)
    };
    assert!(Part::ALL.into_iter().filter(|part| part.is_needed()).all(is_well));

    let nothing = None::<&str>;
    mount(
        Some("nothing"),
        "/dev/net",
        Some("tmpfs"),
        MsFlags::empty(),
        nothing,
    )
    .unwrap();
    let remedy = remedy_of_missing(Part::Tun);
    assert!(
        remedy.contains("modprobe tun") || remedy.contains("--device /dev/net/tun"),
        "{remedy}"
    );

    fs::write("/proc/sys/user/max_net_namespaces", "0").unwrap();
    let remedy = remedy_of_missing(Part::Namespaces);
    assert!(remedy.contains("user.max_net_namespaces=15000"), "{remedy}");

    fs::write("/proc/sys/user/max_user_namespaces", "0").unwrap();
    let remedy = remedy_of_missing(Part::Users);
    assert_eq!(remedy, "type: sudo sysctl -w user.max_user_namespaces=15000");
    let outcomes = lab::examine().unwrap();
    let outcome = |part: Part| {
        outcomes
            .iter()
            .find(|probe| probe.part == part)
            .unwrap()
            .outcome
            .clone()
    };
    assert_eq!(outcome(Part::Mounts), Outcome::Untried(Part::Users));
    assert!(
        matches!(outcome(Part::Tun), Outcome::Missing(_)),
        "both remedies are told at once"
    );
}

/// Whoever had the leash in hand could keep a lab from ending.
pub(crate) fn inheritance() {
    assert_eq!(descriptors(), descriptors_of_outer());
}

fn remedy_of_missing(part: Part) -> String {
    match lab::check() {
        Err(LabError::Missing(missing)) if missing.part == part => missing.remedy,
        other => panic!("{part:?} should be missing: {other:?}"),
    }
}

pub(crate) fn retransmission_timeout() {
    const SETTING: &str = "/proc/sys/net/ipv4/tcp_rto_max_ms";
    if !Path::new(SETTING).exists() {
        eprintln!("{NOT_POSSIBLE}: this kernel has no {SETTING}");
        return;
    }
    let of_lab = |tcp_rto_max| {
        let config = LabConfig {
            nodes: Vec::new(),
            clients: clients(),
            seed: 1,
            tcp_rto_max,
        };
        let _lab = Lab::open(&config).unwrap();
        fs::read_to_string(SETTING).unwrap()
    };
    assert_eq!(of_lab(None), "120000\n");
    assert_eq!(of_lab(Some(Duration::from_millis(1500))), "1500\n");
}
