//! Barrier rounds: iterations in which everybody starts anew, as the K-th smallest of m fresh draws, without an event queue.
//!
//! Where an update leaves nothing under way (sync, and every policy in the gated model), iteration i is decided by the
//! i-th tasks of all workers alone: its length is the K-th smallest of their times. Random numbers have keys, so these are the
//! numbers that the event engine draws, in any order, and a worker's are the same whatever the policy and however many
//! others there are. So each is drawn once for all cells of an experiment: workers are added one by one, the order
//! statistics wanted are kept up to date for many iterations at a time, and after worker m every cell with m workers has
//! its iterations. The cost is one draw per worker and iteration, not one per worker, iteration and cell.
//!
//! What is left is a loop over independent iterations: vector code. The results are the event engine's to the last bit,
//! since rounding is monotone: the K-th smallest of the instants t + x is t + the K-th smallest x.

use crate::cluster::spec::ClusterSpec;
use crate::cluster::variates::Variates;
use crate::fast::width::{Kernel, Width};
use crate::measure::accounts::Accounts;
use crate::parallel::*;
use crate::policy::{OnCompletion, Rule};
use std::sync::atomic::{AtomicBool, Ordering};

/// Which of the m times ends an iteration: the `depth`-th from one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rank {
    end: End,
    depth: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Shortest,
    Longest,
}

/// Deeper than this a row of times is not worth keeping sorted, and the event engine does as well.
const DEEPEST: u32 = 16;

impl Rank {
    /// The time that ends an iteration of this rule on this fleet, if nothing but fresh draws decides that.
    pub(crate) fn of(rule: Rule, spec: &ClusterSpec) -> Option<Rank> {
        // Who hands in, and is not the last to, must not draw again before the update.
        let one_draw_each = rule.on_completion == OnCompletion::Waits || rule.quorum == 1;
        let (short, long) = (rule.quorum, rule.workers - rule.quorum.min(rule.workers) + 1);
        let rank = match short < long {
            true => Rank { end: End::Shortest, depth: short },
            false => Rank { end: End::Longest, depth: long },
        };
        let fresh = rule.renews() && !rule.is_timed() && one_draw_each && spec.is_plain(rule);
        (fresh && rank.depth <= DEEPEST).then_some(rank)
    }
}

/// The times of many iterations that one order statistic needs: its end of each row, sorted.
struct Ladder {
    rank: Rank,
    /// Rung by rung from the end, each for all iterations of a chunk.
    rungs: Vec<f64>,
}

impl Ladder {
    fn new(rank: Rank, chunk: usize) -> Ladder {
        // Farther from the end than any time.
        let nobody = match rank.end {
            End::Shortest => f64::INFINITY,
            End::Longest => f64::NEG_INFINITY,
        };
        Ladder { rank, rungs: vec![nobody; chunk * rank.depth as usize] }
    }

    /// Adds a worker's times: each takes its place in its row, and what it pushes off the ladder is forgotten.
    #[inline(always)]
    fn add(&mut self, times: &[f64], carried: &mut [f64]) {
        match self.rank.end {
            // A comparison would become a store only where the incoming time stays, and masked stores are slow.
            End::Shortest => self.insert(times, carried, f64::min, f64::max),
            End::Longest => self.insert(times, carried, f64::max, f64::min),
        }
    }

    #[inline(always)]
    fn insert(
        &mut self,
        times: &[f64],
        carried: &mut [f64],
        stays: impl Fn(f64, f64) -> f64,
        goes: impl Fn(f64, f64) -> f64,
    ) {
        let last = self.rungs.len() - times.len();
        let (upper, lowest) = self.rungs.split_at_mut(last);
        // Most ladders have a single rung, and nothing to carry.
        let mut incoming = times;
        if last > 0 {
            carried.copy_from_slice(times);
            for rung in upper.chunks_exact_mut(times.len()) {
                for (at, carried) in rung.iter_mut().zip(carried.iter_mut()) {
                    (*at, *carried) = (stays(*at, *carried), goes(*at, *carried));
                }
            }
            incoming = carried;
        }
        for (at, &incoming) in lowest.iter_mut().zip(incoming) {
            *at = stays(*at, incoming);
        }
    }

    /// The order statistic of every iteration.
    fn last_rung(&self, chunk: usize) -> &[f64] {
        &self.rungs[self.rungs.len() - chunk..]
    }
}

/// A cell on its way.
pub(crate) struct Entrant {
    pub(crate) rule: Rule,
    pub(crate) rank: Rank,
    pub(crate) accounts: Accounts,
}

impl Entrant {
    pub(crate) fn new(rule: Rule, rank: Rank, deadline_s: Option<f64>) -> Entrant {
        Entrant { rule, rank, accounts: Accounts::in_sum(rule.workers).with_deadline(deadline_s) }
    }
}

/// Iterations of cells that draw the same times.
pub(crate) struct Rounds<'a> {
    draws: &'a Variates,
    /// Steps in a task.
    steps: u32,
    width: Width,
    /// Iterations so far.
    done: u64,
    /// Whether the workers' busy time is wanted, which is worker by worker, in order of the iterations.
    worked_s: Option<Vec<f64>>,
    chunks: Vec<Chunk>,
    stop: Option<&'a AtomicBool>,
}

/// Iterations that are worked out in one go.
#[derive(Default)]
pub(crate) struct Chunk {
    /// Worker by worker, if busy times are wanted; of the latest worker otherwise.
    times: Vec<f64>,
    /// Entrant by entrant.
    lengths: Vec<f64>,
}

impl Chunk {
    /// The lengths of the iterations, entrant by entrant.
    pub(crate) fn lengths(&self) -> &[f64] {
        &self.lengths
    }
}

/// Iterations in a chunk: short enough for the first-level cache, long enough for full vectors.
const CHUNK: usize = 256;

/// Chunks in a block, which threads share: some 0.1 ms of work.
const CHUNKS: usize = 8;

/// Times that are kept at once, at most: 8 MB.
const KEPT: usize = 1 << 20;

impl<'a> Rounds<'a> {
    pub(crate) fn new(draws: &'a Variates, steps: u32, busy: bool, width: Width) -> Rounds<'a> {
        Rounds { draws, steps, width, done: 0, worked_s: busy.then(Vec::new), chunks: Vec::new(), stop: None }
    }

    /// The same, giving up in the middle of its iterations where this says so: what it has then is worth nothing.
    pub(crate) fn stopped_by(self, stop: &'a AtomicBool) -> Rounds<'a> {
        Rounds { stop: Some(stop), ..self }
    }

    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// The next iterations, at most `most`, of all entrants, who are in order of their workers.
    pub(crate) fn advance(&mut self, entrants: &mut [&mut Entrant], most: u64) {
        let workers = entrants.last().map_or(0, |entrant| entrant.rule.workers) as usize;
        let chunk = if self.worked_s.is_some() { (KEPT / CHUNKS / workers).clamp(8, CHUNK) } else { CHUNK };
        let chunks = (KEPT / (chunk * workers)).clamp(1, CHUNKS);
        let count = most.min((chunk * chunks) as u64) as usize;
        self.chunks.resize_with(count.div_ceil(chunk), Chunk::default);

        let ranks: Vec<(Rank, u32)> = entrants.iter().map(|entrant| (entrant.rank, entrant.rule.workers)).collect();
        let (draws, steps, width, done, keep, stop) =
            (self.draws, self.steps, self.width, self.done, self.worked_s.is_some(), self.stop);
        self.chunks.par_iter_mut().enumerate().for_each(|(i, part)| {
            let (first, length) = (done + (i * chunk) as u64, chunk.min(count - i * chunk));
            width.run(Block { draws, steps, first, length, ranks: &ranks, keep, chunk: part, stop });
        });
        entrants.par_iter_mut().enumerate().for_each(|(i, entrant)| {
            for part in &self.chunks {
                let length = part.lengths.len() / ranks.len();
                entrant.accounts.add_rounds(&part.lengths[i * length..][..length], entrant.rule);
            }
        });
        if let Some(worked_s) = &mut self.worked_s {
            worked_s.resize(workers.max(worked_s.len()), 0.0);
            worked_s[..workers].par_chunks_mut(ABREAST).enumerate().for_each(|(group, sums)| {
                for part in &self.chunks {
                    let length = part.lengths.len() / ranks.len();
                    add_abreast(sums, &part.times[group * ABREAST * length..], length);
                }
            });
        }
        self.done += count as u64;
    }

    /// Tells a tally how long its workers have worked.
    pub(crate) fn finish(&self, entrant: &mut Entrant) {
        if let Some(worked_s) = &self.worked_s {
            entrant.accounts.set_computing(worked_s[..entrant.rule.workers as usize].iter().sum());
        }
    }
}

/// Sums that are added to side by side: one sum in order waits for each addition to end before the next begins.
const ABREAST: usize = 8;

fn add_abreast(sums: &mut [f64], rows: &[f64], length: usize) {
    if let Ok(sums) = <&mut [f64; ABREAST]>::try_from(&mut *sums) {
        let rows: [&[f64]; ABREAST] = std::array::from_fn(|worker| &rows[worker * length..][..length]);
        for i in 0..length {
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum += row[i];
            }
        }
    } else {
        for (sum, row) in sums.iter_mut().zip(rows.chunks_exact(length)) {
            row.iter().for_each(|time| *sum += time);
        }
    }
}

/// The kernel: one chunk of iterations, all entrants.
pub(crate) struct Block<'a> {
    pub(crate) draws: &'a Variates,
    pub(crate) steps: u32,
    /// Number of the first iteration.
    pub(crate) first: u64,
    pub(crate) length: usize,
    /// In order of the workers.
    pub(crate) ranks: &'a [(Rank, u32)],
    /// Whether everybody's times are kept.
    pub(crate) keep: bool,
    pub(crate) chunk: &'a mut Chunk,
    /// Whether to give up.
    pub(crate) stop: Option<&'a AtomicBool>,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Block { draws, steps, first, length, ranks, keep, chunk, stop } = self;
        let stopped = || stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        let workers = ranks.last().map_or(0, |&(_, workers)| workers);
        let mut ladders: Vec<Ladder> = Vec::new();
        for &(rank, _) in ranks {
            if ladders.iter().all(|ladder| ladder.rank != rank) {
                ladders.push(Ladder::new(rank, length));
            }
        }
        let (mut carried, mut step) = (vec![0.0; length], vec![0.0; length]);
        chunk.times.resize(length * if keep { workers as usize } else { 1 }, 0.0);
        chunk.lengths.clear();
        let mut ranks = ranks.iter().peekable();
        for worker in 0..workers {
            let row = if keep { worker as usize * length } else { 0 };
            let times = &mut chunk.times[row..][..length];
            let numbers = |i: u32| (first * u64::from(steps) + u64::from(i), u64::from(steps));
            draws.fill_compute_s(times, worker, numbers(0));
            for i in (1..steps).take_while(|_| !stopped()) {
                draws.fill_compute_s(&mut step, worker, numbers(i));
                times.iter_mut().zip(&step).for_each(|(sum, step)| *sum += step);
            }
            for ladder in &mut ladders {
                ladder.add(times, &mut carried);
            }
            while let Some((rank, _)) = ranks.next_if(|&&(_, workers)| workers == worker + 1) {
                let ladder = ladders.iter().find(|ladder| ladder.rank == *rank).expect("one for each rank");
                chunk.lengths.extend_from_slice(ladder.last_rung(length));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::random::key::RandomKey;

    /// The mean times of some cells after `rounds` iterations, and everybody's busy times.
    fn results(spec: &ClusterSpec, width: Width, rounds: u64, most: u64) -> Vec<f64> {
        let draws = Variates::new(spec, RandomKey::new(0, 0));
        let cells = [("sync", 1), ("async", 3), ("k-sync:2", 5), ("backup:2", 9), ("sync", 20), ("async", 20)];
        let entrant = |(policy, m): (&str, u32)| {
            let rule = policy.parse::<Policy>().unwrap().rule(m).unwrap().gated();
            Entrant::new(rule, Rank::of(rule, spec).unwrap(), None)
        };
        let mut entrants = cells.map(entrant);
        let mut kernel = Rounds::new(&draws, 1, true, width);
        while kernel.done() < rounds {
            let left = rounds - kernel.done();
            kernel.advance(&mut entrants.each_mut(), most.min(left));
        }
        let means = entrants.iter().map(|entrant| entrant.accounts.gaps().mean().unwrap());
        means.chain(kernel.worked_s.unwrap()).collect()
    }

    #[test]
    fn every_width_and_every_cut_gives_the_same_bits() {
        let spec = ClusterSpec::new("shifted-exp(0.1, 2)".parse().unwrap());
        let bits = |width, most| results(&spec, width, 5003, most).into_iter().map(f64::to_bits).collect::<Vec<_>>();
        let expected = bits(Width::Base, u64::MAX);
        for width in Width::all() {
            for most in [1, 7, 300, u64::MAX] {
                assert_eq!(bits(width, most), expected, "{width:?}, at most {most} iterations at a time");
            }
        }
        assert_eq!(expected[..6], GOLDEN, "{:#x?}", &expected[..6]);
    }

    /// The same on every machine and in every release.
    const GOLDEN: [u64; 6] = [
        0x3fe3_13e5_ae74_65ea,
        0x3fd0_edc6_e571_99f1,
        0x3fd4_7f9c_e746_7baf,
        0x3fe8_93b9_e72c_bea8,
        0x3ffe_5f4a_592a_4e88,
        0x3fbf_ee90_7f60_9771,
    ];
}
