use std::time::Duration;

use systems::NodeId;

use super::Schedule;
use crate::cluster::Roster;
use crate::profile::Profile;

mod draw;
mod file;

/// Three replicas, two more in reserve, and a view service.
fn roster() -> Roster {
    Roster {
        replicas: (1..=3).map(NodeId::replica).collect(),
        reserve: vec![NodeId::replica(4), NodeId::replica(5)],
        services: vec!["vs".parse().unwrap()],
        clients: "clients".parse().unwrap(),
        spares: 2,
    }
}

fn profile(nemeses: &str, interval_s: u64, time_limit_s: u64) -> Profile {
    let (interval, time_limit) = (Duration::from_secs(interval_s), Duration::from_secs(time_limit_s));
    Profile::new(
        nemeses.parse().unwrap(),
        interval,
        time_limit,
        Duration::from_millis(500),
    )
    .unwrap()
}

fn draw(nemeses: &str, time_limit_s: u64, seed: u64) -> Schedule {
    Schedule::draw(&profile(nemeses, 5, time_limit_s), seed, &roster()).unwrap()
}
