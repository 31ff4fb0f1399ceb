//! What `--model` may name: a model of operations, or the rules of instance logs.

use std::str::FromStr;

use histories::ModelName;
use histories::model::UnknownModel;

/// By what to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WantedModel {
    /// Operations on objects.
    Operations(ModelName),
    /// The logs of the nodes of a replicated log, all together.
    Log,
}

impl FromStr for WantedModel {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        if name == "log" {
            return Ok(Self::Log);
        }
        name.parse().map(Self::Operations)
    }
}
