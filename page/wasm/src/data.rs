//! Measured step times that were dropped on the page: what they tell, and the law that is nearest.

use serde::Serialize;
use sim::random::{StepTime, StepTimes};
use sim::{ClusterSpec, Dependence, Law, Policy, TraceSource, theory};

/// What a table of step times tells.
#[derive(Serialize)]
pub(crate) struct Data {
    count: usize,
    workers: usize,
    dropped: u64,
    mean_s: f64,
    cv: f64,
    p50_s: f64,
    p99_s: f64,
    /// Mean of the slowest of 8 draws over the mean.
    slowest_of_8: Option<f64>,
    /// Shares of the variance: worker, step, rest.
    shares: Option<[f64; 3]>,
    /// Correlation between a worker's successive steps.
    lag1: Option<f64>,
    /// Laws with the same mean and standard deviation, the nearest first: as typed, and the greatest distance between the
    /// distribution functions (Kolmogorov).
    fits: Vec<(String, f64)>,
    /// What a single pooled law leaves out.
    advice: Vec<String>,
    /// How draws from the table keep it: pooled, by-worker, rows, blocks:L.
    keeps: String,
}

/// A share of the variance, or a correlation, that changes what waiting costs.
const MATTERS: f64 = 0.1;
/// Consecutive steps that are drawn at a time where slow steps last.
const BLOCK: usize = 8;

/// Reads lines of `worker,step,seconds`: two numbers and a time, which may be empty.
pub(crate) fn read(text: &str) -> Result<StepTimes, String> {
    let time = |line: &str| -> Option<StepTime> {
        let mut cells = line.split(',');
        let (worker, step) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
        Some(StepTime { worker, step, seconds: cells.next()?.parse().unwrap_or(f64::NAN) })
    };
    let times = text.lines().map(|line| time(line).ok_or_else(|| format!("'{line:.60}' is not worker,step,seconds")));
    StepTimes::new(times.collect::<Result<Vec<_>, _>>()?).map_err(|error| error.to_string())
}

pub(crate) fn describe(table: &StepTimes) -> Result<Data, String> {
    let source = TraceSource::file("data");
    let law = Law::trace(source, table.pooled().to_vec()).map_err(|error| error.to_string())?;
    let rule = Policy::SYNC.rule(8).map_err(|error| error.to_string())?;
    let shares = table.variance_shares().map(|shares| [shares.worker, shares.step, shares.rest]);
    let lag1 = table.lag1_correlation();
    let [worker, step, _] = shares.unwrap_or_default();
    let mut advice = Vec::new();
    if worker > MATTERS {
        let slowest = (0..table.workers()).max_by(|&a, &b| table.mean_of_worker(a).total_cmp(&table.mean_of_worker(b)));
        let slowest = slowest.unwrap_or(0);
        advice.push(format!(
            "Some workers are slow all the time (worker {} in order of appearance most, {:.2} times the mean): give them less to do, or leave them out.",
            slowest,
            table.mean_of_worker(slowest) / table.mean()
        ));
    }
    if step > MATTERS {
        advice.push(
            "All workers are slow at once in some steps: waiting for the slowest costs less than independent steps would say.".into(),
        );
    }
    if lag1.is_some_and(|r| r > MATTERS) {
        advice.push("A slow step is followed by slow steps: local steps average less of it away than independent steps would say.".into());
    }
    let lasts = lag1.is_some_and(|r| r > MATTERS) && table.rows().len() >= 10 * BLOCK;
    let keeps = match (worker > MATTERS, step > MATTERS) {
        (_, true) if lasts => Dependence::Blocks(BLOCK as u32),
        (_, true) => Dependence::Rows,
        (true, false) => Dependence::ByWorker,
        (false, false) => Dependence::Pooled,
    };
    Ok(Data {
        count: table.len(),
        workers: table.workers(),
        dropped: table.dropped().total(),
        mean_s: table.mean(),
        cv: table.coefficient_of_variation(),
        p50_s: law.quantile(0.5),
        p99_s: law.quantile(0.99),
        slowest_of_8: theory::time_per_update(rule, &ClusterSpec::new(law.clone())).map(|t| t.seconds / law.mean()),
        shares,
        lag1,
        fits: fits(&law, table.pooled()),
        advice,
        keeps: keeps.to_string(),
    })
}

/// Laws with the mean and the standard deviation of `times`, and their Kolmogorov distance from them.
fn fits(law: &Law, times: &[f64]) -> Vec<(String, f64)> {
    let (mean, sd) = (law.mean(), law.variance().sqrt());
    if sd == 0.0 {
        return Vec::new();
    }
    let cv = sd / mean;
    let variance_of_ln = (cv * cv).ln_1p();
    let scale = sd * 6.0_f64.sqrt() / std::f64::consts::PI;
    let candidates = [
        format!("exp({})", four(1.0 / mean)),
        format!("shifted-exp({}, {})", four(mean - sd), four(1.0 / sd)),
        format!("gamma({}, {})", four(1.0 / (cv * cv)), four(mean * cv * cv)),
        format!("lognormal({}, {})", four(mean.ln() - variance_of_ln / 2.0), four(variance_of_ln.sqrt())),
        format!("gumbel({}, {})", four(mean - 0.577_215_664_901_532_9 * scale), four(scale)),
        format!("uniform({}, {})", four(mean - 3.0_f64.sqrt() * sd), four(mean + 3.0_f64.sqrt() * sd)),
    ];
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance = |law: &Law| {
        let at = |(i, &t): (usize, &f64)| {
            let cdf = law.cdf(t);
            (cdf - i as f64 / n).abs().max(((i + 1) as f64 / n - cdf).abs())
        };
        sorted.iter().enumerate().map(at).fold(0.0, f64::max)
    };
    // What is not possible with these moments, such as a shift below 0, is refused by its own law.
    let mut fits: Vec<(String, f64)> =
        candidates.into_iter().filter_map(|text| text.parse::<Law>().ok().map(|law| (text, distance(&law)))).collect();
    fits.sort_by(|a, b| a.1.total_cmp(&b.1));
    fits
}

/// Four significant digits: as many as can be seen.
fn four(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::{RandomKey, Variates};

    fn table(law: &str, workers: u32, steps: u64) -> String {
        let variates = Variates::new(&ClusterSpec::new(law.parse().unwrap()), RandomKey::new(1, 0));
        let line = |worker, step| format!("{worker},{step},{}\n", variates.compute_s(worker, step));
        (0..workers).flat_map(|worker| (0..steps).map(move |step| line(worker, step))).collect()
    }

    #[test]
    fn the_law_that_made_the_times_is_the_nearest() {
        for law in ["exp(2)", "gamma(9, 0.05)", "lognormal(-1, 0.8)", "uniform(0.2, 0.8)", "shifted-exp(0.4, 8)"] {
            let data = describe(&read(&table(law, 8, 1000)).unwrap()).unwrap();
            let (name, distance) = &data.fits[0];
            // An exponential law is a gamma law, too.
            let same = name.split('(').next() == law.split('(').next() || law.starts_with("exp");
            assert!(same && *distance < 0.02, "{law}: {:?}", data.fits);
        }
    }

    #[test]
    fn a_worker_who_is_slow_all_the_time_is_named() {
        let lines = (0..4).flat_map(|worker| {
            (0..50).map(move |step| {
                let slow = if worker == 2 { 2.0 } else { 1.0 };
                format!("{worker},{step},{}\n", slow * (1.0 + 0.01 * f64::from((7 * step + worker) % 10)))
            })
        });
        let data = describe(&read(&lines.collect::<String>()).unwrap()).unwrap();
        assert!(data.shares.unwrap()[0] > 0.9);
        assert!(data.advice[0].contains("worker 2 "), "{:?}", data.advice);
    }

    #[test]
    fn missing_and_zero_times_are_counted() {
        let data = describe(&read("0,0,1.5\n0,1,\n0,2,0\n0,3,2.5\n").unwrap()).unwrap();
        assert_eq!((data.count, data.dropped, data.mean_s), (2, 2, 2.0));
        assert!(read("0,0,1\n0,0,2\n").is_err() && read("nonsense").is_err());
    }
}
