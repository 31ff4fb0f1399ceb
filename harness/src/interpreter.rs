//! The only loop: draws operations, stamps and journals both edges, calls the nemesis, and at the end reads everything back.
//!
//! Completions are taken before new invocations are drawn, or the harness itself would widen intervals and hide anomalies.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Write};
use std::time::Duration;

use histories::journal::Journal;
use histories::{Completion, Function, Invocation, Key, Outcome};
use nemesis::Schedule;
use serde_json::Value;

use crate::crew::Crew;
use crate::faults::Faults;
use crate::generator::{Generator, Next};
use crate::progress::{Phase, Progress, Tally};
use crate::testimony::{Aftermath, LastReads, Level, PrimaryKill, Testimony};
use crate::world::World;

/// The longest time between two looks at completions and faults, so that the progress line stays alive.
const GLANCE: Duration = Duration::from_millis(100);

/// The longest an operation may take to be concluded by its session. Beyond it the harness itself has failed.
const OPERATION_TIME_MAX: Duration = Duration::from_secs(60);

/// What has to be seen after everything has been healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// How soon.
    pub within: Duration,
    /// What.
    pub until: Recovered,
}

/// When a system has recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// Everything can be read.
    Readable,
    /// And all nodes have applied equally much of their log, as far as they say.
    Level,
}

/// What a run is driven by.
#[derive(Debug)]
pub struct Interpreter<'run, W: World, J: Write> {
    world: &'run mut W,
    journal: Journal<J>,
    crew: Crew,
    faults: Faults,
    tally: Tally,
    phase: Phase,
    touched: Touched,
    testimony: Testimony,
}

impl<'run, W: World, J: Write> Interpreter<'run, W, J> {
    /// An interpreter of `concurrency` processes over `world`, that records in `journal` and hurts as `schedule` says.
    pub fn new(world: &'run mut W, journal: Journal<J>, concurrency: u64, schedule: &Schedule) -> Self {
        Self {
            world,
            journal,
            crew: Crew::new(concurrency),
            faults: Faults::new(schedule),
            tally: Tally::default(),
            phase: Phase::Load,
            touched: Touched::default(),
            testimony: Testimony::default(),
        }
    }

    /// The whole run: load beside faults, heal, last reads as `recovery` says, the primary's death, the reads again.
    ///
    /// # Errors
    /// When the journal cannot be written, a fault cannot be injected or healed, or an operation is never concluded: a failure of
    /// the harness. What was recorded until then is in the journal.
    pub fn run(
        mut self,
        load: &mut dyn Generator,
        recovery: Recovery,
        progress: &mut dyn Progress,
    ) -> io::Result<Testimony> {
        self.load(load, progress)?;
        self.testimony.load = self.world.now();
        if !self.testimony.interrupted {
            self.aftermath(recovery, progress)?;
        }
        self.testimony.recover = self.world.now().saturating_sub(self.testimony.load);
        self.testimony.departures.extend(self.world.departures());
        self.testimony.faults = self.faults.into_records();
        self.journal.flush()?;
        Ok(self.testimony)
    }

    fn load(&mut self, load: &mut dyn Generator, progress: &mut dyn Progress) -> io::Result<()> {
        loop {
            self.faults.due(self.world, &mut self.journal)?;
            let draw = if self.is_interrupted() {
                Draw::Done
            } else {
                self.draw(load)?
            };
            match draw {
                Draw::Drawn => self.take(self.world.now(), load)?,
                Draw::Later(until) => self.rest(until, load, progress)?,
                Draw::Done if self.crew.busy() == 0 => break,
                Draw::Done => self.rest(self.world.now() + GLANCE, load, progress)?,
            }
        }
        self.faults.call_off(self.world.now());
        self.faults.heal_all(self.world, &mut self.journal)
    }

    /// Waits for something to happen, at most until `until`, and takes what did.
    fn rest(
        &mut self,
        until: Duration,
        load: &mut dyn Generator,
        progress: &mut dyn Progress,
    ) -> io::Result<()> {
        self.journal.flush()?;
        progress.tick(self.phase, self.world.now(), self.tally, &self.faults.in_force());
        let glance = self.world.now() + GLANCE;
        let due = self.faults.next_due().map_or(glance, |due| due.min(glance));
        self.take(until.min(due), load)
    }

    /// Whether somebody wants the run to end; once so, always so.
    fn is_interrupted(&mut self) -> bool {
        self.testimony.interrupted |= self.world.interrupted();
        self.testimony.interrupted
    }

    fn draw(&mut self, load: &mut dyn Generator) -> io::Result<Draw> {
        let now = self.world.now();
        let Some(process) = self.crew.idle() else {
            return Ok(Draw::Later(now + GLANCE));
        };
        match load.next(now, process) {
            Next::Op(op) => self.invoke(op.by(process)).map(|()| Draw::Drawn),
            Next::Pending(until) => Ok(Draw::Later(until)),
            Next::Done => Ok(Draw::Done),
        }
    }

    fn invoke(&mut self, invocation: Invocation) -> io::Result<()> {
        self.journal.invoke(nanos(self.world.now()), &invocation, None)?;
        self.tally.invoked += 1;
        self.touched.note(&invocation.key);
        self.world.invoke(&invocation);
        self.crew.depart(self.world.now(), invocation);
        Ok(())
    }

    fn take(&mut self, until: Duration, learner: &mut dyn Generator) -> io::Result<()> {
        for completion in self.world.wait(until) {
            if let Some(invocation) = self.complete(&completion)? {
                learner.learn(&invocation, &completion);
            }
        }
        self.testimony.departures.extend(self.world.departures());
        self.refuse_endless_operations()
    }

    fn complete(&mut self, completion: &Completion) -> io::Result<Option<Invocation>> {
        let Some(ended) = self.crew.complete(completion) else {
            return Ok(None);
        };
        self.journal
            .complete(nanos(self.world.now()), &ended.invocation, completion)?;
        self.tally.count(&completion.outcome);
        if ended.retired {
            self.world.retire(completion.process);
        }
        Ok(Some(ended.invocation))
    }

    fn refuse_endless_operations(&self) -> io::Result<()> {
        let now = self.world.now();
        match self.crew.longest_out() {
            Some((since, invocation)) if since + OPERATION_TIME_MAX < now => Err(io::Error::other(format!(
                "the client of process {} has not concluded its {} of {} within {OPERATION_TIME_MAX:?}",
                invocation.process, invocation.f, invocation.key
            ))),
            _ => Ok(()),
        }
    }

    fn aftermath(&mut self, recovery: Recovery, progress: &mut dyn Progress) -> io::Result<()> {
        let keys = std::mem::take(&mut self.touched).keys;
        self.phase = Phase::LastReads;
        let Recovery { within, until } = recovery;
        let healed = self.read_all(&keys, within, progress)?;
        let level = match until {
            Recovered::Readable => None,
            Recovered::Level => Some(self.await_level(within)),
        };
        let primary_killed = self.kill_primary(&keys, within, progress)?;
        let excuse = self.world.excuse();
        self.testimony.aftermath = Aftermath {
            healed,
            primary_killed,
            level,
            excuse,
        };
        self.faults.heal_all(self.world, &mut self.journal)
    }

    /// Waits until all nodes have come equally far, at most for `bound`.
    fn await_level(&mut self, bound: Duration) -> Level {
        let begin = self.world.now();
        loop {
            let level = Level {
                applied: self.world.applied(),
                waited: self.world.now().saturating_sub(begin),
            };
            if level.is_even() || bound <= level.waited || self.is_interrupted() {
                return level;
            }
            // Nobody asks for anything now, so nothing is completed.
            self.world.wait(self.world.now() + GLANCE);
        }
    }

    fn kill_primary(
        &mut self,
        keys: &[Key],
        recovery: Duration,
        progress: &mut dyn Progress,
    ) -> io::Result<PrimaryKill> {
        if self.world.cluster().roster().spares == 0 {
            return Ok(PrimaryKill::Spared);
        }
        if self.is_interrupted() {
            return Ok(PrimaryKill::NotReached);
        }
        self.phase = Phase::AfterPrimary;
        if self
            .faults
            .kill_primary(self.world, &mut self.journal, recovery)?
        {
            self.read_all(keys, recovery, progress).map(PrimaryKill::Killed)
        } else {
            Ok(PrimaryKill::NoneExpendable)
        }
    }

    /// Reads every one of `keys` until it has been answered, at most for `bound`.
    fn read_all(
        &mut self,
        keys: &[Key],
        bound: Duration,
        progress: &mut dyn Progress,
    ) -> io::Result<LastReads> {
        let begin = self.world.now();
        let mut reads = Reads {
            waiting: keys.iter().cloned().collect(),
            unanswered: keys.len(),
        };
        while 0 < reads.unanswered && self.world.now() < begin + bound && !self.is_interrupted() {
            self.send_out(&mut reads)?;
            self.rest(begin + bound, &mut reads, progress)?;
        }
        let took = self.world.now().saturating_sub(begin);
        while 0 < self.crew.busy() {
            self.rest(self.world.now() + GLANCE, &mut reads, progress)?;
        }
        Ok(LastReads {
            begin,
            took,
            unread: reads.waiting.into(),
        })
    }

    fn send_out(&mut self, reads: &mut Reads) -> io::Result<()> {
        while let Some(process) = self.crew.idle() {
            let Some(key) = reads.waiting.pop_front() else {
                break;
            };
            self.invoke(Invocation {
                process,
                f: Function::Read,
                key,
                value: Value::Null,
            })?;
        }
        Ok(())
    }
}

/// Every object an operation was asked of, in order of first use.
#[derive(Debug, Default)]
struct Touched {
    keys: Vec<Key>,
    known: BTreeSet<Key>,
}

impl Touched {
    fn note(&mut self, key: &Key) {
        if !self.known.contains(key) {
            self.known.insert(key.clone());
            self.keys.push(key.clone());
        }
    }
}

enum Draw {
    Drawn,
    Later(Duration),
    Done,
}

/// The last reads: an object that was not read goes back into the queue.
#[derive(Debug)]
struct Reads {
    waiting: VecDeque<Key>,
    unanswered: usize,
}

impl Generator for Reads {
    fn next(&mut self, _now: Duration, _process: histories::Process) -> Next {
        Next::Done
    }

    fn learn(&mut self, invocation: &Invocation, completion: &Completion) {
        match completion.outcome {
            Outcome::Ok(_) => self.unanswered = self.unanswered.saturating_sub(1),
            Outcome::Fail { .. } | Outcome::Info { .. } => self.waiting.push_back(invocation.key.clone()),
        }
    }
}

/// `span` in nanoseconds, as files have it.
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
