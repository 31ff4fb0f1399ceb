//! A stretch of time in a history: some operations on one object, and what was wrong meanwhile.
//!
//! Times differ by powers of ten, and what matters is what came before what. So each moment at which something begins or ends has a
//! place of its own, the next one to the right of the one before: the order is to scale, the time is not.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::checker::narrator::Narrator;
use crate::history::{Clock, Ending, History, Operation, OperationId, Time};
use crate::journal::Index;
use crate::op::{Function, Process};
use crate::verdict::Anomaly;

/// Something that was wrong for a time, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// What.
    pub name: String,
    /// From when.
    pub from: Time,
    /// Until when.
    pub to: Time,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// The object.
    pub key: Option<String>,
    /// The operations, in the order of their calls.
    pub rows: Vec<Row>,
    /// What was wrong while they went on.
    pub bands: Vec<Span>,
    /// When it begins and ends, in words.
    pub times: [String; 2],
    /// How many places there are.
    pub places: usize,
    /// Operations on the object at that time that are not shown.
    pub hidden: usize,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its journal line.
    pub index: Index,
    /// Who asked.
    pub process: Process,
    /// What was asked and answered.
    pub told: String,
    /// Whether it belongs to the proof.
    pub part: Part,
    /// From when until when.
    pub span: Span,
}

/// What an operation is in a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It belongs to the proof.
    Proof,
    /// It went on meanwhile.
    Around,
}

/// From one place to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// What is written beside it, if that is not said elsewhere.
    pub name: String,
    /// Where it begins.
    pub from: usize,
    /// Where it ends; none if it may go on for ever.
    pub to: Option<usize>,
}

/// More operations than this are not drawn, unless they belong to the proof.
const ROWS_MAX: usize = 14;

/// An operation, and until when it is drawn.
#[derive(Clone, Copy)]
struct Shown<'a> {
    id: OperationId,
    operation: Operation<'a>,
    part: Part,
}

impl Scene {
    /// The scene of `anomaly`, if operations of `history` prove it; what of `bands` goes on meanwhile is drawn as well.
    #[must_use]
    pub fn of(history: &History, anomaly: &Anomaly, bands: &[Band]) -> Option<Self> {
        let named: BTreeSet<Index> = anomaly.ops.iter().copied().collect();
        let proof: Vec<Shown<'_>> = operations(history)
            .filter(|(_, operation)| named.contains(&operation.index))
            .map(|(id, operation)| Shown {
                id,
                operation,
                part: Part::Proof,
            })
            .collect();
        let from = proof.iter().map(|shown| shown.operation.call).min()?;
        let to = proof.iter().map(|shown| shown.end()).max()?;
        let (shown, hidden) = with_those_around(history, proof, from, to);
        let bands: Vec<&Band> = bands
            .iter()
            .filter(|band| band.from <= to && from <= band.to)
            .collect();
        Some(Self::drawn(history, &shown, &bands, hidden))
    }

    fn drawn(history: &History, shown: &[Shown<'_>], bands: &[&Band], hidden: usize) -> Self {
        let begins = shown.iter().map(|shown| shown.operation.call);
        let ends = shown.iter().filter_map(|shown| shown.operation.completed);
        let mut moments: Vec<Time> = begins.chain(ends).collect();
        let whole = moments.iter().min().copied().zip(moments.iter().max().copied());
        let (first, last) = whole.unwrap_or_default();
        moments.extend(
            bands
                .iter()
                .flat_map(|band| [band.from, band.to])
                .filter(|&moment| first < moment && moment < last),
        );
        moments.sort_unstable();
        moments.dedup();
        let place = |time: Time| moments.partition_point(|&moment| moment < time.clamp(first, last));
        let rows = shown.iter().map(|shown| shown.row(history, &place)).collect();
        let bands = bands.iter().map(|band| Span {
            name: band.name.clone(),
            from: place(band.from),
            to: Some(place(band.to)),
        });
        Self {
            key: shown
                .first()
                .and_then(|shown| shown.operation.key)
                .map(ToString::to_string),
            rows,
            bands: bands.collect(),
            times: history.clock().show([first, last]),
            places: moments.len(),
            hidden,
        }
    }
}

impl Shown<'_> {
    /// Until when somebody waited for it.
    fn end(&self) -> Time {
        self.operation.completed.unwrap_or(self.operation.call)
    }

    fn row(&self, history: &History, place: &impl Fn(Time) -> usize) -> Row {
        let Self { id, operation, part } = self;
        Row {
            index: operation.index,
            process: operation.process,
            told: told(history, *id),
            part: *part,
            span: Span {
                name: times(history.clock(), operation),
                from: place(operation.call),
                to: operation.ret.map(place),
            },
        }
    }
}

fn times(clock: Clock, operation: &Operation<'_>) -> String {
    let [call, end] = clock.show([operation.call, operation.completed.unwrap_or(operation.call)]);
    match operation.completed {
        Some(_) => format!("{call} to {end}"),
        None => format!("{call}, never answered"),
    }
}

fn operations(history: &History) -> impl Iterator<Item = (OperationId, Operation<'_>)> {
    (0..).map(OperationId).zip(history.operations())
}

/// What else was asked of the object between the two times; of too much of it what is nearest to the end.
fn with_those_around<'a>(
    history: &'a History,
    mut shown: Vec<Shown<'a>>,
    from: Time,
    to: Time,
) -> (Vec<Shown<'a>>, usize) {
    let Some(key) = shown.first().map(|shown| shown.operation.key) else {
        return (shown, 0);
    };
    let is_proof = |id: OperationId| shown.iter().any(|shown| shown.id == id);
    let mut around: Vec<Shown<'a>> = operations(history)
        .filter(|(id, operation)| operation.key == key && !is_proof(*id))
        .map(|(id, operation)| Shown {
            id,
            operation,
            part: Part::Around,
        })
        .filter(|shown| shown.operation.call <= to && from <= shown.end())
        .collect();
    around.sort_by_key(|shown| Reverse(shown.end()));
    let room = ROWS_MAX.saturating_sub(shown.len());
    let hidden = around.len().saturating_sub(room);
    shown.extend(around.into_iter().take(room));
    shown.sort_by_key(|shown| (shown.operation.call, shown.id));
    (shown, hidden)
}

/// What was asked, and what came of it.
fn told(history: &History, id: OperationId) -> String {
    let narrator = Narrator::new(history);
    let (asked, operation) = (narrator.asked(id), history.operation(id));
    let is_question = matches!(
        operation.f,
        Function::Read | Function::Get | Function::Dequeue | Function::Contains
    );
    match operation.ending {
        Ending::Ok(answer) if is_question => format!("{asked} = {}", narrator.datum(answer)),
        Ending::Ok(_) => asked,
        Ending::Fail { saw: Some(saw), .. } => format!("{asked} refused, saw {}", narrator.datum(saw)),
        Ending::Fail { .. } => format!("{asked} refused"),
        Ending::Info { .. } | Ending::Unfinished => format!("{asked} ?"),
    }
}
