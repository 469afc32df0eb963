//! Random streams: every random number has a key, so that no draw depends on the order of others.
//!
//! A worker's n-th step draws from `(seed, replication, purpose, worker, n)` and from nothing else. It is the same number
//! under every policy, in every world (simulated, threads), on any number of cores: common random numbers for free,
//! and no generator has to be kept per worker.
//!
//! The first four parts are hashed to the start of a SplitMix64 sequence. Most laws need one random number, and step n's
//! is output n+1 of the sequence: a few instructions in the event engine, and vector code where many are drawn at once.
//! What needs more takes outputs 4n+1 to 4n+4 as the state of a xoshiro256++ generator. Steps of one worker never share a
//! word, and a law is drawn in one way or the other. Both algorithms are named and portable; a test pins their values.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// The generator behind one key.
pub type Stream = Xoshiro256PlusPlus;

/// What a random number is used for; different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// How much computing a step takes.
    Compute = 1,
    /// The delay added to a step.
    Delay = 2,
    /// How long the server is busy with a submission.
    Service = 3,
    /// The noise of a gradient.
    Gradient = 4,
    /// How long the server is busy with an update.
    Update = 5,
    /// The parameters that training begins with.
    Parameters = 6,
    /// The order of a pass over the data; a step is a pass.
    Order = 7,
    /// What a step's dropout masks.
    Dropout = 8,
    /// The time at the stations between a worker and the server.
    Link = 9,
    /// Which measured steps are drawn; a worker is a group of workers.
    Rows = 10,
    /// What all workers have in common in a step.
    Factor = 11,
    /// Until when a worker does not fail.
    Failure = 12,
    /// Whether a worker's steps are fast or slow for a while.
    State = 13,
    /// Where in its first step a worker is when a stationary run begins.
    Phase = 14,
    /// Which rows of a trace are drawn again.
    Resample = 15,
    /// Images that are made up; a step is an image.
    Images = 20,
}

/// The root of all random numbers of one replication of one experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RandomKey {
    key: u64,
}

impl RandomKey {
    /// The random numbers of the `replication`-th repetition under `seed`.
    pub fn new(seed: u64, replication: u64) -> RandomKey {
        RandomKey { key: mix(mix(seed).wrapping_add(replication)) }
    }

    /// The random numbers of `worker` in everything that serves `purpose`.
    #[inline]
    pub(crate) fn sequence(self, purpose: Purpose, worker: u32) -> Sequence {
        Sequence { start: mix(self.key ^ ((purpose as u64) << 32 | u64::from(worker))) }
    }

    /// The same for the `number`-th of several things that serve one purpose.
    #[inline]
    pub(crate) fn sequence_of(self, purpose: Purpose, number: u32, worker: u32) -> Sequence {
        let purpose = purpose as u64 | u64::from(number) << 8;
        Sequence { start: mix(self.key ^ (purpose << 32 | u64::from(worker))) }
    }

    /// The random word for `worker`'s `step`-th need for `purpose`, where one is enough.
    #[inline]
    pub fn word(self, purpose: Purpose, worker: u32, step: u64) -> u64 {
        self.sequence(purpose, worker).word(step)
    }

    /// The generator for `worker`'s `step`-th need for `purpose`.
    #[inline]
    pub fn at(self, purpose: Purpose, worker: u32, step: u64) -> Stream {
        self.sequence(purpose, worker).at(step)
    }
}

/// All random numbers of one worker for one purpose, step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    start: u64,
}

impl Sequence {
    #[inline(always)]
    pub(crate) fn word(self, step: u64) -> u64 {
        mix(self.start.wrapping_add(step.wrapping_mul(PHI)))
    }

    /// The words of the `first`-th step and of every `stride`-th after it, from one to the next by an addition: vector units
    /// have no multiplication of 64 bits.
    #[inline(always)]
    pub(crate) fn words(self, (first, stride): (u64, u64)) -> impl Iterator<Item = u64> {
        let (mut place, between) = (self.start.wrapping_add(first.wrapping_mul(PHI)), stride.wrapping_mul(PHI));
        std::iter::repeat_with(move || {
            let word = mix(place);
            place = place.wrapping_add(between);
            word
        })
    }

    /// Words of the same worker for something that goes along with this.
    #[inline]
    pub(crate) fn companion(self) -> Sequence {
        Sequence { start: mix(self.start ^ PHI) }
    }

    #[inline]
    pub(crate) fn at(self, step: u64) -> Stream {
        // `seed_from_u64` takes the next four outputs of SplitMix64, whose increment is PHI.
        Stream::seed_from_u64(self.start.wrapping_add(step.wrapping_mul(PHI.wrapping_mul(4))))
    }
}

/// 2^64 divided by the golden ratio: SplitMix64's increment.
const PHI: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's output function after one increment: a bijection that scatters neighbours.
#[inline(always)]
fn mix(x: u64) -> u64 {
    let z = x.wrapping_add(PHI);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use std::collections::HashSet;

    #[test]
    fn numbers_are_the_same_on_every_machine_and_in_every_release() {
        let first = |purpose, worker, step| RandomKey::new(0, 0).at(purpose, worker, step).next_u64();
        let values = [
            first(Purpose::Compute, 0, 0),
            first(Purpose::Compute, 0, 1),
            first(Purpose::Compute, 1, 0),
            first(Purpose::Delay, 0, 0),
            RandomKey::new(1, 0).at(Purpose::Compute, 0, 0).next_u64(),
            RandomKey::new(0, 1).at(Purpose::Compute, 0, 0).next_u64(),
        ];
        assert_eq!(values, PINNED, "{values:#x?}");
        let word = |purpose, worker, step| RandomKey::new(0, 0).word(purpose, worker, step);
        let words = [
            word(Purpose::Compute, 0, 0),
            word(Purpose::Compute, 0, 1),
            word(Purpose::Compute, 1, 0),
            word(Purpose::Delay, 0, 0),
            RandomKey::new(1, 0).word(Purpose::Compute, 0, 0),
            RandomKey::new(0, 1).word(Purpose::Compute, 0, 0),
        ];
        assert_eq!(words, PINNED_WORDS, "{words:#x?}");
    }

    /// From an implementation of the two algorithms in another language, as are the generators' first words below.
    const PINNED_WORDS: [u64; 6] = [
        0xa4c8_5d70_2582_22cf,
        0x50e5_2666_e618_9253,
        0x5025_3963_9a5a_722a,
        0x594d_a12a_7632_d5f5,
        0xb4bb_7293_d14a_11ea,
        0xa995_b610_f878_8c47,
    ];

    const PINNED: [u64; 6] = [
        0x68fb_5251_a4cc_a168,
        0x8674_65d2_d299_3ecc,
        0x8405_2074_df31_fe84,
        0x6e1e_d761_1e16_c580,
        0x4150_db77_2579_8083,
        0x51da_2c80_be6f_827d,
    ];

    #[test]
    fn no_two_keys_share_a_first_number() {
        let mut seen = HashSet::new();
        for replication in 0..4 {
            let key = RandomKey::new(7, replication);
            for purpose in [Purpose::Compute, Purpose::Delay, Purpose::Service, Purpose::Gradient, Purpose::Update] {
                for worker in 0..40 {
                    for step in 0..100 {
                        assert!(seen.insert(key.at(purpose, worker, step).next_u64()));
                        assert!(seen.insert(key.word(purpose, worker, step)));
                    }
                }
            }
        }
    }
}
