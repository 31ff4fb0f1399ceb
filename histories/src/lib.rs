//! What was asked, what was answered, what follows.
//!
//! The record of a run ([`journal`]), the history it amounts to ([`history`]), and the checkers that judge it ([`checker`]). This
//! crate knows nothing of faults, networks or protocols: a checker that cannot see the faults cannot excuse an anomaly by them.
//! It has no clock, no threads and no randomness; it reads files only in [`format::read_file`] and [`check::check_file`].
//!
//! What is decided how is told in `docs/checker.md`.
//!
//! # From a journal to a verdict
//!
//! ```
//! use histories::{Checker, ExactlyOnce, History, Limits, Linearizable, ModelName, Verdict};
//!
//! let journal = r#"{"format":1,"seed":7,"test":{}}
//! {"i":0,"t":1100000000,"type":"invoke","process":0,"f":"append","key":"k1","value":"t9","error":null}
//! {"i":1,"t":1204000000,"type":"ok","process":0,"f":"append","key":"k1","value":"t9","error":null}
//! {"i":2,"t":1310000000,"type":"invoke","process":1,"f":"read","key":"k1","value":null,"error":null}
//! {"i":3,"t":1320000000,"type":"ok","process":1,"f":"read","key":"k1","value":[],"error":null}
//! "#;
//! let history = History::parse(journal.as_bytes(), "journal.jsonl")?.history;
//!
//! let report = Linearizable::new(ModelName::Append).check(&history, &Limits::patient());
//! let Verdict::Invalid(anomalies) = &report.verdict else { panic!("{report:?}") };
//! assert_eq!(
//!     anomalies[0].sentence,
//!     "append t9 was acknowledged at 1.204 s; the read called at 1.310 s does not contain it"
//! );
//!
//! let verdict = report.verdict.and(ExactlyOnce.check(&history, &Limits::patient()).verdict);
//! assert_eq!(verdict.name(), "invalid");
//! # Ok::<(), histories::HistoryError>(())
//! ```
//!
//! # What shows that a verdict is right
//!
//! A valid verdict comes with an order of the operations for each object, which [`verify`] follows without the checker; an invalid
//! one names the few operations that prove it, and [`report`] draws them.
//!
//! ```
//! use histories::format::{Format, read};
//! use histories::report::{Scene, text};
//! use histories::verify::verify;
//! use histories::{Checker, Limits, Linearizable, ModelName, Verdict};
//!
//! let edn = r#"{:type :invoke, :f :write, :value 1, :process 0, :time 10}
//! {:type :ok, :f :write, :value 1, :process 0, :time 20}
//! {:type :invoke, :f :read, :value nil, :process 1, :time 30}
//! {:type :ok, :f :read, :value 1, :process 1, :time 40}
//! "#;
//! let history = read(edn.as_bytes(), "history.edn", Format::Auto)?.history;
//! let report = Linearizable::new(ModelName::Register).check(&history, &Limits::patient());
//! assert_eq!(report.verdict, Verdict::Valid);
//! assert_eq!(verify(&history, ModelName::Register, &report.certificates), Ok(()));
//!
//! let stale = edn.replace(":read, :value 1", ":read, :value nil");
//! let history = read(stale.as_bytes(), "history.edn", Format::Auto)?.history;
//! let report = Linearizable::new(ModelName::Register).check(&history, &Limits::patient());
//! let Verdict::Invalid(anomalies) = report.verdict else { panic!("it is stale") };
//! let scene = Scene::of(&history, &anomalies[0], &[]).expect("operations prove it");
//! let drawn: Vec<String> = text::draw(&scene).into_iter().map(|line| line.text).collect();
//! assert_eq!(drawn[0], "> 0  write 1      |-------|");
//! assert_eq!(drawn[1], "> 1  read = null                  |-------|");
//! # Ok::<(), histories::HistoryError>(())
//! ```
//!
//! # A model of your own
//!
//! Objects that no [`ModelName`] describes are judged by a [`Model`] that you write: which operations there are, and what each does.
//!
//! ```
//! use histories::checker::linearizable::judge_model;
//! use histories::history::{Ending, Time};
//! use histories::model::{Mismatch, Model, Nature, Reading};
//! use histories::values::{Datum, Values};
//! use histories::verify::verify_model;
//! use histories::{Function, History, Limits, Operation, Outcome, Verdict};
//! use serde_json::json;
//!
//! /// A register that keeps the greatest number that was written to it; 0 at first.
//! struct Greatest;
//!
//! #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
//! enum Asked {
//!     Write(i64),
//!     Read(i64),
//! }
//!
//! impl Model for Greatest {
//!     type State = i64;
//!     type Op = Asked;
//!
//!     fn read(&mut self, operation: &Operation, values: &Values) -> Result<Reading<Asked>, Mismatch> {
//!         let number = |datum| match datum {
//!             Datum::One(symbol) => values.int(symbol),
//!             Datum::Many(_) => None,
//!         };
//!         let wrong = || Mismatch::new("greatest", operation, "wants a number");
//!         match (operation.f, operation.ending) {
//!             (Function::Write, Ending::Fail { .. }) => Ok(Reading::Nothing),
//!             (Function::Write, ending) => {
//!                 let op = Asked::Write(number(operation.value).ok_or_else(wrong)?);
//!                 // Of a write that was never answered nobody knows whether it happened.
//!                 Ok(if matches!(ending, Ending::Ok(_)) { Reading::Must(op) } else { Reading::May(op) })
//!             }
//!             (Function::Read, Ending::Ok(answer)) => {
//!                 Ok(Reading::Must(Asked::Read(number(answer).ok_or_else(wrong)?)))
//!             }
//!             (Function::Read, _) => Ok(Reading::Nothing),
//!             _ => Err(Mismatch::new("greatest", operation, "is written and read")),
//!         }
//!     }
//!
//!     fn init(&self) -> i64 {
//!         0
//!     }
//!
//!     fn step(&mut self, state: i64, op: Asked) -> Option<i64> {
//!         match op {
//!             Asked::Write(number) => Some(state.max(number)),
//!             Asked::Read(number) => (state == number).then_some(state),
//!         }
//!     }
//!
//!     // What the search may take for granted; `Conditional` is always right.
//!     fn nature(&self, op: Asked) -> Nature {
//!         match op {
//!             Asked::Write(_) => Nature::Total,
//!             Asked::Read(_) => Nature::Pure,
//!         }
//!     }
//!
//!     // None is always right; the states that matter make proofs smaller.
//!     fn any_state(&mut self, _: &[Asked]) -> Option<Vec<i64>> {
//!         None
//!     }
//!
//!     fn show(&self, state: i64, _: &Values) -> String {
//!         state.to_string()
//!     }
//!
//!     fn memory_bytes(&self) -> u64 {
//!         0
//!     }
//! }
//!
//! let judged = |read: i64| {
//!     let mut builder = History::builder();
//!     builder.ask(Time(1), 0, Function::Write, "k", json!(7))?;
//!     builder.ask(Time(2), 1, Function::Write, "k", json!(5))?;
//!     builder.answer(Time(3), 0, Outcome::Ok(json!(7)))?;
//!     builder.answer(Time(4), 1, Outcome::Ok(json!(5)))?;
//!     builder.ask(Time(5), 0, Function::Read, "k", json!(null))?;
//!     builder.answer(Time(6), 0, Outcome::Ok(json!(read)))?;
//!     let history = builder.finish();
//!     let report = judge_model(&history, || Greatest, &Limits::patient()).expect("it knows all operations");
//!     if report.verdict == Verdict::Valid {
//!         assert_eq!(verify_model(&history, || Greatest, &report.certificates), Ok(()));
//!     }
//!     Ok::<&str, histories::history::Defect>(report.verdict.name())
//! };
//! assert_eq!(judged(7)?, "valid");
//! assert_eq!(judged(5)?, "invalid");
//! # Ok::<(), histories::history::Defect>(())
//! ```
//!
//! # Writing a journal
//!
//! ```
//! use histories::journal::Journal;
//! use histories::op::{Completion, Function, Invocation, Key, Outcome, Process};
//! use serde_json::json;
//!
//! let mut file = Vec::new();
//! let mut journal = Journal::create(&mut file, 7, &json!({"system": "pb"}))?;
//! let (process, key) = (Process(0), Key::from("k1"));
//! let asked = Invocation { process, f: Function::Append, key, value: json!("t9") };
//! journal.invoke(1_000, &asked, Some("n1"))?;
//! journal.complete(2_000, &asked, &Completion { process, outcome: Outcome::Ok(json!("t9")) })?;
//! journal.flush()?;
//! assert_eq!(String::from_utf8_lossy(&file).lines().count(), 3);
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod check;
pub mod checker;
pub mod format;
pub mod history;
pub mod instance_log;
pub mod journal;
pub mod model;
mod names;
pub mod op;
pub mod report;
pub mod values;
pub mod verdict;
pub mod verify;

pub use checker::certificate::Certificate;
pub use checker::exactly_once::ExactlyOnce;
pub use checker::linearizable::Linearizable;
pub use checker::{Checker, Limits, Report};
pub use history::{History, HistoryError, Operation};
pub use model::{Model, ModelName};
pub use op::{Completion, Function, Invocation, Key, Outcome, Process};
pub use verdict::{Anomaly, AnomalyKind, Verdict};
