//! What clients were answered, as it left the nodes: all answers to one write are the same (I19).

use std::collections::BTreeMap;

use histories::{Anomaly, AnomalyKind};
use systems::service::RequestNumber;
use systems::service::kv::Answer;
use systems::{ClientId, NodeId};

use super::EVIDENCE_MAX;
use super::requests::{RequestId, bare};

/// The answers to writes so far. Reads may be carried out again, and are answered as things are then.
#[derive(Debug, Default)]
pub(super) struct Answers {
    first: BTreeMap<RequestId, Answered>,
    different: Vec<String>,
}

/// What was answered first, and by whom.
#[derive(Debug)]
struct Answered {
    by: NodeId,
    answer: Answer,
}

impl Answers {
    pub(super) fn note(&mut self, from: NodeId, client: ClientId, request: RequestNumber, answer: &Answer) {
        match answer {
            Answer::Value(_) => return,
            Answer::Done | Answer::Mismatch { .. } | Answer::Refused(_) => {}
        }
        let first = self
            .first
            .entry(RequestId { client, request })
            .or_insert_with(|| Answered {
                by: from,
                answer: answer.clone(),
            });
        if first.answer != *answer && self.different.len() < EVIDENCE_MAX {
            self.different.push(format!(
                "request {} of client {} was answered {:?} by {} and {answer:?} by {from}",
                request.0, client.0, first.answer, first.by
            ));
        }
    }

    /// Requests that were answered in more than one way.
    pub(super) fn different(&self) -> impl Iterator<Item = Anomaly> {
        self.different
            .iter()
            .map(|sentence| bare(AnomalyKind::AnswersDiffer, sentence.clone()))
    }
}
