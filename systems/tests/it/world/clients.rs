//! Clients: one session each, one operation at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use systems::{
    ClientId, Conclusion, NodeId, Replica, Session, SessionEffect, SessionInput, SessionOutbox, Time,
};

use super::{Body, Call, CallId, Packet, Place, Sight, System, World};

pub(super) struct Client<S: Session> {
    session: S,
    pub(super) timers: BTreeMap<S::Timer, Time>,
    current: Option<CallId>,
}

impl<S: System> World<S> {
    pub(crate) fn add_client(&mut self, session: S::Session) -> ClientId {
        let id = ClientId(self.clients.len() as u64 + 1);
        let client = Client {
            session,
            timers: BTreeMap::new(),
            current: None,
        };
        self.clients.insert(id, client);
        id
    }

    pub(crate) fn is_idle(&self, client: ClientId) -> bool {
        self.clients[&client].current.is_none()
    }

    /// Begins an operation, after everything that has ended.
    pub(crate) fn invoke(&mut self, client: ClientId, op: <S::Session as Session>::Op) -> CallId {
        self.now = self.now + Duration::from_nanos(1);
        let id = CallId(self.calls.len());
        self.calls.push(Call {
            client,
            op: op.clone(),
            called: self.now,
            ended: None,
        });
        self.sees(|| Sight::Called { call: id });
        self.clients.get_mut(&client).unwrap().current = Some(id);
        self.step_client(client, SessionInput::Invoke(op));
        id
    }

    pub(crate) fn conclusion(&self, call: CallId) -> Option<&Conclusion<<S::Session as Session>::Answer>> {
        let ended = self.calls[call.0].ended.as_ref();
        ended.map(|(_, conclusion)| conclusion)
    }

    /// Does an operation and waits for its end.
    pub(crate) fn call(
        &mut self,
        client: ClientId,
        op: <S::Session as Session>::Op,
    ) -> Conclusion<<S::Session as Session>::Answer> {
        let call = self.invoke(client, op);
        self.wait("the operation is over", |world| world.conclusion(call).is_some());
        self.conclusion(call).unwrap().clone()
    }

    /// Does an operation that must be answered.
    pub(crate) fn ask(
        &mut self,
        client: ClientId,
        op: <S::Session as Session>::Op,
    ) -> <S::Session as Session>::Answer {
        match self.call(client, op.clone()) {
            Conclusion::Answered(answer) => answer,
            other => panic!("{op:?} was not answered but {other:?}\n{self:?}"),
        }
    }

    pub(super) fn deliver_to_client(&mut self, client: ClientId, packet: Packet<S::Replica>) {
        let input = match (packet.from, packet.body) {
            (Place::Node(from), Body::Response(response)) => SessionInput::Response { from, response },
            (_, Body::Unreachable(node)) => SessionInput::Unreachable(node),
            (from, body) => panic!("{from:?} cannot send {body:?} to a client"),
        };
        if self.clients.contains_key(&client) {
            self.step_client(client, input);
        } else if let SessionInput::Response { from, response } = input {
            self.letters.push((client, from, response));
        }
    }

    /// Somebody without a session asks for something; what is answered is kept.
    pub(crate) fn post(&mut self, client: ClientId, to: NodeId, request: <S::Replica as Replica>::Request) {
        self.send(Packet {
            from: Place::Client(client),
            to: Place::Node(to),
            body: Body::Request(request),
        });
    }

    pub(super) fn step_client(&mut self, id: ClientId, input: SessionInput<S::Session>) {
        let mut out = SessionOutbox::new();
        let client = self.clients.get_mut(&id).unwrap();
        client.session.step(self.now, input, &mut out);
        for effect in out.drain().collect::<Vec<_>>() {
            self.carry_out_for_client(id, effect);
        }
    }

    fn carry_out_for_client(&mut self, id: ClientId, effect: SessionEffect<S::Session>) {
        let client = self.clients.get_mut(&id).unwrap();
        match effect {
            SessionEffect::Send { to, request } => self.send(Packet {
                from: Place::Client(id),
                to: Place::Node(to),
                body: Body::Request(request),
            }),
            SessionEffect::Arm { timer, after } => {
                client.timers.insert(timer, self.now + after);
            }
            SessionEffect::Disarm(timer) => {
                client.timers.remove(&timer);
            }
            SessionEffect::Conclude(conclusion) => {
                let call = client.current.take().expect("an operation is concluded once");
                self.calls[call.0].ended = Some((self.now, conclusion));
                self.sees(|| Sight::Ended { call });
            }
        }
    }
}
