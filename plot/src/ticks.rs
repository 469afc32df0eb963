//! Which round numbers stand along an axis, and how are they written?

/// A labelled tick.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// At most `most` multiples of 1, 2 or 5 times a power of ten.
pub(super) fn linear(low: f64, high: f64, most: usize) -> Vec<Tick> {
    stepped(low, high, most, i32::MIN)
}

/// The same, whole numbers only.
pub(super) fn integers(low: f64, high: f64, most: usize) -> Vec<Tick> {
    stepped(low, high, most, 0)
}

fn stepped(low: f64, high: f64, most: usize, least_exponent: i32) -> Vec<Tick> {
    let most = most.max(2);
    let first = ((high - low) / most as f64).log10().floor() as i32 - 1;
    for exponent in first.max(least_exponent)..first.max(least_exponent) + 330 {
        for mantissa in [1, 2, 5] {
            let step = decimal(mantissa, exponent);
            // A hair of slack, so that a range that ends on a tick keeps it.
            let from = (low / step - 1e-6).ceil() as i64;
            let to = (high / step + 1e-6).floor() as i64;
            if to.saturating_sub(from) < most as i64 {
                let values: Vec<f64> = (from..=to).map(|n| decimal(n * mantissa, exponent)).collect();
                return labelled(&values, (-exponent).max(0) as usize);
            }
        }
    }
    Vec::new()
}

/// Powers of ten; also 2 and 5 times them where the range, but for its margins, is under two decades and there is room;
/// round steps where even those are too few.
pub(super) fn logarithmic(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let inside = |v: &f64| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(v);
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let short = (high / low).log10() < 2.2;
    let at = |mantissas: &'static [i64]| -> Vec<f64> {
        (first..=last)
            .flat_map(|exponent| mantissas.iter().map(move |&m| decimal(m, exponent)))
            .filter(inside)
            .collect()
    };
    let powers = at(&[1]);
    let finer = at(&[1, 2, 5]);
    if short && finer.len() < 3 {
        return linear(low, high, most.min(6));
    }
    let values = if short && (finer.len() <= most || powers.len() < 2) { finer } else { powers };
    let every = values.len().div_ceil(most.max(2));
    let values: Vec<f64> = values.into_iter().step_by(every).collect();
    let digits = |v: f64| (-v.log10().floor()).max(0.0) as usize;
    values
        .iter()
        .flat_map(|&v| {
            if values.iter().all(|v| (1e-4..1e6).contains(v)) {
                labelled(&[v], digits(v * (1.0 + 1e-9)))
            } else {
                vec![Tick { value: v, label: scientific(v) }]
            }
        })
        .collect()
}

/// The unlabelled ticks between powers of ten: none where they would run together.
pub(super) fn minor(low: f64, high: f64) -> Vec<f64> {
    if (high / low).log10() > 6.0 {
        return Vec::new();
    }
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    (first..=last)
        .flat_map(|exponent| (1..10).map(move |m| decimal(m, exponent)))
        .filter(|v| (low..=high).contains(v))
        .collect()
}

/// The double nearest to `mantissa` · 10^`exponent`, by way of the decimal text: products of powers of ten are off by an ulp.
fn decimal(mantissa: i64, exponent: i32) -> f64 {
    format!("{mantissa}e{exponent}").parse().unwrap_or(f64::INFINITY)
}

fn labelled(values: &[f64], decimals: usize) -> Vec<Tick> {
    let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let long = largest >= 1e6 || decimals > 5;
    values
        .iter()
        .map(|&value| Tick { value, label: if long { scientific(value) } else { plain(value, decimals) } })
        .collect()
}

/// `12 500`, `−0.05`: thousands set apart by a thin space from five digits on, a true minus.
fn plain(value: f64, decimals: usize) -> String {
    let digits = format!("{:.*}", decimals, value.abs());
    let (whole, rest) = match digits.split_once('.') {
        Some((whole, rest)) => (whole, format!(".{rest}")),
        None => (digits.as_str(), String::new()),
    };
    let whole = match whole.len() {
        0..=4 => whole.to_owned(),
        n => format!("{}\u{2009}{}", &whole[..n - 3], &whole[n - 3..]),
    };
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{whole}{rest}")
}

/// `2.5×10⁻⁷`, `10⁶`, `1`.
fn scientific(value: f64) -> String {
    let text = format!("{value:e}").replace('-', "−");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let raised: String = exponent
        .chars()
        .map(|c| match c {
            '−' => '⁻',
            c => "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(c.to_digit(10).unwrap_or(0) as usize).unwrap_or(c),
        })
        .collect();
    match (mantissa, exponent) {
        (m, "0") => m.to_owned(),
        ("1", "1") => "10".to_owned(),
        ("1", _) => format!("10{raised}"),
        (m, _) => format!("{m}×10{raised}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|t| t.label.as_str()).collect()
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
    fn counts_of_workers_are_whole_and_few() {
        for (low, high) in [(1.0, 2.0), (0.2, 20.8), (1.0, 1.1), (1.0, 1024.0), (0.0, 3e7)] {
            let ticks = integers(low, high, 12);
            assert!(ticks.len() <= 12, "{} ticks", ticks.len());
            assert!(ticks.iter().all(|t| t.value.fract() == 0.0));
        }
        assert_eq!(labels(&integers(0.6, 4.4, 12)), ["1", "2", "3", "4"]);
    }
}
