//! Operations as clients make them and see them end.

use std::time::Duration;

use systems::pb::{Patience, Persistence};
use systems::service::kv::{Answer, Op};
use systems::{ClientId, Conclusion, Time};

/// An operation as its client saw it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) client: ClientId,
    pub(crate) op: Op,
    pub(crate) called: Time,
    pub(crate) ended: Option<(Time, Conclusion<Answer>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallId(pub(crate) usize);

/// Says it again until it is answered.
pub(crate) const STUBBORN: Patience = Patience {
    resend_after: Duration::from_millis(150),
    give_up_after: Duration::from_secs(600),
    persistence: Persistence::Retry,
};

/// Gives up after the first silence.
pub(crate) const HASTY: Patience = Patience {
    resend_after: Duration::from_millis(250),
    give_up_after: Duration::from_secs(5),
    persistence: Persistence::GiveUp,
};

pub(crate) fn put(key: &str, value: &str) -> Op {
    Op::Put {
        key: key.into(),
        value: value.into(),
    }
}

pub(crate) fn get(key: &str) -> Op {
    Op::Get { key: key.into() }
}

pub(crate) fn append(key: &str, value: &str) -> Op {
    Op::Append {
        key: key.into(),
        value: value.into(),
    }
}

pub(crate) fn cas(key: &str, from: &str, to: &str) -> Op {
    Op::Cas {
        key: key.into(),
        from: Some(from.into()),
        to: to.into(),
    }
}

pub(crate) fn value(text: &str) -> Answer {
    Answer::Value(Some(text.into()))
}
