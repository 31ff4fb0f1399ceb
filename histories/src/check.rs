//! From a file to a judgement, in one call.

use std::path::Path;

use crate::checker::linearizable::Linearizable;
use crate::checker::{Limits, Report};
use crate::format::{Format, read_file};
use crate::history::{Defect, HistoryError, Parsed, Warning};
use crate::model::ModelName;

/// A file that has been judged.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What was found.
    pub report: Report,
    /// What was passed over while reading.
    pub warnings: Vec<Warning>,
    /// How many operations it holds.
    pub operations: usize,
    /// How many objects it is about.
    pub keys: usize,
}

/// Reads the history at `path` and judges whether it is linearizable for objects that behave like `model`.
///
/// ```
/// use histories::check::check_file;
/// use histories::format::Format;
/// use histories::{Limits, ModelName};
///
/// let path = std::path::Path::new("testdata/stale-read.jsonl");
/// let judged = check_file(path, ModelName::Register, Format::Auto, &Limits::patient())?;
/// assert_eq!(judged.report.verdict.name(), "invalid");
/// # Ok::<(), histories::HistoryError>(())
/// ```
///
/// # Errors
/// When the file is not a well-formed history, or holds operations that the model does not know.
pub fn check_file(
    path: &Path,
    model: ModelName,
    format: Format,
    limits: &Limits<'_>,
) -> Result<Judged, HistoryError> {
    let Parsed {
        history, warnings, ..
    } = read_file(path, format)?;
    let report = Linearizable::new(model)
        .judge(&history, limits)
        .map_err(|mismatch| HistoryError {
            file: path.display().to_string(),
            line: None,
            defect: Defect::OtherModel(mismatch),
        })?;
    let keys = history.key_count();
    Ok(Judged {
        report,
        warnings,
        operations: history.operations().len(),
        keys,
    })
}
