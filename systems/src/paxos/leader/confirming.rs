//! Reads that take no slot: a leader answers them from what it has applied, once a quorum has confirmed that it still leads.
//!
//! A write that was answered before a read came was committed by then, at this ballot or at another. If at this one, the leader has
//! applied it. If at an earlier one, its slot lies among those that the leader's own read covered, and the leader has committed them all
//! before it answers anything. If at a later one, a quorum had promised itself to that before the read came; one of them is
//! among those that would have to confirm afterwards that they still go by this ballot, and it does not (the read index of Raft, Ongaro,
//! *Consensus*, 2014, section 6.4). No clock is trusted.
//!
//! Reads that come while a question is under way share the next one.

use std::collections::{BTreeMap, VecDeque};

use super::refuse;
use crate::group::{Command, Refusal};
use crate::node_id::NodeId;
use crate::paxos::message::Question;
use crate::paxos::{Config, Node};
use crate::quorum;
use crate::replica::Outbox;
use crate::service::kv::Op;

/// The reads of one leader that wait.
#[derive(Debug, Clone, Default)]
pub(super) struct Confirming {
    /// The last question that was put.
    asked: Question,
    /// The last question that each peer has answered.
    answered: BTreeMap<NodeId, Question>,
    /// In the order of their questions.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug, Clone)]
struct Waiting {
    command: Command<Op>,
    /// The first question put after it came.
    question: Question,
}

impl Confirming {
    /// Lets `command` wait, unless too many do already; then it is given back.
    pub(super) fn push(&mut self, command: Command<Op>, config: &Config) -> Result<(), Command<Op>> {
        if config.queue_ops_max <= self.waiting.len() {
            return Err(command);
        }
        let question = self.asked.next();
        self.waiting.push_back(Waiting { command, question });
        Ok(())
    }

    /// The question to put now, if there are reads for it and none is under way.
    pub(super) fn next_question(&mut self) -> Option<Question> {
        let first = self.waiting.front()?;
        if first.question <= self.asked {
            return None;
        }
        self.asked = self.asked.next();
        Some(self.asked)
    }

    /// The question to put though another may be under way, for that may have been lost.
    pub(super) fn question_again(&mut self) -> Option<Question> {
        self.waiting.front()?;
        self.asked = self.asked.next();
        Some(self.asked)
    }

    /// `peer` still goes by this leader after it heard `question`.
    pub(super) fn confirm(&mut self, peer: NodeId, question: Question) {
        let answered = self.answered.entry(peer).or_default();
        *answered = question.max(*answered);
    }

    /// The reads that a quorum, the leader included, has confirmed.
    pub(super) fn confirmed(&mut self, config: &Config) -> Vec<Command<Op>> {
        let others = config.quorum() - 1;
        let through = if others == 0 {
            Some(self.asked)
        } else {
            quorum::reached_by(others, self.answered.values().copied())
        };
        let is_confirmed = |read: &Waiting| Some(read.question) <= through;
        let count = self.waiting.iter().take_while(|read| is_confirmed(read)).count();
        self.waiting.drain(..count).map(|read| read.command).collect()
    }

    /// Turns away all that wait.
    pub(super) fn resign(&self, refusal: &Refusal, out: &mut Outbox<Node>) {
        for read in &self.waiting {
            refuse(&read.command, refusal.clone(), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Confirming;
    use crate::group::Command;
    use crate::node_id::NodeId;
    use crate::paxos::Config;
    use crate::paxos::message::Question;
    use crate::replica::ClientId;
    use crate::service::client_table::RequestNumber;
    use crate::service::kv::Op;

    fn read(client: u64) -> Command<Op> {
        Command {
            client: ClientId(client),
            number: RequestNumber(1),
            op: Op::Get { key: "a".to_owned() },
        }
    }

    #[test]
    fn a_read_waits_for_a_quorum_s_answers_to_a_question_put_after_it_came() {
        let config = Config::new((1..=5).map(NodeId::replica).collect());
        let mut confirming = Confirming::default();
        confirming.push(read(1), &config).expect("nothing waits");
        assert_eq!(confirming.next_question(), Some(Question(1)));
        confirming.push(read(2), &config).expect("hardly anything waits");
        assert_eq!(confirming.next_question(), None, "one is under way");
        confirming.confirm(NodeId::replica(2), Question(1));
        confirming.confirm(NodeId::replica(2), Question(1));
        assert_eq!(confirming.confirmed(&config), []);
        confirming.confirm(NodeId::replica(3), Question(1));
        assert_eq!(confirming.confirmed(&config), [read(1)]);
        assert_eq!(confirming.next_question(), Some(Question(2)));
        assert_eq!(confirming.confirmed(&config), []);
    }

    #[test]
    fn a_question_that_got_lost_is_put_again() {
        let config = Config::new((1..=3).map(NodeId::replica).collect());
        let mut confirming = Confirming::default();
        assert_eq!(confirming.question_again(), None);
        confirming.push(read(1), &config).expect("nothing waits");
        assert_eq!(confirming.next_question(), Some(Question(1)));
        assert_eq!(confirming.question_again(), Some(Question(2)));
        confirming.confirm(NodeId::replica(3), Question(2));
        assert_eq!(confirming.confirmed(&config), [read(1)]);
    }
}
