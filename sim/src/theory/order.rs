//! Who is the k-th of p? Mean order statistics of times: closed forms where there are any, else the integral of the survival
//! function, which for the k-th of equal workers is a beta function and for unequal ones a sum over who is done.

use crate::cluster::spec::ClusterSpec;
use crate::random::law::Law;
use crate::theory::quadrature::mean_of_survival;
use statrs::function::{beta::beta_reg, gamma::ln_gamma};

/// Mean of the k-th smallest of p exponential times of rate mu that share c cores (or as many as they like):
/// with n of them left, the next one ends at rate min(n, c) mu. Without sharing, (H_p - H_{p-k}) / mu.
///
/// ```
/// use straggle_sim::theory::kth_of_exponentials;
/// assert_eq!(kth_of_exponentials(2, 2, 1.0, None), 1.5); // 1/2 for the first, 1 more for the other
/// assert_eq!(kth_of_exponentials(2, 2, 1.0, Some(1)), 2.0); // on one core, one after the other
/// ```
pub fn kth_of_exponentials(k: u32, p: u32, mu: f64, cores: Option<u32>) -> f64 {
    let at_once = |n: u32| cores.map_or(n, |c| c.min(n));
    (p - k + 1..=p).rev().map(|n| 1.0 / (f64::from(at_once(n)) * mu)).sum()
}

/// Mean of the k-th smallest of p Pareto times: scale G(p+1) G(p-k+1-1/a) / (G(p-k+1) G(p+1-1/a)), a the shape, above 1.
///
/// ```
/// use straggle_sim::theory::kth_of_paretos;
/// let least_of_two = kth_of_paretos(1, 2, 1.0, 2.0); // survival t^-4: mean 4/3
/// assert!((least_of_two - 4.0 / 3.0).abs() < 1e-12);
/// ```
pub fn kth_of_paretos(k: u32, p: u32, scale: f64, shape: f64) -> f64 {
    let (n, left, a) = (f64::from(p), f64::from(p - k), 1.0 / shape);
    scale * (ln_gamma(n + 1.0) + ln_gamma(left + 1.0 - a) - ln_gamma(left + 1.0) - ln_gamma(n + 1.0 - a)).exp()
}

/// Most steps for one value of the survival function of an order statistic of unequal workers: a second for a mean.
const MOST_STEPS: u64 = 50_000;

/// The law of the sum of several steps' computing: a fixed part and a law.
pub(crate) struct Sum {
    pub shift: f64,
    pub law: Law,
}

/// The sum of so many, where it has a law that is known.
pub(crate) fn sum_of(steps: u32, law: &Law) -> Option<Sum> {
    let h = f64::from(steps);
    let (shift, law) = match *law {
        Law::Exp { rate } if steps > 1 => (0.0, Law::Gamma { shape: h, scale: 1.0 / rate }),
        Law::ShiftedExp { shift, rate } if steps > 1 => (h * shift, Law::Gamma { shape: h, scale: 1.0 / rate }),
        Law::ShiftedExp { shift, rate } => (shift, Law::Exp { rate }),
        Law::Gamma { shape, scale } => (0.0, Law::Gamma { shape: h * shape, scale }),
        Law::Constant { value } => (0.0, Law::Constant { value: h * value }),
        ref law if steps == 1 => (0.0, law.clone()),
        _ => return None,
    };
    Some(Sum { shift, law })
}

/// E[X_{k:p}] where worker i's time is sum / speed_i.
pub(crate) fn kth_of_tasks(k: u32, p: u32, sum: &Sum, spec: &ClusterSpec) -> Option<f64> {
    let distinct = &spec.speeds[..spec.speeds.len().min(p as usize)];
    if spec.is_homogeneous(p) {
        let scaled = match (sum.law.memoryless_rate(), &sum.law) {
            (Some(rate), _) => kth_of_exponentials(k, p, rate, None),
            (None, &Law::Pareto { scale, shape }) => kth_of_paretos(k, p, scale, shape),
            (None, law) => mean_of(&|t: f64| kth_survival(k, p, law.survival(t)), law, &[1.0])?,
        };
        return Some((sum.shift + scaled) / distinct[0]);
    }
    // Who is the last, or the first, of many is a product over their speeds; for others it takes p x k steps each time it is asked.
    let counts: Vec<(f64, f64)> = distinct
        .iter()
        .zip(0..)
        .map(|(&speed, first): (&f64, u32)| (speed, f64::from((p - first).div_ceil(spec.speeds.len() as u32))))
        .collect();
    let cost = if k > 1 && k < p { u64::from(p) * u64::from(k) } else { distinct.len() as u64 };
    let values = sum.law.atoms().map_or(1, |atoms| (atoms.len() * distinct.len()) as u64);
    if cost > MOST_STEPS || cost * values > MOST_VALUES {
        return None;
    }
    let survival = |t: f64| {
        let longer = |speed: f64| sum.law.survival(t * speed - sum.shift);
        if k == p {
            return -counts.iter().map(|&(speed, n)| n * (-longer(speed)).ln_1p()).sum::<f64>().exp_m1();
        }
        if k == 1 {
            return counts.iter().map(|&(speed, n)| longer(speed).powf(n)).product();
        }
        kth_survival_of_unequal(k, (0..p).map(|w| longer(spec.speed(w))))
    };
    let fixed: Vec<f64> = distinct.iter().map(|speed| sum.shift / speed).collect();
    if sum.shift == 0.0 {
        return mean_of(&survival, &sum.law, distinct);
    }
    let least = fixed.into_iter().fold(f64::INFINITY, f64::min);
    mean_of_survival(&survival, least)
}

/// Values of a survival function that one mean may take, times workers.
const MOST_VALUES: u64 = 20_000_000;

/// E[X_{k:p}] of single steps where every worker has its law, at its speed; `None` where it takes too long.
pub(crate) fn kth_of_each(k: u32, p: u32, spec: &ClusterSpec) -> Option<f64> {
    let distinct = spec.repeats_after().min(p);
    let number = |first: u32| (p - first).div_ceil(distinct);
    let longer = |w: u32, t: f64| spec.compute.law(w).survival(t * spec.speed(w));
    let survival = |t: f64| match k == p {
        true => -(0..distinct).map(|w| f64::from(number(w)) * (-longer(w, t)).ln_1p()).sum::<f64>().exp_m1(),
        false => kth_survival_of_unequal(k, (0..p).map(|w| longer(w, t))),
    };
    let cost = if k == p { u64::from(distinct) } else { u64::from(p) * u64::from(k) };
    let atoms: Option<Vec<&[f64]>> = (0..distinct).map(|w| spec.compute.law(w).atoms()).collect();
    let Some(atoms) = atoms else {
        let least = (0..distinct).map(|w| spec.compute.law(w).minimum() / spec.speed(w)).fold(f64::INFINITY, f64::min);
        return (cost <= MOST_STEPS).then(|| mean_of_survival(&survival, least))?;
    };
    let scaled = (0..).zip(&atoms).flat_map(|(w, atoms)| atoms.iter().map(move |atom| atom / spec.speed(w)));
    let mut times: Vec<f64> = scaled.collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    if cost * times.len() as u64 > MOST_VALUES {
        return None;
    }
    let pieces = times.windows(2).map(|pair| (pair[1] - pair[0]) * survival(pair[0] + (pair[1] - pair[0]) / 2.0));
    Some(times[0] + pieces.sum::<f64>())
}

/// The mean behind a survival function of times law / speed: exactly, from atom to atom, where the law has atoms.
fn mean_of(survival: &impl Fn(f64) -> f64, law: &Law, speeds: &[f64]) -> Option<f64> {
    let Some(atoms) = law.atoms() else {
        let fastest = speeds.iter().copied().fold(0.0, f64::max);
        return mean_of_survival(survival, law.minimum() / fastest);
    };
    let mut times: Vec<f64> = speeds.iter().flat_map(|speed| atoms.iter().map(move |atom| atom / speed)).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let pieces = times.windows(2).map(|pair| (pair[1] - pair[0]) * survival(pair[0] + (pair[1] - pair[0]) / 2.0));
    Some(times[0] + pieces.sum::<f64>())
}

/// Probability that the k-th smallest of p is longer than t, where each is with probability `longer`:
/// fewer than k of them are not, I_longer(p-k+1, k).
pub(crate) fn kth_survival(k: u32, p: u32, longer: f64) -> f64 {
    match longer {
        _ if k == 1 => longer.powi(p as i32),
        _ if longer <= 0.0 => 0.0,
        _ if longer >= 1.0 => 1.0,
        _ if k == p => -(f64::from(p) * (-longer).ln_1p()).exp_m1(),
        _ => beta_reg(f64::from(p - k + 1), f64::from(k), longer),
    }
}

/// The same for unequal workers: the chance that fewer than k of them are done, one worker after the other.
fn kth_survival_of_unequal(k: u32, longer: impl Iterator<Item = f64>) -> f64 {
    let mut done = vec![0.0; k as usize];
    done[0] = 1.0;
    for longer in longer {
        for n in (0..done.len()).rev() {
            let one_less = if n > 0 { done[n - 1] } else { 0.0 };
            done[n] = done[n] * longer + one_less * (1.0 - longer);
        }
    }
    done.iter().sum()
}
