//! What replicas report when a view changes (DOVIEWCHANGE), and whose log the next one begins with (I11).

use std::collections::BTreeMap;

use histories::AnomalyKind;
use systems::NodeId;
use systems::vr::{Report, View};

use super::copies::Held;
use super::events::index;
use crate::oracle::Findings;

/// So many views are remembered, the latest.
const VIEWS_KEPT_MAX: usize = 1 << 10;

/// Who reported what to each view.
#[derive(Debug, Default)]
pub(super) struct Reports {
    views: BTreeMap<View, BTreeMap<NodeId, Report>>,
}

impl Reports {
    /// `node` reports to `view`; it is known to hold `held`.
    pub(super) fn note(
        &mut self,
        t: u64,
        node: NodeId,
        view: View,
        report: Report,
        held: Option<Held>,
        findings: &mut Findings,
    ) {
        if let Some(problem) = contradiction(view, report) {
            findings.add(
                AnomalyKind::OutOfTurn,
                t,
                format!("{node} reported to view {view} {problem}"),
            );
        }
        if let Some(Held { log_view, through }) = held
            && (report.log_view, index(report.op)) != (log_view, through)
        {
            findings.add(
                AnomalyKind::Forgotten,
                t,
                format!(
                    "{node} reported to view {view} a log of view {} through place {}, and its log is of view {log_view} through place {through}",
                    report.log_view, report.op
                ),
            );
        }
        self.views.entry(view).or_default().insert(node, report);
        if VIEWS_KEPT_MAX < self.views.len() {
            self.views.pop_first();
        }
    }

    /// `node` begins `view` with the log of `from`.
    pub(super) fn choose(
        &self,
        t: u64,
        node: NodeId,
        view: View,
        reports: &[(NodeId, Report)],
        from: NodeId,
        findings: &mut Findings,
    ) {
        let Some(known) = self.views.get(&view) else {
            return;
        };
        let unheard = reports.iter().find(|(reporter, report)| {
            let said = known.get(reporter);
            said.is_none_or(|said| (said.log_view, said.op) != (report.log_view, report.op))
        });
        let chosen = reports.iter().find(|(reporter, _)| *reporter == from);
        let newest = reports
            .iter()
            .max_by_key(|(_, report)| (report.log_view, report.op));
        let problem = if let Some((reporter, _)) = unheard {
            format!("by a report of {reporter} that {reporter} never made")
        } else if let (Some((_, chosen)), Some((best, newest))) = (chosen, newest)
            && (chosen.log_view, chosen.op) < (newest.log_view, newest.op)
        {
            format!(
                "with the log of {from} (of view {}, through place {}) though that of {best} was newer (of view {}, through place {})",
                chosen.log_view, chosen.op, newest.log_view, newest.op
            )
        } else {
            return;
        };
        findings.add(
            AnomalyKind::BrokenSuccession,
            t,
            format!("{node} began view {view} {problem}"),
        );
    }
}

fn contradiction(view: View, report: Report) -> Option<String> {
    if view <= report.log_view {
        Some(format!("to be normal in view {} already", report.log_view))
    } else if report.op < report.commit {
        Some(format!(
            "that everything through place {} is committed, with a log through place {}",
            report.commit, report.op
        ))
    } else {
        None
    }
}
