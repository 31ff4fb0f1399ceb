//! `tribunal list`: what there is to choose from.

use std::fmt::Write;

use clap::{Args, ValueEnum};
use nemesis::{Nemesis, catalogue};
use serde_json::{Value, json};

use super::Refusal;
use crate::adapter::{self, System};
use crate::screen::print;
use crate::workload::Workload;

/// What to list.
#[derive(Debug, Args)]
#[command(after_help = "Example: tribunal list flaws --json")]
pub struct ListArgs {
    /// Which kind of thing
    what: What,
    /// As JSON on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Systems,
    Workloads,
    Nemeses,
    Flaws,
}

/// A row of a list: a name, and columns about it.
struct Row {
    name: String,
    lines: Vec<String>,
    json: Value,
}

impl ListArgs {
    /// Prints the list.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn execute(self) -> Result<u8, Refusal> {
        let rows = match self.what {
            What::Systems => systems(),
            What::Workloads => workloads(),
            What::Nemeses => nemeses(),
            What::Flaws => flaws(),
        };
        if self.json {
            let all: Vec<Value> = rows.into_iter().map(|row| row.json).collect();
            print(&format!(
                "{}\n",
                serde_json::to_string_pretty(&all).map_err(Refusal::harness)?
            ))?;
        } else {
            print(&table(&rows))?;
        }
        Ok(0)
    }
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        for (number, line) in row.lines.iter().enumerate() {
            let name = if number == 0 { row.name.as_str() } else { "" };
            writeln!(text, "{name:width$}  {line}").expect("a string takes everything");
        }
    }
    text
}

fn systems() -> Vec<Row> {
    let row = |system: Box<dyn System>| {
        let claims = system.claims();
        let lines = std::iter::once(claims.summary.to_owned()).chain(claims.sentences());
        let sentences: Vec<String> = claims.sentences().collect();
        Row {
            name: system.name().to_owned(),
            lines: lines.collect(),
            json: json!({"name": system.name(), "description": claims.summary, "nodes": claims.servers_default,
                         "claims": sentences}),
        }
    };
    adapter::systems().into_iter().map(row).collect()
}

fn workloads() -> Vec<Row> {
    let row = |workload: Workload| Row {
        name: workload.name().to_owned(),
        lines: vec![workload.description().to_owned()],
        json: json!({"name": workload.name(), "description": workload.description()}),
    };
    Workload::ALL.into_iter().map(row).collect()
}

fn nemeses() -> Vec<Row> {
    let row = |nemesis: &Nemesis| Row {
        name: nemesis.name.to_owned(),
        lines: vec![format!("({}) {}", nemesis.family.name(), nemesis.about)],
        json: json!({"name": nemesis.name, "family": nemesis.family.name(), "description": nemesis.about}),
    };
    catalogue().iter().map(row).collect()
}

fn flaws() -> Vec<Row> {
    let row = |flaw: adapter::FlawNote| {
        let (system, name) = (flaw.system, flaw.name);
        let trial = flaw
            .trial
            .map(|options| format!("try: tribunal run --system {system} {options} --flaw {name}"));
        let known = format!("expected: {}; source: {}", flaw.anomaly, flaw.source);
        Row {
            name: name.to_owned(),
            lines: [flaw.description.to_owned(), known]
                .into_iter()
                .chain(trial)
                .collect(),
            json: json!(flaw),
        }
    };
    adapter::systems()
        .iter()
        .flat_map(|system| system.flaws())
        .map(row)
        .collect()
}
