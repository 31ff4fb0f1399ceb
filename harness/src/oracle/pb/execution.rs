//! What was carried out where, in which order, and what the copies held then.

use std::collections::BTreeMap;
use std::fmt;

use histories::AnomalyKind;
use systems::NodeId;
use systems::pb::event::Outcome;
use systems::pb::{Event, Member, Role, Sequence, ViewNumber};
use systems::service::Digest;

use crate::oracle::Findings;
use crate::oracle::fates::{Effect, Fates};
use crate::oracle::life::Life;
use crate::oracle::offices::Offices;
use crate::oracle::requests::RequestId;

/// A position in the order of all operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    view: ViewNumber,
    sequence: Sequence,
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

/// Everything that was carried out so far.
#[derive(Debug)]
pub(super) struct Execution {
    carried: BTreeMap<Position, Carried>,
    /// Who acts as primary.
    offices: Offices<ViewNumber>,
    /// With what a backup began.
    joined: BTreeMap<ViewNumber, Digest>,
    /// What each life holds.
    holdings: BTreeMap<Life, Digest>,
    /// What became of requests at primaries.
    fates: Fates<Position>,
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            carried: BTreeMap::new(),
            offices: Offices::new("acted as primary of view"),
            joined: BTreeMap::new(),
            holdings: BTreeMap::new(),
            fates: Fates::default(),
        }
    }
}

/// The life that a view's member names.
pub(super) const fn life_of(member: Member) -> Life {
    Life {
        node: member.node,
        incarnation: member.incarnation,
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
        self.offices.act(t, view, life, findings);
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
                self.offices.act(t, view, life, findings);
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
                self.fates.note(t, position, request, effect(outcome));
            }
        }
    }

    /// What became of requests at primaries.
    pub(super) const fn fates(&self) -> &Fates<Position> {
        &self.fates
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
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { view, sequence } = self;
        write!(f, "operation {} of view {view}", sequence.0)
    }
}

const fn effect(outcome: Outcome) -> Effect {
    match outcome {
        Outcome::Now => Effect::Now,
        Outcome::Before => Effect::Before,
        Outcome::Stale | Outcome::Expired => Effect::Nothing,
    }
}
