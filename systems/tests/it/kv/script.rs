//! Operations on the store in the words of a script.

use std::error::Error;

use systems::service::kv::Op;

use super::{append, get, put};
use crate::script::Words;

/// `put x 1`, `append x 1`, `get x` or `cas x from to`.
pub(crate) fn op(words: &mut Words<'_>) -> Result<Op, Box<dyn Error>> {
    let what = words.need("an operation")?;
    let key = words.need("a key")?;
    match what {
        "get" => Ok(get(key)),
        "put" => Ok(put(key, words.need("a value")?)),
        "append" => Ok(append(key, words.need("a value")?)),
        "cas" => Ok(super::cas(key, words.need("a value")?, words.need("a value")?)),
        other => Err(format!("{other} is no operation").into()),
    }
}
