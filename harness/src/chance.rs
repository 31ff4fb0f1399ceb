//! All chance of a run comes from its seed, one independent stream for each purpose.

use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

/// What chance is needed for. A new purpose gets a new number; the draws of the others stay what they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Which operations are asked.
    Operations = 1,
    /// When they are asked.
    Pace = 2,
    /// What the network does to packets.
    Packets = 3,
    /// What the nodes themselves may draw.
    Nodes = 4,
    /// What happens in a simulated world beside its faults.
    World = 5,
    /// Which mix of faults, rates, sizes and time-outs a run of a sweep has.
    Mix = 6,
}

/// The stream of `seed` for `purpose`.
#[must_use]
pub fn stream(seed: u64, purpose: Purpose) -> ChaCha12Rng {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    rng.set_stream(purpose as u64);
    rng
}
