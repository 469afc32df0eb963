//! Is stale synchronous parallel what theory says: the max-plus recursion, the exact rates, the promise?
//!
//! The recursion is compared bit for bit. The rates are judged against a Markov chain that is solved here: 11 cells with
//! two judgements of 1e-5 each (see `common`), a false-alarm rate of 0.02 % for this file.

mod common;

use common::{batch, judge_batch, mean_s, rule, run, spec, theory_s};
use std::collections::HashMap;
use straggle_sim::{ClusterSpec, Event, Law, RandomKey, Variates};

/// C_i(k) = max(C_i(k-1), max_j C_j(k-1-s)) + X_i(k): the end of worker i's k-th step, k = 1, 2, ...
fn max_plus(draws: &Variates, m: usize, s: usize, steps: usize) -> Vec<Vec<f64>> {
    let mut ends = vec![vec![0.0; m]];
    for k in 1..=steps {
        let barrier = if k > s { ends[k - 1 - s].iter().copied().fold(0.0, f64::max) } else { 0.0 };
        let own = |i: usize| ends[k - 1][i].max(barrier) + draws.compute_s(i as u32, k as u64 - 1);
        ends.push((0..m).map(own).collect());
    }
    ends.remove(0);
    ends
}

#[test]
fn ssp_is_the_max_plus_recursion_bit_for_bit() {
    let heavy = ["pareto(0.1, 1.05)", "lognormal(-3, 3)"].map(spec);
    let unequal = spec("gamma(4, 0.25)").with_speeds(vec![1.0, 0.5, 3.0]).unwrap();
    for (i, spec) in Law::examples().into_iter().map(ClusterSpec::new).chain(heavy).chain([unequal]).enumerate() {
        for (m, s) in [(1, 0), (2, 0), (2, 1), (5, 2), (8, 0), (8, 1), (8, 3), (20, 7)] {
            let key = RandomKey::new(i as u64, s as u64);
            let expected = max_plus(&Variates::new(&spec, key), m, s, 400);
            let mut seen = 0;
            // All that ends while no worker is through with its 400 steps.
            for (_, event) in run(rule(&format!("ssp:{s}"), m as u32), &spec, key) {
                let Event::Finished(completion) = event else { continue };
                let Some(row) = expected.get(completion.task.serial as usize) else { break };
                let end = row[completion.task.worker as usize];
                assert_eq!(completion.at.seconds().to_bits(), end.to_bits(), "{completion:?}, m = {m}, s = {s}");
                seen += 1;
            }
            assert!(seen >= m * (399 - s), "{seen} of {m} workers");
        }
    }
}

/// And nobody comes late: what the recursion has ended by then has been submitted, in the same order.
#[test]
fn ssp_hands_in_in_the_order_of_the_recursion() {
    let (spec, key) = (spec("exp(1)"), RandomKey::new(3, 0));
    for (m, s) in [(8u32, 0), (8, 2), (8, 5)] {
        let mut expected: Vec<f64> = max_plus(&Variates::new(&spec, key), m as usize, s, 600).concat();
        expected.sort_by(f64::total_cmp);
        let updates = run(rule(&format!("ssp:{s}"), m), &spec, key)
            .filter(|(_, event)| matches!(event, Event::Updated(_)))
            .map(|(at, _)| at.seconds());
        let found: Vec<f64> = updates.take(m as usize * 500).collect();
        assert_eq!(found, expected[..found.len()]);
    }
}

/// Steps per second and worker of SSP with exponential times of rate 1, from the stationary law of its Markov chain.
///
/// The state is how many workers are 0, 1, ..., s+1 steps ahead of the slowest; those s+1 ahead wait. Whoever computes
/// ends next with equal chances; if nobody is left at 0, all levels move down.
fn exact_rate(p: u8, s: usize) -> f64 {
    let mut first = vec![0; s + 2];
    first[0] = p;
    let mut known = HashMap::from([(first.clone(), 0)]);
    let mut states = vec![first];
    let mut moves: Vec<Vec<(usize, f64)>> = Vec::new();
    while let Some(state) = states.get(moves.len()).cloned() {
        let mut out = Vec::new();
        for level in (0..=s).filter(|&level| state[level] > 0) {
            let mut next = state.clone();
            next[level] -= 1;
            next[level + 1] += 1;
            while next[0] == 0 {
                next.rotate_left(1);
            }
            let to = *known.entry(next.clone()).or_insert(states.len());
            if to == states.len() {
                states.push(next);
            }
            out.push((to, f64::from(state[level])));
        }
        moves.push(out);
    }
    // A clock that rings at rate p; where fewer compute, some rings change nothing.
    let busy = |state: &[u8]| f64::from(p - state[s + 1]);
    let mut law = vec![1.0 / states.len() as f64; states.len()];
    let (mut rate, mut before) = (0.0, f64::INFINITY);
    while f64::abs(rate - before) > 1e-12 {
        for _ in 0..20 {
            let stays = |(share, state): (&f64, &Vec<u8>)| share * (1.0 - busy(state) / f64::from(p));
            let mut next: Vec<f64> = law.iter().zip(&states).map(stays).collect();
            for (share, out) in law.iter().zip(&moves) {
                out.iter().for_each(|(to, workers)| next[*to] += share * workers / f64::from(p));
            }
            law = next;
        }
        before = rate;
        rate = law.iter().zip(&states).map(|(share, state)| share * busy(state)).sum::<f64>() / f64::from(p);
    }
    rate
}

#[test]
fn the_chain_knows_what_is_known() {
    for s in [0, 1, 2, 4] {
        let closed = 2.0 * (s as f64 + 1.0) / (2.0 * s as f64 + 3.0);
        assert!((exact_rate(2, s) - closed).abs() < 1e-9);
    }
    for p in [3, 8] {
        let rounds = 1.0 / theory_s("sync", u32::from(p), &spec("exp(1)"));
        assert!((exact_rate(p, 0) - rounds).abs() < 1e-9, "s = 0 is a round with a barrier");
    }
}

/// The reference tables print rates per worker from another simulation, which it vouches for to better than 1 %; the chain is exact.
#[test]
fn ssp_runs_at_the_rate_of_its_markov_chain() {
    let table = [
        (4, [0.480, 0.655, 0.802, 0.891].as_slice()),
        (8, [0.368, 0.559, 0.734, 0.847].as_slice()),
        (16, [0.296, 0.479, 0.665].as_slice()),
    ];
    for (p, printed) in table {
        for (s, printed) in [0, 1, 3, 7].into_iter().zip(printed) {
            let rate = exact_rate(p, s);
            assert!((rate / printed - 1.0).abs() < 0.01, "P = {p}, s = {s}: {rate} against {printed}");
            let batch = batch(&format!("ssp:{s}"), u32::from(p), &spec("exp(1)"));
            judge_batch(&format!("ssp:{s}, {p} workers"), &batch, 1.0 / (f64::from(p) * rate));
        }
    }
}

/// (s+1)/E[max of sums of s+1] <= rate per worker <= 1/E[X]; a wider lead is never slower.
#[test]
fn ssp_stays_within_its_bounds() {
    for p in [4u32, 8] {
        for name in ["exp(1)", "gamma(4, 0.25)"] {
            let spec = spec(name);
            let mut before = f64::INFINITY;
            for s in [0, 1, 3, 7] {
                let found = mean_s(&batch(&format!("ssp:{s}"), p, &spec));
                let slowest = theory_s(&format!("local:{}", s + 1), p, &spec) / f64::from((s + 1) * p);
                let noise = 5.0 * found.standard_error;
                assert!(found.mean < slowest + noise, "ssp:{s}, {p} workers, {name}: {} above {slowest}", found.mean);
                assert!(found.mean > 1.0 / f64::from(p) - noise && found.mean < before, "ssp:{s}, {p} workers, {name}");
                before = found.mean;
            }
        }
    }
}

#[test]
fn ssp_never_runs_further_ahead_than_promised_and_does_run_that_far() {
    for spec in ["exp(1)", "pareto(0.1, 1.05)", "uniform(0.1, 0.9)"].map(spec) {
        for (m, s) in [(2, 0), (3, 1), (8, 0), (8, 2), (8, 6)] {
            let mut finished = vec![0u64; m];
            let mut farthest = 0;
            for (_, event) in run(rule(&format!("ssp:{s}"), m as u32), &spec, RandomKey::new(0, 0)).take(30_000) {
                match event {
                    Event::Finished(completion) => finished[completion.task.worker as usize] += 1,
                    Event::Started(task) => {
                        assert_eq!(task.serial, finished[task.worker as usize]);
                        farthest = farthest.max(task.serial - finished.iter().min().unwrap());
                    }
                    _ => {}
                }
            }
            assert_eq!(farthest, s, "{m} workers, {}", spec.compute().law(0));
        }
    }
}
