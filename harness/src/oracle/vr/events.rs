//! Which part of the oracle an event concerns.

use systems::ClientId;
use systems::service::{Digest, RequestNumber};
use systems::vr::event::Outcome;
use systems::vr::{Event, OpNumber};

use super::copies::Tip;
use super::{VrOracle, WORDS};
use crate::oracle::fates::Effect;
use crate::oracle::life::Life;
use crate::oracle::log::{Index, Place};
use crate::oracle::prefix::Step;
use crate::oracle::requests::RequestId;

impl VrOracle {
    /// Events of the normal case, and of changes of members.
    pub(super) fn hear(&mut self, t: u64, life: Life, event: &Event) {
        let node = life.node;
        match event {
            Event::Installed {
                view,
                role,
                after,
                entries,
            } => self.install(t, life, (*view, *role), index(*after), entries),
            Event::SnapshotInstalled { base, digest } => {
                self.copies
                    .stage_snapshot(node, tip(base.op, base.prefix), *digest);
            }
            Event::Appended { view, after, entries } => {
                self.append(t, life, *view, index(*after), entries);
            }
            Event::Prepared { view, through } => self.prepare(t, life, *view, index(*through)),
            Event::Committed { view, op } => self.call_committed(t, life, *view, *op),
            Event::Executed {
                view,
                op,
                role,
                client,
                number,
                outcome,
                digest,
            } => {
                let request = request(*client, *number);
                self.fates.note(t, place(*op), request, effect(*outcome));
                let value = self.copies.prefix(node, index(*op));
                self.execute(t, life, *role, *view, step(*op, value, *digest));
            }
            Event::ReadLocally {
                view,
                op,
                client,
                number,
            } => {
                let request = request(*client, *number);
                self.fates.note(t, place(*op), request, Effect::Before);
                self.act(t, node, *view);
                self.reads.read(t, node, *view, index(*op), &mut self.findings);
            }
            Event::Checkpointed { op, .. } => self.prefix.keep(life, index(*op)),
            Event::EpochBegan {
                view,
                members,
                op,
                prefix,
                ..
            } => self.enter_epoch(t, life, *view, members, tip(*op, *prefix)),
            Event::Outside { .. } => self.stages.stand_outside(life),
            Event::Started { .. }
            | Event::HandedOver { .. }
            | Event::Recovering { .. }
            | Event::Recovered { .. }
            | Event::Suspected { .. }
            | Event::ViewEntered { .. }
            | Event::Reported { .. }
            | Event::LogChosen { .. }
            | Event::Transferring { .. }
            | Event::Normal { .. }
            | Event::FellSilent { .. }
            | Event::Ignored { .. }
            | Event::Halted => self.hear_of_change(t, life, event),
        }
    }

    /// Events of restarts and changes of view.
    fn hear_of_change(&mut self, t: u64, life: Life, event: &Event) {
        let node = life.node;
        match event {
            Event::Started {
                view,
                log_view,
                op,
                prefix,
                snapshot,
                digest,
                ..
            } => {
                self.prefix
                    .start(t, life, index(*snapshot), *digest, &mut self.findings);
                self.votes
                    .rely(t, node, index(*snapshot), "came to life with", &mut self.findings);
                self.start(t, life, *view, *log_view, tip(*op, *prefix));
            }
            Event::Recovering { nonce } => self.stages.recover(life, *nonce),
            Event::Recovered { nonce, .. } => {
                self.stages.recovered(t, life, *nonce, &mut self.findings);
            }
            Event::Suspected { view } => {
                self.stages
                    .take_part(t, life, "wished for a view", &mut self.findings);
                self.wishes.note(node, *view);
            }
            Event::ViewEntered { view } => {
                self.stages
                    .take_part(t, life, "left its view", &mut self.findings);
                self.views.reach(t, node, *view, "entered", &mut self.findings);
                if let Some(electorate) = self.eras.electorate(*view) {
                    self.wishes.leave(t, node, *view, electorate, &mut self.findings);
                }
                self.churn.begin(t, *view);
            }
            Event::Reported { view, report } => {
                self.stages
                    .take_part(t, life, "reported what it has", &mut self.findings);
                self.views
                    .reach(t, node, *view, "reported to", &mut self.findings);
                self.mandates.support(*view, node);
                let held = self.copies.held(node);
                self.reports
                    .note(t, node, *view, *report, held, &mut self.findings);
            }
            Event::LogChosen { view, reports, from } => {
                self.act(t, node, *view);
                self.reports
                    .choose(t, node, *view, reports, *from, &mut self.findings);
            }
            Event::Normal { .. } => {
                self.stages.take_part(t, life, "was normal", &mut self.findings);
            }
            Event::Installed { .. }
            | Event::SnapshotInstalled { .. }
            | Event::Appended { .. }
            | Event::Prepared { .. }
            | Event::Committed { .. }
            | Event::Executed { .. }
            | Event::ReadLocally { .. }
            | Event::Checkpointed { .. }
            | Event::EpochBegan { .. }
            | Event::Outside { .. }
            | Event::HandedOver { .. }
            | Event::Transferring { .. }
            | Event::FellSilent { .. }
            | Event::Ignored { .. }
            | Event::Halted => {}
        }
    }
}

const fn request(client: ClientId, request: RequestNumber) -> RequestId {
    RequestId { client, request }
}

pub(super) const fn index(OpNumber(op): OpNumber) -> Index {
    Index(op)
}

const fn place(op: OpNumber) -> Place {
    Place {
        noun: WORDS.index,
        index: index(op),
    }
}

const fn tip(op: OpNumber, prefix: Digest) -> Tip {
    Tip {
        index: index(op),
        prefix,
    }
}

const fn step(op: OpNumber, value: Option<Digest>, digest: Digest) -> Step {
    Step {
        index: index(op),
        value,
        digest,
    }
}

const fn effect(outcome: Outcome) -> Effect {
    match outcome {
        Outcome::Now => Effect::Now,
        Outcome::Before => Effect::Before,
        Outcome::Stale | Outcome::Expired => Effect::Nothing,
    }
}
