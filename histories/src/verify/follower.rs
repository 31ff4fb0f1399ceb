//! Goes along a certificate, asking an object as it says.

use super::doubt::Doubt;
use super::object::{Object, Took};
use crate::checker::certificate::Certificate;
use crate::history::{History, Operation, OperationId};
use crate::journal::Index;

/// How far a certificate has been followed.
pub(super) struct Follower<'a, O> {
    certificate: &'a Certificate,
    object: O,
    next: usize,
    /// The earliest instant at which the next operation can have taken effect, after all that stand before it.
    point: u32,
}

impl<'a, O: Object> Follower<'a, O> {
    pub(super) const fn of(certificate: &'a Certificate, object: O) -> Self {
        Self {
            certificate,
            object,
            next: 0,
            point: 0,
        }
    }

    /// Goes on up to an operation that comes in the history after those `near`, of which the first has the number `from`.
    pub(super) fn go_on(
        &mut self,
        history: &History,
        (from, near): (usize, &[Operation<'_>]),
        is_placed: &mut [bool],
    ) -> Result<(), Doubt> {
        let until = from + near.len();
        while let Some(id) = self
            .certificate
            .order
            .get(self.next)
            .filter(|id| (id.0 as usize) < until)
        {
            self.next += 1;
            match (id.0 as usize).checked_sub(from) {
                Some(place) => self.follow(history, &near[place], *id, is_placed)?,
                None => self.follow(history, &history.operation(*id), *id, is_placed)?,
            }
        }
        Ok(())
    }

    fn follow(
        &mut self,
        history: &History,
        operation: &Operation<'_>,
        id: OperationId,
        is_placed: &mut [bool],
    ) -> Result<(), Doubt> {
        self.place(operation, id, is_placed)?;
        self.point = operation.order.call.max(self.point);
        let doubt: fn(Index) -> Doubt = match self.object.take(operation, history.values())? {
            Took::Effect if self.point < operation.order.ret => return Ok(()),
            Took::Effect => Doubt::TooLate,
            Took::Refused => Doubt::OtherAnswer,
            Took::Nothing => Doubt::Misplaced,
        };
        Err(doubt(operation.index))
    }

    /// When all of the history has been gone along, nothing is left but what is left out.
    pub(super) fn end(&self, history: &History, is_placed: &mut [bool]) -> Result<(), Doubt> {
        let Certificate { order, left_out, .. } = self.certificate;
        for &id in order[self.next..].iter().chain(left_out) {
            let operation = history
                .operations()
                .get(id.0 as usize)
                .ok_or(Doubt::NoSuchOperation(id.0))?;
            self.place(&operation, id, is_placed)?;
            if !operation.is_indeterminate() {
                return Err(Doubt::Misplaced(operation.index));
            }
        }
        Ok(())
    }

    fn place(&self, operation: &Operation<'_>, id: OperationId, is_placed: &mut [bool]) -> Result<(), Doubt> {
        if std::mem::replace(&mut is_placed[id.0 as usize], true) {
            Err(Doubt::Twice(operation.index))
        } else if operation.key != self.certificate.key.as_ref() {
            Err(Doubt::OtherObject(operation.index))
        } else {
            Ok(())
        }
    }
}
