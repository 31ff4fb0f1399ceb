//! Reads without a place in the log, while enough backups have promised to stay.
//!
//! A backup that hears a beat promises not to leave its view for the length of a lease, by its own clock from when it heard it. The primary
//! counts the lease from when it *sent* that beat, by its own clock, and not all of it. While f backups are bound to it, a later view would
//! need one of them; so nothing newer than what it holds can have been committed. A restarted replica has forgotten its promises and
//! keeps the longest it can have made.
//!
//! A lease does not outlive its epoch. That more than half of the old group hold the epoch's last command is known first to the primary that
//! counts them, and it leaves the epoch, and its leases, in the step in which it counts; or to the primary of a later view, which has waited
//! until nobody was bound any more. So when the first new member begins, nobody reads alone in the old epoch.
//!
//! This rests on clocks that run at nearly the same rate. Reads through the log rest on nothing.

use crate::group::Response;
use crate::quorum;
use crate::replica::{ClientId, Outbox};
use crate::service::{Footprint, RequestNumber, Service};
use crate::vr::LEASE_TRUSTED_PERCENT;
use crate::vr::event::Event;
use crate::vr::node::{Node, Status, flawed};

impl<S: Service> Node<S> {
    /// It stays where it is for the length of a lease from now.
    pub(super) fn promise(&mut self) {
        if let Some(lease) = self.lease() {
            self.promised_until = self.now + lease;
        }
    }

    /// Whether it has promised to stay.
    pub(super) fn is_bound(&self) -> bool {
        self.now < self.promised_until
    }

    /// Answers a read from what it holds, if it may. Whether it did.
    pub(super) fn read_locally(
        &self,
        client: ClientId,
        number: RequestNumber,
        op: &S::Op,
        out: &mut Outbox<Self>,
    ) -> bool {
        match S::footprint(op) {
            Footprint::Reads if self.may_read_locally() => (),
            Footprint::Reads | Footprint::Writes => return false,
        }
        out.observe(Event::ReadLocally {
            view: self.view,
            op: self.commit,
            client,
            number,
        });
        let answer = self.machine.service().clone().apply(op);
        out.reply(client, Response::Answered { number, answer });
        true
    }

    /// Enough are bound to it, and it has carried out all that earlier views may have committed.
    fn may_read_locally(&self) -> bool {
        if flawed::reads_without_lease(&self.config) {
            return true;
        }
        let (Some(lease), Status::Primary(primary)) = (self.lease(), &self.status) else {
            return false;
        };
        let trusted = flawed::trusted(lease, lease * LEASE_TRUSTED_PERCENT / 100, &self.config);
        let granted = primary.backups.values().filter_map(|backup| backup.granted);
        let others = self.beginning.members.majority() - 1;
        let is_held = match quorum::reached_by(others, granted) {
            Some(since) => self.now < since + trusted,
            None => others == 0,
        };
        is_held && primary.began_at <= self.commit
    }
}
