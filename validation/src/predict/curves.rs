//! What is there to see? Observations and a law as numbers for a plot: histogram, density, quantiles against quantiles.

use crate::predict::likelihood::ln_density;
use sim::Law;

/// Most bins of a histogram.
pub const MOST_BINS: usize = 60;

/// Most pairs of quantiles.
pub const MOST_PAIRS: usize = 200;

/// Observations counted in bins of equal width, as a density.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Bounds of the bins, s: one more than there are bins.
    pub edges: Vec<f64>,
    /// Share of all observations per second in each bin.
    pub densities: Vec<f64>,
    /// Share of the observations beyond the first or last edge, where a few far ones would flatten the rest.
    pub outside: f64,
}

impl Histogram {
    /// Bins of width 2 IQR n^(-1/3) (D. Freedman and P. Diaconis, Z. Wahrscheinlichkeitstheorie 57 (1981) 453), or
    /// 3.49 sd n^(-1/3) (D. W. Scott, Biometrika 66 (1979) 605) where the quartiles are equal.
    ///
    /// If that takes more than [`MOST_BINS`], the bins reach from the 0.5 % to the 99.5 % quantile only, and are wider if
    /// need be. `None` of observations that are empty, all the same, or not all finite.
    pub fn new(seconds: &[f64]) -> Option<Histogram> {
        let mut x = seconds.to_vec();
        x.sort_unstable_by(f64::total_cmp);
        let (first, last) = (*x.first()?, *x.last()?);
        if !(last - first > 0.0 && (last - first).is_finite()) {
            return None;
        }
        let n = x.len() as f64;
        let quantile = |u: f64| x[((u * n) as usize).min(x.len() - 1)];
        let width = match 2.0 * (quantile(0.75) - quantile(0.25)) / n.cbrt() {
            width if width > 0.0 => width,
            _ => 3.49 * sd(&x) / n.cbrt(),
        };
        let most = MOST_BINS as f64;
        let (mut low, mut high) = (first, last);
        if (high - low) / width > most && quantile(0.995) > quantile(0.005) {
            (low, high) = (quantile(0.005), quantile(0.995));
        }
        let bins = ((high - low) / width).ceil().clamp(1.0, most);
        let width = (high - low) / bins;
        let mut counts = vec![0.0; bins as usize];
        let inside = &x[x.partition_point(|&t| t < low)..x.partition_point(|&t| t <= high)];
        for t in inside {
            // The last bin includes its upper edge.
            counts[(((t - low) / width) as usize).min(bins as usize - 1)] += 1.0;
        }
        Some(Histogram {
            edges: (0..=counts.len()).map(|i| low + (high - low) * (i as f64 / bins)).collect(),
            densities: counts.iter().map(|count| count / (n * width)).collect(),
            outside: 1.0 - inside.len() as f64 / n,
        })
    }
}

fn sd(x: &[f64]) -> f64 {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (x.iter().map(|t| (t - mean) * (t - mean)).sum::<f64>() / n).sqrt()
}

/// Points (s, density per second) of a law from `low` to `high` seconds, `steps` + 1 of them in equal steps, and the jump
/// at the law's shortest time if it lies between. Points at which the density is infinite are left out.
pub fn density_curve(law: &Law, low: f64, high: f64, steps: u32) -> Vec<(f64, f64)> {
    let density = |t: f64| Some((t, ln_density(law, t)?.exp())).filter(|(_, density)| density.is_finite());
    let grid = (0..=steps).map(|i| low + (high - low) * (f64::from(i) / f64::from(steps)));
    let mut curve: Vec<(f64, f64)> = grid.filter_map(density).collect();
    let jump = law.minimum();
    if low < jump && jump < high {
        let place = curve.partition_point(|(t, _)| *t < jump);
        curve.splice(place..place, [(jump, 0.0)].into_iter().chain(density(jump)));
    }
    curve
}

/// Pairs (quantile of the law, observation), s, in ascending order: the i-th smallest of n observations goes with the
/// law's quantile at (i - 1/2)/n. Of more than [`MOST_PAIRS`], a tenth at either end and an even choice between remain.
pub fn quantile_pairs(law: &Law, seconds: &[f64]) -> Vec<(f64, f64)> {
    let mut x = seconds.to_vec();
    x.sort_unstable_by(f64::total_cmp);
    let n = x.len();
    let pair = |i: usize| (law.quantile((i as f64 + 0.5) / n as f64), x[i]);
    if n <= MOST_PAIRS {
        return (0..n).map(pair).collect();
    }
    let tail = MOST_PAIRS / 10;
    let between = MOST_PAIRS - 2 * tail;
    let even = (0..between).map(|i| tail + i * (n - 2 * tail) / between);
    (0..tail).chain(even).chain(n - tail..n).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantiles(law: &Law, n: u32) -> Vec<f64> {
        (0..n).map(|i| law.quantile((f64::from(i) + 0.5) / f64::from(n))).collect()
    }

    #[test]
    fn the_area_of_a_histogram_is_the_share_it_shows() {
        let law: Law = "gamma(4, 0.25)".parse().unwrap();
        let mut x = quantiles(&law, 1000);
        for far in [0.0, 1e6] {
            x[0] += far;
            let histogram = Histogram::new(&x).unwrap();
            let bins = histogram.densities.len();
            assert_eq!(histogram.edges.len(), bins + 1);
            assert!((10..=MOST_BINS).contains(&bins), "{bins}");
            let widths = histogram.edges.windows(2).map(|edge| edge[1] - edge[0]);
            let area: f64 = widths.zip(&histogram.densities).map(|(width, density)| width * density).sum();
            assert!((area + histogram.outside - 1.0).abs() < 1e-12, "{area}");
            assert!(histogram.outside <= 0.011);
            for (edge, density) in histogram.edges.windows(2).zip(&histogram.densities) {
                let middle = ln_density(&law, (edge[0] + edge[1]) / 2.0).unwrap().exp();
                assert!((density - middle).abs() < 0.1, "{density} against {middle} in {edge:?}");
            }
        }
    }

    #[test]
    fn a_histogram_needs_observations_that_differ() {
        for none in [&[][..], &[1.0], &[1.0; 20], &[1.0, f64::NAN], &[1.0, f64::INFINITY]] {
            assert_eq!(Histogram::new(none), None, "{none:?}");
        }
        // The quartiles are equal, so the width is Scott's.
        let histogram = Histogram::new(&[&[1.0; 90][..], &[2.0; 10]].concat()).unwrap();
        assert_eq!(histogram.outside, 0.0);
        assert_eq!(histogram.edges[0], 1.0);
        assert_eq!(histogram.edges.last(), Some(&2.0));
    }

    #[test]
    fn a_density_jumps_where_its_law_begins() {
        let law: Law = "shifted-exp(1, 2)".parse().unwrap();
        let curve = density_curve(&law, 0.5, 3.5, 4);
        let density = |t: f64| 2.0 * (-2.0 * (t - 1.0)).exp();
        let expected =
            [(0.5, 0.0), (1.0, 0.0), (1.0, 2.0), (1.25, density(1.25)), (2.0, density(2.0)), (2.75, density(2.75))];
        assert_eq!(curve.len(), 7);
        for (found, expected) in curve.iter().zip(expected) {
            assert!(found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-12, "{found:?} is not {expected:?}");
        }
        assert_eq!(density_curve(&"gamma(4, 1)".parse().unwrap(), 0.0, 1.0, 10).len(), 11);
        assert_eq!(density_curve(&"constant(1)".parse().unwrap(), 0.0, 1.0, 10), []);
    }

    #[test]
    fn quantiles_of_a_perfect_fit_lie_on_the_diagonal_and_the_extremes_stay() {
        let law: Law = "weibull(1.5, 2)".parse().unwrap();
        for n in [1, 10, 200, 201, 5000] {
            let x = quantiles(&law, n);
            let pairs = quantile_pairs(&law, &x);
            assert_eq!(pairs.len(), (n as usize).min(MOST_PAIRS));
            assert!(pairs.iter().all(|(fitted, measured)| fitted == measured));
            assert!(pairs.is_sorted_by(|a, b| a.1 < b.1));
            assert_eq!((pairs[0].1, pairs[pairs.len() - 1].1), (x[0], x[x.len() - 1]));
        }
    }
}
