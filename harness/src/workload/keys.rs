//! Which object the next operation is about: a few at a time, each for a bounded number of operations.
//!
//! Histories are judged object by object, and the cost of judging grows with the operations on one; so an object that has had
//! its share gives way to a fresh one.

use histories::Key;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

/// How many objects, and how long each lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysConfig {
    /// Objects in use at a time.
    pub at_once: usize,
    /// Operations an object gets before a fresh one takes its place.
    pub ops_per_key: u64,
}

/// The objects in use.
#[derive(Debug)]
pub struct Keys {
    config: KeysConfig,
    in_use: Vec<(Key, u64)>,
    born: u64,
}

impl Keys {
    /// `config.at_once` fresh objects.
    ///
    /// # Panics
    /// When the configuration asks for no objects or no operations on them; the command line refuses that.
    #[must_use]
    pub fn new(config: KeysConfig) -> Self {
        assert!(
            0 < config.at_once && 0 < config.ops_per_key,
            "there is something to work on"
        );
        let mut keys = Self {
            config,
            in_use: Vec::new(),
            born: 0,
        };
        keys.in_use = (0..config.at_once).map(|_| (keys.fresh(), 0)).collect();
        keys
    }

    /// The object for the next operation.
    pub fn draw(&mut self, rng: &mut ChaCha12Rng) -> Key {
        let place = rng.random_range(0..self.in_use.len());
        let (key, used) = &mut self.in_use[place];
        *used += 1;
        let drawn = key.clone();
        if *used == self.config.ops_per_key {
            self.in_use[place] = (self.fresh(), 0);
        }
        drawn
    }

    fn fresh(&mut self) -> Key {
        self.born += 1;
        Key::from(format!("k{}", self.born).as_str())
    }
}
