//! What was asked, what was answered, what follows: is a recorded history of concurrent operations linearizable?
//!
//! Whoever tests a database, a lock service, a queue or any other object that many ask at once records who asked what when, and what came of it. This
//! crate reads such records, judges them, and shows what the judgement rests on: an order of all operations that explains every
//! answer, or the few operations that no order explains.
//!
//! | you have | then |
//! |---|---|
//! | a file: Jepsen's `history.edn`, JSON lines, a log of Porcupine's | [`format::read_file`], or [`check::check_file`] for all in one |
//! | events in memory | [`History::builder`] |
//! | objects of a sort in [`ModelName`] | [`Linearizable`] |
//! | objects of another sort | a [`Model`] of your own, and [`checker::linearizable::judge_model`] |
//! | a valid verdict | [`verify`], which follows its certificates without the checker, and [`format::certificate`] for keeping them |
//! | an invalid verdict | its [`Anomaly`]s, and [`report`], which draws them |
//! | an unknown verdict | the reason, which says where it stood and what would help |
//!
//! What is decided how is told in `docs/checker.md`, with proofs in `docs/checker-proofs.md`.
//!
//! The crate has no clock, no threads and no randomness, and reads files only in [`format::read_file`] and [`check::check_file`]. It knows
//! nothing of faults, networks or protocols: a checker that cannot see the faults cannot excuse an anomaly by them.
//!
//! # From a file to a verdict
//!
//! ```
//! use histories::format::{Format, read};
//! use histories::report::{Scene, text};
//! use histories::verify::verify;
//! use histories::{Limits, Linearizable, ModelName, Verdict};
//!
//! let edn = r#"{:type :invoke, :f :write, :value 1, :process 0, :time 1000000000}
//! {:type :ok, :f :write, :value 1, :process 0, :time 2000000000}
//! {:type :invoke, :f :read, :value nil, :process 1, :time 3000000000}
//! {:type :ok, :f :read, :value 1, :process 1, :time 4000000000}
//! "#;
//! let history = read(edn.as_bytes(), "history.edn", Format::Auto)?.history;
//! let model = ModelName::of(&history).expect("it is written and read");
//! let report = Linearizable::new(model).judge(&history, &Limits::patient()).expect("the model knows these operations");
//! assert_eq!(report.verdict, Verdict::Valid);
//! assert_eq!(verify(&history, model, &report.certificates), Ok(()));
//!
//! let stale = edn.replace(":read, :value 1", ":read, :value nil");
//! let history = read(stale.as_bytes(), "history.edn", Format::Auto)?.history;
//! let report = Linearizable::new(model).judge(&history, &Limits::patient()).expect("the model knows these operations");
//! let Verdict::Invalid(anomalies) = report.verdict else { panic!("it is stale") };
//! assert_eq!(
//!     anomalies[0].sentence,
//!     "read returned null although write 1 was acknowledged at 2.000 s before the read was called at 3.000 s, and nothing wrote null after it"
//! );
//! let scene = Scene::of(&history, &anomalies[0], &[]).expect("operations prove it");
//! let drawn: Vec<String> = text::draw(&scene).into_iter().map(|line| line.text).collect();
//! assert_eq!(drawn[0], "> 0  write 1      |-------|");
//! assert_eq!(drawn[1], "> 1  read = null                  |-------|");
//! # Ok::<(), histories::HistoryError>(())
//! ```
//!
//! Time and memory are limited by [`Limits`]: what the checker remembers beside the history, and a function that it asks whether it may go on, since it has
//! no clock of its own.
//!
//! # A model of your own, from the history to the evidence
//!
//! A register that keeps the greatest number that was written to it. A model says what an operation of a history means
//! ([`Model::read`]), what an object holds at first, and what each operation does ([`Model::step`]).
//!
//! ```
//! use histories::checker::linearizable::judge_model;
//! use histories::history::{Ending, OperationId, Time};
//! use histories::model::{Mismatch, Model, Reading};
//! use histories::report::{Scene, text};
//! use histories::values::{Datum, Values};
//! use histories::verify::verify_model;
//! use histories::{Function, History, Limits, Operation, Outcome, Verdict};
//! use serde_json::json;
//!
//! /// 0 at first.
//! struct Greatest;
//!
//! #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
//! enum Asked {
//!     Write(i64),
//!     /// With the answer.
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
//! }
//!
//! // Two writes at the same time, and then a read.
//! let history = |read: i64| -> Result<History, histories::history::Defect> {
//!     let second = |second: u64| Time(second * 1_000_000_000);
//!     let mut builder = History::builder();
//!     builder.ask(second(1), 0, Function::Write, "k", json!(7))?;
//!     builder.ask(second(2), 1, Function::Write, "k", json!(5))?;
//!     builder.answer(second(3), 0, Outcome::Ok(json!(7)))?;
//!     builder.answer(second(4), 1, Outcome::Ok(json!(5)))?;
//!     builder.ask(second(5), 0, Function::Read, "k", json!(null))?;
//!     builder.answer(second(6), 0, Outcome::Ok(json!(read)))?;
//!     Ok(builder.finish())
//! };
//!
//! // Linearizable: the order that shows it is verified without the search.
//! let right = history(7)?;
//! let report = judge_model(&right, || Greatest, &Limits::patient()).expect("it knows all operations");
//! assert_eq!(report.verdict, Verdict::Valid);
//! assert_eq!(verify_model(&right, || Greatest, &report.certificates), Ok(()));
//! assert_eq!(report.certificates[0].order.last(), Some(&OperationId(2)), "the read comes last");
//!
//! // Not linearizable: the operations that no order explains, in a sentence and drawn.
//! let wrong = history(5)?;
//! let report = judge_model(&wrong, || Greatest, &Limits::patient()).expect("it knows all operations");
//! let Verdict::Invalid(anomalies) = &report.verdict else { panic!("7 was written before the read") };
//! assert_eq!(
//!     anomalies[0].sentence,
//!     "no order of the operations explains the read of process 0 (called at 5.000 s, returned 5 at 6.000 s), given the write 7 of \
//!      process 0 (called at 1.000 s, acknowledged at 3.000 s): when it ended, the object can only have held 7"
//! );
//! let scene = Scene::of(&wrong, &anomalies[0], &[]).expect("operations prove it");
//! assert!(text::draw(&scene).iter().any(|line| line.text.starts_with("> 0  read = 5")));
//! # Ok::<(), histories::history::Defect>(())
//! ```
//!
//! # Lost appends, progress, availability
//!
//! [`ExactlyOnce`] judges append-only lists in the words of somebody who lost something; [`checker::progress`] and
//! [`checker::availability`] measure what was answered when. Each is a [`Checker`] or a function beside it; verdicts add up by [`Verdict::and`].
//!
//! ```
//! use histories::{Checker, ExactlyOnce, History, Limits, Linearizable, ModelName};
//!
//! let journal = r#"{"format":1,"seed":7,"test":{}}
//! {"i":0,"t":1100000000,"type":"invoke","process":0,"f":"append","key":"k1","value":"t9","error":null}
//! {"i":1,"t":1204000000,"type":"ok","process":0,"f":"append","key":"k1","value":"t9","error":null}
//! {"i":2,"t":1310000000,"type":"invoke","process":1,"f":"read","key":"k1","value":null,"error":null}
//! {"i":3,"t":1320000000,"type":"ok","process":1,"f":"read","key":"k1","value":[],"error":null}
//! "#;
//! let history = History::parse(journal.as_bytes(), "journal.jsonl")?.history;
//! let checkers: [&dyn Checker; 2] = [&Linearizable::new(ModelName::Append), &ExactlyOnce];
//! for checker in checkers {
//!     let verdict = checker.check(&history, &Limits::patient()).verdict;
//!     let histories::Verdict::Invalid(anomalies) = verdict else { panic!("an append is lost") };
//!     assert_eq!(
//!         anomalies[0].sentence,
//!         "append t9 was acknowledged at 1.204 s; the read called at 1.310 s does not contain it"
//!     );
//! }
//! # Ok::<(), histories::HistoryError>(())
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
