//! Chance in the switch: a pure function of the run's seed, the link, the packet's number on it, and what is being decided.
//!
//! Which packet comes when is the kernel's affair; what happens to the n-th packet of a link is the seed's.

/// What is decided by chance, so that two decisions over one packet are independent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question {
    /// Whether the packet is lost.
    Loss = 1,
    /// How long it is held beyond the fixed delay.
    Jitter = 2,
}

/// A run's source of chance for one link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance {
    seed: u64,
}

impl Chance {
    /// The chance of link number `link` in a run with this seed.
    pub(super) fn of_link(seed: u64, link: usize) -> Self {
        Self {
            seed: mix(seed ^ mix(link as u64)),
        }
    }

    /// A number below `bound`, the same for the same packet and question each time.
    pub(super) fn below(self, bound: u64, packet: u64, question: Question) -> u64 {
        let random = mix(self.seed ^ mix(packet.wrapping_mul(4) + question as u64));
        let scaled = (u128::from(random) * u128::from(bound)) >> 64;
        u64::try_from(scaled).expect("a fraction of a u64 is a u64")
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood 2014).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Chance, Question};

    fn losses(seed: u64, link: usize, question: Question) -> Vec<bool> {
        let chance = Chance::of_link(seed, link);
        (0..10_000)
            .map(|packet| chance.below(1_000_000, packet, question) < 100_000)
            .collect()
    }

    #[test]
    fn the_same_seed_loses_the_same_packets() {
        assert_eq!(losses(7, 3, Question::Loss), losses(7, 3, Question::Loss));
    }

    #[test]
    fn another_seed_link_or_question_decides_otherwise() {
        let base = losses(7, 3, Question::Loss);
        assert_ne!(base, losses(8, 3, Question::Loss));
        assert_ne!(base, losses(7, 4, Question::Loss));
        assert_ne!(base, losses(7, 3, Question::Jitter));
    }

    #[test]
    fn a_tenth_of_the_packets_is_about_a_tenth() {
        let lost = losses(7, 3, Question::Loss)
            .into_iter()
            .filter(|lost| *lost)
            .count();
        assert!((900..1100).contains(&lost), "{lost} of 10000");
    }
}
