//! What laws need of the gamma function where the usual ways take for ever or lose all digits: the gamma law's distribution function and
//! its complement, P(a, x) and Q(a, x), for any shape a; and the variation of a Weibull law.
//!
//! The usual series and continued fraction (statrs) take some √a terms each: for steps that hardly vary, a coefficient of variation of
//! 10⁻⁶ say, that is a million. Above [`LARGE`] an asymptotic expansion in 1/a takes their place, uniform in x (N. M. Temme, SIAM J.
//! Math. Anal. 10 (1979) 757; [DLMF 8.12](https://dlmf.nist.gov/8.12)).

use statrs::function::erf::erfc;
use statrs::function::gamma::{gamma, gamma_lr, gamma_ur};
use std::f64::consts::PI;

/// Shapes from which on the expansion is taken: its error is below 1e-13 there.
const LARGE: f64 = 1e5;

/// The coefficients of c₀(η) in powers of η: c₀ = 1/(λ - 1) - 1/η.
const FIRST: [f64; 7] =
    [-1.0 / 3.0, 1.0 / 12.0, -2.0 / 135.0, 1.0 / 864.0, 1.0 / 2835.0, -139.0 / 777_600.0, 1.0 / 25_515.0];

/// Those of c₁.
const SECOND: [f64; 3] = [-1.0 / 540.0, -1.0 / 288.0, 25.0 / 12_096.0];

/// P(a, x), for positive and finite x.
pub(super) fn lower(a: f64, x: f64) -> f64 {
    match a < LARGE {
        true => gamma_lr(a, x),
        false => expansion(a, x, -1.0),
    }
}

/// Q(a, x) = 1 - P(a, x), for positive and finite x.
pub(super) fn upper(a: f64, x: f64) -> f64 {
    match a < LARGE {
        true => gamma_ur(a, x),
        false => expansion(a, x, 1.0),
    }
}

/// Q if `sign` is 1, P if it is -1.
fn expansion(a: f64, x: f64, sign: f64) -> f64 {
    let half = half_squared((x - a) / a); // η²/2
    let eta = (2.0 * half).sqrt().copysign(x - a);
    let power = |coefficients: &[f64]| coefficients.iter().rev().fold(0.0, |sum, c| sum * eta + c);
    // Where the series in η would not do, e^(-aη²/2) is nothing.
    let rest = match a * half < 800.0 {
        true => (-a * half).exp() / (2.0 * PI * a).sqrt() * (power(&FIRST) + power(&SECOND) / a),
        false => 0.0,
    };
    (erfc(sign * eta * (a / 2.0).sqrt()) / 2.0 + sign * rest).clamp(0.0, 1.0)
}

/// λ - 1 - ln λ, from μ = λ - 1.
fn half_squared(mu: f64) -> f64 {
    if mu.abs() > 0.01 {
        return mu - mu.ln_1p();
    }
    // μ²/2 - μ³/3 + μ⁴/4 - ...: no difference of what is almost equal.
    mu * mu * (2..=10).rev().fold(0.0, |sum, n| 1.0 / f64::from(n) - mu * sum)
}

/// The squared coefficient of variation of a Weibull law, Γ(1 + 2x)/Γ(1 + x)² - 1 with x = 1/shape: for large shapes from the series
/// of ln Γ(1 + x) in powers of x ([DLMF 5.7.3](https://dlmf.nist.gov/5.7)), as the difference loses all its digits.
pub(super) fn weibull_squared_cv(shape: f64) -> f64 {
    /// ζ(n) (2ⁿ - 2)/n for n = 2, 3, ...
    const TERMS: [f64; 7] = [
        1.644_934_066_848_226_4,
        1.202_056_903_159_594_3 * 2.0,
        1.082_323_233_711_138_2 * 3.5,
        1.036_927_755_143_37 * 6.0,
        1.017_343_061_984_449 * 62.0 / 6.0,
        1.008_349_277_381_922_8 * 18.0,
        1.004_077_356_197_944_3 * 31.75,
    ];
    let x = 1.0 / shape;
    if x > 0.01 {
        return gamma(1.0 + 2.0 * x) / gamma(1.0 + x).powi(2) - 1.0;
    }
    (x * x * TERMS.iter().rev().fold(0.0, |sum, term| term - x * sum)).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::SQRT_2;

    #[test]
    fn the_expansion_is_the_series_where_both_are_good() {
        for a in [1e5, 3e5, 1e6] {
            for z in [-6.0, -3.0, -1.0, -0.1, 0.0, 0.001, 0.5, 2.0, 5.0, 7.0_f64] {
                let x = a + z * f64::sqrt(a);
                let (low, high) = (expansion(a, x, -1.0), expansion(a, x, 1.0));
                // The series itself is that good, as ln Γ(a) is about 1e6 and known to 16 digits.
                let near =
                    |ours: f64, theirs: f64| assert!((ours / theirs - 1.0).abs() < 1e-8, "{a} {z}: {ours} {theirs}");
                near(low, gamma_lr(a, x));
                near(high, gamma_ur(a, x));
                assert!((low + high - 1.0).abs() < 1e-14, "{a} {z}");
            }
        }
    }

    #[test]
    fn a_law_that_hardly_varies_is_normal_and_takes_no_time() {
        for a in [1e8, 1e12, 1e18] {
            // The skewness is 2/√a: P(a, a + z √a) = Φ(z) - (z² - 1) φ(z)/(3 √a) + O(1/a) (Edgeworth).
            for z in [-3.0, -1.0, 0.0, 1.5_f64] {
                let x = a + z * f64::sqrt(a);
                let z = (x - a) / f64::sqrt(a); // as far as x can say it
                let normal = erfc(-z / SQRT_2) / 2.0;
                let skewed = (z * z - 1.0) * (-z * z / 2.0).exp() / (2.0 * PI).sqrt() / (3.0 * f64::sqrt(a));
                assert!((lower(a, x) - (normal - skewed)).abs() < 2.0 / a + 1e-12, "{a} {z}");
            }
            assert_eq!((lower(a, 0.5 * a), upper(a, 2.0 * a), lower(a, 2.0 * a)), (0.0, 0.0, 1.0));
        }
    }

    #[test]
    fn a_weibull_law_that_hardly_varies_keeps_its_variation() {
        let variance = weibull_squared_cv;
        // On both sides of where the series takes over; and a Gumbel law's in the limit, of standard deviation π/(√6 shape).
        let ratio = variance(100.0) / variance(99.999_999);
        assert!((ratio - 1.0).abs() < 1e-7, "{ratio}");
        for shape in [1e6, 1e9] {
            let limit = std::f64::consts::PI.powi(2) / 6.0 / (shape * shape);
            assert!((variance(shape) / limit - 1.0).abs() < 10.0 / shape, "{shape}: {}", variance(shape));
        }
    }
}
