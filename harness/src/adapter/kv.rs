//! The workloads' operations as operations on strings by key, and the answers back.
//!
//! A register's value is its number in decimal; a list is its tokens, each followed by [`SEPARATOR`], so that an append is an append.

use histories::{Function, Invocation, Outcome};
use serde_json::{Value, json};
use systems::Conclusion;
use systems::service::kv::{Answer, Op};

/// Ends a token within a list.
const SEPARATOR: char = ' ';

/// `invocation` as the key-value service understands it; none when it does not offer such an operation.
#[must_use]
pub fn op(invocation: &Invocation) -> Option<Op> {
    let key = invocation.key.to_string();
    match invocation.f {
        Function::Read | Function::Get => Some(Op::Get { key }),
        Function::Write | Function::Put => Some(Op::Put {
            key,
            value: text(&invocation.value),
        }),
        Function::Append => Some(Op::Append {
            key,
            value: format!("{}{SEPARATOR}", text(&invocation.value)),
        }),
        Function::Cas => {
            let (from, to) = (invocation.value.get(0)?, invocation.value.get(1)?);
            Some(Op::Cas {
                key,
                from: (!from.is_null()).then(|| text(from)),
                to: text(to),
            })
        }
        Function::Acquire
        | Function::Release
        | Function::Enqueue
        | Function::Dequeue
        | Function::Add
        | Function::Remove
        | Function::Contains
        | Function::Inc => None,
    }
}

/// What came of `invocation`, by how the session concluded it; `reads` says what a read string means.
#[must_use]
pub fn outcome(invocation: &Invocation, reads: Reads, conclusion: Conclusion<Answer>) -> Outcome {
    match conclusion {
        Conclusion::NeverSent => Outcome::Fail {
            error: "never-sent".to_owned(),
            saw: None,
        },
        Conclusion::Unknown => Outcome::Info {
            error: "timeout".to_owned(),
        },
        Conclusion::Answered(Answer::Done) => Outcome::Ok(invocation.value.clone()),
        Conclusion::Answered(Answer::Value(value)) => Outcome::Ok(reads.value(value)),
        Conclusion::Answered(Answer::Mismatch { saw }) => Outcome::Fail {
            error: "precondition-failed".to_owned(),
            saw: Some(Reads::Scalar.value(saw)),
        },
        Conclusion::Answered(Answer::Refused(rule)) => Outcome::Fail {
            error: rule.to_string(),
            saw: None,
        },
    }
}

/// What a read string means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// One value: a number if it is one, null if there is none.
    Scalar,
    /// A list of tokens.
    List,
}

impl Reads {
    fn value(self, read: Option<String>) -> Value {
        match self {
            Self::Scalar => read.map_or(Value::Null, |text| {
                text.parse::<i64>().map_or(json!(text), |number| json!(number))
            }),
            Self::List => tokens(&read.unwrap_or_default()),
        }
    }
}

/// The pieces between separators. A piece that lacks its own is delivered with a mark, for it is no whole token.
fn tokens(list: &str) -> Value {
    let mut pieces: Vec<String> = list.split(SEPARATOR).map(str::to_owned).collect();
    match pieces.pop() {
        Some(rest) if !rest.is_empty() => pieces.push(format!("{rest}{UNFINISHED}")),
        _ => {}
    }
    json!(pieces)
}

/// Marks a piece whose separator is missing.
const UNFINISHED: char = '…';

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use histories::Process;

    fn invocation(f: Function, value: Value) -> Invocation {
        Invocation {
            process: Process(0),
            f,
            key: "k".into(),
            value,
        }
    }

    #[test]
    fn a_list_comes_back_as_its_tokens_and_a_torn_one_is_not_mended() {
        assert_eq!(tokens("t1 t2 "), json!(["t1", "t2"]));
        assert_eq!(tokens(""), json!([]));
        assert_eq!(tokens("t1 t"), json!(["t1", "t…"]));
        assert_eq!(tokens("t1  t2 "), json!(["t1", "", "t2"]));
    }

    #[test]
    fn a_failed_cas_says_what_it_saw() {
        let cas = invocation(Function::Cas, json!([1, 2]));
        assert_eq!(
            op(&cas),
            Some(Op::Cas {
                key: "k".into(),
                from: Some("1".into()),
                to: "2".into()
            })
        );
        let saw = Conclusion::Answered(Answer::Mismatch {
            saw: Some("7".into()),
        });
        let expected = Outcome::Fail {
            error: "precondition-failed".into(),
            saw: Some(json!(7)),
        };
        assert_eq!(outcome(&cas, Reads::Scalar, saw), expected);
    }

    #[test]
    fn only_what_never_left_is_sure_to_have_failed() {
        let write = invocation(Function::Write, json!(3));
        assert!(matches!(
            outcome(&write, Reads::Scalar, Conclusion::NeverSent),
            Outcome::Fail { .. }
        ));
        assert!(matches!(
            outcome(&write, Reads::Scalar, Conclusion::Unknown),
            Outcome::Info { .. }
        ));
    }
}
