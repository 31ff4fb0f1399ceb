//! The nemesis at work: each fault of the schedule is resolved when due, journaled, injected, looked at while it is on, and healed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use histories::journal::{FaultEdge, Journal, Phase};
use nemesis::{Action, Agenda, Edge, Episode, FaultId, Resolution, Verification};
use serde_json::json;
use systems::NodeId;

use crate::testimony::FaultRecord;
use crate::world::World;

/// How often the world is asked whether the primary may be killed now.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The faults of a run: those to come, those in force, those that were.
#[derive(Debug)]
pub struct Faults {
    agenda: Agenda,
    in_force: BTreeMap<FaultId, InForce>,
    records: Vec<FaultRecord>,
    last_id: FaultId,
}

#[derive(Debug)]
struct InForce {
    action: Action,
    name: String,
    record: usize,
}

impl Faults {
    /// The faults that `agenda` has in store.
    #[must_use]
    pub fn new(agenda: Agenda) -> Self {
        let last_id = agenda.last_id();
        Self { agenda, in_force: BTreeMap::new(), records: Vec::new(), last_id }
    }

    /// When the next edge of a fault is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.agenda.next_due()
    }

    /// The names of the faults in force.
    #[must_use]
    pub fn in_force(&self) -> Vec<String> {
        self.in_force.values().map(|fault| fault.name.clone()).collect()
    }

    /// Begins and ends what is due.
    ///
    /// # Errors
    /// When the world or the journal refuses.
    pub fn due(&mut self, world: &mut impl World, journal: &mut Journal<impl Write>) -> io::Result<()> {
        while let Some(edge) = self.agenda.take_due(world.now()) {
            match edge {
                Edge::Begin(episode) => self.begin(&episode, world, journal)?,
                Edge::End(episode) => self.end(episode.id, world, journal)?,
            }
        }
        Ok(())
    }

    /// Heals whatever is in force.
    ///
    /// # Errors
    /// When the world or the journal refuses.
    pub fn heal_all(&mut self, world: &mut impl World, journal: &mut Journal<impl Write>) -> io::Result<()> {
        for id in self.in_force.keys().copied().collect::<Vec<_>>() {
            self.end(id, world, journal)?;
        }
        Ok(())
    }

    /// Kills a primary for good as soon as the system claims to survive that, at most after `bound`; or says why not.
    ///
    /// # Errors
    /// When the world or the journal refuses.
    pub fn kill_primary(
        &mut self,
        world: &mut impl World,
        journal: &mut Journal<impl Write>,
        bound: Duration,
    ) -> io::Result<Result<(), String>> {
        let give_up = world.now() + bound;
        loop {
            let standing = world.cluster().standing();
            let primary = standing.primaries.iter().find(|(node, _)| standing.expendable.contains(node));
            if let Some((node, role)) = primary {
                let words = format!("{node} was {role}");
                let action = Action::Kill(BTreeSet::from([*node]));
                self.last_id = FaultId(self.last_id.0 + 1);
                let record = blank(self.last_id, "kill", "final-kill", "primaries", words);
                return self.inject(self.last_id, action, record, world, journal).map(Ok);
            }
            if give_up <= world.now() {
                return Ok(Err("no primary could be killed without exceeding what the system claims to survive".into()));
            }
            let until = world.now() + LOOK_AGAIN;
            world.wait(until);
        }
    }

    /// The faults as they happened.
    #[must_use]
    pub fn into_records(self) -> Vec<FaultRecord> {
        self.records
    }

    fn begin(&mut self, episode: &Episode, world: &mut impl World, journal: &mut Journal<impl Write>) -> io::Result<()> {
        let standing = world.cluster().standing();
        let resolution = nemesis::resolve(episode, world.cluster().roster(), &standing);
        let family = episode.fault.family().name();
        let mut record = blank(episode.id, family, episode.fault.name(), &episode.target.to_string(), String::new());
        match resolution {
            Resolution::Do { action, words } => {
                record.resolved = words;
                self.inject(episode.id, action, record, world, journal)
            }
            Resolution::Skipped(reason) => {
                record.begin_ns = nanos(world.now());
                record.end_ns = record.begin_ns;
                record.skipped = Some(reason);
                self.records.push(record);
                Ok(())
            }
        }
    }

    fn inject(
        &mut self,
        id: FaultId,
        action: Action,
        mut record: FaultRecord,
        world: &mut impl World,
        journal: &mut Journal<impl Write>,
    ) -> io::Result<()> {
        record.begin_ns = nanos(world.now());
        record.nodes = nodes_of(&action);
        let value = json!({"fault": record.fault, "action": action, "resolved": record.resolved});
        journal.fault(record.begin_ns, &edge(id, &action, Phase::Begin, value, None))?;
        world.cluster().inject(id, &action)?;
        match world.cluster().verify(id, &action) {
            Verification::Holds => record.verified = true,
            Verification::DoesNot(seen) => record.seen_instead = Some(seen),
        }
        let name = record.fault.clone();
        self.records.push(record);
        self.in_force.insert(id, InForce { action, name, record: self.records.len() - 1 });
        Ok(())
    }

    fn end(&mut self, id: FaultId, world: &mut impl World, journal: &mut Journal<impl Write>) -> io::Result<()> {
        let Some(InForce { action, record, .. }) = self.in_force.remove(&id) else { return Ok(()) };
        let record = &mut self.records[record];
        if let Verification::DoesNot(seen) = world.cluster().verify(id, &action) {
            record.verified = false;
            record.seen_instead = Some(seen);
        }
        world.cluster().heal(id, &action)?;
        record.end_ns = nanos(world.now());
        let value = json!({"fault": record.fault, "action": action});
        journal.fault(record.end_ns, &edge(id, &action, Phase::End, value, Some(record.verified)))?;
        Ok(())
    }
}

fn blank(id: FaultId, family: &str, fault: &str, target: &str, resolved: String) -> FaultRecord {
    FaultRecord {
        id: id.0,
        family: family.to_owned(),
        fault: fault.to_owned(),
        target: target.to_owned(),
        nodes: Vec::new(),
        begin_ns: 0,
        end_ns: 0,
        verified: false,
        resolved,
        skipped: None,
        seen_instead: None,
    }
}

fn edge(id: FaultId, action: &Action, phase: Phase, value: serde_json::Value, verified: Option<bool>) -> FaultEdge {
    FaultEdge { fault: id.0, name: event_name(action, phase).to_owned(), phase, value, verified }
}

/// Jepsen's names of the two edges.
const fn event_name(action: &Action, phase: Phase) -> &'static str {
    match (action, phase) {
        (Action::Cut(_), Phase::Begin) => "start-partition",
        (Action::Cut(_), Phase::End) => "stop-partition",
        (Action::Pause(_), Phase::Begin) => "pause",
        (Action::Pause(_), Phase::End) => "resume",
        (Action::Kill(_), Phase::Begin) => "kill",
        (Action::Kill(_), Phase::End) => "start",
    }
}

fn nodes_of(action: &Action) -> Vec<NodeId> {
    match action {
        Action::Cut(links) => {
            links.iter().flat_map(|link| [link.from, link.to]).collect::<BTreeSet<_>>().into_iter().collect()
        }
        Action::Pause(nodes) | Action::Kill(nodes) => nodes.iter().copied().collect(),
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
