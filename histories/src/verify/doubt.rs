//! What may be wrong with a certificate.

use crate::journal::Index;
use crate::model::Mismatch;

/// Why certificates show nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// A number that no operation has.
    #[error("there is no operation {0}")]
    NoSuchOperation(u32),
    /// An operation in the certificate of another object.
    #[error("operation {} is about another object", .0.0)]
    OtherObject(Index),
    /// An operation in two places.
    #[error("operation {} stands there twice", .0.0)]
    Twice(Index),
    /// An operation that says nothing, or one that is left out though it happened.
    #[error("operation {} does not belong there", .0.0)]
    Misplaced(Index),
    /// An operation that returned before something earlier was called.
    #[error("operation {} returned before something was called that stands before it", .0.0)]
    TooLate(Index),
    /// An answer that the object would not give there.
    #[error("operation {} cannot have been answered so in its place", .0.0)]
    OtherAnswer(Index),
    /// An operation that happened and stands nowhere.
    #[error("operation {} stands nowhere", .0.0)]
    Missing(Index),
    /// An object with two certificates.
    #[error("an object has two certificates")]
    TwoOrders,
    /// An operation that the model does not know.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}
