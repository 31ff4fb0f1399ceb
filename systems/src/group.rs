//! What clients and a group of equal replicas say to each other, one of which leads: the same for every protocol that agrees on a
//! log of commands.
//!
//! A client numbers its requests and asks the replica it believes to lead. A replica that does not lead says so and names the one
//! that may. An answer is final; a refusal is about one copy of the request and says nothing about what becomes of another.
//!
//! What is replicated is a [`Service`]; what the replicas say among themselves is none of this module's business.

use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;
use crate::replica::{ClientId, Replica};
use crate::service::Service;
use crate::service::client_table::RequestNumber;

mod configuration;
mod session;

pub use configuration::{Configuration, Epoch};
pub use session::{GroupSession, GroupSessionConfig, GroupSessionTimer, ROUND_PAUSE};

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request<O> {
    /// Which one of the client's; a retry keeps the number.
    pub number: RequestNumber,
    /// What to do.
    pub op: O,
}

/// A client's operation as it is ordered and replicated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command<O> {
    /// Whose it is.
    pub client: ClientId,
    /// Which one of the client's.
    pub number: RequestNumber,
    /// What is asked.
    pub op: O,
}

/// What a replica answers to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response<A> {
    /// It is done, once and for all.
    Answered {
        /// Which request.
        number: RequestNumber,
        /// The answer.
        answer: A,
    },
    /// This copy of the request was turned away.
    Refused {
        /// Which request.
        number: RequestNumber,
        /// Why.
        refusal: Refusal,
    },
    /// The group was asked to have other members, and these are its members now.
    Reconfigured {
        /// Which request.
        number: RequestNumber,
        /// The members, and since when.
        configuration: Configuration,
    },
}

/// Why a copy of a request was turned away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The replica does not lead, or does not any more. If it had taken the request, that may have been carried out, or may yet be.
    Redirect {
        /// Who does, as far as it knows.
        leader: Option<NodeId>,
    },
    /// Too many operations wait already. It did not take this copy.
    Busy,
    /// A later request of the same client has been carried out.
    Stale,
    /// The client was forgotten; whether the operation was ever carried out cannot be told any more.
    Expired,
    /// The group has other members than the client thinks, or the replica is not one of them. If it had taken the request, that may have
    /// been carried out, or may yet be.
    NewEpoch(Configuration),
    /// No group can be made of the nodes that were named.
    NoSuchGroup,
}

/// A replica of a group that replicates a [`Service`] for clients which speak as this module says.
pub trait Member: Replica<Response = Response<<<Self as Member>::Service as Service>::Answer>> {
    /// What is replicated.
    type Service: Service;

    /// `request` as it is sent by a client that believes the group to be in `epoch`. A group whose members never change has but one.
    fn ask(epoch: Epoch, request: Request<<Self::Service as Service>::Op>) -> Self::Request;
}

impl<O> Request<O> {
    /// The same as a command of `client`.
    #[must_use]
    pub fn of(self, client: ClientId) -> Command<O> {
        let Self { number, op } = self;
        Command { client, number, op }
    }
}

impl<A> Response<A> {
    /// Which request it is about.
    #[must_use]
    pub const fn number(&self) -> RequestNumber {
        match self {
            Self::Answered { number, .. }
            | Self::Refused { number, .. }
            | Self::Reconfigured { number, .. } => *number,
        }
    }
}
