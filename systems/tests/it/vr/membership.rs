//! Groups whose members change.

use systems::group::{Configuration, Epoch, Refusal, Request as Numbered, Response};
use systems::service::RequestNumber;
use systems::service::kv::Answer;
use systems::vr::{Ask, Members, Request};
use systems::{ClientId, NodeId};

use super::Vr;
use crate::world::World;

/// Administrators are none of the world's clients; each of these asks for one change.
const ADMINS_FROM: u64 = 1 << 40;

impl World<Vr> {
    /// A new administrator asks `via` that the group have these `members` after `epoch`.
    pub(super) fn ask_for_members(&mut self, via: NodeId, epoch: Epoch, members: Members) -> ClientId {
        let admin = ClientId(ADMINS_FROM + self.now.as_nanos());
        self.ask_again_for_members(admin, via, epoch, members);
        admin
    }

    /// The same administrator says it again.
    pub(super) fn ask_again_for_members(&mut self, admin: ClientId, via: NodeId, epoch: Epoch, members: Members) {
        let request = Numbered {
            number: RequestNumber(1),
            op: Ask::Members(members),
        };
        self.post(admin, via, Request { epoch, request });
    }
}
