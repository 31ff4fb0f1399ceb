//! What an onlooker sees of a world, in the order in which it happens.

use systems::{NodeId, Replica, Time};

use super::{CallId, Packet, System, World};

/// One thing that was seen.
pub(crate) enum Sight<S: System> {
    /// A node said this of itself.
    Event {
        node: NodeId,
        event: <S::Replica as Replica>::Event,
    },
    /// A packet was sent, and this is what becomes of it.
    Sent { packet: Packet<S::Replica>, way: Way },
    /// A node died in the middle of a step.
    Died { node: NodeId },
    /// A client begins an operation.
    Called { call: CallId },
    /// A client's operation is over.
    Ended { call: CallId },
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Usual,
    Lost,
    Held,
    Doubled,
    /// It had been held.
    Released,
}

/// Everything seen since the onlooker was last asked.
pub(super) struct Onlooker<S: System> {
    seen: Vec<(Time, Sight<S>)>,
}

impl<S: System> World<S> {
    /// From now on somebody looks.
    pub(crate) fn watch(&mut self) {
        self.onlooker = Some(Onlooker { seen: Vec::new() });
    }

    /// What was seen since the last time; nothing if nobody looks.
    pub(crate) fn seen(&mut self) -> Vec<(Time, Sight<S>)> {
        let seen = self.onlooker.as_mut().map(|onlooker| &mut onlooker.seen);
        seen.map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn sees(&mut self, sight: impl FnOnce() -> Sight<S>) {
        if let Some(onlooker) = &mut self.onlooker {
            onlooker.seen.push((self.now, sight()));
        }
    }
}
