//! Certificates as files: JSON lines, a header and then one line an object.
//!
//! ```text
//! {"format":1,"model":"register","operations":5}
//! {"key":"k1","order":[0,2,1],"left_out":[4]}
//! ```
//!
//! The numbers are those of the operations of the history in the order of their invocations, from 0.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::checker::certificate::Certificate;
use crate::history::{Defect, HistoryError, OperationId};
use crate::model::ModelName;
use crate::op::Key;
use crate::values::one_line;

/// The version of the form.
pub const FORMAT: u32 = 1;

/// Certificates of all objects of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// How the objects behave.
    pub model: ModelName,
    /// How many operations the history has.
    pub operations: u64,
    /// One for each object.
    pub certificates: Vec<Certificate>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
    model: String,
    operations: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: Option<Key>,
    order: Vec<u32>,
    left_out: Vec<u32>,
}

/// Writes the `certificates` of a history of so many `operations` for `model` to `out`.
///
/// # Errors
/// What `out` answers.
pub fn write(
    mut out: impl Write,
    model: ModelName,
    operations: u64,
    certificates: &[Certificate],
) -> io::Result<()> {
    let head = Head {
        format: FORMAT,
        model: model.name().to_owned(),
        operations,
    };
    serde_json::to_writer(&mut out, &head)?;
    for certificate in certificates {
        out.write_all(b"\n")?;
        serde_json::to_writer(&mut out, &Line::from(certificate))?;
    }
    out.write_all(b"\n")?;
    out.flush()
}

/// Reads certificates from `input`, which sentences call `file_name`. Whether they show anything is for [`crate::verify`] to say.
///
/// # Errors
/// The first defect, with its line.
pub fn read(mut input: impl BufRead, file_name: &str) -> Result<Certified, HistoryError> {
    let mut text = Vec::new();
    let mut number = 0;
    let mut next = |text: &mut Vec<u8>| {
        text.clear();
        number += 1;
        let read = input.read_until(b'\n', text);
        let error = |defect| error(file_name, number, defect);
        let length = read.map_err(|problem| error(Defect::Unreadable(problem.to_string())))?;
        Ok::<u64, HistoryError>(if length == 0 { 0 } else { number })
    };
    let line = next(&mut text)?;
    let mut certified = head(&text).map_err(|defect| error(file_name, line.max(1), defect))?;
    loop {
        let line = next(&mut text)?;
        if line == 0 {
            return Ok(certified);
        }
        let parsed: Line = parse(&text).map_err(|defect| error(file_name, line, defect))?;
        certified.certificates.push(parsed.into());
    }
}

fn head(text: &[u8]) -> Result<Certified, Defect> {
    let Head {
        format,
        model,
        operations,
    } = parse(text)?;
    if format != FORMAT {
        return Err(Defect::UnknownVersion(format.to_string()));
    }
    let model = model
        .parse()
        .map_err(|unknown: crate::model::UnknownModel| Defect::Syntax(unknown.to_string()))?;
    Ok(Certified {
        model,
        operations,
        certificates: Vec::new(),
    })
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Defect> {
    serde_json::from_slice(text).map_err(|error| {
        let text = error.to_string();
        let reason = one_line(text.split(" at line ").next().unwrap_or_default());
        Defect::Syntax(format!(
            "no line of a certificate: {reason} at column {}",
            error.column()
        ))
    })
}

fn error(file: &str, line: u64, defect: Defect) -> HistoryError {
    HistoryError {
        file: file.to_owned(),
        line: Some(line),
        defect,
    }
}

impl From<&Certificate> for Line {
    fn from(certificate: &Certificate) -> Self {
        let numbers = |ids: &[OperationId]| ids.iter().map(|id| id.0).collect();
        Self {
            key: certificate.key.clone(),
            order: numbers(&certificate.order),
            left_out: numbers(&certificate.left_out),
        }
    }
}

impl From<Line> for Certificate {
    fn from(line: Line) -> Self {
        let ids = |numbers: Vec<u32>| numbers.into_iter().map(OperationId).collect();
        Self {
            key: line.key,
            order: ids(line.order),
            left_out: ids(line.left_out),
        }
    }
}
