//! A world without processes: time is a number that only [`World::wait`] moves, answers come when the test says so, and faults are
//! written down instead of done.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use histories::{Completion, Function, Invocation, Outcome, Process};
use nemesis::{Action, Cluster, FaultId, Roster, Standing, Verification};
use serde_json::json;
use systems::NodeId;
use tribunal::testimony::Departure;
use tribunal::world::World;

/// The interpreter may look this often at a time that does not move; more often it would spin in the real world.
const STILL_LOOKS_MAX: u32 = 1_000;

/// When an operation is answered, and how; never when there is none.
pub(crate) type Answers = Box<dyn FnMut(Duration, &Invocation) -> Option<(Duration, Outcome)>>;

/// Who matters at a time.
pub(crate) type Standings = Box<dyn Fn(Duration) -> Standing>;

/// What happened on the stage, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scene {
    Invoked(Function, String, Process),
    Completed(Process),
    Retired(Process),
    Injected(u64),
    Looked(u64),
    Healed(u64),
}

/// The world, and the record of what was done in it.
pub(crate) struct Stage {
    now: Duration,
    still_looks: u32,
    due: BTreeMap<(Duration, u64), Completion>,
    asked: u64,
    answers: Answers,
    standings: Standings,
    roster: Roster,
    /// From when on somebody wants the run to end.
    pub(crate) interrupted_from: Option<Duration>,
    /// The faults that are not seen to hold, and at which look, counted from 1.
    pub(crate) unseen: BTreeSet<(u64, usize)>,
    /// Nodes that will have left by themselves.
    pub(crate) leaving: Vec<Departure>,
    /// What the system says of itself at the end.
    pub(crate) excuse: Option<String>,
    /// What happened, with the time.
    pub(crate) scenes: Vec<(Duration, Scene)>,
}

impl Stage {
    /// Three replicas of which n1 is primary and any may be killed; operations are answered as `answers` says.
    pub(crate) fn new(answers: Answers) -> Self {
        Self {
            now: Duration::ZERO,
            still_looks: 0,
            due: BTreeMap::new(),
            asked: 0,
            answers,
            standings: Box::new(|_| standing(&[1], &[1, 2, 3])),
            roster: roster(3),
            interrupted_from: None,
            unseen: BTreeSet::new(),
            leaving: Vec::new(),
            excuse: None,
            scenes: Vec::new(),
        }
    }

    /// The same with another standing.
    pub(crate) fn with_standing(self, standings: Standings) -> Self {
        Self { standings, ..self }
    }

    /// The same with another number of replicas.
    pub(crate) fn with_replicas(self, replicas: usize) -> Self {
        Self {
            roster: roster(replicas),
            ..self
        }
    }

    /// What happened, without the times.
    pub(crate) fn order(&self) -> Vec<&Scene> {
        self.scenes.iter().map(|(_, scene)| scene).collect()
    }

    /// When `scene` happened first.
    pub(crate) fn time_of(&self, scene: &Scene) -> Option<Duration> {
        self.scenes
            .iter()
            .find(|(_, seen)| seen == scene)
            .map(|(time, _)| *time)
    }

    fn note(&mut self, scene: Scene) {
        self.scenes.push((self.now, scene));
    }

    fn advance(&mut self, to: Duration) {
        if self.now < to {
            self.now = to;
            self.still_looks = 0;
        } else {
            self.still_looks += 1;
            assert!(
                self.still_looks < STILL_LOOKS_MAX,
                "the interpreter waits for a time that has passed: it spins"
            );
        }
    }
}

impl World for Stage {
    fn now(&self) -> Duration {
        self.now
    }

    fn invoke(&mut self, invocation: &Invocation) {
        self.note(Scene::Invoked(
            invocation.f,
            invocation.key.to_string(),
            invocation.process,
        ));
        self.asked += 1;
        if let Some((after, outcome)) = (self.answers)(self.now, invocation) {
            let completion = Completion {
                process: invocation.process,
                outcome,
            };
            self.due.insert((self.now + after, self.asked), completion);
        }
    }

    fn wait(&mut self, until: Duration) -> Vec<Completion> {
        let first = self.due.keys().next().map(|(time, _)| *time);
        self.advance(first.map_or(until, |first| first.min(until)));
        let later = self.due.split_off(&(self.now, u64::MAX));
        let arrived: Vec<Completion> = std::mem::replace(&mut self.due, later).into_values().collect();
        for completion in &arrived {
            self.note(Scene::Completed(completion.process));
        }
        arrived
    }

    fn retire(&mut self, process: Process) {
        self.note(Scene::Retired(process));
    }

    fn cluster(&mut self) -> &mut dyn Cluster {
        self
    }

    fn departures(&mut self) -> Vec<Departure> {
        let now = self.now;
        let (left, leaving) = std::mem::take(&mut self.leaving)
            .into_iter()
            .partition(|departure| departure.at <= now);
        self.leaving = leaving;
        left
    }

    fn interrupted(&self) -> bool {
        self.interrupted_from.is_some_and(|from| from <= self.now)
    }

    fn excuse(&mut self) -> Option<String> {
        self.excuse.clone()
    }
}

impl Cluster for Stage {
    fn roster(&self) -> &Roster {
        &self.roster
    }

    fn standing(&mut self) -> Standing {
        (self.standings)(self.now)
    }

    fn inject(&mut self, id: FaultId, _action: &Action) -> io::Result<()> {
        self.note(Scene::Injected(id.0));
        Ok(())
    }

    fn verify(&mut self, id: FaultId, _action: &Action) -> Verification {
        self.note(Scene::Looked(id.0));
        let looks = self
            .order()
            .into_iter()
            .filter(|scene| **scene == Scene::Looked(id.0))
            .count();
        if self.unseen.contains(&(id.0, looks)) {
            Verification::DoesNot("it went on as if nothing were".to_owned())
        } else {
            Verification::Holds
        }
    }

    fn heal(&mut self, id: FaultId, _action: &Action) -> io::Result<()> {
        self.note(Scene::Healed(id.0));
        Ok(())
    }
}

/// `replicas` replicas, a view service and the clients.
pub(crate) fn roster(replicas: usize) -> Roster {
    Roster {
        replicas: (1..=replicas).map(NodeId::replica).collect(),
        reserve: Vec::new(),
        services: vec!["vs".parse().expect("a good name")],
        clients: "clients".parse().expect("a good name"),
        spares: replicas.saturating_sub(1),
    }
}

/// These replicas take themselves for primaries, and any one of those may be killed.
pub(crate) fn standing(primaries: &[usize], expendable: &[usize]) -> Standing {
    let words = |number: &usize| (NodeId::replica(*number), "primary of view 7".to_owned());
    Standing {
        primaries: primaries.iter().map(words).collect(),
        expendable: expendable.iter().copied().map(NodeId::replica).collect(),
        ..Standing::default()
    }
}

/// Everything is answered after `ms` milliseconds.
pub(crate) fn answered_after(ms: u64) -> Answers {
    Box::new(move |_, invocation| Some((Duration::from_millis(ms), ok(invocation))))
}

/// The answer a client is content with.
pub(crate) fn ok(invocation: &Invocation) -> Outcome {
    match invocation.f {
        Function::Read => Outcome::Ok(json!([])),
        _ => Outcome::Ok(invocation.value.clone()),
    }
}

/// The answer that tells nothing.
pub(crate) fn unknown() -> Outcome {
    Outcome::Info {
        error: "timeout".to_owned(),
    }
}
