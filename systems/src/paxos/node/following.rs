//! A node in the round of another.

use super::{Follower, Node, Part, ignore};
use crate::node_id::NodeId;
use crate::paxos::Flaw;
use crate::paxos::ballot::{Ballot, Round, Slot};
use crate::paxos::consensus::Consensus;
use crate::paxos::event::{Cause, Reason};
use crate::paxos::message::{BeatStage, Heartbeat, Message, Proposal, Question};
use crate::paxos::rotation::Wait;
use crate::replica::Outbox;
use crate::time::Time;

/// Whether a leader is to be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is the leader of the present round.
    Present,
    /// Its round is over, or never was its own.
    Refused,
}

impl Node {
    /// A leader asks for a promise, and what was accepted. The promise is durable before the answer.
    pub(super) fn on_read(
        &mut self,
        now: Time,
        from: NodeId,
        ballot: Ballot,
        slot: Slot,
        out: &mut Outbox<Self>,
    ) {
        if self.is_loyal_against(now, from, ballot) {
            return ignore(from, Reason::LeaderHeard, out);
        }
        if self.follow(now, from, ballot, out) == Standing::Refused {
            return;
        }
        let durability = Consensus::durability(&self.config);
        self.consensus.promise(ballot, durability, out);
        let page = self.consensus.page(slot, &self.config);
        out.send(
            from,
            Message::Gather {
                ballot,
                from: slot,
                committed: self.consensus.committed(),
                entries: page.entries,
                next: page.next,
            },
        );
    }

    /// A leader proposes.
    pub(super) fn on_propose(&mut self, now: Time, from: NodeId, proposal: Proposal, out: &mut Outbox<Self>) {
        let Proposal {
            ballot,
            first,
            values,
            committed,
        } = proposal;
        let blind = self.config.has(Flaw::AcceptBelowPromise);
        if !blind && self.follow(now, from, ballot, out) == Standing::Refused {
            return;
        }
        let checked = self.consensus.check(ballot, first, &values, &self.config);
        match checked {
            Ok(()) => {
                let count = values.len() as u64;
                self.consensus.accept(ballot, first, values, &self.config, out);
                out.send(from, Message::Ack { ballot, first, count });
            }
            Err(unacceptable) => ignore(from, unacceptable.reason(), out),
        }
        self.commit_through(ballot, committed, out);
    }

    /// The leader is there.
    pub(super) fn on_beat(&mut self, now: Time, from: NodeId, heartbeat: Heartbeat, out: &mut Outbox<Self>) {
        let Heartbeat {
            ballot,
            stage,
            beat,
            committed,
        } = heartbeat;
        // Who leads has read, so a quorum has left the leader before; who reads may be the only one to miss him.
        if stage == BeatStage::Reading && self.is_loyal_against(now, from, ballot) {
            return ignore(from, Reason::LeaderHeard, out);
        }
        if self.follow(now, from, ballot, out) == Standing::Refused {
            return;
        }
        match stage {
            BeatStage::Leading => self.rotation.begin_anew(),
            BeatStage::Reading => (),
        }
        out.send(from, Message::Alive { ballot, beat });
        self.commit_through(ballot, committed, out);
        if self.consensus.committed() < committed {
            let next = self.consensus.committed().next();
            self.catch_up.ask(now, from, next, &self.config, out);
        }
    }

    /// The leader asks whether it still leads, as far as this node is concerned.
    pub(super) fn on_confirm(
        &mut self,
        now: Time,
        from: NodeId,
        ballot: Ballot,
        question: Question,
        out: &mut Outbox<Self>,
    ) {
        if self.follow(now, from, ballot, out) == Standing::Present {
            out.send(from, Message::Confirmed { ballot, question });
        }
    }

    /// Whether `from`, who wants to lead a later round, is not wanted because the present leader can be heard.
    fn is_loyal_against(&self, now: Time, from: NodeId, ballot: Ballot) -> bool {
        let is_new = self.rotation.round() < ballot.round;
        is_new && self.hears_leader(now) && self.leader() != Some(from)
    }

    fn commit_through(&mut self, ballot: Ballot, through: Slot, out: &mut Outbox<Self>) {
        self.consensus.follow(ballot, through, &self.config, out);
        self.consensus.compact_when_long(&self.config, out);
    }

    /// Goes by the leader of `ballot` from now on, unless it knows of a later round.
    fn follow(&mut self, now: Time, from: NodeId, ballot: Ballot, out: &mut Outbox<Self>) -> Standing {
        if ballot.node != from || ballot.round.leader(&self.config.members) != from {
            ignore(from, Reason::Malformed, out);
            return Standing::Refused;
        }
        let round: Round = self.rotation.round();
        if ballot.round < round || self.consensus.has_left(ballot) {
            out.send(from, Message::Nack { ballot, round });
            return Standing::Refused;
        }
        if round < ballot.round {
            self.adopt(now, ballot.round, Cause::Larger, out);
        }
        if let Part::Follower(Follower { heard }) = &mut self.part {
            *heard = Some(now);
        }
        self.wait_for_sign(Wait::NextSign, out);
        Standing::Present
    }
}
