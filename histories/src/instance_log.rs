//! Logs of instances: what each node of a replicated log was proposed and what it committed, and whether three rules hold of all of them.
//!
//! The form is that of the course program YASP, one file a node: lines `generate Instance[DATA] in seq N at TIME` whenever a proposal
//! arrives, and `commit Instance[DATA] in seq N at TIME`. The rules:
//!
//! 1. A node commits one value in a position (and says so once).
//! 2. Whatever anybody committed in a position was proposed there to somebody. A node that committed nothing shows nothing, and breaks
//!    this rule as well.
//! 3. Any two nodes committed the same through the last position that both of them reached, that one included. A position that one
//!    of them lacks is a difference.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod line;

pub use line::{Instance, Kind, LineError};

/// So many findings of a rule are told.
const FINDINGS_MAX: usize = 5;

/// The log of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceLog {
    generated: BTreeSet<(u64, String)>,
    /// The first value committed in each position.
    committed: BTreeMap<u64, String>,
    /// The positions in which something was committed again.
    again: BTreeSet<u64>,
}

/// How logs kept the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreement {
    /// In how many positions each node committed something, in the order of the logs.
    pub commits: Vec<usize>,
    /// What breaks the first two rules.
    pub validity: Vec<String>,
    /// What breaks the third.
    pub safety: Vec<String>,
}

impl InstanceLog {
    /// Reads a log. An unfinished last line is what a node that was killed leaves behind; it is left out.
    ///
    /// # Errors
    /// When a line has neither form.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, LineError> {
        let mut log = Self::default();
        let lines = text.as_ref().split_inclusive(|&byte| byte == b'\n');
        for (number, line) in (1..).zip(lines) {
            let Some(line) = line.strip_suffix(b"\n") else {
                break;
            };
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            log.note(Instance::parse(line, number)?);
        }
        Ok(log)
    }

    fn note(&mut self, instance: Instance) {
        let Instance { kind, data, seq, .. } = instance;
        match kind {
            Kind::Generate => {
                self.generated.insert((seq, data));
            }
            Kind::Commit => match self.committed.entry(seq) {
                Entry::Occupied(_) => {
                    self.again.insert(seq);
                }
                Entry::Vacant(vacant) => {
                    vacant.insert(data);
                }
            },
        }
    }

    fn last(&self) -> Option<u64> {
        self.committed.keys().next_back().copied()
    }
}

impl Agreement {
    /// Judges the logs of all nodes.
    #[must_use]
    pub fn of(logs: &[InstanceLog]) -> Self {
        Self {
            commits: logs.iter().map(|log| log.committed.len()).collect(),
            validity: validity(logs),
            safety: safety(logs),
        }
    }

    /// Whether all rules hold.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.validity.is_empty() && self.safety.is_empty()
    }
}

fn validity(logs: &[InstanceLog]) -> Vec<String> {
    let generated: BTreeSet<&(u64, String)> = logs.iter().flat_map(|log| &log.generated).collect();
    let mut found = Vec::new();
    if logs.is_empty() {
        found.push("there is no log".to_owned());
    }
    for (node, log) in logs.iter().enumerate() {
        if log.committed.is_empty() {
            found.push(format!("node {node} committed nothing"));
        }
        found.extend(
            log.again
                .iter()
                .map(|seq| format!("node {node} committed seq {seq} more than once")),
        );
        let foreign = log
            .committed
            .iter()
            .filter(|(seq, data)| !generated.contains(&(**seq, (*data).clone())));
        found.extend(foreign.map(|(seq, data)| {
            format!(
                "node {node} committed {} in seq {seq}, which was proposed to nobody",
                Short(data)
            )
        }));
    }
    found.truncate(FINDINGS_MAX);
    found
}

fn safety(logs: &[InstanceLog]) -> Vec<String> {
    let mut found = Vec::new();
    for (one, first) in logs.iter().enumerate() {
        for (other, second) in logs.iter().enumerate().skip(one + 1) {
            found.extend(difference(first, second).map(|seq| {
                let shown = |log: &InstanceLog| {
                    log.committed
                        .get(&seq)
                        .map_or_else(|| "nothing".to_owned(), |data| Short(data).to_string())
                };
                format!(
                    "in seq {seq} node {one} committed {}, and node {other} {}",
                    shown(first),
                    shown(second)
                )
            }));
        }
    }
    found.truncate(FINDINGS_MAX);
    found
}

/// The first position, up to the last one that both reached, in which they committed different things.
fn difference(one: &InstanceLog, other: &InstanceLog) -> Option<u64> {
    let end = one.last()?.min(other.last()?);
    let differs = |a: &InstanceLog, b: &InstanceLog| {
        a.committed
            .range(..=end)
            .find(|(seq, data)| b.committed.get(seq) != Some(data))
            .map(|(seq, _)| *seq)
    };
    [differs(one, other), differs(other, one)]
        .into_iter()
        .flatten()
        .min()
}

/// The table and the findings, as the course program's own checker shows them.
impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "----------begin to check------------")?;
        for (node, commits) in self.commits.iter().enumerate() {
            writeln!(f, "node {node} commits {commits} times")?;
        }
        let sections = [
            ("---------- check validity ------------", &self.validity),
            ("---------- check safety --------------", &self.safety),
        ];
        for (head, found) in sections {
            writeln!(f, "{head}")?;
            writeln!(f, "{}", if found.is_empty() { "pass" } else { "not pass" })?;
            for sentence in found {
                writeln!(f, "  {sentence}")?;
            }
        }
        writeln!(f, "---------- end -----------------------")
    }
}

/// Data of which the beginning says enough.
struct Short<'a>(&'a str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CHARS_MAX: usize = 40;
        let begin: String = self.0.chars().take(CHARS_MAX).collect();
        let dots = if begin.len() < self.0.len() { ".." } else { "" };
        write!(f, "[{begin}{dots}]")
    }
}

#[cfg(test)]
mod tests {
    use super::{Agreement, InstanceLog};

    /// A log from lines like `g1a` (a generated in seq 1) and `c1a`.
    fn log(lines: &[&str]) -> InstanceLog {
        let line = |short: &&str| {
            let word = if short.starts_with('g') {
                "generate"
            } else {
                "commit"
            };
            format!("{word} Instance[{}] in seq {} at 17\n", &short[2..], &short[1..2])
        };
        InstanceLog::parse(lines.iter().map(line).collect::<String>()).unwrap()
    }

    fn check(logs: &[&[&str]], validity: &[&str], safety: &[&str]) {
        let logs: Vec<InstanceLog> = logs.iter().map(|lines| log(lines)).collect();
        let agreement = Agreement::of(&logs);
        assert_eq!(agreement.validity, validity);
        assert_eq!(agreement.safety, safety);
        assert_eq!(agreement.holds(), validity.is_empty() && safety.is_empty());
    }

    #[test]
    fn equal_logs_and_beginnings_of_each_other_agree() {
        check(&[&["g1a", "g2b", "c1a", "c2b"], &["c1a"]], &[], &[]);
    }

    #[test]
    fn a_proposal_that_another_one_took_the_place_of_breaks_nothing() {
        check(&[&["g1a", "g1b", "c1b"], &["c1b"]], &[], &[]);
    }

    #[test]
    fn the_last_position_is_compared_as_well() {
        check(
            &[&["g1a", "g2b", "g2x", "c1a", "c2b"], &["c1a", "c2x"]],
            &[],
            &["in seq 2 node 0 committed [b], and node 1 [x]"],
        );
    }

    #[test]
    fn a_hole_is_a_difference() {
        check(
            &[&["g1a", "g2b", "c1a", "c2b"], &["c2b"]],
            &[],
            &["in seq 1 node 0 committed [a], and node 1 nothing"],
        );
    }

    #[test]
    fn what_was_proposed_to_nobody_must_not_be_committed() {
        check(
            &[&["g1a", "c1z"], &["c1z"]],
            &[
                "node 0 committed [z] in seq 1, which was proposed to nobody",
                "node 1 committed [z] in seq 1, which was proposed to nobody",
            ],
            &[],
        );
        // In another position is nowhere.
        check(
            &[&["g2a", "c1a"]],
            &["node 0 committed [a] in seq 1, which was proposed to nobody"],
            &[],
        );
    }

    #[test]
    fn a_position_is_committed_once_by_a_node() {
        check(
            &[&["g1a", "c1a", "c1a"]],
            &["node 0 committed seq 1 more than once"],
            &[],
        );
    }

    #[test]
    fn nothing_at_all_is_no_agreement() {
        check(&[], &["there is no log"], &[]);
        check(&[&["g1a", "c1a"], &["g1a"]], &["node 1 committed nothing"], &[]);
    }

    #[test]
    fn an_unfinished_last_line_is_left_out_and_another_one_is_refused() {
        let text = "commit Instance[a] in seq 1 at 5\ncommit Inst";
        assert_eq!(InstanceLog::parse(text), Ok(log(&["c1a"])));
        let error = InstanceLog::parse("commit Instance[a] in seq 1 at noon\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1 is neither a generate line nor a commit line"
        );
    }

    #[test]
    fn a_line_that_is_no_text_is_refused_by_its_number_and_lines_may_end_as_on_windows() {
        let text = b"commit Instance[a] in seq 1 at 5\ncommit Instance[\xff] in seq 2 at 6\n";
        assert_eq!(InstanceLog::parse(text).map_err(|error| error.line), Err(2));
        let text = "generate Instance[a] in seq 1 at 5\r\ncommit Instance[a] in seq 1 at 5\r\n";
        assert_eq!(InstanceLog::parse(text), Ok(log(&["g1a", "c1a"])));
    }

    #[test]
    fn the_table_is_that_of_the_course() {
        let shown = Agreement::of(&[log(&["g1a", "c1a"]), log(&["c1a"])]).to_string();
        let expected = "\
----------begin to check------------
node 0 commits 1 times
node 1 commits 1 times
---------- check validity ------------
pass
---------- check safety --------------
pass
---------- end -----------------------
";
        assert_eq!(shown, expected);
    }
}
