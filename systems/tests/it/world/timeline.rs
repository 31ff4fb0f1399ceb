//! Time goes by: from one arrival or timer to the next.

use std::time::Duration;

use systems::{ClientId, Input, NodeId, Replica, Session, SessionInput, Time};

use super::{Packet, Place, System, World};

impl<S: System> World<S> {
    /// Lets `span` go by.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.next_due().is_some_and(|due| due <= end) {
            self.do_next();
        }
        self.now = end;
    }

    /// Lets time go by until `done`, for a minute at most.
    pub(crate) fn run_until(&mut self, done: impl Fn(&Self) -> bool) -> bool {
        let limit = self.now + Duration::from_secs(60);
        while !done(self) {
            match self.next_due() {
                Some(due) if due <= limit => self.do_next(),
                _ => return false,
            }
        }
        true
    }

    /// The same, and it must come true.
    pub(crate) fn wait(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        assert!(self.run_until(done), "never came true: {what}\n{self:?}");
    }

    fn next_due(&self) -> Option<Time> {
        let wire = self.wire.first_key_value().map(|(&(due, _), _)| due);
        let awake = self.hosts.values().filter(|host| !host.paused);
        let hosts = awake.flat_map(|host| host.timers.values().copied());
        let clients = self.clients.values();
        let clients = clients.flat_map(|client| client.timers.values().copied());
        let first = wire.into_iter().chain(hosts).chain(clients).min();
        first.map(|due| due.max(self.now))
    }

    /// One arrival or one timer: the next that is due.
    fn do_next(&mut self) {
        let Some(due) = self.next_due() else { return };
        self.now = due;
        if let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= due) {
            let packet = entry.remove();
            return self.deliver(packet);
        }
        if let Some((node, timer)) = self.node_timer(due) {
            self.hosts.get_mut(&node).unwrap().timers.remove(&timer);
            return self.step(node, Input::Timeout(timer));
        }
        let (id, timer) = self.client_timer(due).expect("something was due");
        self.clients.get_mut(&id).unwrap().timers.remove(&timer);
        self.step_client(id, SessionInput::Timeout(timer));
    }

    fn node_timer(&self, due: Time) -> Option<(NodeId, <S::Replica as Replica>::Timer)> {
        let mut awake = self.hosts.iter().filter(|(_, host)| !host.paused);
        awake.find_map(|(&node, host)| {
            let mut timers = host.timers.iter();
            let (&timer, _) = timers.find(|&(_, &at)| at <= due)?;
            Some((node, timer))
        })
    }

    fn client_timer(&self, due: Time) -> Option<(ClientId, <S::Session as Session>::Timer)> {
        self.clients.iter().find_map(|(&id, client)| {
            let mut timers = client.timers.iter();
            let (&timer, _) = timers.find(|&(_, &at)| at <= due)?;
            Some((id, timer))
        })
    }

    fn deliver(&mut self, packet: Packet<S::Replica>) {
        match packet.to {
            Place::Node(node) => self.deliver_to_node(node, packet),
            Place::Client(client) => self.deliver_to_client(client, packet),
        }
    }
}
