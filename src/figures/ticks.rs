//! Ticks: which round numbers stand along an axis, and how they are written.

/// A labelled tick.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// At most `most` multiples of 1, 2 or 5 times a power of ten within the range.
pub(super) fn linear(low: f64, high: f64, most: usize) -> Vec<Tick> {
    stepped(low, high, most, i32::MIN)
}

/// The whole number `first`, and at most `most` multiples of a round whole step above it and not too near to it.
pub(super) fn counts(first: f64, high: f64, most: usize) -> Vec<Tick> {
    let mut ticks = stepped(first, high, most.saturating_sub(1), 0);
    if let [one, two, ..] = &ticks[..]
        && two.value - one.value == 2.0
    {
        // 1, 2, 4, 6 is too tight at its beginning, and 1, 4, 6 looks like a mistake.
        ticks = multiples(first, high, 5, 0);
    }
    let step = ticks.windows(2).map(|pair| pair[1].value - pair[0].value).next().unwrap_or(1.0);
    ticks.retain(|tick| tick.value - first >= 0.6 * step);
    ticks.insert(0, Tick { value: first, label: plain(first, 0) });
    ticks
}

fn stepped(low: f64, high: f64, most: usize, least_exponent: i32) -> Vec<Tick> {
    let most = most.max(2);
    let first = ((high - low) / most as f64).log10().floor().max(-320.0) as i32 - 1;
    for exponent in first.max(least_exponent)..first.max(least_exponent) + 330 {
        for mantissa in [1, 2, 5] {
            let step = decimal(mantissa, exponent);
            if (high / step + 1e-6).floor() - (low / step - 1e-6).ceil() < most as f64 {
                return multiples(low, high, mantissa, exponent);
            }
        }
    }
    Vec::new()
}

/// All multiples of mantissa times 10^exponent within the range.
fn multiples(low: f64, high: f64, mantissa: i64, exponent: i32) -> Vec<Tick> {
    let step = decimal(mantissa, exponent);
    // A hair of slack, so that a range that ends on a tick keeps it.
    let (from, to) = ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
    let values: Vec<f64> = (from..=to).map(|n| decimal(n * mantissa, exponent)).collect();
    labelled(&values, (-exponent).max(0) as usize)
}

/// Powers of ten; also 2 and 5 times them where the range is under three decades or so and there is room; round steps where
/// even those are too few.
pub(super) fn logarithmic(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let inside = |v: &f64| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(v);
    let (first, last) = (low.log10().floor().max(-307.0) as i32, high.log10().ceil().min(308.0) as i32);
    let at = |mantissas: &'static [i64]| -> Vec<f64> {
        let decade = |exponent| mantissas.iter().map(move |&mantissa| decimal(mantissa, exponent));
        (first..=last).flat_map(decade).filter(inside).collect()
    };
    let (powers, finer) = (at(&[1]), at(&[1, 2, 5]));
    let short = (high / low).log10() < 3.2;
    if short && finer.len() < 3 {
        return linear(low, high, most.min(6));
    }
    let values = if short && (finer.len() <= most || powers.len() < 2) { finer } else { powers };
    let every = values.len().div_ceil(most.max(2));
    let values: Vec<f64> = values.into_iter().step_by(every).collect();
    let short_labels = values.iter().all(|v| (1e-4..1e6).contains(v));
    let label = |value: f64| match short_labels {
        true => plain(value, (-(value * (1.0 + 1e-9)).log10().floor()).max(0.0) as usize),
        false => scientific(value),
    };
    values.iter().map(|&value| Tick { value, label: label(value) }).collect()
}

/// The unlabelled multiples between powers of ten: none where they would run together.
pub(super) fn minor(low: f64, high: f64) -> Vec<f64> {
    if (high / low).log10() > 6.0 {
        return Vec::new();
    }
    let (first, last) = (low.log10().floor().max(-307.0) as i32, high.log10().ceil().min(308.0) as i32);
    let decade = |exponent| (1..10).map(move |mantissa| decimal(mantissa, exponent));
    (first..=last).flat_map(decade).filter(|v| (low..=high).contains(v)).collect()
}

/// These values as they are.
pub(super) fn given(values: &[f64]) -> Vec<Tick> {
    values.iter().map(|&value| Tick { value, label: shortest(value) }).collect()
}

/// A value with as many decimals as it takes.
pub(super) fn shortest(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_string(),
        size if (1e-4..1e6).contains(&size) => {
            let text = size.to_string();
            plain(value, text.split_once('.').map_or(0, |(_, decimals)| decimals.len()))
        }
        _ => scientific(value),
    }
}

/// The double nearest to mantissa times 10^exponent, by way of the decimal text: products of powers of ten are off by an ulp.
fn decimal(mantissa: i64, exponent: i32) -> f64 {
    format!("{mantissa}e{exponent}").parse().unwrap_or(f64::INFINITY)
}

fn labelled(values: &[f64], decimals: usize) -> Vec<Tick> {
    let largest = values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    let long = largest >= 1e6 || decimals > 5;
    let label = |value| if long { scientific(value) } else { plain(value, decimals) };
    values.iter().map(|&value| Tick { value, label: label(value) }).collect()
}

/// `12 500`, `−0.05`: thousands set apart by a thin space from five digits on, a true minus.
fn plain(value: f64, decimals: usize) -> String {
    let digits = format!("{:.*}", decimals, value.abs());
    let (whole, rest) = match digits.split_once('.') {
        Some((whole, rest)) => (whole, format!(".{rest}")),
        None => (digits.as_str(), String::new()),
    };
    let mut grouped = whole.to_string();
    if whole.len() > 4 {
        (1..=(whole.len() - 1) / 3).for_each(|group| grouped.insert(whole.len() - 3 * group, '\u{2009}'));
    }
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{grouped}{rest}")
}

/// `2.5×10⁻⁷`, `10⁶`, `1`.
fn scientific(value: f64) -> String {
    let text = format!("{value:e}").replace('-', "−");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let raised = |sign: char| match sign.to_digit(10) {
        Some(digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit as usize).unwrap_or(sign),
        None => '⁻',
    };
    let raised: String = exponent.chars().map(raised).collect();
    match (mantissa, exponent) {
        (mantissa, "0") => mantissa.to_string(),
        ("1", "1") => "10".to_string(),
        ("1", _) => format!("10{raised}"),
        (mantissa, _) => format!("{mantissa}×10{raised}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn round_numbers_stand_along_a_linear_axis() {
        assert_eq!(labels(&linear(0.0, 1.0, 6)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&linear(-1.0, 1.0, 3)), ["−1", "0", "1"]);
        assert_eq!(labels(&linear(0.0, 20_000.0, 3)), ["0", "10\u{2009}000", "20\u{2009}000"]);
        assert_eq!(labels(&linear(0.0, 2e-7, 3)), ["0", "10⁻⁷", "2×10⁻⁷"]);
    }

    #[test]
    fn a_log_axis_is_written_in_plain_numbers_while_they_are_short() {
        assert_eq!(labels(&logarithmic(0.02, 1.0, 12)), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(labels(&logarithmic(0.01, 100.0, 12)), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(labels(&logarithmic(1e-6, 1.0, 4)), ["10⁻⁶", "10⁻⁴", "10⁻²", "1"]);
        assert_eq!(labels(&logarithmic(0.9, 1.1, 12)), ["0.90", "0.95", "1.00", "1.05", "1.10"]);
    }

    #[test]
    fn counts_begin_with_the_first() {
        assert_eq!(labels(&counts(1.0, 20.0, 8)), ["1", "5", "10", "15", "20"]);
        assert_eq!(labels(&counts(1.0, 4.0, 8)), ["1", "2", "3", "4"]);
        assert_eq!(labels(&counts(1.0, 1000.0, 8)), ["1", "200", "400", "600", "800", "1000"]);
        assert_eq!(labels(&counts(3.0, 3.0, 8)), ["3"]);
    }

    #[test]
    fn every_range_has_few_ticks_inside_it_in_order() {
        for exponent in [-300, -9, -3, 0, 4, 300] {
            for (low, high) in [(1.0, 1.001), (1.0, 2.0), (0.3, 77.0), (-5.0, 3.0)] {
                let (low, high) = (low * 10f64.powi(exponent), high * 10f64.powi(exponent));
                for most in [2, 5, 11] {
                    let mut all = vec![linear(low, high, most)];
                    if low > 0.0 {
                        all.push(logarithmic(low, high, most));
                    }
                    for ticks in all {
                        assert!(ticks.len() <= most.max(2), "{low} to {high}: {ticks:?}");
                        assert!(
                            ticks.windows(2).all(|pair| pair[0].value < pair[1].value),
                            "{low} to {high}: {ticks:?}"
                        );
                        let slack = 1e-5 * (high - low);
                        assert!(ticks.iter().all(|t| (low - slack..=high + slack).contains(&t.value)), "{ticks:?}");
                    }
                }
                assert!(!linear(low, high, 5).is_empty());
            }
        }
    }

    #[test]
    fn numbers_are_written_as_short_as_they_are() {
        assert_eq!(
            [0.5, 8.0, 1000.0, 1234567.0, 2.5e-7].map(shortest),
            ["0.5", "8", "1000", "1.234567×10⁶", "2.5×10⁻⁷"]
        );
        assert_eq!(plain(-1234567.5, 1), "−1\u{2009}234\u{2009}567.5");
    }
}
