//! Whole files: read, judged, and told about.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use histories::check::check_file;
use histories::format::Format;
use histories::{Limits, ModelName, Verdict};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// What a person would read about the file.
fn told(file: &str, model: ModelName) -> String {
    match check_file(&testdata().join(file), model, Format::Auto, &Limits::patient()) {
        Err(error) => format!("error\t{}", error.defect),
        Ok(judged) => {
            let verdict = match judged.report.verdict {
                Verdict::Valid => "valid".to_owned(),
                Verdict::Unknown(reason) => format!("unknown\t{reason}"),
                Verdict::Invalid(anomalies) => {
                    anomalies.iter().fold("invalid".to_owned(), |mut text, anomaly| {
                        let ops: Vec<u64> = anomaly.ops.iter().map(|op| op.0).collect();
                        write!(text, "\t{:?} {ops:?} {}", anomaly.kind, anomaly.sentence)
                            .expect("a string takes everything");
                        text
                    })
                }
            };
            let warnings = judged
                .warnings
                .iter()
                .map(|warning| format!("\tline {}: {}", warning.line, warning.text));
            warnings.fold(verdict, |text, warning| text + &warning)
        }
    }
}

/// `testdata/judgements.tsv` says what is told about each file; `UPDATE=1` writes it anew, to be read in review.
#[test]
fn files_are_judged_and_told_as_written_down() {
    let path = testdata().join("judgements.tsv");
    let expected = std::fs::read_to_string(&path).unwrap();
    let mut actual = String::new();
    for line in expected.lines() {
        let mut fields = line.split('\t');
        let (file, model) = (fields.next().unwrap(), fields.next().unwrap());
        writeln!(actual, "{file}\t{model}\t{}", told(file, model.parse().unwrap())).unwrap();
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, actual).unwrap();
    } else {
        assert_eq!(actual, expected, "UPDATE=1 writes it anew");
    }
}

/// The data of Porcupine's test suite, where they are at hand.
fn porcupine() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let places = ["../shared/data/porcupine", "../../shared/data/porcupine"];
    let given = std::env::var_os("PORCUPINE_DATA").map(PathBuf::from);
    places
        .iter()
        .map(|place| workspace.join(place))
        .chain(given)
        .find(|place| place.join("VERDICTS.tsv").is_file())
}

#[test]
fn porcupines_files_are_judged_as_porcupine_does() {
    let Some(folder) = porcupine() else {
        println!("porcupine's files are not at hand; the tests on testdata stand for them");
        return;
    };
    let verdicts = std::fs::read_to_string(folder.join("VERDICTS.tsv")).unwrap();
    for line in verdicts.lines() {
        let (file, expected) = line.split_once('\t').unwrap();
        let model = if file.starts_with("kv/") {
            ModelName::Kv
        } else {
            ModelName::CasRegister
        };
        let judged = check_file(&folder.join(file), model, Format::Auto, &Limits::patient()).unwrap();
        let expected = if expected == "ok" { "valid" } else { "invalid" };
        println!("{file}\t{}\t{:?}", judged.report.verdict, judged.report.verdict);
        assert_eq!(judged.report.verdict.name(), expected, "{file}");
    }
}
