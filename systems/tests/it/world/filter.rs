//! Which ones are meant.

/// Tells whether something is meant.
pub(super) struct Filter<T>(Box<dyn Fn(&T) -> bool>);

impl<T> Filter<T> {
    pub(super) fn new(matches: impl Fn(&T) -> bool + 'static) -> Self {
        Self(Box::new(matches))
    }

    pub(super) fn matches(&self, it: &T) -> bool {
        (self.0)(it)
    }
}
