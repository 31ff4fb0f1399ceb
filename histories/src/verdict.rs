//! Judgement, and the evidence for it. Of several judgements the worst holds: invalid, then unknown, then valid.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::journal::Index;

/// What a checker found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that was checked holds.
    Valid,
    /// It could not be decided; the sentence says what was not checked, and why.
    Unknown(String),
    /// A promise was broken; never empty.
    Invalid(Vec<Anomaly>),
}

/// One broken promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Its kind, in the field's words.
    pub kind: AnomalyKind,
    /// The object concerned.
    pub key: Option<String>,
    /// The journal lines of the operations that prove it (their invocations).
    pub ops: Vec<Index>,
    /// One plain sentence that a person understands.
    pub sentence: String,
}

/// The kinds of broken promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnomalyKind {
    /// A read returned a value that a finished write had already replaced.
    StaleRead,
    /// An acknowledged append is not in a later read.
    LostAppend,
    /// A token stands twice.
    DuplicateAppend,
    /// A token or value was read that nobody wrote.
    Phantom,
    /// Two appends stand in an order that real time or another read forbids.
    Reordered,
    /// A token disappeared and came back, or a refused one appeared.
    Resurrected,
    /// A token was applied in part.
    PartlyApplied,
    /// A value was given to two who took it from a queue, or stands twice in a set.
    DuplicateDelivery,
    /// A value that was put into a queue or a set is gone.
    LostElement,
    /// A lock was held by two, or given back by one who did not hold it.
    TwoHolders,
    /// No order of the operations explains the answers.
    NotLinearizable,
    /// After the last fault was healed the system did not answer within the bound it claims.
    Unavailable,
    /// A node left by itself, though nobody killed it.
    Departed,
    /// Two nodes, or two lives of one, acted for the same term of office.
    TwoPrimaries,
    /// A term of office was followed by an earlier one, or by another with its number.
    ViewRegressed,
    /// Somebody took office who should not have, or too early.
    BrokenSuccession,
    /// Something was done, or answered, before as many nodes knew of it as the system promises.
    NotReplicated,
    /// Copies that should be the same are not.
    DivergentState,
    /// Two values were decided, or offered by one, for the same position of a log.
    TwoValues,
    /// Something was accepted that nobody had proposed.
    Invented,
    /// A position of a log was left out.
    Hole,
    /// A node went back behind something that it had made durable or carried out.
    Forgotten,
    /// A node took part in something that it must not at its stage.
    OutOfTurn,
    /// An operation took effect more than once.
    AppliedTwice,
    /// One operation was answered in more than one way.
    AnswersDiffer,
    /// Terms of office followed each other though nothing was wrong.
    ViewChurn,
    /// Far more messages were sent than are needed.
    Chatter,
}

impl AnomalyKind {
    /// Whether it was seen inside a system, in what its nodes say of themselves, and not by its clients.
    #[must_use]
    pub const fn is_inside(self) -> bool {
        match self {
            Self::StaleRead
            | Self::LostAppend
            | Self::DuplicateAppend
            | Self::Phantom
            | Self::Reordered
            | Self::Resurrected
            | Self::PartlyApplied
            | Self::DuplicateDelivery
            | Self::LostElement
            | Self::TwoHolders
            | Self::NotLinearizable
            | Self::Unavailable
            | Self::Departed => false,
            Self::TwoPrimaries
            | Self::ViewRegressed
            | Self::BrokenSuccession
            | Self::NotReplicated
            | Self::DivergentState
            | Self::TwoValues
            | Self::Invented
            | Self::Hole
            | Self::Forgotten
            | Self::OutOfTurn
            | Self::AppliedTwice
            | Self::AnswersDiffer
            | Self::ViewChurn
            | Self::Chatter => true,
        }
    }

    /// Its name in files and on screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StaleRead => "stale-read",
            Self::LostAppend => "lost-append",
            Self::DuplicateAppend => "duplicate-append",
            Self::Phantom => "phantom",
            Self::Reordered => "reordered",
            Self::Resurrected => "resurrected",
            Self::PartlyApplied => "partly-applied",
            Self::DuplicateDelivery => "duplicate-delivery",
            Self::LostElement => "lost-element",
            Self::TwoHolders => "two-holders",
            Self::NotLinearizable => "not-linearizable",
            Self::Unavailable => "unavailable",
            Self::Departed => "departed",
            Self::TwoPrimaries => "two-primaries",
            Self::ViewRegressed => "view-regressed",
            Self::BrokenSuccession => "broken-succession",
            Self::NotReplicated => "not-replicated",
            Self::DivergentState => "divergent-state",
            Self::TwoValues => "two-values",
            Self::Invented => "invented",
            Self::Hole => "hole",
            Self::Forgotten => "forgotten",
            Self::OutOfTurn => "out-of-turn",
            Self::AppliedTwice => "applied-twice",
            Self::AnswersDiffer => "answers-differ",
            Self::ViewChurn => "view-churn",
            Self::Chatter => "chatter",
        }
    }
}

impl fmt::Display for AnomalyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{} on key {key}: {}", self.kind, self.sentence),
            None => write!(f, "{}: {}", self.kind, self.sentence),
        }
    }
}

impl Verdict {
    /// Both judgements in one: the worse holds, evidence is kept.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Invalid(mut mine), Self::Invalid(theirs)) => {
                mine.extend(theirs);
                Self::Invalid(mine)
            }
            (Self::Invalid(evidence), _) | (_, Self::Invalid(evidence)) => Self::Invalid(evidence),
            (Self::Unknown(mine), Self::Unknown(theirs)) => Self::Unknown(format!("{mine}; {theirs}")),
            (Self::Unknown(reason), Self::Valid) | (Self::Valid, Self::Unknown(reason)) => {
                Self::Unknown(reason)
            }
            (Self::Valid, Self::Valid) => Self::Valid,
        }
    }

    /// `valid`, `unknown` or `invalid`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Unknown(_) => "unknown",
            Self::Invalid(_) => "invalid",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anomaly(sentence: &str) -> Anomaly {
        let (key, ops, sentence) = (Some("k1".to_owned()), vec![Index(3)], sentence.to_owned());
        Anomaly {
            kind: AnomalyKind::StaleRead,
            key,
            ops,
            sentence,
        }
    }

    #[test]
    fn the_worse_verdict_holds_and_evidence_is_kept() {
        let unknown = || Verdict::Unknown("why".to_owned());
        let invalid = |sentence| Verdict::Invalid(vec![anomaly(sentence)]);
        assert_eq!(Verdict::Valid.and(Verdict::Valid), Verdict::Valid);
        assert_eq!(Verdict::Valid.and(unknown()), unknown());
        assert_eq!(unknown().and(unknown()), Verdict::Unknown("why; why".to_owned()));
        assert_eq!(unknown().and(invalid("a")), invalid("a"));
        assert_eq!(invalid("a").and(Verdict::Valid), invalid("a"));
        assert_eq!(
            invalid("a").and(invalid("b")),
            Verdict::Invalid(vec![anomaly("a"), anomaly("b")])
        );
    }

    #[test]
    fn kinds_have_one_name_in_files_and_on_screens() {
        let written = serde_json::to_value(anomaly("it is old")).unwrap();
        assert_eq!(written["kind"], AnomalyKind::StaleRead.name());
        assert_eq!(written["ops"], serde_json::json!([3]));
        assert_eq!(
            anomaly("it is old").to_string(),
            "stale-read on key k1: it is old"
        );
        for name in [
            "lost-append",
            "duplicate-append",
            "phantom",
            "reordered",
            "resurrected",
            "partly-applied",
        ] {
            let kind: AnomalyKind = serde_json::from_value(name.into()).unwrap();
            assert_eq!(kind.name(), name);
        }
    }
}
