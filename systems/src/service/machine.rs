//! A service together with its client table, changed in one step: each client's request is carried out at most once.
//!
//! There is no moment at which an effect exists without its record or a record without its effect, so a node may die at any
//! time. Reads are not recorded: carried out again they do no harm, and their answers may be long.

use serde::{Deserialize, Serialize};

use crate::replica::ClientId;
use crate::service::client_table::{ClientTable, Known, RequestNumber};
use crate::service::digest::Digest;
use crate::service::{Footprint, Service};

/// A service that applies each client's request at most once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "S: Service")]
pub struct Machine<S: Service> {
    service: S,
    clients: ClientTable<S::Answer>,
    /// Of everything applied so far, in order, with its answers.
    digest: Digest,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied<A> {
    /// It was carried out now.
    Now(A),
    /// It had been carried out before, with this answer.
    Before(A),
    /// A later request of the same client was carried out before; this one was not, or nobody wants to know any more.
    Stale,
    /// The client was forgotten; the request was not carried out now.
    Expired,
}

/// Bytes that are no snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotError(postcard::Error);

impl<S: Service> Machine<S> {
    /// A fresh service that remembers at most `clients_max` clients.
    #[must_use]
    pub fn new(clients_max: usize) -> Self {
        Self {
            service: S::default(),
            clients: ClientTable::new(clients_max),
            digest: Digest::default(),
        }
    }

    /// Carries out `client`'s `request` unless it was carried out before.
    pub fn apply(&mut self, client: ClientId, request: RequestNumber, op: &S::Op) -> Applied<S::Answer> {
        match S::footprint(op) {
            Footprint::Reads => Applied::Now(self.perform(client, request, op)),
            Footprint::Writes => self.apply_once(client, request, op),
        }
    }

    /// Carries out `op` without looking at the client table and without a record of it.
    pub fn perform(&mut self, client: ClientId, request: RequestNumber, op: &S::Op) -> S::Answer {
        let answer = self.service.apply(op);
        let step = postcard::to_stdvec(&(client, request, op, &answer)).expect("plain data can be encoded");
        self.digest = self.digest.then(&step);
        answer
    }

    /// What is known of a request, without carrying it out.
    #[must_use]
    pub fn look_up(&self, client: ClientId, request: RequestNumber) -> Known<'_, S::Answer> {
        self.clients.look_up(client, request)
    }

    /// Notes `answer` for a request without carrying it out.
    pub fn record(&mut self, client: ClientId, request: RequestNumber, answer: S::Answer) {
        self.clients.record(client, request, answer);
    }

    /// The service itself.
    #[must_use]
    pub fn service(&self) -> &S {
        &self.service
    }

    /// The digest of everything applied so far, in order, with its answers; the same on replicas that did the same.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The same service, all clients forgotten.
    #[must_use]
    pub fn without_clients(&self) -> Self {
        Self {
            service: self.service.clone(),
            clients: self.clients.emptied(),
            digest: self.digest,
        }
    }

    /// Everything, client table included, as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("plain data can be encoded")
    }

    /// The machine `snapshot` was taken of.
    ///
    /// # Errors
    /// When the bytes are no snapshot of such a machine.
    pub fn restore(snapshot: &[u8]) -> Result<Self, SnapshotError> {
        postcard::from_bytes(snapshot).map_err(SnapshotError)
    }

    fn apply_once(&mut self, client: ClientId, request: RequestNumber, op: &S::Op) -> Applied<S::Answer> {
        match self.clients.look_up(client, request) {
            Known::Answered(answer) => return Applied::Before(answer.clone()),
            Known::Stale => return Applied::Stale,
            Known::Expired => return Applied::Expired,
            Known::New => (),
        }
        let answer = self.perform(client, request, op);
        self.clients.record(client, request, answer.clone());
        Applied::Now(answer)
    }
}

impl<A> Applied<A> {
    /// The answer, if there is one.
    #[must_use]
    pub fn answer(&self) -> Option<&A> {
        match self {
            Self::Now(answer) | Self::Before(answer) => Some(answer),
            Self::Stale | Self::Expired => None,
        }
    }
}

impl std::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed to read a snapshot: {}", self.0)
    }
}

impl std::error::Error for SnapshotError {}

#[cfg(test)]
mod tests {
    use super::{Applied, Machine};
    use crate::replica::ClientId;
    use crate::service::client_table::RequestNumber;
    use crate::service::kv::{Answer, KeyValue, Op};

    const CLIENT: ClientId = ClientId(1);

    fn append(machine: &mut Machine<KeyValue>, request: u64, value: &str) -> Applied<Answer> {
        machine.apply(
            CLIENT,
            RequestNumber(request),
            &Op::Append {
                key: "k".into(),
                value: value.into(),
            },
        )
    }

    #[test]
    fn a_request_that_comes_twice_is_carried_out_once_and_answered_twice() {
        let mut machine = Machine::new(4);
        assert_eq!(append(&mut machine, 1, "a"), Applied::Now(Answer::Done));
        assert_eq!(append(&mut machine, 1, "a"), Applied::Before(Answer::Done));
        assert_eq!(machine.service().get("k"), Some("a"));
    }

    #[test]
    fn a_put_that_arrives_late_again_does_not_undo_a_later_one() {
        let mut machine = Machine::<KeyValue>::new(4);
        let put = |value: &str| Op::Put {
            key: "k".into(),
            value: value.into(),
        };
        machine.apply(CLIENT, RequestNumber(1), &put("1"));
        machine.apply(ClientId(2), RequestNumber(1), &put("2"));
        machine.apply(CLIENT, RequestNumber(1), &put("1"));
        assert_eq!(machine.service().get("k"), Some("2"));
    }

    #[test]
    fn a_snapshot_carries_the_client_table() {
        let mut machine = Machine::new(4);
        append(&mut machine, 1, "a");
        let mut copy = Machine::restore(&machine.snapshot()).unwrap();
        assert_eq!(copy, machine);
        assert_eq!(append(&mut copy, 1, "a"), Applied::Before(Answer::Done));
    }

    #[test]
    fn bytes_that_are_no_snapshot_are_refused() {
        let snapshot = Machine::<KeyValue>::new(4).snapshot();
        assert!(Machine::<KeyValue>::restore(&snapshot[..snapshot.len() - 1]).is_err());
    }

    #[test]
    fn machines_that_did_the_same_in_another_order_have_other_digests() {
        let (mut one, mut other) = (Machine::new(4), Machine::new(4));
        append(&mut one, 1, "a");
        append(&mut one, 2, "b");
        append(&mut other, 1, "b");
        append(&mut other, 2, "a");
        assert_ne!(one.digest(), other.digest());
    }
}
