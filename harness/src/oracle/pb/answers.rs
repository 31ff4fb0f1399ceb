//! What clients were answered, as it left the nodes.

use std::collections::BTreeMap;

use histories::{Anomaly, AnomalyKind};
use systems::pb::Response;
use systems::service::RequestNumber;
use systems::service::kv::Answer;
use systems::{ClientId, NodeId};

use super::bare;
use crate::oracle::EVIDENCE_MAX;

/// The answers to writes so far. Reads may be carried out again, and are answered as things are then.
#[derive(Debug, Default)]
pub(super) struct Answers {
    first: BTreeMap<(ClientId, RequestNumber), (NodeId, Answer)>,
    different: Vec<String>,
}

impl Answers {
    pub(super) fn note(&mut self, from: NodeId, to: ClientId, response: &Response) {
        let Response::Done { request, answer } = response else {
            return;
        };
        match answer {
            Answer::Value(_) => return,
            Answer::Done | Answer::Mismatch { .. } | Answer::Refused(_) => {}
        }
        let (node, first) = self
            .first
            .entry((to, *request))
            .or_insert_with(|| (from, answer.clone()));
        if first != answer && self.different.len() < EVIDENCE_MAX {
            self.different.push(format!(
                "request {} of client {} was answered {first:?} by {node} and {answer:?} by {from}",
                request.0, to.0
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
