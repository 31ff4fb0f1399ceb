//! When to ask a silent peer, and when to say a thing again.
//!
//! Silence has two causes: what was said got lost, or it is still under way on a slow link. Saying it again in the second case
//! makes the link slower still. So a silent peer is first *asked* how far it is, which costs a few bytes; only if its answer
//! shows that nothing has come is it said again. The time between questions doubles up to a limit, and halves with every
//! answer that came without a question.

use std::time::Duration;

use crate::pb::Config;

/// Keeps one peer's attention.
#[derive(Debug, Clone)]
pub(crate) struct Reminder {
    wait: Duration,
    wait_min: Duration,
    wait_max: Duration,
    question: Question,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    None,
    Open,
}

impl Reminder {
    pub(crate) fn new(config: &Config) -> Self {
        let (wait_min, wait_max) = (config.resend_after, config.resend_after_max);
        Self {
            wait: wait_min,
            wait_min,
            wait_max,
            question: Question::None,
        }
    }

    /// How long to wait before the next question.
    pub(crate) fn wait(&self) -> Duration {
        self.wait
    }

    /// The peer was silent for so long, and is asked.
    pub(crate) fn ask(&mut self) {
        self.wait = (self.wait * 2).min(self.wait_max);
        self.question = Question::Open;
    }

    /// The peer has come further.
    pub(crate) fn progressed(&mut self) {
        if self.question == Question::None {
            self.wait = (self.wait / 2).max(self.wait_min);
        }
        self.question = Question::None;
    }

    /// The peer has not come further. Whether that answers a question, so that it must be told again.
    pub(crate) fn stalled(&mut self) -> bool {
        std::mem::replace(&mut self.question, Question::None) == Question::Open
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Reminder;
    use crate::node_id::NodeId;
    use crate::pb::Config;

    #[test]
    fn a_thing_is_said_again_once_per_question_that_showed_nothing_came() {
        let mut reminder = Reminder::new(&Config::new(NodeId::replica(9), Vec::new()));
        assert!(!reminder.stalled(), "an answer nobody asked for");
        reminder.ask();
        assert!(reminder.stalled());
        assert!(!reminder.stalled(), "the same question again");
        reminder.ask();
        reminder.progressed();
        assert!(!reminder.stalled(), "what was asked for has come");
    }

    #[test]
    fn questions_become_rarer_while_nobody_answers_up_to_a_limit() {
        let config = Config::new(NodeId::replica(9), Vec::new());
        let mut reminder = Reminder::new(&config);
        let waits: Vec<Duration> = std::iter::repeat_with(|| {
            reminder.ask();
            reminder.wait()
        })
        .take(10)
        .collect();
        assert!(waits.is_sorted());
        assert_eq!(waits.last(), Some(&config.resend_after_max));
    }
}
