//! The nemesis at work: each fault of the schedule is resolved when due, journaled, injected, looked at while it is on, and healed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use histories::journal::{self, FaultEdge, Journal};
use nemesis::{Action, Agenda, Episode, Family, FaultId, Phase, Resolution, Schedule, Verification};
use serde_json::{Value, json};

use crate::testimony::FaultRecord;
use crate::world::World;

/// The fault that ends every run in which it can be done: the death of the primary.
pub const FINAL_KILL: &str = "final-kill";

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
    family: Family,
    /// Which of the records is about it.
    record: usize,
    looked: Looked,
}

/// What looking at a fault that began has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    /// Whether it holds.
    Decided,
    /// Not yet what it will come to.
    Open,
}

impl Faults {
    /// The faults of `schedule`, all still to come.
    #[must_use]
    pub fn new(schedule: &Schedule) -> Self {
        let last_id = schedule
            .episodes()
            .iter()
            .map(|episode| episode.id)
            .max()
            .unwrap_or(FaultId(0));
        Self {
            agenda: Agenda::new(schedule),
            in_force: BTreeMap::new(),
            records: Vec::new(),
            last_id,
        }
    }

    /// When the next edge of a fault is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.agenda.next_due()
    }

    /// The names of the faults in force.
    #[must_use]
    pub fn in_force(&self) -> Vec<String> {
        self.in_force
            .values()
            .map(|fault| self.records[fault.record].fault.clone())
            .collect()
    }

    /// Begins and ends what is due.
    ///
    /// # Errors
    /// When the world or the journal refuses.
    pub fn due(&mut self, world: &mut impl World, journal: &mut Journal<impl Write>) -> io::Result<()> {
        while let Some(edge) = self.agenda.take_due(world.now()) {
            match edge.phase {
                Phase::Begin => self.begin(&edge.episode, world, journal)?,
                Phase::End => self.end(edge.episode.id, world, journal)?,
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

    /// Leaves out, on record, what has not begun: at `now` the load is over, and nobody is to wait for what was to come.
    pub fn call_off(&mut self, now: Duration) {
        while let Some(edge) = self.agenda.take_due(Duration::MAX) {
            let Episode {
                id, fault, target, ..
            } = edge.episode;
            match edge.phase {
                Phase::Begin => {
                    let mut record = blank(id, fault.family(), fault.name(), &target.to_string());
                    (record.begin_ns, record.end_ns) = (nanos(now), nanos(now));
                    record.skipped = Some("the load was over before it was due".to_owned());
                    self.records.push(record);
                }
                Phase::End => {}
            }
        }
    }

    /// Kills a primary for good as soon as the system claims to survive that; false when it does not within `bound`.
    ///
    /// # Errors
    /// When the world or the journal refuses.
    pub fn kill_primary(
        &mut self,
        world: &mut impl World,
        journal: &mut Journal<impl Write>,
        bound: Duration,
    ) -> io::Result<bool> {
        let give_up = world.now() + bound;
        loop {
            let standing = world.cluster().standing();
            let primary = standing
                .primaries
                .iter()
                .find(|(node, _)| standing.expendable.contains(node));
            if let Some((node, role)) = primary {
                let words = format!("{node} was {role}");
                let action = Action::Kill(BTreeSet::from([*node]));
                self.last_id = FaultId(self.last_id.0 + 1);
                let mut record = blank(self.last_id, Family::Kill, FINAL_KILL, "primaries");
                record.resolved = words;
                record.nodes = vec![*node];
                return self
                    .inject(self.last_id, Family::Kill, action, record, world, journal)
                    .map(|()| true);
            }
            if give_up <= world.now() {
                return Ok(false);
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

    fn begin(
        &mut self,
        episode: &Episode,
        world: &mut impl World,
        journal: &mut Journal<impl Write>,
    ) -> io::Result<()> {
        let standing = world.cluster().standing();
        let resolution = nemesis::resolve(episode, world.cluster().roster(), &standing);
        let family = episode.fault.family();
        let mut record = blank(
            episode.id,
            family,
            episode.fault.name(),
            &episode.target.to_string(),
        );
        match resolution {
            Resolution::Do { action, nodes, words } => {
                record.resolved = words;
                record.nodes = nodes.into_iter().collect();
                self.inject(episode.id, family, action, record, world, journal)
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
        family: Family,
        action: Action,
        mut record: FaultRecord,
        world: &mut impl World,
        journal: &mut Journal<impl Write>,
    ) -> io::Result<()> {
        record.begin_ns = nanos(world.now());
        record.action = Some(action.clone());
        let value = json!({"fault": record.fault, "action": action, "resolved": record.resolved});
        journal.fault(record.begin_ns, &edge(id, family, Phase::Begin, value, None))?;
        world.cluster().inject(id, &action)?;
        let mut looked = Looked::Decided;
        match world.cluster().verify(id, &action) {
            Verification::Holds => record.verified = true,
            Verification::DoesNot(seen) => record.seen_instead = Some(seen),
            Verification::NotYet(_) => looked = Looked::Open,
        }
        self.records.push(record);
        self.in_force.insert(
            id,
            InForce {
                action,
                family,
                record: self.records.len() - 1,
                looked,
            },
        );
        Ok(())
    }

    fn end(
        &mut self,
        id: FaultId,
        world: &mut impl World,
        journal: &mut Journal<impl Write>,
    ) -> io::Result<()> {
        let Some(InForce {
            action,
            family,
            record,
            looked,
        }) = self.in_force.remove(&id)
        else {
            return Ok(());
        };
        let record = &mut self.records[record];
        match (world.cluster().verify(id, &action), looked) {
            (Verification::Holds, Looked::Decided) => {}
            (Verification::Holds, Looked::Open) => record.verified = true,
            (Verification::DoesNot(seen), _) => {
                record.verified = false;
                record.seen_instead = Some(seen);
            }
            (Verification::NotYet(reason), _) => record.skipped = Some(reason),
        }
        world.cluster().heal(id, &action)?;
        record.end_ns = nanos(world.now());
        let value = json!({"fault": record.fault, "action": action});
        journal.fault(
            record.end_ns,
            &edge(id, family, Phase::End, value, Some(record.verified)),
        )?;
        Ok(())
    }
}

fn blank(id: FaultId, family: Family, fault: &str, target: &str) -> FaultRecord {
    FaultRecord {
        id: id.0,
        family: family.name().to_owned(),
        fault: fault.to_owned(),
        target: target.to_owned(),
        nodes: Vec::new(),
        begin_ns: 0,
        end_ns: 0,
        verified: false,
        resolved: String::new(),
        skipped: None,
        seen_instead: None,
        action: None,
    }
}

fn edge(id: FaultId, family: Family, phase: Phase, value: Value, verified: Option<bool>) -> FaultEdge {
    let recorded = match phase {
        Phase::Begin => journal::Phase::Begin,
        Phase::End => journal::Phase::End,
    };
    FaultEdge {
        fault: id.0,
        name: family.event(phase).to_owned(),
        phase: recorded,
        value,
        verified,
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
