//! What every client was last answered: how a request that comes twice is recognised.
//!
//! A client has one request outstanding and numbers them upwards, so one entry per client is enough: a lower number than the
//! recorded one is a late copy whose client has long moved on. The table is bounded: when it is full the smallest client id goes
//! and the *floor* rises to it. A client at or below the floor that is not in the table may have been answered before, so it is
//! turned away; that decision depends on nothing but the operations so far and is the same on every replica.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::replica::ClientId;

/// The number of a request among those of its client, upwards from 1. Retries keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct RequestNumber(pub u64);

/// The last answer to each client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientTable<A> {
    entries: BTreeMap<ClientId, Entry<A>>,
    clients_max: usize,
    /// The largest client id that was ever evicted.
    floor: Option<ClientId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry<A> {
    request: RequestNumber,
    answer: A,
}

/// What the table knows of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<'a, A> {
    /// It is the client's next one.
    New,
    /// It was carried out, with this answer.
    Answered(&'a A),
    /// A later one of the same client was carried out; nobody waits for this one.
    Stale,
    /// The client was forgotten; whether the request was ever carried out cannot be told.
    Expired,
}

impl<A> ClientTable<A> {
    /// An empty table for at most `clients_max` clients.
    ///
    /// # Panics
    /// When `clients_max` is zero.
    #[must_use]
    pub fn new(clients_max: usize) -> Self {
        assert!(clients_max > 0, "a table for no client recognises nothing");
        Self {
            entries: BTreeMap::new(),
            clients_max,
            floor: None,
        }
    }

    /// What is known of `client`'s `request`.
    #[must_use]
    pub fn look_up(&self, client: ClientId, request: RequestNumber) -> Known<'_, A> {
        match self.entries.get(&client) {
            Some(entry) if request < entry.request => Known::Stale,
            Some(entry) if request == entry.request => Known::Answered(&entry.answer),
            Some(_) => Known::New,
            None if self.floor.is_some_and(|floor| client <= floor) => Known::Expired,
            None => Known::New,
        }
    }

    /// Remembers that `client`'s `request` was answered with `answer`.
    pub fn record(&mut self, client: ClientId, request: RequestNumber, answer: A) {
        self.entries.insert(client, Entry { request, answer });
        if self.entries.len() > self.clients_max
            && let Some((evicted, _)) = self.entries.pop_first()
        {
            self.floor = self.floor.max(Some(evicted));
        }
    }

    /// How many clients are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The same bound, nobody remembered.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self::new(self.clients_max)
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientTable, Known, RequestNumber};
    use crate::replica::ClientId;

    fn table(clients_max: usize, clients: impl IntoIterator<Item = u64>) -> ClientTable<u64> {
        let mut table = ClientTable::new(clients_max);
        for client in clients {
            table.record(ClientId(client), RequestNumber(5), client);
        }
        table
    }

    #[test]
    fn the_latest_request_is_answered_again_and_an_earlier_one_is_not() {
        let table = table(2, [1]);
        assert_eq!(table.look_up(ClientId(1), RequestNumber(5)), Known::Answered(&1));
        assert_eq!(table.look_up(ClientId(1), RequestNumber(4)), Known::Stale);
        assert_eq!(table.look_up(ClientId(1), RequestNumber(6)), Known::New);
    }

    #[test]
    fn a_full_table_forgets_the_smallest_client_and_turns_it_away_from_then_on() {
        let table = table(2, [7, 3, 9]);
        assert_eq!(table.len(), 2);
        assert_eq!(table.look_up(ClientId(3), RequestNumber(6)), Known::Expired);
        assert_eq!(table.look_up(ClientId(2), RequestNumber(1)), Known::Expired);
        assert_eq!(table.look_up(ClientId(7), RequestNumber(6)), Known::New);
        assert_eq!(table.look_up(ClientId(8), RequestNumber(1)), Known::New);
    }

    #[test]
    fn the_table_never_grows_beyond_its_bound() {
        assert_eq!(table(10, 0..1000).len(), 10);
    }

    #[test]
    fn a_client_smaller_than_all_others_in_a_full_table_is_turned_away_after_its_first_request() {
        let table = table(2, [7, 9, 3]);
        assert_eq!(table.look_up(ClientId(3), RequestNumber(5)), Known::Expired);
    }
}
