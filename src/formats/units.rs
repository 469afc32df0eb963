//! Units of time: in the name of a column (`time_ms`, `step time (s)`), in a cell (`103.46ms`), or typed.

use super::english::english;
use super::number::{Form, number};
use std::fmt;

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
    /// Minutes.
    Min,
    /// Hours.
    H,
}

impl Unit {
    /// How many seconds it is.
    pub fn seconds(self) -> f64 {
        match self {
            Unit::S => 1.0,
            Unit::Ms => 1e-3,
            Unit::Us => 1e-6,
            Unit::Ns => 1e-9,
            Unit::Min => 60.0,
            Unit::H => 3600.0,
        }
    }

    /// So many of this unit, in seconds, rounded once.
    pub fn to_seconds(self, value: f64) -> f64 {
        match self {
            Unit::S | Unit::Min | Unit::H => value * self.seconds(),
            Unit::Ms => value / 1e3,
            Unit::Us => value / 1e6,
            Unit::Ns => value / 1e9,
        }
    }

    /// The unit that a word is.
    pub fn of_word(word: &str) -> Option<Unit> {
        Some(match word.to_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" | "sek" | "sekunde" | "sekunden" | "seconde" | "secondes"
            | "segundo" | "segundos" | "secondo" | "secondi" => Unit::S,
            "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" | "millisekunde" | "millisekunden"
            | "milliseconde" | "millisecondes" | "milisegundos" | "millisecondi" => Unit::Ms,
            "us" | "µs" | "μs" | "usec" | "usecs" | "micros" | "microsecond" | "microseconds" | "mikrosekunden" => {
                Unit::Us
            }
            "ns" | "nsec" | "nanos" | "nanosecond" | "nanoseconds" | "nanosekunden" => Unit::Ns,
            "min" | "mins" | "minute" | "minutes" | "minuten" => Unit::Min,
            "h" | "hr" | "hrs" | "hour" | "hours" | "stunden" => Unit::H,
            _ => return None,
        })
    }

    /// The unit in a column's name, where it has one and the column is not a rate (`tokens_per_s`, `it/s`).
    ///
    /// The last word that is a unit counts; `ms/step` and `s_per_step` are times, what stands *per* second is not.
    pub fn of_name(name: &str) -> Option<Unit> {
        let words = words(name);
        let at = words.iter().rposition(|word| Unit::of_word(word).is_some())?;
        let unit = Unit::of_word(&words[at]);
        // A lone letter is a unit only where units stand: at the end, or before "per".
        let placed = words[at].chars().count() > 1 || at + 1 == words.len() || words[at + 1] == "per";
        let long_word_of_something_else = matches!(words[at].as_str(), "min" | "mins") && words.len() > 1 && at == 0;
        if is_rate(name) || !placed || long_word_of_something_else { None } else { unit }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Unit::S => "s",
            Unit::Ms => "ms",
            Unit::Us => "us",
            Unit::Ns => "ns",
            Unit::Min => "min",
            Unit::H => "h",
        })
    }
}

/// The words of a name, in lower case and in English: `stepTime_ms`, `step-time (ms)` and `time/step` are cut where a word ends; a
/// slash between two words is the word *per*.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let end = |words: &mut Vec<String>, word: &mut String| {
        let word = std::mem::take(word);
        match english(&word) {
            Some(english) => words.extend(english.iter().map(|word| word.to_string())),
            None => words.push(word),
        }
    };
    let mut before = ' ';
    for c in name.chars() {
        let new_hump = c.is_uppercase() && before.is_lowercase();
        if (!c.is_alphanumeric() || new_hump) && !word.is_empty() {
            end(&mut words, &mut word);
        }
        if c == '/' && !words.is_empty() {
            words.push("per".to_string());
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    if !word.is_empty() {
        end(&mut words, &mut word);
    }
    words
}

/// Whether a name is that of so many of something per unit of time.
pub fn is_rate(name: &str) -> bool {
    let words = words(name);
    let per_time = words.windows(2).any(|pair| pair[0] == "per" && Unit::of_word(&pair[1]).is_some());
    let named = words.iter().any(|word| {
        matches!(
            word.as_str(),
            "throughput" | "rate" | "fps" | "hz" | "ips" | "sps" | "flops" | "tflops" | "gflops" | "bandwidth"
        )
    });
    per_time || named
}

/// What a cell says: a number with the unit that it has there and what its signs say of its neighbours, nothing, or something else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// Nothing, or a word for it.
    Missing,
    /// A number.
    Number(f64, Option<Unit>, Form),
    /// No number.
    Other,
}

/// Words for nothing.
const MISSING: &[&str] = &[
    "",
    "nan",
    "na",
    "n/a",
    "#n/a",
    "n.a.",
    "null",
    "nil",
    "none",
    "undefined",
    "missing",
    "-",
    "--",
    "---",
    ".",
    "?",
    "#value!",
    "#wert!",
    "k.a.",
];

/// Reads a cell.
pub fn quantity(cell: &str) -> Quantity {
    let cell = cell.trim();
    if MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word)) {
        return Quantity::Missing;
    }
    if let Some(seconds) = clock(cell) {
        return Quantity::Number(seconds, Some(Unit::S), Form::Plain);
    }
    // What follows the number is its unit.
    let is_end = |(i, c): (usize, char)| {
        let exponent =
            matches!(c, 'e' | 'E') && cell[i + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
        (c.is_alphabetic() && !exponent).then_some(i)
    };
    let end = cell.char_indices().find_map(is_end).unwrap_or(cell.len());
    let (digits, unit) = (cell[..end].trim_end(), &cell[end..]);
    match (number(digits), unit) {
        (Some((number, form)), "") => Quantity::Number(number, None, form),
        (Some((number, form)), unit) => match Unit::of_word(unit) {
            Some(unit) => Quantity::Number(number, Some(unit), form),
            None => Quantity::Other,
        },
        (None, _) => match cell.parse::<f64>() {
            Ok(number) => Quantity::Number(number, None, Form::Plain), // inf
            Err(_) => Quantity::Other,
        },
    }
}

/// Seconds of a date with its time of day, since 1970, or of hours, minutes and seconds: `2024-05-01 10:00:00.25`, `0:01:02.5`,
/// `0 days 00:01:02.5`.
fn clock(cell: &str) -> Option<f64> {
    if let Some((days, rest)) = cell.split_once(" days ").or_else(|| cell.split_once(" day, ")) {
        return Some(86_400.0 * days.parse::<u32>().ok().map(f64::from)? + clock(rest)?);
    }
    let bytes = cell.as_bytes();
    if bytes.len() > 40 || !bytes.first()?.is_ascii_digit() || bytes.iter().filter(|b| **b == b':').count() < 2 {
        return None;
    }
    if bytes.get(4) == Some(&b'-') {
        let in_utc = |civil: jiff::civil::DateTime| Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
        let at = cell.parse::<jiff::Timestamp>().ok().or_else(|| in_utc(cell.parse().ok()?))?;
        return Some(at.as_second() as f64 + f64::from(at.subsec_nanosecond()) * 1e-9);
    }
    let (hours, rest) = cell.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let whole = |text: &str| text.parse::<u32>().ok().map(f64::from);
    let seconds: f64 = seconds.replace(',', ".").parse().ok().filter(|s| (0.0..60.0).contains(s))?;
    Some(3600.0 * whole(hours)? + 60.0 * whole(minutes).filter(|m| *m < 60.0)? + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_units_and_rates_do_not() {
        for (name, unit) in [
            ("step_time_s", Some(Unit::S)),
            ("time_ms", Some(Unit::Ms)),
            ("step time (ms)", Some(Unit::Ms)),
            ("iterTimeMs", Some(Unit::Ms)),
            ("duration_seconds", Some(Unit::S)),
            ("ms/step", Some(Unit::Ms)),
            ("s_per_step", Some(Unit::S)),
            ("time[us]", Some(Unit::Us)),
            ("dur_ns", Some(Unit::Ns)),
            ("Time/step", None),
            ("iter_time", None),
            ("tokens_per_s", None),
            ("it/s", None),
            ("samples/sec", None),
            ("steps", None),
            ("s_max_norm", None),
            ("Schrittzeit (ms)", Some(Unit::Ms)),
            ("Dauer [Sekunden]", Some(Unit::S)),
        ] {
            assert_eq!(Unit::of_name(name), unit, "{name}");
        }
        assert_eq!(words("Schrittzeit_ms"), ["step", "time", "ms"]);
        assert_eq!(
            (words("Rang"), words("durée (s)")),
            (vec!["rank".to_string()], vec!["duration".into(), "s".into()])
        );
        assert!(is_rate("tokens_per_s") && is_rate("it/s") && !is_rate("ms/step") && !is_rate("Time/step"));
    }

    #[test]
    fn cells_are_numbers_with_or_without_units() {
        let number = |value: f64, unit: Option<Unit>| Some((value, unit));
        for (cell, found) in [
            ("103.46ms", number(103.46, Some(Unit::Ms))),
            (" 1.5 s ", number(1.5, Some(Unit::S))),
            ("2e-3", number(0.002, None)),
            ("135 µs", number(135.0, Some(Unit::Us))),
            ("-1", number(-1.0, None)),
            ("inf", number(f64::INFINITY, None)),
            ("0,5", number(0.5, None)),
            ("1.234,5 ms", number(1234.5, Some(Unit::Ms))),
            ("12 Sekunden", number(12.0, Some(Unit::S))),
            ("1:02.5", None),
            ("0:01:02.5", number(62.5, Some(Unit::S))),
            ("0:99:02.5", None),
            ("1 days 00:01:02.5", number(86_462.5, Some(Unit::S))),
            ("2024-05-01 10:00:00.25", number(1_714_557_600.25, Some(Unit::S))),
            ("2024-05-01T12:00:00,25+02:00", number(1_714_557_600.25, Some(Unit::S))),
            ("2024-05-01T10:00:61", None),
            ("12 apples", None),
            ("abc", None),
        ] {
            let read = match quantity(cell) {
                Quantity::Number(value, unit, _) => Some((value, unit)),
                Quantity::Other => None,
                Quantity::Missing => panic!("{cell}"),
            };
            assert_eq!(read, found, "{cell}");
        }
        for cell in ["", "NaN", " n/a ", "None", "#N/A", "-"] {
            assert_eq!(quantity(cell), Quantity::Missing, "{cell}");
        }
        assert_eq!(Unit::Ms.to_seconds(103.46), 0.10346);
    }
}
