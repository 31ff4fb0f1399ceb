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
pub use model::ModelName;
pub use op::{Completion, Function, Invocation, Key, Outcome, Process};
pub use verdict::{Anomaly, AnomalyKind, Verdict};
