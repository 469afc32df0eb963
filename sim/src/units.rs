//! Quantities with units, as people type them: `350ms`, `1.2GB`, `25GB/s`, `4%`.

/// A unit and how many of the basic one it is.
type Unit = (&'static str, f64);

const SECONDS: &[Unit] = &[
    ("ns", 1e-9),
    ("us", 1e-6),
    ("\u{b5}s", 1e-6),
    ("\u{3bc}s", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
];

const BYTES: &[Unit] = &[
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

const BITS_PER_S: &[Unit] = &[
    ("bit/s", 0.125),
    ("kbit/s", 125.0),
    ("Mbit/s", 125e3),
    ("Gbit/s", 125e6),
    ("Tbit/s", 125e9),
    ("Mbps", 125e3),
    ("Gbps", 125e6),
];

/// A time in seconds: a number, or one with ns, us, ms, s, m (or min), h or d.
///
/// # Errors
/// A sentence that says what may be typed.
///
/// ```
/// use straggle_sim::units::seconds;
/// assert_eq!(seconds("350ms"), Ok(0.35));
/// assert_eq!(seconds("1d"), Ok(86400.0));
/// assert!(seconds("3 weeks").is_err());
/// ```
pub fn seconds(text: &str) -> Result<f64, String> {
    quantity(text, &[SECONDS]).ok_or_else(|| wrong("time", text, "350ms, 10us, 5m or 1d; a bare number is seconds"))
}

/// A size in bytes: a number, or one with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB.
///
/// # Errors
/// A sentence that says what may be typed.
pub fn bytes(text: &str) -> Result<f64, String> {
    quantity(text, &[BYTES]).ok_or_else(|| wrong("size", text, "100MB or 1.2GB; a bare number is bytes"))
}

/// A rate in bytes per second: a size with `/s`, or bits with `bit/s`, `Mbit/s`, `Gbit/s`.
///
/// # Errors
/// A sentence that says what may be typed.
///
/// ```
/// use straggle_sim::units::bytes_per_s;
/// assert_eq!(bytes_per_s("25GB/s"), Ok(25e9));
/// assert_eq!(bytes_per_s("200Mbit/s"), Ok(25e6));
/// ```
pub fn bytes_per_s(text: &str) -> Result<f64, String> {
    let whole = text.trim();
    let rate = match whole.strip_suffix("/s").filter(|size| !size.ends_with("bit")) {
        Some(size) => quantity(size, &[BYTES]),
        None => quantity(whole, &[BITS_PER_S]),
    };
    rate.ok_or_else(|| wrong("bandwidth", text, "25GB/s or 10Gbit/s; a bare number is bytes per second"))
}

/// A share: a number, or one with %.
///
/// # Errors
/// A sentence that says what may be typed.
///
/// ```
/// assert_eq!(straggle_sim::units::share("4%"), Ok(0.04));
/// ```
pub fn share(text: &str) -> Result<f64, String> {
    quantity(text, &[&[("%", 0.01)]]).ok_or_else(|| wrong("share", text, "4% or 0.04"))
}

fn wrong(what: &str, text: &str, examples: &str) -> String {
    format!("'{}' is no {what}; type {examples}", crate::clip(text))
}

/// The number before the unit times the unit; nothing that is measured in them is negative.
fn quantity(text: &str, units: &[&[Unit]]) -> Option<f64> {
    let text = text.trim();
    let (number, unit) =
        match units.iter().copied().flatten().filter(|(name, _)| text.ends_with(name)).max_by_key(|u| u.0.len()) {
            Some(&(name, unit)) => (&text[..text.len() - name.len()], unit),
            None => (text, 1.0),
        };
    // "inf" and "nan" are numbers to the parser, not to people who type sizes.
    let plain = number.trim().chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    let value = number.trim().parse::<f64>().ok().filter(|_| plain)?;
    // 350 ms is 350/1000 s and not 350 times the float nearest to 0.001.
    let value = if unit < 1.0 { value / (1.0 / unit).round() } else { value * unit };
    (value >= 0.0 && value.is_finite()).then_some(value.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_exact() {
        for (text, value) in
            [("350ms", 0.35), ("10us", 1e-5), ("1.5", 1.5), ("5m", 300.0), ("2 h", 7200.0), ("1e-3s", 1e-3)]
        {
            assert_eq!(seconds(text), Ok(value), "{text}");
        }
        assert_eq!(bytes("1.2GB"), Ok(1.2e9));
        assert_eq!(bytes("1KiB"), Ok(1024.0));
        assert_eq!(bytes_per_s("1e9"), Ok(1e9));
        assert_eq!(bytes_per_s("8bit/s"), Ok(1.0));
        for bad in ["", "ms", "inf", "NaN", "1 2", "3 weeks", "1e400", "1e308h", "-350ms"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
