//! The edges of a schedule in the order in which they are due, for whoever has the clock.

use std::collections::VecDeque;
use std::time::Duration;

use crate::cluster::FaultId;
use crate::fault::Phase;
use crate::schedule::{Episode, Schedule};

/// A fault that is due to begin or to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// When, since the start of the load.
    pub due: Duration,
    /// Which of the two.
    pub phase: Phase,
    /// Of which episode.
    pub episode: Episode,
}

/// What of a schedule is still to come.
///
/// Edges are ordered by time; at the same time faults end before others begin, and then by their numbers.
#[derive(Debug, Clone)]
pub struct Agenda {
    edges: VecDeque<Edge>,
}

impl Agenda {
    /// All of `schedule`.
    #[must_use]
    pub fn new(schedule: &Schedule) -> Self {
        let edges_of = |episode: &Episode| {
            [(episode.from, Phase::Begin), (episode.until, Phase::End)].map(|(due, phase)| Edge {
                due,
                phase,
                episode: episode.clone(),
            })
        };
        let mut edges: Vec<Edge> = schedule.episodes().iter().flat_map(edges_of).collect();
        edges.sort_by_key(|edge| {
            let ends_first = match edge.phase {
                Phase::End => 0,
                Phase::Begin => 1,
            };
            (edge.due, ends_first, edge.episode.id)
        });
        Self { edges: edges.into() }
    }

    /// When the next edge is due, since the start of the load; never again when there is none.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.edges.front().map(|edge| edge.due)
    }

    /// Takes the next edge, when it is due at `now` or was before.
    pub fn take_due(&mut self, now: Duration) -> Option<Edge> {
        match self.next_due() {
            Some(due) if due <= now => self.edges.pop_front(),
            Some(_) | None => None,
        }
    }

    /// Forgets what is still to come of fault `id`, because it was skipped and has nothing to end.
    pub fn forget(&mut self, id: FaultId) {
        self.edges.retain(|edge| edge.episode.id != id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use systems::NodeId;

    use super::Agenda;
    use crate::cluster::{FaultId, Roster};
    use crate::fault::{Fault, Phase};
    use crate::schedule::{Episode, Schedule};
    use crate::target::Target;

    fn agenda(spans_s: &[(u64, u64)]) -> Agenda {
        let roster = Roster {
            replicas: vec![NodeId::replica(1)],
            reserve: Vec::new(),
            services: Vec::new(),
            clients: "clients".parse().unwrap(),
            spares: 0,
        };
        let episode = |(index, (from, until)): (u64, &(u64, u64))| Episode {
            id: FaultId(index),
            from: Duration::from_secs(*from),
            until: Duration::from_secs(*until),
            fault: Fault::Pause,
            target: Target::One,
            seed: 0,
        };
        Agenda::new(&Schedule::new((1..).zip(spans_s).map(episode).collect(), &roster).unwrap())
    }

    fn take_all(agenda: &mut Agenda, now_s: u64) -> Vec<(u64, Phase)> {
        std::iter::from_fn(|| agenda.take_due(Duration::from_secs(now_s)))
            .map(|edge| (edge.episode.id.0, edge.phase))
            .collect()
    }

    #[test]
    fn nothing_is_taken_before_it_is_due() {
        let mut agenda = agenda(&[(2, 4)]);
        assert_eq!(agenda.next_due(), Some(Duration::from_secs(2)));
        assert_eq!(take_all(&mut agenda, 1), []);
        assert_eq!(take_all(&mut agenda, 2), [(1, Phase::Begin)]);
        assert_eq!(agenda.next_due(), Some(Duration::from_secs(4)));
        assert_eq!(take_all(&mut agenda, 9), [(1, Phase::End)]);
        assert_eq!(agenda.next_due(), None);
    }

    #[test]
    fn edges_come_by_time_and_ends_before_begins() {
        let mut agenda = agenda(&[(5, 8), (1, 5), (2, 9)]);
        let order = [
            (2, Phase::Begin),
            (3, Phase::Begin),
            (2, Phase::End),
            (1, Phase::Begin),
            (1, Phase::End),
            (3, Phase::End),
        ];
        assert_eq!(take_all(&mut agenda, 10), order);
    }

    #[test]
    fn a_skipped_fault_has_no_end() {
        let mut agenda = agenda(&[(1, 5), (2, 9)]);
        assert_eq!(take_all(&mut agenda, 1), [(1, Phase::Begin)]);
        agenda.forget(FaultId(1));
        assert_eq!(take_all(&mut agenda, 10), [(2, Phase::Begin), (2, Phase::End)]);
    }
}
