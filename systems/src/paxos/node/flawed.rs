//! The places at which a node with a [`Flaw`] departs from the protocol and which would only be in the way elsewhere. A node without one
//! passes through untouched.

use std::collections::BTreeSet;

use super::{Node, Part};
use crate::group::Command;
use crate::node_id::NodeId;
use crate::paxos::Flaw;
use crate::paxos::ballot::Slot;
use crate::paxos::event::Event;
use crate::paxos::leader::{answer_read, command_id};
use crate::paxos::message::{Message, Timer, Wanted};
use crate::paxos::rotation::Wait;
use crate::replica::Outbox;
use crate::service::kv::Op;

/// So many silences are endured by a node that waits for its peers when it starts.
const SILENCES_MAX: u32 = 8;

/// The peers that have not answered since a node came to life.
#[derive(Debug, Clone)]
pub(super) struct StartUp {
    silent: BTreeSet<NodeId>,
    silences: u32,
}

impl Node {
    /// Asks every peer whether it is there, and will wait for all of them.
    pub(super) fn await_all_peers(&mut self, out: &mut Outbox<Self>) {
        if !self.config.has(Flaw::StartNeedsAllPeers) {
            return;
        }
        let start_up = StartUp {
            silent: self.config.others(self.me).collect(),
            silences: 0,
        };
        self.ask(&start_up, out);
        self.start_up = Some(start_up);
    }

    fn ask(&self, start_up: &StartUp, out: &mut Outbox<Self>) {
        for &peer in &start_up.silent {
            let wanted = Wanted {
                from: self.consensus.committed().next(),
                bytes_max: 1,
                snapshot: Slot::ZERO,
                received: 0,
            };
            out.send(peer, Message::Fetch(wanted));
        }
    }

    /// Whether it still waits for its peers, `peer` not any more, and so hears nothing but what they ask in the same situation.
    pub(super) fn awaits_peers(&mut self, peer: NodeId, message: &Message) -> bool {
        let Some(start_up) = &mut self.start_up else {
            return false;
        };
        start_up.silent.remove(&peer);
        if start_up.silent.is_empty() {
            self.start_up = None;
        }
        self.start_up.is_some() && !matches!(message, Message::Fetch(_))
    }

    /// Whether the silence is that of a peer that it cannot do without; if so it gives up after a while.
    pub(super) fn endures(&mut self, out: &mut Outbox<Self>) -> bool {
        let Some(start_up) = &mut self.start_up else {
            return false;
        };
        start_up.silences += 1;
        if SILENCES_MAX <= start_up.silences {
            out.disarm(Timer::Patience);
            out.observe(Event::Halted);
            self.part = Part::Halted;
            return true;
        }
        let start_up = start_up.clone();
        self.ask(&start_up, out);
        self.wait_for_sign(Wait::NextSign, out);
        true
    }

    /// Answers a read from the leader's own state. True if nothing is left to do.
    pub(super) fn answers_alone(&self, command: &Command<Op>, out: &mut Outbox<Self>) -> bool {
        let is_local = self.config.has(Flaw::LeaderLocalRead) && self.is_leading();
        if !is_local || !matches!(command.op, Op::Get { .. }) {
            return false;
        }
        out.observe(Event::ReadAsked {
            command: command_id(command),
        });
        answer_read(command, &self.consensus, out);
        true
    }
}
