//! Where the states come from that operations need: what the search knows beforehand.
//!
//! An operation that can only have been answered in one state needs somebody who leaves that state behind, a *giver*, or the state is
//! there already. So
//!
//! * once the last giver of a state that can serve an operation has returned, and until that operation is called, the object must hold
//!   that state: it is *required* there;
//! * an open operation whose state is not there, with no giver open that can still be used and none called before it returns, has no
//!   place any more.

use std::hash::{BuildHasher, BuildHasherDefault, Hash};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::plan::{Event, Kind};
use crate::checker::span::Span;
use crate::checker::timeline::Edge;
use crate::model::{Gives, Model};

/// No state.
pub(super) const NONE: u32 = u32::MAX;

/// What is known beforehand; empty if some operation may leave anything behind.
#[derive(Debug, Default)]
pub(super) struct Supply<S> {
    /// The states that are needed or given, by their numbers.
    pub(super) states: Vec<S>,
    /// For each operation the last event before its return at which a giver of what it needs is called, plus one; 0 if there is none.
    pub(super) called_until: Vec<u32>,
    /// For each event the operation because of which some state is required just before it, or [`NONE`].
    pub(super) required_by: Vec<u32>,
    /// For each operation the event at which it returns, or [`NONE`].
    pub(super) return_of: Vec<u32>,
}

/// What is known of the givers of one state while going along the events.
#[derive(Debug, Clone, Copy)]
struct Givers {
    /// The latest event at which one of those called so far returns, plus one; 0 for none.
    gone_from: u32,
    /// The last event at which one was called, plus one; 0 for none.
    called_until: u32,
}

impl<S: Copy + Eq + Hash> Supply<S> {
    /// Whether anything is known.
    pub(super) fn is_known(&self) -> bool {
        !self.return_of.is_empty()
    }

    /// What is known of `spans`, and of each class of them, of which `ops` says what.
    pub(super) fn of<M: Model<State = S>>(
        model: &M,
        spans: &[Span<M::Op>],
        events: &[Event],
        (classes, ops): (&[u32], &[M::Op]),
    ) -> (Self, Vec<Kind>) {
        let mut supply = Self {
            states: Vec::new(),
            called_until: Vec::new(),
            required_by: Vec::new(),
            return_of: Vec::new(),
        };
        let mut numbers = HashTable::new();
        let kinds: Vec<Kind> = ops
            .iter()
            .map(|&op| supply.kind(model, op, &mut numbers))
            .collect();
        if ops.iter().any(|&op| model.gives(op) == Gives::Anything) {
            return (supply, kinds);
        }
        supply.return_of = vec![NONE; spans.len()];
        for (position, event) in (0..).zip(events) {
            if event.edge == Edge::Return {
                supply.return_of[event.span as usize] = position;
            }
        }
        supply.go_along(spans, events, |span| &kinds[classes[span] as usize]);
        (supply, kinds)
    }

    fn kind<M: Model<State = S>>(&mut self, model: &M, op: M::Op, numbers: &mut HashTable<u32>) -> Kind {
        let needs = model.needs(op).map_or(NONE, |state| self.number(numbers, state));
        let gives = match model.gives(op) {
            Gives::Nothing | Gives::Anything => NONE,
            Gives::State(state) => self.number(numbers, state),
        };
        Kind {
            nature: model.nature(op),
            needs,
            gives,
        }
    }

    fn number(&mut self, numbers: &mut HashTable<u32>, state: S) -> u32 {
        let hasher = BuildHasherDefault::<FxHasher>::default();
        let states = &mut self.states;
        let fresh = u32::try_from(states.len()).expect("events are limited to EVENTS_MAX");
        let hash = hasher.hash_one(state);
        if let Some(&known) = numbers.find(hash, |&number| states[number as usize] == state) {
            return known;
        }
        states.push(state);
        numbers.insert_unique(hash, fresh, |&number| hasher.hash_one(states[number as usize]));
        fresh
    }

    fn go_along<'a, Op>(&mut self, spans: &[Span<Op>], events: &[Event], kind: impl Fn(usize) -> &'a Kind) {
        let none = Givers {
            gone_from: 0,
            called_until: 0,
        };
        let mut givers = vec![none; self.states.len()];
        let mut call_of = vec![0_u32; spans.len()];
        self.called_until = vec![0; spans.len()];
        // From which event up to which one a state is required, and because of whom.
        let mut required: Vec<(u32, u32, u32)> = Vec::new();
        for (position, &Event { span, edge, .. }) in (0_u32..).zip(events) {
            let number = span as usize;
            match edge {
                Edge::Call => {
                    call_of[number] = position;
                    if let Some(givers) = givers.get_mut(kind(number).gives as usize) {
                        givers.called_until = position + 1;
                        givers.gone_from = givers.gone_from.max(self.return_of[number].saturating_add(1));
                    }
                }
                Edge::Return => {
                    let Some(givers) = givers.get(kind(number).needs as usize) else {
                        continue;
                    };
                    self.called_until[number] = givers.called_until;
                    if !spans[number].is_optional() && givers.gone_from <= call_of[number] {
                        required.push((givers.gone_from, call_of[number], span));
                    }
                }
            }
        }
        self.require(required, events.len());
    }

    fn require(&mut self, mut required: Vec<(u32, u32, u32)>, events: usize) {
        required.sort_unstable();
        self.required_by = vec![NONE; events];
        let mut next = 0;
        for (from, until, span) in required {
            for position in from.max(next)..=until {
                self.required_by[position as usize] = span;
            }
            next = next.max(until + 1);
        }
    }
}
