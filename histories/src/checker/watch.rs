//! Whether time is up, looked at now and then: what is done with a single operation takes less than asking.

use std::cell::Cell;

use super::Limits;

/// Items between two looks.
const ITEMS_BETWEEN_LOOKS: usize = 1 << 12;

/// Looks whether time is up, and remembers when it was.
pub(super) struct Watch<'a> {
    limits: &'a Limits<'a>,
    is_up: Cell<bool>,
}

impl<'a> Watch<'a> {
    pub(super) const fn of(limits: &'a Limits<'a>) -> Self {
        Self {
            limits,
            is_up: Cell::new(false),
        }
    }

    /// Whether something was cut short, and is worth nothing.
    pub(super) const fn is_up(&self) -> bool {
        self.is_up.get()
    }

    /// Looks now; true if time is up.
    pub(super) fn look(&self) -> bool {
        self.is_up.set(self.is_up() || !(self.limits.may_go_on)());
        self.is_up()
    }

    /// The `items`, for as long as there is time.
    pub(super) fn over<I: IntoIterator>(&self, items: I) -> impl Iterator<Item = I::Item> {
        let in_time = |&(number, _): &(usize, I::Item)| {
            let is_due = number % ITEMS_BETWEEN_LOOKS == ITEMS_BETWEEN_LOOKS - 1;
            !(is_due && self.look() || self.is_up())
        };
        let items = items.into_iter().enumerate().take_while(in_time);
        items.map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn nothing_more_comes_once_time_was_up() {
        let looks = AtomicUsize::new(0);
        let limits = Limits {
            may_go_on: &|| looks.fetch_add(1, Ordering::Relaxed) < 2,
            ..Limits::patient()
        };
        let watch = Watch::of(&limits);
        assert_eq!(watch.over(0..ITEMS_BETWEEN_LOOKS).count(), ITEMS_BETWEEN_LOOKS);
        assert!(!watch.is_up());
        let seen = watch.over(0..).last();
        assert_eq!(seen, Some(2 * ITEMS_BETWEEN_LOOKS - 2));
        assert!(watch.is_up());
        assert_eq!(watch.over(0..3).count(), 0);
    }
}
