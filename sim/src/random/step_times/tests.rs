//! What a table of step times keeps, drops and tells of itself.

use super::*;
use crate::random::key::{Purpose, RandomKey};
use crate::random::law::Law;

fn table(times: &[(u32, u64, f64)]) -> Result<StepTimes, StepTimesError> {
    StepTimes::new(times.iter().map(|&(worker, step, seconds)| StepTime { worker, step, seconds }))
}

#[test]
fn the_order_of_the_lines_does_not_matter() {
    let mut times = vec![(3, 20, 1.0), (1, 5, 2.0), (1, 20, 3.0), (3, 5, 4.0), (1, 7, 5.0)];
    let one = table(&times).unwrap();
    times.reverse();
    assert_eq!(table(&times).unwrap(), one);
    assert_eq!(one.labels(), ["1", "3"]);
    assert_eq!(one.of_worker(0), [2.0, 5.0, 3.0]);
    let rows = one.rows();
    assert_eq!((rows.steps, rows.seconds), (vec![5, 20], vec![2.0, 4.0, 3.0, 1.0]));
    let again: Vec<StepTime> = one.iter().collect();
    assert_eq!(StepTimes::labelled(again, |w| ["1", "3"][w as usize].into()).unwrap(), one);
}

#[test]
fn what_is_no_time_is_counted_and_what_leaves_nothing_is_refused() {
    let mixed = table(&[(0, 0, 0.0), (0, 1, f64::NAN), (0, 2, -1.0), (0, 3, f64::INFINITY), (0, 4, 2.0)]).unwrap();
    assert_eq!(mixed.dropped(), Dropped { missing: 1, zero: 1, impossible: 2, first: 0 });
    assert_eq!(mixed.pooled(), [2.0]);
    let nothing = Dropped { missing: 1, ..Dropped::default() };
    assert_eq!(table(&[(0, 0, f64::NAN)]), Err(StepTimesError::Empty { dropped: nothing }));
    assert_eq!(table(&[]), Err(StepTimesError::Empty { dropped: Dropped::default() }));
    let empty = StepTimesError::WorkerEmpty { worker: "1".into() };
    assert_eq!(table(&[(0, 0, 1.0), (1, 0, 0.0)]), Err(empty));
    let twice = StepTimesError::Twice { worker: "0".into(), step: 4 };
    assert_eq!(table(&[(0, 4, 1.0), (0, 4, 1.0)]), Err(twice));
}

#[test]
fn parts_and_first_steps() {
    let all = table(&[(0, 0, 9.0), (0, 1, 1.0), (0, 2, 2.0), (1, 0, 8.0), (1, 1, 3.0), (1, 2, 4.0)]).unwrap();
    let later = all.skip_first(1).unwrap();
    assert_eq!((later.pooled(), later.dropped().first), (&[1.0, 2.0, 3.0, 4.0][..], 2));
    assert_eq!(later.steps(), [1, 2]);
    let empty = StepTimesError::WorkerEmpty { worker: "0".into() };
    assert_eq!(all.skip_first(3), Err(empty));
    let part = all.part([1, 0], 1..3).unwrap();
    assert_eq!((part.labels(), part.pooled()), (&["1".to_string(), "0".into()][..], &[3.0, 4.0, 1.0, 2.0][..]));
    assert_eq!(part.rows().seconds, [3.0, 1.0, 4.0, 2.0]);
    assert!(all.part([0], 3..9).is_none() && all.part([], 0..3).is_none());
}

/// A layout of two random effects, from its components of variance.
fn layout(workers: u32, steps: u64, [worker, step, rest]: [f64; 3]) -> StepTimes {
    let key = RandomKey::new(5, 0);
    // Sums of twelve uniform numbers: mean 6, variance 1, never far out.
    let noise = |purpose, worker, step| -> f64 {
        let unit = Law::Uniform { low: 0.0, high: 1.0 }.sampler();
        (0..12).map(|i| unit.draw(key.sequence(purpose, worker), 12 * step + i)).sum::<f64>() - 6.0
    };
    let times = (0..workers).flat_map(|w| {
        (0..steps).map(move |s| {
            let seconds = 100.0
                + worker.sqrt() * noise(Purpose::Service, w, 0)
                + step.sqrt() * noise(Purpose::Update, 0, s)
                + rest.sqrt() * noise(Purpose::Compute, w, s);
            StepTime { worker: w, step: s, seconds }
        })
    });
    StepTimes::new(times.collect::<Vec<_>>()).unwrap()
}

#[test]
fn variance_shares_are_the_components_that_made_the_times() {
    for components in [[4.0, 1.0, 5.0], [0.0, 0.0, 1.0], [0.0, 9.0, 1.0], [9.0, 0.0, 1.0]] {
        let total: f64 = components.iter().sum();
        let VarianceShares { worker, step, rest } = layout(200, 300, components).variance_shares().unwrap();
        assert!((worker + step + rest - 1.0).abs() < 1e-12);
        for (found, component) in [worker, step, rest].into_iter().zip(components) {
            let share = component / total;
            // A component from n effects has a relative standard error of sqrt(2/n), and the others move its share too:
            // 4.5 times that, or a thousandth where a share is none, is left about once in 10^5 runs.
            let error = share * (1.0 - share) * (2.0f64 / 200.0).sqrt() * 1.5;
            assert!((found - share).abs() < 4.5 * error + 1e-3, "{components:?}: {found} against {share}");
        }
    }
    let constant = table(&[(0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, 1.0)]).unwrap();
    assert_eq!((constant.variance_shares(), constant.lag1_correlation()), (None, None));
    assert_eq!(StepTimes::of_one([1.0, 2.0]).unwrap().variance_shares(), None);
}

/// Halves of what does not drift differ by more than three standard errors in 0.3 % of normal samples; of few and skewed times, of times
/// that are correlated from step to step, and of those that workers have in common, in a few. It takes no time that grows faster than
/// the number of steps.
#[test]
fn what_does_not_drift_seldom_seems_to() {
    let drifts = |times: StepTimes| times.drift().is_some_and(|(by, error)| by.abs() > 3.0 * error);
    let seems = |series: &dyn Fn(u64) -> Vec<f64>| {
        (0..1000).filter(|&seed| drifts(StepTimes::of_one(series(seed)).unwrap())).count()
    };
    let draw = |law: &str, seed: u64, n: u64| -> Vec<f64> {
        let (sampler, key) = (law.parse::<Law>().unwrap().sampler(), RandomKey::new(seed, 0));
        (0..n).map(|i| sampler.draw(key.sequence(Purpose::Compute, 0), i)).collect()
    };
    assert!(seems(&|seed| draw("gamma(100, 0.01)", seed, 100)) <= 12);
    assert!(seems(&|seed| draw("exp(1)", seed, 20)) <= 40);
    assert!(seems(&|seed| draw("lognormal(0, 1.5)", seed, 20)) <= 40);
    let correlated = |seed| {
        let mut x = 0.0;
        let next = |noise: f64| {
            x = 0.8 * x + noise - 1.0;
            20.0 + x
        };
        draw("gamma(4, 0.25)", seed, 400).into_iter().map(next).collect()
    };
    assert!(seems(&correlated) <= 20);
    // The same for all of ten workers.
    let in_common = |seed| {
        let times = draw("gamma(100, 0.01)", seed, 100).into_iter().zip(0..);
        let each = times.flat_map(|(seconds, step)| (0..10).map(move |worker| StepTime { worker, step, seconds }));
        drifts(StepTimes::new(each).unwrap())
    };
    assert!((0..1000).filter(|&seed| in_common(seed)).count() <= 12);
    assert!(StepTimes::of_one(draw("exp(1)", 0, 1_000_000)).unwrap().drift().is_some());
    let step = |seed| {
        draw("gamma(16, 0.0625)", seed, 100)
            .into_iter()
            .zip(0..)
            .map(|(s, i)| if i < 50 { s } else { 1.5 * s })
            .collect()
    };
    assert!(seems(&step) >= 990);
}

#[test]
fn alternation_and_drift_are_seen() {
    let alternating = StepTimes::of_one((0..1000).map(|i| f64::from(1 + i % 2))).unwrap();
    assert!((alternating.lag1_correlation().unwrap() + 1.0).abs() < 1e-9);
    assert!((alternating.lag_correlation(2).unwrap() - 1.0).abs() < 1e-9);
    assert_eq!(alternating.drift().unwrap().0, 0.0);
    let growing = StepTimes::of_one([1.0, 1.0, 1.5, 1.5]).unwrap();
    assert_eq!(growing.drift(), Some((0.5, 0.0)));
    assert_eq!(StepTimes::of_one([1.0, 1.5, 1.5]).unwrap().drift(), None);
    // A worker that is slow throughout is no correlation from step to step.
    let times = (0..2000u64).map(|i| StepTime {
        worker: (i % 2) as u32,
        step: i / 2,
        seconds: (1 + 9 * (i % 2)) as f64 + RandomKey::new(1, 0).word(Purpose::Compute, 0, i) as f64 / u64::MAX as f64,
    });
    let independent = StepTimes::new(times).unwrap().lag1_correlation().unwrap();
    assert!(independent.abs() < 4.5 / 2000f64.sqrt(), "{independent}");
}
