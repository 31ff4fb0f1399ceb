//! What was carried out where, in which order, and what the copies held then.

use std::collections::BTreeMap;

use histories::history::Ending;
use histories::{Anomaly, AnomalyKind, Operation, Process};
use systems::pb::event::Outcome;
use systems::pb::{Event, Member, Role, Sequence, ViewNumber};
use systems::service::{Digest, RequestNumber};
use systems::{ClientId, Incarnation, NodeId};

use super::writes;
use crate::oracle::{EVIDENCE_MAX, Findings, Hindsight};

/// One life of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life {
    pub(super) node: NodeId,
    pub(super) incarnation: Incarnation,
}

/// A position in the order of all operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    view: ViewNumber,
    sequence: Sequence,
}

/// A client's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RequestId {
    client: ClientId,
    request: RequestNumber,
}

/// What was carried out at a position, first.
#[derive(Debug, Clone, Copy)]
struct Carried {
    request: RequestId,
    digest: Digest,
    by: NodeId,
    /// The life that carried it out as backup.
    backup: Option<Life>,
}

/// What became of a request at primaries.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// When one first carried it out, or gave the recorded answer again.
    first: u64,
    /// Where it took effect, the first two times.
    effects: [Option<Position>; 2],
}

/// Everything that was carried out so far.
#[derive(Debug, Default)]
pub(super) struct Execution {
    carried: BTreeMap<Position, Carried>,
    /// Who acts as primary.
    offices: BTreeMap<ViewNumber, Life>,
    /// With what a backup began.
    joined: BTreeMap<ViewNumber, Digest>,
    /// What each life holds.
    holdings: BTreeMap<Life, Digest>,
    fates: BTreeMap<RequestId, Fate>,
}

impl Life {
    pub(super) fn of(member: Member) -> Self {
        Self {
            node: member.node,
            incarnation: member.incarnation,
        }
    }
}

impl Execution {
    pub(super) fn synchronise(&mut self, view: ViewNumber, life: Life, digest: Digest) {
        self.joined.insert(view, digest);
        self.holdings.insert(life, digest);
    }

    pub(super) fn take_office(
        &mut self,
        t: u64,
        view: ViewNumber,
        life: Life,
        digest: Digest,
        findings: &mut Findings,
    ) {
        let node = life.node;
        let begins_empty = (view == ViewNumber::FIRST).then(Digest::default);
        let held = self.holdings.get(&life).copied().or(begins_empty);
        if held != Some(digest) {
            let problem = match held {
                None => "though it held nothing that a primary before it had answered from",
                Some(_) => "with something else than it had held before",
            };
            findings.add(
                AnomalyKind::BrokenSuccession,
                t,
                format!("{node} took office in view {view} {problem}"),
            );
        }
        if self.joined.get(&view).is_some_and(|joined| *joined != digest) {
            findings.add(
                AnomalyKind::DivergentState,
                t,
                format!("the backup of view {view} began with something else than its primary {node}"),
            );
        }
        self.holdings.insert(life, digest);
        self.act(t, view, life, findings);
    }

    /// Takes note of an [`Event::Executed`]; `backup` is who must have done it before.
    pub(super) fn execute(
        &mut self,
        t: u64,
        life: Life,
        event: &Event,
        backup: Option<Life>,
        findings: &mut Findings,
    ) {
        let Event::Executed {
            view,
            sequence,
            role,
            client,
            request,
            outcome,
            digest,
        } = *event
        else {
            return;
        };
        let (position, request) = (Position { view, sequence }, RequestId { client, request });
        self.holdings.insert(life, digest);
        self.compare(t, life, position, request, digest, findings);
        match role {
            Role::Backup => {
                if let Some(carried) = self.carried.get_mut(&position) {
                    carried.backup = Some(life);
                }
            }
            Role::Primary | Role::Idle => {
                self.act(t, view, life, findings);
                let done = self.carried.get(&position).and_then(|carried| carried.backup);
                if backup.is_some() && done != backup {
                    findings.add(
                        AnomalyKind::NotReplicated,
                        t,
                        format!(
                            "{} carried out operation {} of view {view} before its backup had",
                            life.node, sequence.0
                        ),
                    );
                }
                self.note_fate(t, position, request, outcome);
            }
        }
    }

    /// Answered operations that no primary had carried out when they were answered.
    pub(super) fn unexecuted(&self, hindsight: &Hindsight<'_>) -> Vec<Anomaly> {
        let answered = requests(hindsight).filter_map(|(id, operation)| {
            let answer = matches!(operation.ending, Ending::Ok(_)).then_some(operation.completed)??;
            let in_time = |fate: &Fate| fate.first <= hindsight.began_ns + answer.0;
            let missing = !self.fates.get(&id).is_some_and(in_time);
            missing.then(|| {
                let sentence = format!(
                    "{} of process {} was answered, and no primary had carried it out in its turn",
                    operation.f, operation.process
                );
                evidence(AnomalyKind::NotReplicated, &operation, sentence)
            })
        });
        answered.take(EVIDENCE_MAX).collect()
    }

    /// Writes that took effect more than once.
    pub(super) fn twice(&self, hindsight: &Hindsight<'_>) -> Vec<Anomaly> {
        let repeated = requests(hindsight).filter_map(|(id, operation)| {
            let [Some(first), Some(second)] = self.fates.get(&id)?.effects else { return None };
            writes(operation.f).then(|| {
                let sentence = format!(
                    "{} of process {} took effect as operation {} of view {} and again as operation {} of view {}",
                    operation.f,
                    operation.process,
                    first.sequence.0,
                    first.view,
                    second.sequence.0,
                    second.view
                );
                evidence(AnomalyKind::AppliedTwice, &operation, sentence)
            })
        });
        repeated.take(EVIDENCE_MAX).collect()
    }

    /// `life` does what only the primary of `view` may.
    fn act(&mut self, t: u64, view: ViewNumber, life: Life, findings: &mut Findings) {
        let first = *self.offices.entry(view).or_insert(life);
        if first != life {
            findings.add(
                AnomalyKind::TwoPrimaries,
                t,
                format!(
                    "{} acted as primary of view {view}, and so had {} ({})",
                    life.node,
                    first.node,
                    if first.node == life.node {
                        "an earlier life"
                    } else {
                        "another node"
                    }
                ),
            );
        }
    }

    /// Whoever comes to a position carries out the same there, and holds the same afterwards.
    fn compare(
        &mut self,
        t: u64,
        life: Life,
        position: Position,
        request: RequestId,
        digest: Digest,
        findings: &mut Findings,
    ) {
        let first = self.carried.entry(position).or_insert(Carried {
            request,
            digest,
            by: life.node,
            backup: None,
        });
        if (first.request, first.digest) != (request, digest) {
            let problem = if first.request == request {
                "hold different things after"
            } else {
                "carried out different things as"
            };
            let (Position { view, sequence }, by) = (position, first.by);
            let (node, number) = (life.node, sequence.0);
            let who = if by == node {
                format!("{node} itself")
            } else {
                format!("{by} and {node}")
            };
            findings.add(
                AnomalyKind::DivergentState,
                t,
                format!("{who} {problem} operation {number} of view {view}"),
            );
        }
    }

    fn note_fate(&mut self, t: u64, position: Position, request: RequestId, outcome: Outcome) {
        match outcome {
            Outcome::Now | Outcome::Before => {}
            Outcome::Stale | Outcome::Expired => return,
        }
        let fate = self.fates.entry(request).or_insert(Fate {
            first: t,
            effects: [None; 2],
        });
        if outcome == Outcome::Now {
            match &mut fate.effects {
                [first @ None, _] => *first = Some(position),
                [Some(_), second] => *second = Some(position),
            }
        }
    }
}

/// All operations, each with the number its client's session gave it: the first of a process has number 1.
fn requests<'a>(hindsight: &'a Hindsight<'_>) -> impl Iterator<Item = (RequestId, Operation<'a>)> {
    let mut counts: BTreeMap<Process, u64> = BTreeMap::new();
    hindsight.history.operations().iter().map(move |operation| {
        let count = counts.entry(operation.process).or_default();
        *count += 1;
        let (client, request) = (ClientId(operation.process.0), RequestNumber(*count));
        (RequestId { client, request }, operation)
    })
}

fn evidence(kind: AnomalyKind, operation: &Operation, sentence: String) -> Anomaly {
    Anomaly {
        kind,
        key: operation.key.map(ToString::to_string),
        ops: vec![operation.index],
        sentence,
    }
}
