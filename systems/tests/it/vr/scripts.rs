//! The scripts of `testdata/vr`, played by whole groups.

use std::error::Error;

use serde_json::Value;
use systems::NodeId;
use systems::group::{Epoch, GroupSession, GroupSessionConfig};
use systems::service::kv::Op;
use systems::vr::{Config, Members, View};

use super::cluster::{HASTY, PATIENT, STUBBORN, config};
use super::oracle::violations;
use super::{Node, Vr};
use crate::kv;
use crate::script::{Scripted, Stage, Words, run_all};
use crate::world::{World, n};

impl Scripted for Vr {
    const NOISE: &'static [&'static str] = &["node", "incarnation", "digest", "prefix", "nonce", "snapshot"];
    const FIRST: &'static [&'static str] = &["view", "role", "op", "after", "client", "number"];

    /// `cluster replicas=5 reserve=2 flaw=vr-dvc-longest-log`; three replicas and nobody in reserve if nothing else is said.
    fn config(words: &mut Words<'_>) -> Result<Config, Box<dyn Error>> {
        let replicas = words.key("replicas")?.unwrap_or(3);
        let reserve: usize = words.key("reserve")?.unwrap_or(0);
        Ok(Config {
            reserve: (replicas + 1..=replicas + reserve).map(n).collect(),
            ..config(replicas, words.key("flaw")?)
        })
    }

    /// `client c1` says everything again until it is answered, `client c1 hasty` gives up after the first silence,
    /// `client c1 patient` says it once and waits.
    fn session(world: &World<Self>, words: &mut Words<'_>) -> Result<GroupSession<Node>, Box<dyn Error>> {
        let patience = match words.next() {
            None => STUBBORN,
            Some("hasty") => HASTY,
            Some("patient") => PATIENT,
            Some(other) => return Err(format!("a client cannot be {other}").into()),
        };
        let replicas = world.config.members.clone();
        Ok(GroupSession::new(GroupSessionConfig::new(replicas, patience)))
    }

    fn op(words: &mut Words<'_>) -> Result<Op, Box<dyn Error>> {
        kv::script::op(words)
    }

    /// `reconfigure n1 epoch=0 n2 n3 n4` asks n1 that these be the members after that epoch.
    fn act(world: &mut World<Self>, name: &str, words: &mut Words<'_>) -> Result<bool, Box<dyn Error>> {
        if name != "reconfigure" {
            return Ok(false);
        }
        let via: NodeId = words.parse("node")?;
        let epoch = Epoch(words.key("epoch")?.unwrap_or(0));
        let mut members = Vec::new();
        while let Some(node) = words.next() {
            members.push(node_named(node)?);
        }
        let members = Members::of(members).ok_or("a group has a member")?;
        world.ask_for_members(via, epoch, members);
        Ok(true)
    }

    /// `wait primary`, `wait normal n2 1`, `wait view n2 1`, each view with its epoch, as `1.0`, unless that is the first.
    fn holds(world: &World<Self>, words: &[&str]) -> Result<bool, Box<dyn Error>> {
        match words {
            ["primary"] => Ok(world.primary().is_some()),
            ["normal", node, view] => Ok(world.is_in_view(node_named(node)?, view.parse()?)),
            ["view", node, view] => {
                let view: View = view.parse()?;
                let replica = world.node(node_named(node)?);
                Ok(replica.is_some_and(|replica| replica.view() == view))
            }
            other => Err(format!("{other:?} cannot be waited for").into()),
        }
    }

    fn violations(world: &World<Self>) -> Vec<String> {
        violations(world)
    }

    fn unequal_copies(world: &World<Self>) -> Option<String> {
        (!world.agrees()).then(|| "the copies differ".to_owned())
    }

    fn abbreviate(_: &Value) -> Option<String> {
        None
    }
}

fn node_named(name: &str) -> Result<NodeId, Box<dyn Error>> {
    Ok(name.parse().map_err(|_| format!("{name} is no node"))?)
}

#[test]
fn every_script_shows_what_it_says() {
    run_all("vr", || Stage::<Vr>::new(config(3, None)));
}
