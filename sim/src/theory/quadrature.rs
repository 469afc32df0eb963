//! What is the mean, given the survival function? Integrals for theory, to ten digits or so.

/// Nodes of the 15-point Kronrod rule on [-1, 1], from the outside in; every second one is a node of the 7-point Gauss rule.
const NODES: [f64; 8] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_2,
    0.207_784_955_007_898_47,
    0.0,
];
const KRONROD: [f64; 8] = [
    0.022_935_322_010_529_224,
    0.063_092_092_629_978_55,
    0.104_790_010_322_250_18,
    0.140_653_259_715_525_92,
    0.169_004_726_639_267_9,
    0.190_350_578_064_785_4,
    0.204_432_940_075_298_9,
    0.209_482_141_084_727_82,
];
const GAUSS: [f64; 4] =
    [0.129_484_966_168_869_7, 0.279_705_391_489_276_7, 0.381_830_050_505_118_9, 0.417_959_183_673_469_4];

/// The integral of `f` from `a` to `b` by adaptive Gauss-Kronrod quadrature, each piece to within `tolerance` or to twelve
/// digits, whichever is less work.
pub fn integral(f: &impl Fn(f64) -> f64, a: f64, b: f64, tolerance: f64) -> f64 {
    piece(f, a, b, tolerance, 50)
}

fn piece(f: &impl Fn(f64) -> f64, a: f64, b: f64, tolerance: f64, depth: u32) -> f64 {
    let (centre, half) = (a + (b - a) / 2.0, (b - a) / 2.0);
    let (mut kronrod, mut gauss) = (0.0, 0.0);
    for (i, (&node, &weight)) in NODES.iter().zip(&KRONROD).enumerate() {
        let pair = if node == 0.0 { f(centre) } else { f(centre - half * node) + f(centre + half * node) };
        kronrod += weight * pair;
        if i % 2 == 1 {
            gauss += GAUSS[i / 2] * pair;
        }
    }
    let enough = tolerance.max(1e-12 * half * kronrod.abs());
    if half * (kronrod - gauss).abs() <= enough || depth == 0 {
        return half * kronrod;
    }
    piece(f, a, centre, tolerance, depth - 1) + piece(f, centre, b, tolerance, depth - 1)
}

/// The mean of a time with this survival function, not less than `minimum`: the integral of the survival from 0.
///
/// It is 1 up to a time that is found by halving, falls to 1/2 at the median, and beyond it the integral is taken in the
/// logarithm of the distance, in which even the tail of a Pareto law of shape 1.1 falls off exponentially. So narrow laws
/// are not stepped over, and wide ones come to an end. `None` if the tail is too heavy for ten digits.
pub fn mean_of_survival(survival: &impl Fn(f64) -> f64, minimum: f64) -> Option<f64> {
    let mut beyond = 1.0;
    while survival(minimum + beyond) > 0.5 {
        beyond *= 2.0;
    }
    let median = last_above(survival, 0.5, minimum, minimum + beyond);
    let sure = last_above(survival, 1.0 - 1e-15, minimum, median);
    let mut width = median - sure;
    if width <= 0.0 {
        // Half of all are the least that there is; what is longer is as wide as its own median is far.
        let longer = survival(median);
        if longer <= 1e-16 {
            return Some(median);
        }
        let mut beyond = 1.0;
        while survival(median + beyond) > longer / 2.0 {
            beyond *= 2.0;
        }
        width = last_above(survival, longer / 2.0, median, median + beyond) - median;
    }
    let tolerance = 1e-13 * median;
    let mut sum = integral(survival, sure, median, tolerance) + integral(survival, median, median + width, tolerance);
    let tail = |y: f64| {
        let t = width * y.exp();
        t * survival(median + t)
    };
    let mut from = 0.0;
    // Beyond e^600 there are no numbers left.
    while from < 600.0 {
        let more = integral(&tail, from, from + 1.0, tolerance);
        sum += more;
        from += 1.0;
        // Between an atom and what is far beyond it there may be little.
        if more <= 1e-13 * (sure + sum) && survival(median + width * from.exp()) < 1e-6 {
            return Some(sure + sum);
        }
    }
    None
}

/// The last time between `low` and `high` at which the survival is above `level`, or `low`.
fn last_above(survival: &impl Fn(f64) -> f64, level: f64, mut low: f64, mut high: f64) -> f64 {
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return low;
        }
        if survival(middle) > level { low = middle } else { high = middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_exact_for_smooth_kinked_and_heavy_tails() {
        let close = |found: Option<f64>, exact: f64| {
            let found = found.unwrap();
            assert!((found / exact - 1.0).abs() < 1e-9, "{found} against {exact}");
        };
        close(mean_of_survival(&|t: f64| (-2.0 * t).exp(), 0.0), 0.5);
        close(mean_of_survival(&|t: f64| (1.0 - t / 4.0).clamp(0.0, 1.0), 0.0), 2.0);
        close(mean_of_survival(&|t: f64| if t < 1e-3 { 1.0 } else { (1e-3 / t).powf(1.1) }, 1e-3), 1.1e-2);
        // Weibull of shape 1/2: the mean is twice the scale, with a vertical tangent at 0.
        close(mean_of_survival(&|t: f64| (-t.sqrt()).exp(), 0.0), 2.0);
        close(mean_of_survival(&|t: f64| f64::exp(-1e9 * t), 0.0), 1e-9);
        // Standard deviations of 1e-4 and 1e-8 of the mean.
        for narrow in [1e-4, 1e-8] {
            let gumbel = |t: f64| -(-(-(t - 1.0) / narrow).exp()).exp_m1();
            close(mean_of_survival(&gumbel, 0.0), 1.0 + 0.577_215_664_901_532_9 * narrow);
            let largest_of_20 = |t: f64| 1.0 - (1.0 - gumbel(t)).powi(20);
            close(mean_of_survival(&largest_of_20, 0.0), 1.0 + (0.577_215_664_901_532_9 + 20f64.ln()) * narrow);
        }
        // Atoms: half or more at the least, and the rest far away or close.
        close(mean_of_survival(&|t: f64| if t < 1.0 { 1.0 } else { 0.5 * f64::exp(-2.0 * (t - 1.0)) }, 1.0), 1.25);
        close(
            mean_of_survival(
                &|t: f64| {
                    if t < 0.1 {
                        1.0
                    } else if t < 10.0 {
                        0.19
                    } else {
                        0.0
                    }
                },
                0.1,
            ),
            1.981,
        );
        close(mean_of_survival(&|t: f64| if t < 3.0 { 1.0 } else { 0.0 }, 3.0), 3.0);
        let narrow_and_far = |t: f64| 0.4 * f64::from(t < 7.0) + 0.6 * f64::exp(-1e12 * (t - 1.0).max(0.0));
        close(mean_of_survival(&|t: f64| if t < 1.0 { 1.0 } else { narrow_and_far(t) }, 1.0), 1.0 + 0.4 * 6.0);
        assert_eq!(mean_of_survival(&|t: f64| if t < 1.0 { 1.0 } else { t.powf(-1.01) }, 1.0), None);
        // Lognormal with sigma = 20: the mean, e^200, is made by times that are never seen.
        let lognormal = |t: f64| statrs::function::erf::erfc(t.ln() / (20.0 * std::f64::consts::SQRT_2)) / 2.0;
        close(mean_of_survival(&lognormal, 0.0), f64::exp(200.0));
    }
}
