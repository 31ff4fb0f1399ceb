//! The scripts of `testdata/pb`, played by whole clusters.

use std::error::Error;

use serde_json::Value;
use systems::pb::{ClientSession, Config, Member, SessionConfig, View};
use systems::service::kv::Op;

use super::Pb;
use super::cluster::{HASTY, PATIENT, STUBBORN, vs};
use super::oracle::{unequal_copies, violations};
use crate::kv;
use crate::script::{Scripted, Stage, Words, run_all};
use crate::world::{System, World, n};

impl Scripted for Pb {
    const NOISE: &'static [&'static str] = &["node", "incarnation", "echo", "stamp", "digest", "snapshot"];
    const FIRST: &'static [&'static str] = &["view", "role", "sequence", "first", "client", "request"];

    /// `cluster servers=4 flaw=pb-get-local-read sync_piece_bytes_max=16`; three servers if nothing else is said.
    fn config(words: &mut Words<'_>) -> Result<Config, Box<dyn Error>> {
        let servers = words.key("servers")?.unwrap_or(3);
        let mut config = Config::new(vs(), (1..=servers).map(n).collect());
        config.flaw = words.key("flaw")?;
        config.sync_piece_bytes_max = words.key("piece")?.unwrap_or(config.sync_piece_bytes_max);
        config.queue_ops_max = words.key("queue")?.unwrap_or(config.queue_ops_max);
        config.clients_max = words.key("clients")?.unwrap_or(config.clients_max);
        Ok(config)
    }

    /// `client c1` says everything again until it is answered, `client c1 hasty` gives up after the first silence,
    /// `client c1 patient` says it once and waits.
    fn session(world: &World<Self>, words: &mut Words<'_>) -> Result<ClientSession, Box<dyn Error>> {
        let patience = match words.next() {
            None => STUBBORN,
            Some("hasty") => HASTY,
            Some("patient") => PATIENT,
            Some(other) => return Err(format!("a client cannot be {other}").into()),
        };
        Ok(ClientSession::new(SessionConfig::new(
            world.config.service,
            patience,
        )))
    }

    fn op(words: &mut Words<'_>) -> Result<Op, Box<dyn Error>> {
        kv::script::op(words)
    }

    /// `wait formed`, `wait view "3(n2, n3)"`, `wait lost`.
    fn holds(world: &World<Self>, words: &[&str]) -> Result<bool, Box<dyn Error>> {
        match words {
            ["formed"] => Ok(world.observer.formed()),
            ["view", shown] => Ok(Self::shown(&world.observer) == *shown),
            ["lost"] => Ok(world.observer.lost(&world.running()).is_some()),
            other => Err(format!("{other:?} cannot be waited for").into()),
        }
    }

    fn violations(world: &World<Self>) -> Vec<String> {
        violations(world)
    }

    fn unequal_copies(world: &World<Self>) -> Option<String> {
        unequal_copies(world)
    }

    fn abbreviate(value: &Value) -> Option<String> {
        let view = serde_json::from_value::<View>(value.clone());
        let member = || serde_json::from_value::<Member>(value.clone());
        match view {
            Ok(view) => Some(view.to_string()),
            Err(_) => member().ok().map(|member| member.node.to_string()),
        }
    }
}

#[test]
fn every_script_shows_what_it_says() {
    run_all("pb", || {
        Stage::<Pb>::new(Config::new(vs(), vec![n(1), n(2), n(3)]))
    });
}
