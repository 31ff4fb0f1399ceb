//! The general search: is there an order of the operations of one object that explains all answers?
//!
//! It walks along the events in the order of time and gives an operation its place only when a return forces it (just-in-time
//! linearization, Lowe 2017, after Wing and Gong 1993). What it remembers of a place is the event, the state, and a status of two
//! bits for each operation *open there*; the operations before are over and done with.
//!
//! * **May be skipped, may be used.** A mandatory operation is (no, yes), one that has its place (yes, no), one that may have
//!   happened (yes, yes).
//! * **Pure operations at once.** What is legal now and never changes the state has its place here: that leaves all others alone.
//! * **Hiding behind blind writes.** When a write whose effect does not depend on the state has its place, every open operation
//!   that is always legal becomes (yes, yes): it can be imagined just before, where nobody sees it. This turns the orders of k
//!   concurrent writes into one configuration. When such an operation returns both ways must be tried: it was hidden, or it has its
//!   place now.
//! * **Dominance.** A place is not gone on from where another one that allows as much has been ([`memo`]).
//! * **Looking ahead.** Where states only grow until the next blind write, a state that is no beginning of what the next pure
//!   operation returns leads nowhere; and where nobody can see the state before it is replaced, the order of what comes before that
//!   does not matter.
//! * **Order.** First what must return now, then by the return that is due next; of open operations that say the same and have
//!   the same status only the one that is due first.
//!
//! It never guesses: when time or memory are up it says so, and how far it came.

mod mask;
mod memo;
mod plan;
mod supply;
mod witness;

use std::hash::Hash;

use crate::model::{Model, Nature};

use super::span::{Duty, Span};
use super::timeline::Edge;
use mask::Mask;
use memo::{Memo, Visit};
use plan::{Event, Plan, plan};
use supply::NONE;

/// How much a search may use.
#[derive(Clone, Copy)]
pub(crate) struct Budget<'a> {
    pub(crate) memory_bytes_max: u64,
    pub(crate) steps_max: u64,
    pub(crate) lookahead: Lookahead,
    /// For each operation that stands for others when those were called: then no more of them are used than there are. What has no
    /// order then may have one all the same, for what was tried before is not tried again with fewer uses.
    pub(crate) counted: Option<&'a [Vec<u32>]>,
    pub(crate) may_go_on: &'a dyn Fn() -> bool,
}

/// Whether a state is given up as soon as it is known to lead nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookahead {
    On,
    /// Only where an operation has to return: then the states it could not return in are known.
    Off,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found<S> {
    /// This order of places among the spans explains all answers.
    Order(Vec<usize>),
    /// No order does.
    Refuted(Stuck<S>),
    /// It could not be found out.
    GaveUp(GaveUp, Option<Stuck<S>>),
}

/// The furthest event that the search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stuck<S> {
    /// The operation that returns there and could not be given its place.
    pub(crate) span: usize,
    /// States in which it came there, some of them.
    pub(crate) states: Vec<S>,
}

/// Why a search ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GaveUp {
    Time,
    Memory,
    Steps,
    /// So many operations open at a time.
    Open(usize),
}

/// How many states are kept of the furthest event.
const STATES_NOTED_MAX: usize = 16;

/// Time and memory are looked at every so many steps.
const STEPS_BETWEEN_LOOKS: u64 = 1024;

/// Is there an order of `spans`, from any of the states `starts`, that explains them?
pub(crate) fn search<M: Model>(
    model: &mut M,
    spans: &[Span<M::Op>],
    starts: &[M::State],
    budget: &Budget<'_>,
) -> Found<M::State> {
    let plan = match plan(model, spans) {
        Ok(plan) => plan,
        Err(open) => return Found::GaveUp(GaveUp::Open(open), None),
    };
    match plan.slots {
        0..=64 => Search::<M, 1>::new(model, spans, &plan, *budget).run(starts),
        65..=256 => Search::<M, 4>::new(model, spans, &plan, *budget).run(starts),
        _ => Search::<M, 16>::new(model, spans, &plan, *budget).run(starts),
    }
}

/// A state, and what may and must be done with each open operation.
#[derive(Debug, Clone, Copy)]
struct Config<S, const W: usize> {
    state: S,
    skip: Mask<W>,
    usable: Mask<W>,
}

/// A place with more than one way on; its choices lie on the common stack from `choices` on.
#[derive(Debug)]
struct Frame<S, const W: usize> {
    position: usize,
    choices: usize,
    /// How many choices led here.
    taken: usize,
    config: Config<S, W>,
}

/// A way on from the return of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// The operation that returns was hidden, or never happened.
    Skip,
    /// The operation in this slot has its place now.
    Use(u16),
}

/// A choice, and the return at which it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Taken {
    position: u32,
    choice: Choice,
    /// The operation that was used, or [`NONE`].
    span: u32,
}

struct Search<'a, M: Model, const W: usize> {
    model: &'a mut M,
    spans: &'a [Span<M::Op>],
    plan: &'a Plan<M::State>,
    budget: Budget<'a>,
    steps: u64,
    memo: Memo<M::State, W>,
    frames: Vec<Frame<M::State, W>>,
    choices: Vec<Choice>,
    /// The choices that led to the place at hand.
    taken: Vec<Taken>,
    /// How often each operation is used in them, where that is counted.
    uses: Vec<u32>,
    /// The event that comes next.
    position: usize,
    /// The operation in each slot, at `position`.
    occupants: Vec<u32>,
    /// Slots whose operation is pure, always legal, or blind.
    pure: Mask<W>,
    total: Mask<W>,
    blind: Mask<W>,
    /// Slots whose operation needs one state.
    needing: Mask<W>,
    /// For each state the slots whose operation gives it.
    givers: Vec<Mask<W>>,
    /// For each class and status when it was last offered as a choice.
    offered: Vec<u64>,
    offers: u64,
    furthest: Option<(usize, Stuck<M::State>)>,
}

impl<'a, M: Model, const W: usize> Search<'a, M, W>
where
    M::State: Hash,
{
    fn new(model: &'a mut M, spans: &'a [Span<M::Op>], plan: &'a Plan<M::State>, budget: Budget<'a>) -> Self {
        Self {
            model,
            spans,
            plan,
            budget,
            steps: 0,
            memo: Memo::new(),
            frames: Vec::new(),
            choices: Vec::new(),
            taken: Vec::new(),
            uses: vec![0; budget.counted.map_or(0, <[Vec<u32>]>::len)],
            position: 0,
            occupants: vec![0; plan.slots],
            pure: Mask::EMPTY,
            total: Mask::EMPTY,
            blind: Mask::EMPTY,
            needing: Mask::EMPTY,
            givers: vec![Mask::EMPTY; plan.supply.states.len()],
            offered: vec![0; plan.class_count * 2],
            offers: 0,
            furthest: None,
        }
    }

    fn run(mut self, starts: &[M::State]) -> Found<M::State> {
        for &state in starts {
            self.position = 0;
            self.take_back(0);
            match self.run_from(Config {
                state,
                skip: Mask::EMPTY,
                usable: Mask::EMPTY,
            }) {
                Ok(Some(())) => {
                    return Found::Order(witness::order(
                        self.model,
                        self.spans,
                        self.plan,
                        state,
                        &self.taken,
                    ));
                }
                Ok(None) => {}
                Err(reason) => return Found::GaveUp(reason, self.furthest.map(|(_, stuck)| stuck)),
            }
        }
        let (_, stuck) = self
            .furthest
            .expect("a search that finds no order was stuck somewhere");
        Found::Refuted(stuck)
    }

    fn run_from(&mut self, mut config: Config<M::State, W>) -> Result<Option<()>, GaveUp> {
        loop {
            if !self.advance(&mut config) {
                return Ok(Some(()));
            }
            self.look_at_budget()?;
            let nowhere = self.leads_nowhere(&config).or_else(|| self.lacks_supply(&config));
            self.note(nowhere.unwrap_or(self.position), config.state);
            let position = u32::try_from(self.position).expect("events are limited to EVENTS_MAX");
            if nowhere.is_none()
                && self
                    .memo
                    .visit(position, config.state, config.skip, config.usable)
                    == Visit::New
            {
                let choices = self.choices.len();
                self.offer(&config);
                self.frames.push(Frame {
                    position: self.position,
                    choices,
                    taken: self.taken.len(),
                    config,
                });
            }
            match self.next_choice() {
                Some(next) => config = next,
                None => return Ok(None),
            }
        }
    }

    /// Goes on to the next return of an operation that has no place yet; false at the end.
    fn advance(&mut self, config: &mut Config<M::State, W>) -> bool {
        while let Some(&Event { span, slot, edge }) = self.plan.events.get(self.position) {
            match edge {
                Edge::Return if config.usable.has(slot) => return true,
                Edge::Return => config.skip.remove(slot),
                Edge::Call => {
                    self.occupy(slot, span);
                    config.usable.add(slot);
                    if self.spans[span as usize].is_optional() {
                        config.skip.add(slot);
                    }
                    if self.pure.has(slot) {
                        self.settle(config, slot);
                    }
                }
            }
            self.position += 1;
        }
        false
    }

    /// Goes back to the event `position`.
    fn rewind(&mut self, position: usize) {
        while self.position > position {
            self.position -= 1;
            let Event { span, slot, edge } = self.plan.events[self.position];
            match edge {
                Edge::Return => self.occupy(slot, span),
                Edge::Call => {}
            }
        }
    }

    fn occupy(&mut self, slot: u16, span: u32) {
        let before = std::mem::replace(&mut self.occupants[slot as usize], span);
        self.occupy_supply(slot, before, span);
        self.pure.remove(slot);
        self.total.remove(slot);
        self.blind.remove(slot);
        match self.nature(slot) {
            Nature::Pure => self.pure.add(slot),
            Nature::Blind => {
                self.total.add(slot);
                self.blind.add(slot);
            }
            Nature::Total => self.total.add(slot),
            Nature::Conditional => {}
        }
    }

    fn occupy_supply(&mut self, slot: u16, before: u32, after: u32) {
        let supply = &self.plan.supply;
        if !supply.is_known() {
            return;
        }
        if let Some(givers) = self.givers.get_mut(supply.gives[before as usize] as usize) {
            givers.remove(slot);
        }
        if let Some(givers) = self.givers.get_mut(supply.gives[after as usize] as usize) {
            givers.add(slot);
        }
        if supply.needs[after as usize] == NONE {
            self.needing.remove(slot);
        } else {
            self.needing.add(slot);
        }
    }

    fn op(&self, slot: u16) -> M::Op {
        self.spans[self.occupants[slot as usize] as usize].op
    }

    fn nature(&self, slot: u16) -> Nature {
        self.model.nature(self.op(slot))
    }

    /// Gives a pure operation its place, if it is legal now.
    fn settle(&mut self, config: &mut Config<M::State, W>, slot: u16) {
        if self.model.step(config.state, self.op(slot)).is_some() {
            config.skip.add(slot);
            config.usable.remove(slot);
        }
    }

    /// Puts the ways on from here on the stack, the best one last.
    fn offer(&mut self, config: &Config<M::State, W>) {
        let returning = self.plan.events[self.position].slot;
        let due = |slot: &u16| self.spans[self.occupants[*slot as usize] as usize].ret;
        let is_unseen = self.is_unseen(config);
        let matters = |slot: u16| !is_unseen || slot == returning || self.blind.has(slot);
        let mut slots: Vec<u16> = config
            .usable
            .slots()
            .filter(|&slot| !self.pure.has(slot) && matters(slot))
            .collect();
        slots.sort_by_key(due);
        self.offers += 1;
        let first = self.choices.len();
        if config.skip.has(returning) {
            self.choices.push(Choice::Skip);
        }
        for slot in slots {
            let class = self.plan.classes[self.occupants[slot as usize] as usize] as usize;
            let offered = &mut self.offered[class * 2 + usize::from(config.skip.has(slot))];
            if *offered != self.offers {
                *offered = self.offers;
                self.choices.push(Choice::Use(slot));
            }
        }
        self.choices[first..].reverse();
    }

    /// Takes the next choice that is legal, at the latest place that has one left.
    fn next_choice(&mut self) -> Option<Config<M::State, W>> {
        while let Some(frame) = self.frames.last() {
            let (position, config, first) = (frame.position, frame.config, frame.choices);
            let taken = frame.taken;
            let choice = if self.choices.len() > first {
                self.choices.pop()
            } else {
                None
            };
            if self.choices.len() == first {
                self.frames.pop();
            }
            let Some(choice) = choice else { continue };
            self.rewind(position);
            self.take_back(taken);
            self.note_taken(choice);
            if let Some(next) = self.take(config, choice) {
                return Some(next);
            }
        }
        None
    }

    /// Forgets all choices but the first `kept`.
    fn take_back(&mut self, kept: usize) {
        for taken in self.taken.drain(kept..) {
            if let Some(uses) = self.uses.get_mut(taken.span as usize) {
                *uses -= 1;
            }
        }
    }

    fn note_taken(&mut self, choice: Choice) {
        let position = u32::try_from(self.position).expect("events are limited to EVENTS_MAX");
        let span = match choice {
            Choice::Skip => NONE,
            Choice::Use(slot) => self.occupants[slot as usize],
        };
        if let Some(uses) = self.uses.get_mut(span as usize) {
            *uses += 1;
        }
        self.taken.push(Taken {
            position,
            choice,
            span,
        });
    }

    /// Whether an operation that stands for others is used more often than they were called.
    fn is_overused(&self, span: usize) -> bool {
        let Some(calls) = self.budget.counted.map(|calls| &calls[span]) else {
            return false;
        };
        let now = self.spans[self.plan.events[self.position].span as usize].ret;
        self.uses[span] as usize > calls.partition_point(|&call| call < now)
    }

    fn take(&mut self, mut config: Config<M::State, W>, choice: Choice) -> Option<Config<M::State, W>> {
        let returning = self.plan.events[self.position].slot;
        match choice {
            Choice::Skip => {
                config.skip.remove(returning);
                config.usable.remove(returning);
                self.position += 1;
            }
            Choice::Use(slot) => {
                let state = self.model.step(config.state, self.op(slot))?;
                // Something else goes first only so that the operation which returns can have its place after it.
                config.skip.remove(returning);
                config.skip.add(slot);
                let span = self.occupants[slot as usize] as usize;
                match self.spans[span].duty {
                    Duty::Endless if self.is_overused(span) => return None,
                    Duty::Endless => {}
                    Duty::Must | Duty::May => config.usable.remove(slot),
                }
                if self.nature(slot) == Nature::Blind {
                    config.skip = config.skip.or(&config.usable.and(&self.total));
                }
                config.state = state;
                for pure in config.usable.and(&self.pure).slots() {
                    self.settle(&mut config, pure);
                }
            }
        }
        Some(config)
    }

    /// Whether nobody sees the state before a blind operation replaces it: then it does not matter in which order the operations
    /// before that one come, and only the one that returns need have its place.
    fn is_unseen(&self, config: &Config<M::State, W>) -> bool {
        if !M::GROWS || self.budget.lookahead == Lookahead::Off {
            return false;
        }
        let leads = |span: u32| self.model.may_lead_to(config.state, self.spans[span as usize].op);
        // When the first of them has to return; by then the state has been replaced.
        let mut due = None;
        for slot in config.usable.and(&self.pure).slots() {
            let span = self.occupants[slot as usize];
            if leads(span) {
                return false;
            }
            due = due.into_iter().chain([self.spans[span as usize].ret]).min();
        }
        let mut position = self.plan.pure_call_from[self.position] as usize;
        while let Some(&Event { span, .. }) = self.plan.events.get(position) {
            let Span { call, ret, .. } = self.spans[span as usize];
            if due.is_some_and(|due| call > due) {
                return true;
            }
            if leads(span) {
                return false;
            }
            due = due.into_iter().chain([ret]).min();
            position = self.plan.pure_call_from[position + 1] as usize;
        }
        due.is_some()
    }

    /// The return of the next pure operation without a place, if nothing can lead there from the state.
    fn leads_nowhere(&self, config: &Config<M::State, W>) -> Option<usize> {
        if !M::GROWS || self.budget.lookahead == Lookahead::Off || config.usable.meets(&self.blind) {
            return None;
        }
        let now = self.spans[self.plan.events[self.position].span as usize].ret;
        let until = self.plan.blind_call_from[self.position];
        let mut position = self.plan.pure_return_from[self.position];
        while position < until {
            let Event { span, slot, .. } = self.plan.events[position as usize];
            let span = self.spans[span as usize];
            let has_place = span.call < now && !config.usable.has(slot);
            if !has_place {
                let leads = self.model.may_lead_to(config.state, span.op);
                return (!leads).then_some(position as usize);
            }
            position = self.plan.pure_return_from[position as usize + 1];
        }
        None
    }

    /// The return of an operation that needs a state which nobody can give any more.
    fn lacks_supply(&self, config: &Config<M::State, W>) -> Option<usize> {
        let supply = &self.plan.supply;
        if !supply.is_known() || self.budget.lookahead == Lookahead::Off {
            return None;
        }
        let is_there = |state: u32| supply.states[state as usize] == config.state;
        let required = supply.required_by[self.position];
        if required != NONE && !is_there(supply.needs[required as usize]) {
            return Some(supply.return_of[required as usize] as usize);
        }
        let demanded = config.usable.without(&config.skip).and(&self.needing);
        demanded.slots().find_map(|slot| {
            let span = self.occupants[slot as usize] as usize;
            let state = supply.needs[span];
            let is_served = is_there(state)
                || supply.called_until[span] as usize > self.position
                || config.usable.meets(&self.givers[state as usize]);
            (!is_served).then_some(supply.return_of[span] as usize)
        })
    }

    fn note(&mut self, at: usize, state: M::State) {
        match &mut self.furthest {
            Some((position, _)) if *position > at => {}
            Some((position, stuck)) if *position == at => {
                if stuck.states.len() < STATES_NOTED_MAX && !stuck.states.contains(&state) {
                    stuck.states.push(state);
                }
            }
            _ => {
                let span = self.plan.events[at].span as usize;
                self.furthest = Some((
                    at,
                    Stuck {
                        span,
                        states: vec![state],
                    },
                ));
            }
        }
    }

    fn look_at_budget(&mut self) -> Result<(), GaveUp> {
        self.steps += 1;
        if self.steps > self.budget.steps_max {
            return Err(GaveUp::Steps);
        }
        if self.steps % STEPS_BETWEEN_LOOKS != 1 {
            return Ok(());
        }
        if !(self.budget.may_go_on)() {
            return Err(GaveUp::Time);
        }
        let stacks = self.frames.capacity() * size_of::<Frame<M::State, W>>()
            + self.choices.capacity() * size_of::<Choice>();
        if self.memo.bytes().saturating_add(self.model.memory_bytes()) + stacks as u64
            > self.budget.memory_bytes_max
        {
            return Err(GaveUp::Memory);
        }
        Ok(())
    }
}
