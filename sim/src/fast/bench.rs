//! What do the kernels cost by themselves? Doors for the benchmarks; nothing else is meant to come in here.

use crate::cluster::spec::ClusterSpec;
use crate::cluster::variates::Variates;
use crate::fast::rounds::{Block, Chunk, Rank};
use crate::fast::width::{Kernel, Width};
use crate::policy::Policy;
use crate::random::key::{Purpose, RandomKey};
use crate::random::ln::ln;

/// Times that are drawn in one go, as the kernel does.
const CHUNK: usize = 256;

/// Mean length of `rounds` iterations of sync and of gated async, for 1 to `workers` workers, on the thread that calls.
///
/// # Panics
/// If the cluster is not plain.
pub fn mean_rounds(spec: &ClusterSpec, workers: u32, rounds: usize) -> Vec<f64> {
    let draws = Variates::new(spec, RandomKey::new(0, 0));
    let rules = (1..=workers).flat_map(|m| [Policy::SYNC, Policy::ASYNC].map(|policy| policy.rule(m)));
    let ranks: Vec<(Rank, u32)> = rules
        .map(|rule| {
            let rule = rule.expect("at least one worker").gated();
            (Rank::of(rule, spec).expect("a plain cluster"), rule.workers)
        })
        .collect();
    let (width, mut chunk, mut sums) = (Width::widest(), Chunk::default(), vec![0.0; ranks.len()]);
    for first in (0..rounds).step_by(CHUNK) {
        let length = CHUNK.min(rounds - first);
        let (draws, ranks) = (&draws, &ranks[..]);
        width.run(Block {
            draws,
            steps: 1,
            first: first as u64,
            length,
            ranks,
            keep: false,
            chunk: &mut chunk,
            stop: None,
        });
        for (sum, lengths) in sums.iter_mut().zip(chunk.lengths().chunks_exact(length)) {
            *sum += total(lengths);
        }
    }
    sums.into_iter().map(|sum| sum / rounds as f64).collect()
}

/// Added up eight by eight, as nobody asks for the sum so far.
fn total(values: &[f64]) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        sums.iter_mut().zip(eight).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().chain(rest).sum()
}

/// The floor, first half: fills a buffer with random words.
pub fn words(buffer: &mut [u64]) {
    struct Words<'a>(&'a mut [u64]);
    impl Kernel for Words<'_> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let key = RandomKey::new(0, 0).sequence(Purpose::Compute, 0);
            self.0.iter_mut().zip(key.words((0, 1))).for_each(|(place, word)| *place = word);
        }
    }
    Width::widest().run(Words(buffer));
}

/// The floor, second half: takes the logarithm of every number in a buffer.
pub fn logarithms(buffer: &mut [f64]) {
    struct Logarithms<'a>(&'a mut [f64]);
    impl Kernel for Logarithms<'_> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            self.0.iter_mut().for_each(|x| *x = ln(*x));
        }
    }
    Width::widest().run(Logarithms(buffer));
}
