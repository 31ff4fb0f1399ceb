//! A node in its own round.

use super::{Node, Part, ignore};
use crate::node_id::NodeId;
use crate::paxos::Flaw;
use crate::paxos::ballot::Ballot;
use crate::paxos::consensus::Durability;
use crate::paxos::event::{Cause, Reason};
use crate::paxos::leader::{Answer, Lack, Leader, Run};
use crate::paxos::message::{Message, Timer};
use crate::replica::Outbox;
use crate::time::Time;

impl Node {
    /// Begins its own round, which is later than any it ever promised itself to, in this life or before.
    pub(super) fn lead(&mut self, now: Time, out: &mut Outbox<Self>) {
        let ballot = Ballot {
            round: self.rotation.round(),
            node: self.me,
        };
        assert!(self.consensus.promised() < Some(ballot), "a ballot is used once");
        self.consensus.promise(ballot, Durability::Kept, out);
        out.disarm(Timer::Patience);
        let leader = Leader::begin(now, ballot, &self.consensus, &self.config, out);
        self.part = Part::Leader(Box::new(leader));
        self.read_on(now, out);
    }

    /// Goes on with its read, if it reads: leads when the read is complete, and asks for the decided values that it lacks.
    pub(super) fn read_on(&mut self, now: Time, out: &mut Outbox<Self>) {
        let Part::Leader(leader) = &mut self.part else {
            return;
        };
        let was_leading = leader.is_leading();
        match leader.take_over(&self.consensus, &self.config, out) {
            Lack::Answers => (),
            Lack::Values(whom) => {
                let next = self.consensus.committed().next();
                self.catch_up.ask(now, whom, next, &self.config, out);
            }
            Lack::Nothing if was_leading => (),
            Lack::Nothing => {
                self.rotation.begin_anew();
                leader.pump(&mut self.consensus, &self.config, out);
            }
        }
    }

    /// What its read waits for has come further.
    pub(super) fn note_progress(&mut self, now: Time) {
        if let Part::Leader(leader) = &mut self.part {
            leader.note_progress(now);
        }
    }

    /// A node answers this leader.
    pub(super) fn on_answer(&mut self, now: Time, from: NodeId, answer: Message, out: &mut Outbox<Self>) {
        let Part::Leader(leader) = &mut self.part else {
            return ignore(from, Reason::OldBallot, out);
        };
        let (consensus, config) = (&mut self.consensus, &self.config);
        match answer {
            Message::Gather {
                ballot,
                from: slot,
                committed,
                entries,
                next,
            } if ballot == leader.ballot() || config.has(Flaw::StalePromiseCounted) => {
                let answer = Answer {
                    from: slot,
                    committed,
                    entries,
                    next,
                };
                leader.hear(now, from);
                leader.on_gather(now, from, answer, config, out);
                self.read_on(now, out);
            }
            Message::Ack { ballot, first, count } if ballot == leader.ballot() => {
                leader.hear(now, from);
                leader.on_ack(from, Run { first, count }, consensus, config, out);
            }
            Message::Alive { ballot, beat } if ballot == leader.ballot() => {
                leader.hear(now, from);
                leader.on_alive(from, beat, consensus, config, out);
            }
            Message::Confirmed { ballot, question } if ballot == leader.ballot() => {
                leader.hear(now, from);
                leader.on_confirmed(from, question, consensus, config, out);
            }
            _ => ignore(from, Reason::OldBallot, out),
        }
    }

    /// Commands have come in since the last proposal.
    pub(super) fn on_flush(&mut self, out: &mut Outbox<Self>) {
        if let Part::Leader(leader) = &mut self.part {
            leader.pump(&mut self.consensus, &self.config, out);
        }
    }

    /// Says that it is there, unless its turn is over.
    pub(super) fn on_beat_due(&mut self, now: Time, out: &mut Outbox<Self>) {
        let Part::Leader(leader) = &mut self.part else {
            return;
        };
        if leader.has_failed(now, &self.config) {
            return self.rotate(now, Cause::NoQuorum, out);
        }
        if leader.has_had_its_turn(now, &self.config) {
            return self.rotate(now, Cause::TurnOver, out);
        }
        leader.beat(self.consensus.committed(), &self.config, out);
        self.read_on(now, out);
    }
}
