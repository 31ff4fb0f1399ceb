//! The cluster as the nemesis sees it: hurt, looked at, and healed.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use nemesis::{Action, Cluster, FaultId, Link, Roster, Standing, Verification};
use rand::RngExt;
use systems::NodeId;

use super::host::{End, Host, Life, Motion, Seat};
use super::{Due, Protocol, SimWorld};
use crate::adapter::{Health, Witness};
use crate::world::World;
use crate::world::injuries::NodeWish;

/// A node that shall die in the middle of a step dies without one after this.
const STEP_WITHIN: Duration = Duration::from_millis(20);

/// The most effects of the last step that are carried out before the node dies in the middle of it.
const LAST_EFFECTS_MAX: usize = 4;

impl<P: Protocol> Cluster for SimWorld<P> {
    fn roster(&self) -> &Roster {
        &self.roster
    }

    fn standing(&mut self) -> Standing {
        let health = self.health();
        let standing = Standing {
            kinds: P::KINDS.to_vec(),
            ..self.witness.standing(&health)
        };
        match self.admin {
            Some(_) => self.changes.looked_at(standing, &self.roster, &health.sound),
            None => standing,
        }
    }

    fn inject(&mut self, id: FaultId, action: &Action) -> io::Result<()> {
        self.injuries.add(id, action);
        self.changes.add(World::now(self), id, action);
        if let Action::Disturb(disturbance) = action {
            self.network.disturb(id, disturbance.clone());
        }
        self.apply(action);
        Ok(())
    }

    fn verify(&mut self, id: FaultId, action: &Action) -> Verification {
        let looks: Vec<Verification> = match action {
            Action::Cut(links) => {
                let open = links.iter().find(|link| !self.network.is_cut(**link));
                let open = open.map(|link| Verification::DoesNot(format!("{link} was not cut")));
                open.into_iter().collect()
            }
            Action::Pause(nodes) => nodes
                .iter()
                .map(|node| self.look_at_node(*node, Motion::Paused))
                .collect(),
            Action::Kill(nodes) => nodes.iter().map(|node| self.look_at_dead(*node)).collect(),
            Action::Disturb(_) if self.network.is_disturbed(id) => Vec::new(),
            Action::Disturb(_) => vec![Verification::DoesNot("no message was disturbed".to_owned())],
            Action::Change(_) => vec![self.look_at_group(id)],
        };
        let missed = looks.into_iter().find(|look| *look != Verification::Holds);
        missed.unwrap_or(Verification::Holds)
    }

    fn heal(&mut self, id: FaultId, action: &Action) -> io::Result<()> {
        self.injuries.remove(World::now(self), id, action);
        self.changes.remove(World::now(self), id);
        let Self {
            network, queue, now, ..
        } = self;
        network.calm(*now, id, |passage| queue.expect(passage));
        self.apply(action);
        Ok(())
    }
}

impl<P: Protocol> SimWorld<P> {
    /// The nodes that live, and are not about to die.
    pub(super) fn running(&self) -> BTreeSet<NodeId> {
        let lives = |host: &&Host<P::Replica>| host.life.as_ref().is_some_and(|life| life.end == End::Open);
        self.hosts.iter().filter(lives).map(|host| host.node).collect()
    }

    fn health(&self) -> Health {
        let (running, now) = (self.running(), World::now(self));
        let is_sound = |node: &NodeId| self.injuries.is_sound(*node, now, self.roster.clients);
        let sound = running.iter().copied().filter(is_sound).collect();
        Health { running, sound }
    }

    /// Makes `node` what the faults in force want it to be.
    pub(super) fn fulfil(&mut self, node: NodeId) {
        let Some(seat) = self.seat(node) else { return };
        let wish = self.injuries.wish(node);
        if wish == NodeWish::Down {
            return self.kill(seat);
        }
        let lives_on = |life: &Life<P::Replica>| life.end == End::Open;
        if !self.hosts[seat.0].life.as_ref().is_some_and(lives_on) {
            self.crash(seat);
            self.come_to_life(seat);
        }
        match wish {
            NodeWish::Paused => self.set_motion(seat, Motion::Paused),
            NodeWish::Up | NodeWish::Down => self.set_motion(seat, Motion::Running),
        }
        self.go_on(seat);
    }

    pub(super) fn set_motion(&mut self, seat: Seat, motion: Motion) {
        if let Some(life) = &mut self.hosts[seat.0].life {
            life.motion = motion;
        }
    }

    /// Kills a node: at once, or in the middle of its next step.
    pub(super) fn kill(&mut self, seat: Seat) {
        let Some(life) = self.hosts[seat.0]
            .life
            .as_mut()
            .filter(|life| life.end == End::Open)
        else {
            return;
        };
        if self.config.conditions.mid_step_percent <= self.rng.random_range(0..100) {
            return self.crash(seat);
        }
        life.end = End::After(self.rng.random_range(0..=LAST_EFFECTS_MAX));
        let (within_us, number) = (self.rng.random_range(0..=STEP_WITHIN.as_micros()), life.number);
        let at = self.now + Duration::from_micros(u64::try_from(within_us).unwrap_or(0));
        self.queue.schedule(at, Due::Falls { seat, life: number });
    }

    pub(super) fn apply(&mut self, action: &Action) {
        match action {
            Action::Pause(nodes) | Action::Kill(nodes) => nodes.iter().for_each(|node| self.fulfil(*node)),
            Action::Cut(links) => links.iter().for_each(|link| self.cut_or_mend(*link)),
            Action::Disturb(_) => {}
            Action::Change(_) => {
                let members = self.changes.goal(&self.roster);
                self.want(&members);
            }
        }
    }

    fn look_at_group(&self, id: FaultId) -> Verification {
        let group = self.witness.group().unwrap_or_default();
        self.changes.look(World::now(self), id, &group)
    }

    pub(super) fn cut_or_mend(&mut self, link: Link) {
        let Self {
            network,
            queue,
            now,
            injuries,
            ..
        } = self;
        if injuries.is_cut(link) {
            network.cut(link);
        } else {
            network.mend(*now, link, |passage| queue.expect(passage));
        }
    }

    pub(super) fn look_at_node(&self, node: NodeId, wanted: Motion) -> Verification {
        let life = self.seat(node).and_then(|seat| self.hosts[seat.0].life.as_ref());
        match life {
            // A node that another fault keeps down stands as still as one can.
            None => Verification::Holds,
            Some(life) if life.end != End::Open => Verification::Holds,
            Some(life) if life.motion == wanted => Verification::Holds,
            Some(_) => Verification::DoesNot(format!("{node} was running")),
        }
    }

    pub(super) fn look_at_dead(&self, node: NodeId) -> Verification {
        if self.running().contains(&node) {
            Verification::DoesNot(format!("{node} was running"))
        } else {
            Verification::Holds
        }
    }
}
