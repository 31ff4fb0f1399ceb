//! Judges a file and leaves the evidence, in as few lines as it takes:
//!
//! ```text
//! cargo run --release -p histories --example check_file -- testdata/stale-read.jsonl
//! ```
//!
//! `tribunal check` does the same with limits, pages, many files and more.

use std::path::Path;
use std::process::ExitCode;

use histories::format::{Format, certificate, read_file};
use histories::report::{Scene, text};
use histories::verify::verify;
use histories::{Checker, HistoryError, Limits, Linearizable, ModelName, Verdict};

fn main() -> Result<ExitCode, HistoryError> {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("which file?");
        return Ok(ExitCode::from(254));
    };
    let history = read_file(Path::new(&path), Format::Auto)?.history;
    let Some(model) = ModelName::of(&history) else {
        eprintln!("no model knows all of its operations");
        return Ok(ExitCode::from(254));
    };
    let report = Linearizable::new(model).check(&history, &Limits::patient());
    let operations = history.operations().len();
    println!("{}: {operations} operations as {model}", report.verdict.name());
    match &report.verdict {
        Verdict::Valid => {
            verify(&history, model, &report.certificates).expect("a certificate of the checker holds");
            certificate::write(std::io::stdout(), model, operations as u64, &report.certificates)
                .expect("standard output is open");
            Ok(ExitCode::SUCCESS)
        }
        Verdict::Unknown(reason) => {
            println!("{reason}");
            Ok(ExitCode::from(2))
        }
        Verdict::Invalid(anomalies) => {
            for anomaly in anomalies {
                println!("{}: {}", anomaly.kind.name(), anomaly.sentence);
                let lines = Scene::of(&history, anomaly, &[]).map(|scene| text::draw(&scene));
                lines
                    .into_iter()
                    .flatten()
                    .for_each(|line| println!("{}", line.text));
            }
            Ok(ExitCode::from(1))
        }
    }
}
