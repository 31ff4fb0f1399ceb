//! Pairs the two edges of each operation, or refuses.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Clock, Defect, EVENTS_MAX, Ending, FOREVER, History, Operation, Order, Time};
use crate::journal::{Client, Edge, Entry, Event, Index, Nemesis};
use crate::op::{Function, Invocation, Key, Outcome, Process};
use crate::values::{Values, one_line};

/// Builds a history event by event.
///
/// ```
/// use histories::history::{History, Time};
/// use histories::{Function, Outcome};
/// use serde_json::json;
///
/// let mut builder = History::builder();
/// builder.ask(Time(10), 0, Function::Write, "k", json!(1))?;
/// builder.ask(Time(12), 1, Function::Read, "k", json!(null))?;
/// builder.answer(Time(15), 0, Outcome::Ok(json!(1)))?;
/// builder.answer(Time(19), 1, Outcome::Info { error: "timeout".to_owned() })?;
/// let history = builder.finish();
/// assert_eq!(history.operations().len(), 2);
/// assert_eq!(history.operations()[0].ret, Some(Time(15)));
/// assert_eq!(history.operations()[1].ret, None, "it may happen at any later time");
/// # Ok::<(), histories::history::Defect>(())
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    operations: Vec<Operation>,
    nemesis: Vec<(Index, Time, Nemesis)>,
    open: BTreeMap<Process, Open>,
    events: u64,
    last: Option<Time>,
    values: Values,
    clock: Clock,
}

/// An invocation that waits for its completion.
#[derive(Debug, Clone, Copy)]
struct Open {
    place: usize,
    line: u64,
}

/// An edge of an operation, with its values as JSON.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    pub(crate) index: Index,
    pub(crate) t: Time,
    pub(crate) line: u64,
    pub(crate) process: Process,
    pub(crate) edge: Edge,
    pub(crate) f: Function,
    pub(crate) key: Option<Key>,
    pub(crate) value: Value,
    pub(crate) error: Option<String>,
    pub(crate) saw: Option<Value>,
}

impl Builder {
    /// An empty history whose times mean what `clock` says.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            operations: Vec::new(),
            nemesis: Vec::new(),
            open: BTreeMap::new(),
            events: 0,
            last: None,
            values: Values::default(),
            clock,
        }
    }

    /// A process asks.
    ///
    /// # Errors
    /// When it still waits for something, or time runs backwards.
    pub fn ask(&mut self, t: Time, process: u64, f: Function, key: &str, value: Value) -> Result<(), Defect> {
        let key = if key.is_empty() {
            None
        } else {
            Some(Key::from(key))
        };
        self.happen(Happening {
            key,
            value,
            ..self.blank(t, process, f)
        })
    }

    /// A process asks what `invocation` says.
    ///
    /// # Errors
    /// When it still waits for something, or time runs backwards.
    pub fn invoke(&mut self, t: Time, invocation: &Invocation) -> Result<(), Defect> {
        let Invocation {
            process,
            f,
            key,
            value,
        } = invocation;
        self.ask(t, process.0, *f, &key.0, value.clone())
    }

    /// A process learns what came of what it asked.
    ///
    /// # Errors
    /// When it asked nothing, or time runs backwards.
    pub fn answer(&mut self, t: Time, process: u64, outcome: Outcome) -> Result<(), Defect> {
        let open = self
            .open
            .get(&Process(process))
            .ok_or(Defect::NotInvoked(Process(process)))?;
        let Operation { f, key, .. } = &self.operations[open.place];
        let blank = Happening {
            key: key.clone(),
            ..self.blank(t, process, *f)
        };
        self.happen(match outcome {
            Outcome::Ok(value) => Happening {
                edge: Edge::Ok,
                value,
                ..blank
            },
            Outcome::Fail { error, saw } => Happening {
                edge: Edge::Fail,
                error: Some(error),
                saw,
                ..blank
            },
            Outcome::Info { error } => Happening {
                edge: Edge::Info,
                error: Some(error),
                ..blank
            },
        })
    }

    fn blank(&self, t: Time, process: u64, f: Function) -> Happening {
        Happening {
            index: Index(self.events),
            t,
            line: self.events + 1,
            process: Process(process),
            edge: Edge::Invoke,
            f,
            key: None,
            value: Value::Null,
            error: None,
            saw: None,
        }
    }

    /// Takes the next entry of a journal; its values belong to the table given to [`Builder::finish_with`].
    pub(crate) fn entry(&mut self, entry: Entry) -> Result<(), Defect> {
        let Entry {
            index,
            t,
            line,
            event,
        } = entry;
        if self.last.is_some_and(|last| t < last) {
            return Err(Defect::Backwards {
                before: self.last.unwrap_or_default().0,
                after: t.0,
            });
        }
        if self.events >= EVENTS_MAX {
            return Err(Defect::TooLong(EVENTS_MAX));
        }
        self.events += 1;
        self.last = Some(t);
        match event {
            Event::Nemesis(nemesis) => {
                self.nemesis.push((index, t, nemesis));
                Ok(())
            }
            Event::Client(client) if client.edge == Edge::Invoke => self.begin(index, t, line, client),
            Event::Client(client) => self.end(t, client),
        }
    }

    /// The history. Operations that are still open stay open for ever.
    #[must_use]
    pub fn finish(mut self) -> History {
        let values = std::mem::take(&mut self.values);
        self.finish_with(values)
    }

    /// The history, whose values are in `values`.
    pub(crate) fn finish_with(mut self, values: Values) -> History {
        rank(&mut self.operations);
        History {
            operations: self.operations,
            nemesis: self.nemesis,
            values,
            clock: self.clock,
        }
    }

    /// Takes an event whose values are not in the table yet.
    pub(crate) fn happen(&mut self, happening: Happening) -> Result<(), Defect> {
        let Happening {
            index,
            t,
            line,
            process,
            edge,
            f,
            key,
            value,
            error,
            saw,
        } = happening;
        let value = self.values.intern_datum(value);
        let saw = saw.map(|saw| self.values.intern_datum(saw));
        let client = Client {
            process,
            edge,
            f,
            key,
            value,
            error,
            saw,
            node: None,
        };
        self.entry(Entry {
            index,
            t,
            line,
            event: Event::Client(client),
        })
    }

    /// Takes an event of the nemesis.
    pub(crate) fn nemesis(&mut self, index: Index, t: Time, nemesis: Nemesis) -> Result<(), Defect> {
        self.entry(Entry {
            index,
            t,
            line: 0,
            event: Event::Nemesis(nemesis),
        })
    }

    /// What the times mean.
    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    fn begin(&mut self, index: Index, t: Time, line: u64, client: Client) -> Result<(), Defect> {
        let Client {
            process,
            f,
            key,
            value,
            ..
        } = client;
        if let Some(open) = self.open.get(&process) {
            let waits_for = self.operations[open.place].f;
            return Err(Defect::Busy {
                process,
                f: waits_for,
                line: open.line,
            });
        }
        self.open.insert(
            process,
            Open {
                place: self.operations.len(),
                line,
            },
        );
        let order = Order {
            call: self.event_number(),
            ret: FOREVER,
        };
        let ending = Ending::Unfinished;
        self.operations.push(Operation {
            index,
            process,
            f,
            key,
            value,
            call: t,
            ret: None,
            completed: None,
            ending,
            order,
        });
        Ok(())
    }

    fn end(&mut self, t: Time, client: Client) -> Result<(), Defect> {
        let number = self.event_number();
        let Some(open) = self.open.get(&client.process).copied() else {
            return Err(Defect::NotInvoked(client.process));
        };
        let operation = &mut self.operations[open.place];
        if operation.f != client.f || operation.key != client.key {
            return Err(Defect::OtherOperation {
                process: client.process,
                completed: name(client.f, client.key.as_ref()),
                invoked: name(operation.f, operation.key.as_ref()),
                line: open.line,
            });
        }
        self.open.remove(&client.process);
        let error: Arc<str> = client.error.as_deref().unwrap_or_default().into();
        operation.completed = Some(t);
        operation.ending = match client.edge {
            Edge::Ok => Ending::Ok(client.value),
            Edge::Fail => Ending::Fail {
                error,
                saw: client.saw,
            },
            Edge::Info | Edge::Invoke => Ending::Info { error },
        };
        if !operation.is_indeterminate() {
            operation.ret = Some(t);
            operation.order.ret = number;
        }
        Ok(())
    }

    /// The number of the event that is being taken, from 0.
    fn event_number(&self) -> u32 {
        u32::try_from(self.events - 1).expect("events are limited to EVENTS_MAX")
    }
}

fn name(f: Function, key: Option<&Key>) -> String {
    key.map_or_else(|| f.to_string(), |key| format!("{f} of {}", one_line(&key.0)))
}

/// Turns event numbers into the order that all checkers use: by time, of equal times calls before returns, then as recorded.
fn rank(operations: &mut [Operation]) {
    let mut edges = Vec::with_capacity(operations.len() * 2);
    for (place, operation) in operations.iter().enumerate() {
        edges.push((operation.call, EdgeOf::Call, operation.order.call, place));
        if let Some(ret) = operation.ret {
            edges.push((ret, EdgeOf::Return, operation.order.ret, place));
        }
    }
    edges.sort_unstable();
    for (number, (_, edge, _, place)) in edges.into_iter().enumerate() {
        let number = u32::try_from(number).expect("events are limited to EVENTS_MAX");
        match edge {
            EdgeOf::Call => operations[place].order.call = number,
            EdgeOf::Return => operations[place].order.ret = number,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum EdgeOf {
    Call,
    Return,
}
