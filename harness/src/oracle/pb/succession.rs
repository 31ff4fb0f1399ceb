//! Which view followed which, as the view service announced it and the servers took it up.

use std::collections::{BTreeMap, BTreeSet};

use histories::AnomalyKind;
use systems::NodeId;
use systems::pb::event::Acknowledgement;
use systems::pb::{Event, Member, Role, View, ViewNumber};

use super::execution::life_of;
use crate::oracle::Findings;
use crate::oracle::churn::Churn;
use crate::oracle::life::Life;

/// The views so far.
#[derive(Debug)]
pub(super) struct Succession {
    announced: Vec<Announced>,
    churn: Churn<ViewNumber>,
    /// The last view that each server took up, and in which life.
    installed: BTreeMap<NodeId, (Life, ViewNumber)>,
    /// Who has confirmed to hold everything, in which view.
    synchronised: BTreeSet<(ViewNumber, Life)>,
}

#[derive(Debug)]
struct Announced {
    view: View,
    acknowledgement: Acknowledgement,
}

impl Default for Succession {
    fn default() -> Self {
        Self {
            announced: Vec::new(),
            churn: Churn::new("views", 0),
            installed: BTreeMap::new(),
            synchronised: BTreeSet::new(),
        }
    }
}

impl Succession {
    pub(super) fn announce(&mut self, t: u64, view: &View, findings: &mut Findings) {
        if let Some(former) = self.announced.last()
            && let Err((kind, problem)) = follows(former, view)
        {
            findings.add(
                kind,
                t,
                format!("view {view} was announced after view {}: {problem}", former.view),
            );
        }
        self.churn.begin(t, view.number);
        self.announced.push(Announced {
            view: view.clone(),
            acknowledgement: Acknowledgement::Pending,
        });
    }

    /// What a view service found on its disk. It notes a view before that is durable, so the last one it noted may be missing, as long
    /// as nobody had been told of it.
    pub(super) fn recover(
        &mut self,
        t: u64,
        view: &View,
        acknowledgement: Acknowledgement,
        findings: &mut Findings,
    ) {
        if let [.., former, last] = self.announced.as_slice()
            && former.view == *view
            && !self.was_told(&last.view)
        {
            self.announced.pop();
        }
        let newest = self.announced.last().map(|announced| &announced.view);
        if newest != Some(view) {
            self.announce(t, view, findings);
        }
        let known = self.announced.last().map(|announced| announced.acknowledgement);
        if acknowledgement == Acknowledgement::Given && known == Some(Acknowledgement::Pending) {
            self.acknowledge(t, view.number, findings);
        }
    }

    pub(super) fn acknowledge(&mut self, t: u64, number: ViewNumber, findings: &mut Findings) {
        let Some(announced) = self
            .announced
            .last_mut()
            .filter(|announced| announced.view.number == number)
        else {
            return;
        };
        announced.acknowledgement = Acknowledgement::Given;
        let view = &announced.view;
        let waiting = view.backup.filter(|backup| {
            let life = life_of(*backup);
            !self.synchronised.contains(&(number, life))
        });
        if let Some(Member { node, .. }) = waiting {
            findings.add(
                AnomalyKind::BrokenSuccession,
                t,
                format!("view {view} was acknowledged though its backup {node} did not hold everything"),
            );
        }
    }

    pub(super) fn install(&mut self, t: u64, life: Life, view: &View, findings: &mut Findings) {
        let node = life.node;
        if let Some((former_life, former)) = self.installed.insert(node, (life, view.number)) {
            let again = former_life != life && former == view.number;
            if view.number <= former && !again {
                findings.add(
                    AnomalyKind::ViewRegressed,
                    t,
                    format!("{node} took up view {view} though it had gone by view {former} before"),
                );
            }
        }
        let announced = self
            .announced
            .iter()
            .rev()
            .find(|announced| announced.view.number == view.number);
        if announced.is_some_and(|announced| announced.view != *view) {
            findings.add(
                AnomalyKind::ViewRegressed,
                t,
                format!("{node} took up view {view}, and another view with that number was announced"),
            );
        }
    }

    /// Whether a server goes by `view`.
    fn was_told(&self, view: &View) -> bool {
        self.installed.values().any(|(_, number)| *number == view.number)
    }

    pub(super) fn synchronise(&mut self, view: ViewNumber, life: Life) {
        self.synchronised.insert((view, life));
    }

    /// The backup that must have carried out what this event says its primary did.
    pub(super) fn backup_of(&self, event: &Event) -> Option<Life> {
        let Event::Executed {
            view: number,
            role: Role::Primary,
            ..
        } = event
        else {
            return None;
        };
        let announced = self
            .announced
            .iter()
            .rev()
            .find(|announced| announced.view.number == *number)?;
        announced.view.backup.map(life_of)
    }

    /// When views began.
    pub(super) const fn churn(&self) -> &Churn<ViewNumber> {
        &self.churn
    }
}

/// Whether `next` may follow `former`.
fn follows(former: &Announced, next: &View) -> Result<(), (AnomalyKind, &'static str)> {
    let Announced {
        view,
        acknowledgement,
        ..
    } = former;
    if next.number <= view.number {
        return Err((AnomalyKind::ViewRegressed, "views are counted upwards"));
    }
    let same_primary = next.primary == view.primary;
    let problem = if !same_primary && view.backup != Some(next.primary) {
        "its primary was neither primary nor backup before"
    } else if *acknowledgement == Acknowledgement::Given {
        return Ok(());
    } else if !same_primary {
        "the former view had not been acknowledged, so its backup may have held nothing"
    } else if next.backup.is_some() {
        "the former view had not been acknowledged, and this one does more than drop its backup"
    } else {
        return Ok(());
    };
    Err((AnomalyKind::BrokenSuccession, problem))
}
