//! The scripts of `testdata/paxos`, played by whole clusters.

use std::error::Error;

use serde_json::Value;
use systems::group::{GroupSession, GroupSessionConfig};
use systems::paxos::{Ballot, Config, Node};
use systems::service::kv::Op;

use super::Paxos;
use super::cluster::{HASTY, STUBBORN, config};
use super::oracle::{unequal_copies, violations};
use crate::kv;
use crate::script::{Scripted, Stage, Words, run_all};
use crate::world::{System, World};

impl Scripted for Paxos {
    const NOISE: &'static [&'static str] = &["node", "incarnation", "digest", "value", "values"];
    const FIRST: &'static [&'static str] = &["ballot", "round", "slot", "first", "from"];

    /// `cluster nodes=5 flaw=px-hole-skipped`; three nodes if nothing else is said.
    fn config(words: &mut Words<'_>) -> Result<Config, Box<dyn Error>> {
        let nodes = words.key("nodes")?.unwrap_or(3);
        Ok(config(nodes, words.key("flaw")?))
    }

    /// `client c1` says everything again until it is answered, `client c1 hasty` gives up after the first silence.
    fn session(world: &World<Self>, words: &mut Words<'_>) -> Result<GroupSession<Node>, Box<dyn Error>> {
        let patience = match words.next() {
            None => STUBBORN,
            Some("hasty") => HASTY,
            Some(other) => return Err(format!("a client cannot be {other}").into()),
        };
        let config = GroupSessionConfig::new(world.config.members.clone(), patience);
        Ok(GroupSession::new(config))
    }

    fn op(words: &mut Words<'_>) -> Result<Op, Box<dyn Error>> {
        kv::script::op(words)
    }

    /// `wait led`, `wait leader 2.n3`, `wait agreed`.
    fn holds(world: &World<Self>, words: &[&str]) -> Result<bool, Box<dyn Error>> {
        match words {
            ["led"] => Ok(world.leader().is_some()),
            ["leader", ballot] => Ok(Self::shown(&world.observer)
                .split(", ")
                .any(|shown| shown == *ballot)),
            ["agreed"] => Ok(world.agrees()),
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
        let ballot = serde_json::from_value::<Ballot>(value.clone());
        ballot.ok().map(|ballot| ballot.to_string())
    }
}

#[test]
fn every_script_shows_what_it_says() {
    run_all("paxos", || Stage::<Paxos>::new(config(3, None)));
}
