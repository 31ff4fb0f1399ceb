//! The clients at work: their sessions are stepped and what they want done is done.

use histories::{Completion, Process};
use systems::{NodeId, Session, SessionEffect, SessionInput};

use super::packet::Packet;
use super::timers::Arming;
use super::{Due, Protocol, SimWorld};

impl<P: Protocol> SimWorld<P> {
    pub(super) fn step_client(&mut self, process: Process, input: SessionInput<P::Session>) {
        let Some(client) = self.clients.get(process) else {
            return;
        };
        let mut outbox = std::mem::take(&mut self.session_outbox);
        client
            .session
            .step(self.clients_clock.read(self.now), input, &mut outbox);
        for effect in outbox.drain() {
            self.carry_out_client(process, effect);
        }
        self.session_outbox = outbox;
    }

    pub(super) fn carry_out_client(&mut self, process: Process, effect: SessionEffect<P::Session>) {
        let Some(client) = self.clients.get(process) else {
            return;
        };
        match effect {
            SessionEffect::Send { to, request } => {
                client.connected.insert(to);
                self.send(Packet::Request {
                    from: process,
                    to,
                    request,
                });
            }
            SessionEffect::Arm { timer, after } => {
                let arming = client.timers.arm(timer);
                let at = self.now + self.clients_clock.takes(after);
                self.queue.schedule(
                    at,
                    Due::ClientTimer {
                        process,
                        timer,
                        arming,
                    },
                );
            }
            SessionEffect::Disarm(timer) => client.timers.disarm(timer),
            SessionEffect::Conclude(conclusion) => {
                if let Some(invocation) = client.invocation.take() {
                    let outcome = self.protocol.outcome(&invocation, conclusion);
                    self.completions.push_back(Completion { process, outcome });
                }
            }
        }
    }

    pub(super) fn client_timer(
        &mut self,
        process: Process,
        timer: <P::Session as Session>::Timer,
        arming: Arming,
    ) {
        let current = self
            .clients
            .get(process)
            .is_some_and(|client| client.timers.run_out(timer, arming));
        if current {
            self.step_client(process, SessionInput::Timeout(timer));
        }
    }

    /// The machine of `node` tells a client that nobody listens there, unless it cannot.
    pub(super) fn break_connection(&mut self, to: Process, node: NodeId) {
        self.send(Packet::Unreachable { to, node });
    }
}
