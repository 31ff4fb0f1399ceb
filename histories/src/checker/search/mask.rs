//! A set of slots, as bits.

/// A set of at most `64 * W` slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mask<const W: usize>([u64; W]);

impl<const W: usize> Mask<W> {
    pub(super) const EMPTY: Self = Self([0; W]);

    pub(super) const fn has(&self, slot: u16) -> bool {
        self.0[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    pub(super) const fn add(&mut self, slot: u16) {
        self.0[slot as usize / 64] |= 1 << (slot % 64);
    }

    pub(super) const fn remove(&mut self, slot: u16) {
        self.0[slot as usize / 64] &= !(1 << (slot % 64));
    }

    pub(super) fn contains(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(&other.0)
            .all(|(mine, theirs)| theirs & !mine == 0)
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(&other.0)
            .any(|(mine, theirs)| mine & theirs != 0)
    }

    /// Whether `slot` is in it and nothing else.
    pub(super) fn is_only(&self, slot: u16) -> bool {
        let mut only = Self::EMPTY;
        only.add(slot);
        *self == only
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    pub(super) fn without(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & !other.0[word]))
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = u16> + use<W> {
        let words = self.0;
        (0..W).flat_map(move |word| {
            let mut rest = words[word];
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(u16::try_from(word * 64).expect("slots are limited") + bit as u16)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_set() {
        let mut mask = Mask::<2>::EMPTY;
        for slot in [3, 63, 64, 127] {
            mask.add(slot);
        }
        mask.remove(63);
        assert_eq!(mask.slots().collect::<Vec<_>>(), [3, 64, 127]);
        assert!(mask.has(64) && !mask.has(63));
        let mut more = mask;
        more.add(5);
        assert!(more.meets(&mask) && !more.meets(&Mask::EMPTY));
        assert!(more.contains(&mask) && !mask.contains(&more));
        assert!(more.without(&mask).is_only(5) && !more.is_only(5));
        assert_eq!(more.and(&mask), mask);
        assert_eq!(more.or(&mask), more);
    }
}
