//! Operations on the key-value store that several systems replicate, and whether their answers could be those of one store.

use systems::service::kv::{Answer, Op};

mod linearizable;
pub(crate) mod script;

pub(crate) use linearizable::{check_appends, not_linearizable};

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
