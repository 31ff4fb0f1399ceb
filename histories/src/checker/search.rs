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

mod ahead;
mod budget;
mod choice;
mod found;
mod mask;
mod memo;
mod plan;
mod supply;
mod walk;
mod witness;

use std::hash::Hash;

use crate::model::{Model, Nature};

use super::span::Span;
use choice::{Choice, Taken};
use mask::Mask;
use memo::{Memo, Visit};
use plan::{Plan, plan};

pub(crate) use budget::{Budget, Forgets, Lookahead, Stalled};
pub(crate) use found::{Found, GaveUp, Stuck};

/// Is there an order of `spans`, from any of the states `starts`, that explains them?
pub(crate) fn search<M: Model>(
    model: &mut M,
    spans: &[Span<M::Op>],
    starts: &[M::State],
    budget: &Budget<'_>,
) -> Found<M::State> {
    search_on(model, spans, starts, budget, &mut |_, _| false)
}

/// The same, which asks `stalled` whenever it does not get further for long.
pub(crate) fn search_on<M: Model>(
    model: &mut M,
    spans: &[Span<M::Op>],
    starts: &[M::State],
    budget: &Budget<'_>,
    stalled: &mut Stalled<'_, M>,
) -> Found<M::State> {
    let plan = match plan(model, spans) {
        Ok(plan) => plan,
        Err(open) => return Found::GaveUp(GaveUp::Open(open), None),
    };
    match plan.slots {
        0..=64 => Search::<M, 1>::new(model, spans, &plan, *budget).run(starts, stalled),
        65..=256 => Search::<M, 4>::new(model, spans, &plan, *budget).run(starts, stalled),
        _ => Search::<M, 16>::new(model, spans, &plan, *budget).run(starts, stalled),
    }
}

/// How many states are kept of the furthest event.
const STATES_NOTED_MAX: usize = 16;

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

struct Search<'a, M: Model, const W: usize> {
    model: &'a mut M,
    spans: &'a [Span<M::Op>],
    plan: &'a Plan<M::State>,
    budget: Budget<'a>,
    steps: u64,
    /// How many there had been when it got as far as it has got.
    steps_to_furthest: u64,
    stall_max: u64,
    memo: Memo<M::State, W>,
    frames: Vec<Frame<M::State, W>>,
    choices: Vec<Choice>,
    /// Room for the slots that are weighed.
    candidates: Vec<u16>,
    /// The choices that led to the place at hand.
    taken: Vec<Taken>,
    /// How often each operation is used in them, where that is counted.
    uses: Vec<u32>,
    /// Whether there would have been a way on with more uses.
    used_up: bool,
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
    /// How far it was when the memo was last thinned, and how often it had been since it was there.
    forgot: Option<(usize, u32)>,
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
            steps_to_furthest: 0,
            stall_max: budget.stall_max.saturating_mul(plan.slots as u64),
            memo: Memo::new(),
            frames: Vec::new(),
            choices: Vec::new(),
            candidates: Vec::new(),
            taken: Vec::new(),
            uses: vec![0; budget.counted.map_or(0, <[Vec<u32>]>::len)],
            used_up: false,
            position: 0,
            occupants: vec![0; plan.slots],
            pure: Mask::EMPTY,
            total: Mask::EMPTY,
            blind: Mask::EMPTY,
            needing: Mask::EMPTY,
            givers: vec![Mask::EMPTY; plan.supply.states.len()],
            offered: vec![0; plan.kinds.len() * 2],
            offers: 0,
            furthest: None,
            forgot: None,
        }
    }

    fn run(mut self, starts: &[M::State], stalled: &mut Stalled<'_, M>) -> Found<M::State> {
        for &state in starts {
            self.position = 0;
            self.take_back(0);
            let config = Config {
                state,
                skip: Mask::EMPTY,
                usable: Mask::EMPTY,
            };
            match self.run_from(config, stalled) {
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
        if self.used_up {
            Found::GaveUp(GaveUp::Steps, Some(stuck))
        } else {
            Found::Refuted(stuck)
        }
    }

    fn run_from(
        &mut self,
        mut config: Config<M::State, W>,
        stalled: &mut Stalled<'_, M>,
    ) -> Result<Option<()>, GaveUp> {
        loop {
            if !self.advance(&mut config) {
                return Ok(Some(()));
            }
            self.look_at_budget(stalled)?;
            let nowhere = self.leads_nowhere(&config).or_else(|| self.lacks_supply(&config));
            self.note(nowhere.unwrap_or(self.position), config.state);
            if nowhere.is_none() && self.is_forced(&config) {
                if let Some(next) = self.follow(config, Choice::Use(self.returning())) {
                    config = next;
                    continue;
                }
                match self.next_choice() {
                    Some(next) => config = next,
                    None => return Ok(None),
                }
                continue;
            }
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

    fn op(&self, slot: u16) -> M::Op {
        self.spans[self.occupants[slot as usize] as usize].op
    }

    fn nature(&self, slot: u16) -> Nature {
        self.plan.kind(self.occupants[slot as usize]).nature
    }

    /// Gives a pure operation its place, if it is legal now.
    fn settle(&mut self, config: &mut Config<M::State, W>, slot: u16) {
        if self.model.step(config.state, self.op(slot)).is_some() {
            config.skip.add(slot);
            config.usable.remove(slot);
        }
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
                self.steps_to_furthest = self.steps;
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
}
