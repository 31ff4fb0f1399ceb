//! A schedule as a TOML file that a person reads and edits.

use std::fmt::{self, Write as _};

use serde::Deserialize;
use toml::Spanned;

use super::{Episode, EpisodeError, Schedule, Span};
use crate::cluster::{FaultId, Roster};
use crate::fault::Fault;
use crate::target::Target;

/// The version of the file's form.
const FORMAT: i64 = 1;

/// The longest file that is read, in bytes; ten times what the largest schedule needs.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// What every file begins with.
const HEADER: &str = "\
# The faults of one run, in the order in which they begin. Times count from the start of the load.
# `target` is resolved when the fault begins; `seed` decides what it leaves open.
# Run exactly this with: tribunal run --schedule FILE
";

/// Why a file is no schedule: where, which fault, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleError {
    file: String,
    line: Option<usize>,
    fault: Option<FaultId>,
    problem: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    format: Option<Spanned<i64>>,
    #[serde(default)]
    fault: Vec<Spanned<RawEpisode>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEpisode {
    id: Option<u64>,
    from: RawTime,
    until: RawTime,
    fault: String,
    target: Option<RawTarget>,
    seed: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a time is a string with a unit, such as \"4.250s\"")]
enum RawTime {
    Text(String),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a target is a word such as \"primaries\" or a list of nodes such as [\"n1\", \"n2\"]"
)]
enum RawTarget {
    Word(String),
    Nodes(Vec<String>),
}

impl Schedule {
    /// Reads the `text` of `file` as a schedule for the system of `roster`.
    ///
    /// A fault without `id` is numbered by where it stands, one without `target` has the fault's own, one without `seed`
    /// has its id for a seed.
    ///
    /// # Errors
    /// The first thing that is wrong, with the file, the line and the fault.
    pub fn parse(file: &str, text: &str, roster: &Roster) -> Result<Self, ScheduleError> {
        let at = Place { file, text };
        if BYTES_MAX < text.len() {
            return Err(at.error(
                None,
                None,
                format!("it is {} bytes long; {BYTES_MAX} is the most", text.len()),
            ));
        }
        let raw: RawFile = toml::from_str(text).map_err(|error| at.syntax(&error))?;
        check_format(raw.format.as_ref(), &at)?;
        let starts: Vec<usize> = raw.fault.iter().map(|fault| fault.span().start).collect();
        let episodes = (1..)
            .zip(raw.fault)
            .map(|(number, raw)| episode(number, raw, roster, &at))
            .collect::<Result<_, _>>()?;
        Self::new(episodes, roster).map_err(|EpisodeError { id, index, problem }| {
            at.error(starts.get(index).copied(), Some(id), problem.to_string())
        })
    }
}

impl fmt::Display for Schedule {
    /// The file that [`Schedule::parse`] reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADER}\nformat = {FORMAT}\n")?;
        self.episodes()
            .iter()
            .try_for_each(|episode| write!(f, "\n{}", Entry(episode)))
    }
}

struct Entry<'a>(&'a Episode);

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Episode {
            id,
            from,
            until,
            fault,
            target,
            seed,
        } = self.0;
        writeln!(
            f,
            "[[fault]]\nid = {id}\nfrom = \"{}\"\nuntil = \"{}\"",
            Span(*from),
            Span(*until)
        )?;
        writeln!(
            f,
            "fault = \"{fault}\"\ntarget = {}\nseed = {seed}",
            quoted(target)
        )
    }
}

/// Words and names of nodes hold nothing that TOML would have to escape.
fn quoted(target: &Target) -> String {
    let Target::Named(nodes) = target else {
        return format!("\"{target}\"");
    };
    let mut list = String::from("[");
    for (index, node) in nodes.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(list, "{separator}\"{node}\"").expect("a String takes all that is written");
    }
    list.push(']');
    list
}

fn check_format(format: Option<&Spanned<i64>>, at: &Place<'_>) -> Result<(), ScheduleError> {
    match format {
        Some(format) if *format.get_ref() != FORMAT => {
            let problem = format!(
                "format {} is not known; this is a reader of format {FORMAT}",
                format.get_ref()
            );
            Err(at.error(Some(format.span().start), None, problem))
        }
        Some(_) | None => Ok(()),
    }
}

fn episode(
    number: u64,
    raw: Spanned<RawEpisode>,
    roster: &Roster,
    at: &Place<'_>,
) -> Result<Episode, ScheduleError> {
    let start = raw.span().start;
    let RawEpisode {
        id,
        from,
        until,
        fault,
        target,
        seed,
    } = raw.into_inner();
    let id = FaultId(id.unwrap_or(number));
    let wrong = |problem: String| at.error(Some(start), Some(id), problem);
    let time = |field: &str, RawTime::Text(text): RawTime| {
        text.parse::<Span>()
            .map(|span| span.0)
            .map_err(|error| wrong(format!("`{field}`: {error}")))
    };
    let fault: Fault = fault.parse().map_err(|error| wrong(format!("{error}")))?;
    Ok(Episode {
        id,
        from: time("from", from)?,
        until: time("until", until)?,
        fault,
        target: read_target(target, fault, roster).map_err(wrong)?,
        seed: seed.unwrap_or(id.0),
    })
}

fn read_target(raw: Option<RawTarget>, fault: Fault, roster: &Roster) -> Result<Target, String> {
    match raw {
        None => Ok(fault.target_default()),
        Some(RawTarget::Word(word)) => Target::parse(&word, roster).map_err(|error| error.to_string()),
        Some(RawTarget::Nodes(names)) => {
            Target::parse_nodes(&names, roster).map_err(|error| error.to_string())
        }
    }
}

/// The file being read, to say where in it something is wrong.
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn error(&self, offset: Option<usize>, fault: Option<FaultId>, problem: String) -> ScheduleError {
        let line = offset.map(|offset| {
            1 + self
                .text
                .bytes()
                .take(offset)
                .filter(|byte| *byte == b'\n')
                .count()
        });
        ScheduleError {
            file: self.file.to_owned(),
            line,
            fault,
            problem,
        }
    }

    fn syntax(&self, error: &toml::de::Error) -> ScheduleError {
        let problem = error.message().lines().collect::<Vec<_>>().join("; ");
        self.error(error.span().map(|span| span.start), None, problem)
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(fault) = self.fault {
            write!(f, ", fault {fault}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for ScheduleError {}
