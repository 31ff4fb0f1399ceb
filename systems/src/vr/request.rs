//! What clients ask of a replica: something of the service, or other members of the group.

use serde::{Deserialize, Serialize};

use crate::group::{self, Epoch};
use crate::vr::members::Members;

/// A client's request, for a group in the epoch that the client knows of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request<O> {
    /// In which epoch the client believes the group to be. Members are changed from this one to the next or not at all.
    pub epoch: Epoch,
    /// The request.
    pub request: group::Request<Ask<O>>,
}

/// What is asked, and has a place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask<O> {
    /// Something of the service.
    Service(O),
    /// That the group have these members from the next epoch on (RECONFIGURATION).
    Members(Members),
}
