//! Which samples are in a worker's n-th batch? A pure function of (seed, worker, serial): no state, no thread order.
//!
//! A pass visits every sample once, in an order that is fresh for each pass. The order is a *keyed permutation*, not a
//! shuffled list: a position is encrypted to a sample in a few nanoseconds, so that any batch of any pass can be asked
//! for directly (a replay, a restart, a worker that was cancelled) with nothing to keep and nothing to warm up.

use rand::Rng;

use sim::{Purpose, RandomKey};

/// How the workers share the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Each worker passes over the whole set, in its own order.
    Whole,
    /// One order for all, dealt out like cards: the batches of equal serial number of the m workers are disjoint and
    /// together are one batch, m times as large, of that order (what frameworks call a distributed sampler).
    Dealt {
        /// How many share them.
        workers: u32,
    },
    /// Worker w only ever sees its own m-th of the set, in its own order: the w-th of m blocks of neighbours. Every m-th
    /// sample would not do, as easy and hard digits take turns in MNIST: of two workers one would have all the hard ones.
    Shard {
        /// How many share them.
        workers: u32,
    },
}

/// The batches of a run.
#[derive(Clone, Copy, Debug)]
pub struct Batches {
    samples: usize,
    size: usize,
    share: Share,
    key: RandomKey,
}

/// Why batches cannot be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// A batch of no samples.
    #[error("a batch holds at least one sample; raise --batch-size")]
    Empty,
    /// Samples for nobody.
    #[error("samples are shared among at least one worker; raise --workers")]
    NoWorkers,
    /// Not a sample for each worker.
    #[error("{samples} samples leave some of the {workers} workers without any; raise --samples or lower --workers")]
    TooFewSamples {
        /// How many samples there are.
        samples: usize,
        /// How many workers share them.
        workers: u32,
    },
}

impl Batches {
    /// Batches of `size` samples out of `samples`.
    pub fn new(samples: usize, size: usize, share: Share, key: RandomKey) -> Result<Self, BatchError> {
        let workers = match share {
            Share::Whole => 1,
            Share::Dealt { workers } | Share::Shard { workers } => workers,
        };
        if size == 0 {
            return Err(BatchError::Empty);
        }
        if workers == 0 {
            return Err(BatchError::NoWorkers);
        }
        if samples < workers as usize {
            return Err(BatchError::TooFewSamples { samples, workers });
        }
        Ok(Self { samples, size, share, key })
    }

    /// Samples in a batch.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The samples (`0..samples`) of a worker's batch number `serial`, counted from 0. A batch may end one pass and
    /// begin the next, so that all batches are of one size and no sample is skipped.
    pub fn batch(&self, worker: u32, serial: u64) -> impl Iterator<Item = usize> + use<> {
        let Self { samples, size, share, key } = *self;
        // (length of a pass, first position, whose order, sample = first + permuted position)
        let (length, batch, order, first) = match share {
            Share::Whole => (samples, serial, worker, 0),
            Share::Dealt { workers } => {
                assert!(worker < workers, "worker {worker} of {workers}");
                (samples, serial * u64::from(workers) + u64::from(worker), 0, 0)
            }
            Share::Shard { workers } => {
                assert!(worker < workers, "worker {worker} of {workers}");
                let begin = |worker: u32| (samples as u64 * u64::from(worker) / u64::from(workers)) as usize;
                (begin(worker + 1) - begin(worker), serial, worker, begin(worker))
            }
        };
        let start = batch * size as u64;
        (start..start + size as u64).map(move |position| {
            let (pass, place) = (position / length as u64, position % length as u64);
            let key = key.at(Purpose::Order, order, pass).next_u64();
            first + permuted(place, length as u64, key) as usize
        })
    }
}

/// Where `place` goes in the permutation of `0..length` that belongs to `key`.
///
/// A Feistel network on a square of side ⌈√length⌉ (each half step adds a keyed hash of one coordinate to the other, so
/// it is a bijection whatever the hash), walked until it falls inside `0..length` (Black and Rogaway 2002): two steps
/// at the very worst on average, hardly more than one for large sets.
fn permuted(place: u64, length: u64, key: u64) -> u64 {
    let side = length.isqrt() + u64::from(length.isqrt().pow(2) < length);
    let mut place = place;
    loop {
        let (mut row, mut column) = (place / side, place % side);
        for round in 0..ROUNDS {
            row = (row + mixed(key ^ (column << 8 | round))) % side;
            column = (column + mixed(key.rotate_left(32) ^ (row << 8 | round))) % side;
        }
        place = row * side + column;
        if place < length {
            return place;
        }
    }
}

/// The finaliser of SplitMix64: each bit of the input moves about half of the bits of the output.
fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

const ROUNDS: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(samples: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut samples: Vec<usize> = samples.collect();
        samples.sort_unstable();
        samples
    }

    fn batches(samples: usize, size: usize, share: Share) -> Batches {
        Batches::new(samples, size, share, RandomKey::new(7, 0)).unwrap()
    }

    #[test]
    fn a_pass_visits_every_sample_once() {
        for samples in (1..200).chain([60_000]) {
            let all: Vec<usize> = (0..samples).collect();
            for worker in 0..3 {
                let pass = |number: u64| batches(samples, samples, Share::Whole).batch(worker, number);
                assert_eq!(sorted(pass(0)), all);
                assert_eq!(sorted(pass(5)), all);
            }
        }
    }

    #[test]
    fn batches_follow_on_within_a_pass_and_over_its_end() {
        let whole: Vec<usize> = (0..4).flat_map(|pass| batches(50, 50, Share::Whole).batch(1, pass)).collect();
        let pieces: Vec<usize> = (0..25).flat_map(|serial| batches(50, 8, Share::Whole).batch(1, serial)).collect();
        assert_eq!(whole, pieces);
    }

    #[test]
    fn passes_workers_and_seeds_have_orders_of_their_own() {
        let order = |seed, worker, pass| -> Vec<usize> {
            Batches::new(1000, 1000, Share::Whole, RandomKey::new(seed, 0)).unwrap().batch(worker, pass).collect()
        };
        let orders = [order(0, 0, 0), order(1, 0, 0), order(0, 1, 0), order(0, 0, 1)];
        for (i, a) in orders.iter().enumerate() {
            for b in &orders[..i] {
                let fixed = a.iter().zip(b).filter(|(a, b)| a == b).count();
                assert!(fixed < 10, "{fixed} places in common, about 1 expected"); // Poisson(1)
            }
        }
    }

    #[test]
    fn every_sample_is_equally_likely_everywhere() {
        // Chi-square over (place, sample) of a set of 7 in 7000 passes: 36 degrees of freedom, 99.99 % point 80.
        let (n, passes) = (7, 7000);
        let mut counts = vec![0u32; n * n];
        for pass in 0..passes {
            for (place, sample) in batches(n, n, Share::Whole).batch(0, pass).enumerate() {
                counts[place * n + sample] += 1;
            }
        }
        let expected = passes as f64 / n as f64;
        let chi: f64 = counts.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
        assert!(chi < 80.0, "chi-square {chi:.1}");
    }

    #[test]
    fn dealt_batches_of_all_workers_are_one_large_batch() {
        for serial in 0..20 {
            let dealt = batches(100, 8, Share::Dealt { workers: 3 });
            let together: Vec<usize> = (0..3).flat_map(|worker| dealt.batch(worker, serial)).collect();
            let large: Vec<usize> = batches(100, 24, Share::Dealt { workers: 1 }).batch(0, serial).collect();
            assert_eq!(together, large);
        }
    }

    #[test]
    fn shards_part_the_set() {
        for workers in 1..6 {
            let all = (0..workers).flat_map(|worker| {
                let begin = |worker: u32| 101 * worker as usize / workers as usize;
                let length = begin(worker + 1) - begin(worker);
                batches(101, length, Share::Shard { workers }).batch(worker, 3)
            });
            assert_eq!(sorted(all), (0..101).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let refused = |samples, size, share| Batches::new(samples, size, share, RandomKey::new(0, 0)).unwrap_err();
        assert_eq!(refused(10, 0, Share::Whole), BatchError::Empty);
        assert_eq!(refused(10, 1, Share::Dealt { workers: 0 }), BatchError::NoWorkers);
        let few = BatchError::TooFewSamples { samples: 2, workers: 3 };
        assert_eq!(refused(2, 1, Share::Shard { workers: 3 }), few);
        assert_eq!(refused(0, 1, Share::Whole), BatchError::TooFewSamples { samples: 0, workers: 1 });
    }
}
