//! Operations as clients make them and see them end.

use systems::{ClientId, Conclusion, Session, Time};

/// An operation as its client saw it.
#[derive(Debug, Clone)]
pub(crate) struct Call<S: Session> {
    pub(crate) client: ClientId,
    pub(crate) op: S::Op,
    pub(crate) called: Time,
    pub(crate) ended: Option<(Time, Conclusion<S::Answer>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallId(pub(crate) usize);
