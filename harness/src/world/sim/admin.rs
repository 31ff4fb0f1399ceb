//! Who asks the simulated group for other members: one session on the clients' host, which has a goal and asks until the group is so.

use std::collections::BTreeSet;

use histories::Process;
use systems::group::Configuration;
use systems::vr::Members;
use systems::{Conclusion, NodeId, Session, SessionEffect, SessionInput, SessionOutbox};

use super::packet::Packet;
use super::timers::{Arming, Timers};
use super::{Due, Protocol, SimWorld};

/// It speaks with the voice of a process that no workload has.
pub(super) const ADMIN: Process = Process(u64::MAX);

/// An administrator and what it wants.
#[derive(Debug)]
pub(super) struct Office<S: Session> {
    session: S,
    timers: Timers<S::Timer>,
    goal: Option<Members>,
    busy: bool,
}

impl<S: Session> Office<S> {
    pub(super) fn new(session: S) -> Self {
        Self {
            session,
            timers: Timers::new(),
            goal: None,
            busy: false,
        }
    }
}

impl<P: Protocol> SimWorld<P> {
    /// The group shall have these members.
    pub(super) fn want(&mut self, members: &BTreeSet<NodeId>) {
        if let (Some(office), Some(members)) = (&mut self.admin, Members::of(members.iter().copied())) {
            office.goal = Some(members);
        }
        self.ask_for_members();
    }

    fn ask_for_members(&mut self) {
        let Some(office) = self.admin.as_mut().filter(|office| !office.busy) else {
            return;
        };
        if let Some(goal) = office.goal.clone() {
            office.busy = true;
            self.step_admin(SessionInput::Invoke(goal));
        }
    }

    pub(super) fn step_admin(&mut self, input: SessionInput<P::Admin>) {
        let Some(office) = &mut self.admin else { return };
        let mut outbox = SessionOutbox::new();
        office
            .session
            .step(self.clients_clock.read(self.now), input, &mut outbox);
        for effect in outbox.drain().collect::<Vec<_>>() {
            self.carry_out_admin(effect);
        }
    }

    fn carry_out_admin(&mut self, effect: SessionEffect<P::Admin>) {
        let Some(office) = &mut self.admin else { return };
        match effect {
            SessionEffect::Send { to, request } => self.send(Packet::Request {
                from: ADMIN,
                to,
                request,
            }),
            SessionEffect::Arm { timer, after } => {
                let arming = office.timers.arm(timer);
                let at = self.now + self.clients_clock.takes(after);
                self.queue.schedule(at, Due::AdminTimer { timer, arming });
            }
            SessionEffect::Disarm(timer) => office.timers.disarm(timer),
            SessionEffect::Conclude(conclusion) => self.conclude_admin(&conclusion),
        }
    }

    /// A change is over, or nobody knows: if the group is not as it shall be, it is asked again.
    fn conclude_admin(&mut self, conclusion: &Conclusion<Configuration>) {
        let Some(office) = &mut self.admin else { return };
        office.busy = false;
        let is_so = |goal: &Members| match conclusion {
            Conclusion::Answered(now) => goal.iter().eq(now.members.iter().copied()),
            // What no group can be is not asked for twice.
            Conclusion::NeverSent => true,
            Conclusion::Unknown => false,
        };
        office.goal.take_if(|goal| is_so(goal));
        self.ask_for_members();
    }

    pub(super) fn admin_timer(&mut self, timer: <P::Admin as Session>::Timer, arming: Arming) {
        let current = self
            .admin
            .as_mut()
            .is_some_and(|office| office.timers.run_out(timer, arming));
        if current {
            self.step_admin(SessionInput::Timeout(timer));
        }
    }
}
