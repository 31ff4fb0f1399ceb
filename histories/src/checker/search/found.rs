//! What comes of a search.

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found<S> {
    /// This order of places among the spans explains all answers.
    Order(Vec<usize>),
    /// No order does.
    Refuted(Stuck<S>),
    /// It could not be found out.
    GaveUp(GaveUp, Option<Stuck<S>>),
}

/// The furthest event that the search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stuck<S> {
    /// The operation that returns there and could not be given its place.
    pub(crate) span: usize,
    /// States in which it came there, some of them.
    pub(crate) states: Vec<S>,
}

/// Why a search ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GaveUp {
    Time,
    Memory,
    Steps,
    /// So many operations open at a time.
    Open(usize),
}

impl<S> Stuck<S> {
    /// The operation in that place, in whatever state.
    pub(crate) const fn at(span: usize) -> Self {
        Self {
            span,
            states: Vec::new(),
        }
    }
}
