//! Pairs the two edges of each operation, or refuses.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use serde_json::Value;

use super::row::{Asked, Fate, NO_KEY, Row, Tables};
use super::{Clock, Defect, EVENTS_MAX, History, Time};
use crate::journal::{Client, Edge, Entry, Event, Index, Nemesis};
use crate::op::{Function, Invocation, Key, Outcome, Process};
use crate::values::{Datum, Item, Values, one_line};

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
/// let [write, read] = [0, 1].map(|place| history.operations().get(place).unwrap());
/// assert_eq!(write.ret, Some(Time(15)));
/// assert_eq!(read.ret, None, "it may happen at any later time");
/// # Ok::<(), histories::history::Defect>(())
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    rows: Vec<Row>,
    tables: Tables,
    nemesis: Vec<(Index, Time, Nemesis)>,
    open: HashMap<Process, Open, FxBuildHasher>,
    events: u64,
    last: Option<Time>,
    /// The edges that have the time `last`, and how many edges came before them.
    tied: Vec<Tied>,
    ranked: u32,
    values: Values,
    clock: Clock,
}

/// An invocation that waits for its completion.
#[derive(Debug, Clone, Copy)]
struct Open {
    place: usize,
    line: u64,
}

/// An edge of the operation in a place.
#[derive(Debug, Clone, Copy)]
enum Tied {
    Call(usize),
    Return(usize),
}

/// An edge of an operation, with its values in the table of the builder.
#[derive(Debug, Clone)]
pub(crate) struct Happening {
    pub(crate) index: Index,
    pub(crate) t: Time,
    pub(crate) line: u64,
    pub(crate) process: Process,
    pub(crate) edge: Edge,
    pub(crate) f: Function,
    pub(crate) key: Option<Key>,
    pub(crate) value: Item,
    pub(crate) error: Option<String>,
    pub(crate) saw: Option<Item>,
}

impl Builder {
    /// An empty history whose times mean what `clock` says.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            rows: Vec::new(),
            tables: Tables::default(),
            nemesis: Vec::new(),
            open: HashMap::default(),
            events: 0,
            last: None,
            tied: Vec::new(),
            ranked: 0,
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
        let value = self.values.intern_item(value);
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
        let Row { f, key, .. } = self.rows[open.place];
        let blank = Happening {
            key: self.key(key).cloned(),
            ..self.blank(t, process, f)
        };
        let happening = match outcome {
            Outcome::Ok(value) => Happening {
                edge: Edge::Ok,
                value: self.values.intern_item(value),
                ..blank
            },
            Outcome::Fail { error, saw } => Happening {
                edge: Edge::Fail,
                error: Some(error),
                saw: saw.map(|saw| self.values.intern_item(saw)),
                ..blank
            },
            Outcome::Info { error } => Happening {
                edge: Edge::Info,
                error: Some(error),
                ..blank
            },
        };
        self.happen(happening)
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
            value: Item::NULL,
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
        if self.last.replace(t) != Some(t) {
            self.rank();
        }
        match event {
            Event::Nemesis(nemesis) => {
                self.nemesis.push((index, t, nemesis));
                Ok(())
            }
            Event::Client(mut client) => {
                // An empty name is none, in every form.
                client.key = client.key.filter(|key| !key.0.is_empty());
                match client.edge {
                    Edge::Invoke => self.begin(index, t, line, client),
                    Edge::Ok | Edge::Fail | Edge::Info => self.end(t, client),
                }
            }
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
        self.rank();
        History {
            rows: self.rows,
            tables: self.tables,
            nemesis: self.nemesis,
            values,
            clock: self.clock,
        }
    }

    /// Takes an edge of an operation.
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

    /// The table of values so far.
    pub(crate) const fn values_mut(&mut self) -> &mut Values {
        &mut self.values
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

    /// Takes `add` for `inc` if this is a counter: it is added to and read, and every answer is a whole number.
    pub(crate) fn take_adds_for_increments(&mut self) {
        let is_number = |item| match self.values.datum(item) {
            Datum::One(symbol) => self.values.int(symbol).is_some(),
            Datum::Many(_) => false,
        };
        let mut reads = 0;
        for row in &self.rows {
            match (row.f, row.fate()) {
                (Function::Read, Fate::Ok(answer)) if is_number(answer) => reads += 1,
                (Function::Read, Fate::Fail(_) | Fate::Info(_) | Fate::Unfinished) | (Function::Add, _) => {}
                _ => return,
            }
        }
        if reads > 0 {
            let adds = self.rows.iter_mut().filter(|row| row.f == Function::Add);
            adds.for_each(|row| row.f = Function::Inc);
        }
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
        let place = self.rows.len();
        if let Some(open) = self.open.get(&process) {
            let waits_for = self.rows[open.place].f;
            return Err(Defect::Busy {
                process,
                f: waits_for,
                line: open.line,
            });
        }
        self.open.insert(process, Open { place, line });
        self.tied.push(Tied::Call(place));
        self.rows.push(Row::new(Asked {
            call: t,
            process,
            index,
            key: self.tables.ask(key.as_ref()),
            value,
            f,
        }));
        Ok(())
    }

    fn end(&mut self, t: Time, client: Client) -> Result<(), Defect> {
        let Some(&Open { place, line }) = self.open.get(&client.process) else {
            return Err(Defect::NotInvoked(client.process));
        };
        let Row { f, key, .. } = self.rows[place];
        if f != client.f || self.key(key) != client.key.as_ref() {
            return Err(Defect::OtherOperation {
                process: client.process,
                completed: name(client.f, client.key.as_ref()),
                invoked: name(f, self.key(key)),
                line,
            });
        }
        self.open.remove(&client.process);
        let error = client.error.as_deref().unwrap_or_default();
        let fate = match client.edge {
            Edge::Ok => Fate::Ok(client.value),
            Edge::Fail => Fate::Fail(self.tables.failure(error, client.saw)),
            Edge::Info | Edge::Invoke => Fate::Info(self.tables.reasons.number(error)),
        };
        self.rows[place].complete(t, fate);
        match fate {
            Fate::Ok(_) | Fate::Fail(_) => self.tied.push(Tied::Return(place)),
            Fate::Info(_) | Fate::Unfinished => {}
        }
        Ok(())
    }

    fn key(&self, number: u32) -> Option<&Key> {
        (number != NO_KEY).then(|| self.tables.keys.get(number))
    }

    /// Gives the edges of one moment their places in the order that all checkers use: by time, of equal times calls before returns,
    /// then as recorded.
    fn rank(&mut self) {
        let rows = &mut self.rows;
        let mut next = || {
            let rank = self.ranked;
            self.ranked += 1;
            rank
        };
        for tied in &self.tied {
            if let Tied::Call(place) = *tied {
                rows[place].order.call = next();
            }
        }
        for tied in &self.tied {
            if let Tied::Return(place) = *tied {
                rows[place].order.ret = next();
            }
        }
        self.tied.clear();
    }
}

fn name(f: Function, key: Option<&Key>) -> String {
    key.map_or_else(|| f.to_string(), |key| format!("{f} of {}", one_line(&key.0)))
}
