//! Values of options: how they are typed, and how they stand in a manifest.

use crate::formats::PerDevice;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::{Serialize, Serializer};
use serde_json::Value;
use sim::LawText;
use std::fmt::{self, Display};
use std::str::FromStr;
use strum::VariantNames;

/// A value that stands in a manifest as it is typed: as a number if it is one, else as a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Typed<T>(pub T);

impl<T: FromStr<Err: Display>> FromStr for Typed<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Typed<T>, String> {
        text.parse().map(Typed).map_err(|e: T::Err| e.to_string())
    }
}

impl<T: Display> Display for Typed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Display> Serialize for Typed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        as_typed(&self.0).serialize(serializer)
    }
}

/// What `Display` prints, as a number if it is one.
pub(super) fn as_typed(value: &impl Display) -> Value {
    let text = value.to_string();
    text.parse().map_or_else(|_| Value::String(text), Value::Number)
}

/// Values separated by commas, each kept once, in the order in which they came.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr<Err: Display> + PartialEq> FromStr for List<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<List<T>, String> {
        let mut list = Vec::new();
        for one in text.split(',') {
            let value = one.trim().parse().map_err(|e: T::Err| e.to_string())?;
            if !list.contains(&value) {
                list.push(value);
            }
        }
        Ok(List(list))
    }
}

impl<T: Display> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(as_typed))
    }
}

/// Whole numbers from 1, ascending, each once: `1,2,4` or `1..8`.
#[derive(Clone, Debug, PartialEq)]
pub struct Workers(pub Vec<u32>);

impl Workers {
    /// More of them do not fit into memory.
    pub const MOST: u32 = 10_000_000;
}

impl FromStr for Workers {
    type Err = String;

    fn from_str(text: &str) -> Result<Workers, String> {
        let mut all = Vec::new();
        for one in text.split(',').map(str::trim) {
            match one.split_once("..") {
                None => all.push(workers(one)?),
                Some((low, high)) => {
                    let (low, high) = (workers(low)?, workers(high.trim_start_matches('='))?);
                    if low > high {
                        return Err(format!("'{one}' counts down; type {high}..{low}"));
                    }
                    all.extend(low..=high);
                }
            }
        }
        all.sort_unstable();
        all.dedup();
        Ok(Workers(all))
    }
}

impl Serialize for Workers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A number of workers.
pub fn workers(text: &str) -> Result<u32, String> {
    match text.trim().parse::<u128>() {
        Ok(0) | Err(_) => match text.split_once('-').map(|(low, high)| (low.parse::<u32>(), high.parse::<u32>())) {
            Some((Ok(low), Ok(high))) => Err(format!("'{text}' is not a whole number from 1; type {low}..{high}")),
            _ if text.contains(',') || text.contains("..") => {
                Err(format!("'{text}' is not one whole number from 1; type 4, for example"))
            }
            _ => Err(format!("'{text}' is not a whole number from 1; type 20, or 1,2,4, or 1..20, for example")),
        },
        Ok(number) => u32::try_from(number)
            .ok()
            .filter(|&workers| workers <= Workers::MOST)
            .ok_or_else(|| format!("'{text}' workers are too many to keep in memory; type at most {}", Workers::MOST)),
    }
}

/// A whole number from `least` on.
pub fn at_least<T>(least: T, example: T) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Display + Copy,
{
    move |text| {
        let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if number >= least => Ok(number),
            Err(_) if all_digits => Err(format!("'{}' is too large; type {example}, for example", sim::clip(text))),
            _ => Err(format!("'{}' is not a whole number from {least}; type {example}, for example", sim::clip(text))),
        }
    }
}

/// A number of threads.
pub fn threads(text: &str) -> Result<usize, String> {
    match at_least(1, 4)(text)? {
        threads if threads <= MOST_THREADS => Ok(threads),
        _ => Err(format!("'{text}' threads are too many to start; type at most {MOST_THREADS}")),
    }
}

/// Threads that a machine starts without complaint.
pub const MOST_THREADS: usize = 1024;

/// One of the names of a type.
pub fn choice<T>() -> impl TypedValueParser<Value = Typed<T>>
where
    T: VariantNames + FromStr<Err: Display> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(T::VARIANTS).try_map(|name| name.parse::<Typed<T>>())
}

/// Speeds of workers.
pub fn speeds(text: &str) -> Result<Speeds, String> {
    if let Ok(table) = text.parse() {
        return Ok(Speeds::Table(table));
    }
    let speed = |one: &str| {
        let speed = one.trim().parse().ok().filter(|speed: &f64| (1e-9..=1e9).contains(speed));
        speed.ok_or(format!(
            "'{}' is not a number from 1e-9 to 1e9; type 1,1,0.5, or devices.csv, for example",
            sim::clip(one)
        ))
    };
    text.split(',').map(speed).collect::<Result<_, _>>().map(Speeds::List)
}

/// Speeds of workers, repeated over them.
#[derive(Clone, Debug, PartialEq)]
pub enum Speeds {
    /// One after the other.
    List(Vec<f64>),
    /// A row for each.
    Table(PerDevice),
}

impl Serialize for Speeds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Speeds::List(speeds) => speeds.serialize(serializer),
            Speeds::Table(table) => serializer.collect_str(table),
        }
    }
}

/// The delays of all workers: a law for all, or a row for each.
#[derive(Clone, Debug, PartialEq)]
pub enum Delays {
    /// One law, or none.
    Law(Delay),
    /// A row for each.
    Table(PerDevice),
}

impl FromStr for Delays {
    type Err = String;

    fn from_str(text: &str) -> Result<Delays, String> {
        match text.parse() {
            Ok(table) => Ok(Delays::Table(table)),
            Err(()) => text.parse().map(Delays::Law),
        }
    }
}

impl Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Delays::Law(delay) => delay.fmt(f),
            Delays::Table(table) => table.fmt(f),
        }
    }
}

/// A share, typed in per cent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(pub f64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Percent, String> {
        let number = text.trim_end_matches('%').trim().parse().ok();
        let Some(number) = number.filter(|number: &f64| *number > 0.0 && *number < 100.0) else {
            return Err(format!("'{text}' is not between 0% and 100%; type 0.1%, for example"));
        };
        match (text.ends_with('%'), number < 1.0) {
            (true, _) => Ok(Percent(number / 100.0)),
            (false, true) => Err(format!(
                "'{text}' lacks its sign; type {}% if you mean that share, or {text}%",
                rounded(100.0 * number)
            )),
            (false, false) => Err(format!("'{text}' lacks its sign; type {text}%")),
        }
    }
}

impl Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", rounded(self.0 * 100.0))
    }
}

/// Without what a multiplication by 100 leaves in the last digits.
fn rounded(number: f64) -> f64 {
    format!("{number:.12e}").parse().expect("a printed number")
}

/// A positive, finite number in single precision: a step size.
#[cfg(feature = "train")]
pub fn rate(text: &str) -> Result<Typed<f32>, String> {
    let rate = text.parse().ok().filter(|rate: &f32| *rate > 0.0 && rate.is_finite());
    rate.map(Typed).ok_or(format!("'{text}' is not a positive, finite step size; type 0.01, for example"))
}

/// A share of the velocity, in single precision.
#[cfg(feature = "train")]
pub fn momentum(text: &str) -> Result<Typed<f32>, String> {
    let momentum = text.parse().ok().filter(|momentum: &f32| (0.0..1.0).contains(momentum));
    momentum.map(Typed).ok_or(format!("'{text}' is not a share from 0 to less than 1; type 0.9, for example"))
}

/// The law of a delay, or `none`.
#[derive(Clone, Debug, PartialEq)]
pub struct Delay(pub Option<LawText>);

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Delay, String> {
        match text {
            "none" => Ok(Delay(None)),
            law => law.parse().map(|law| Delay(Some(law))).map_err(|e: sim::LawError| e.to_string()),
        }
    }
}

impl Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("none"),
            Some(law) => law.fmt(f),
        }
    }
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Rows.
    Csv,
    /// Figures as vectors.
    Svg,
    /// Figures as pixels.
    Png,
    /// Figures for print.
    Pdf,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        ValueEnum::from_str(text, true)
            .map_err(|_| format!("there is no format '{text}'; type csv,svg,png,pdf or some of them"))
    }
}

impl Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("none is hidden").get_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_workers_are_numbers_and_ranges() {
        let workers = |text: &str| text.parse::<Workers>().map(|workers| workers.0);
        assert_eq!(workers("4, 1,2..5,4"), Ok(vec![1, 2, 3, 4, 5]));
        for (text, part) in [
            ("1-20", "type 1..20"),
            ("5..2", "type 2..5"),
            ("0", "'0' is not a whole number from 1; type 20"),
            ("2.5", "'2.5' is not a whole number from 1"),
            ("1,,2", "'' is not a whole number from 1"),
            ("5000000000", "too many to keep in memory"),
            ("20000000", "too many to keep in memory; type at most 10000000"),
        ] {
            assert!(workers(text).is_err_and(|error| error.contains(part)), "{text}: {:?}", workers(text));
        }
    }

    #[test]
    fn a_number_is_too_small_or_too_large_or_none() {
        let seed = at_least::<u64>(2, 5000);
        assert_eq!(seed("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(
            seed("18446744073709551616").unwrap_err(),
            "'18446744073709551616' is too large; type 5000, for example"
        );
        for text in ["1", "", "-3", "2.5", "1e3"] {
            assert!(seed(text).is_err_and(|error| error.contains("is not a whole number from 2")), "{text}");
        }
    }

    #[test]
    fn a_share_without_its_sign_gets_a_hint_that_means_the_same() {
        let percent = |text: &str| text.parse::<Percent>();
        assert_eq!(percent("0.9").unwrap_err(), "'0.9' lacks its sign; type 90% if you mean that share, or 0.9%");
        assert_eq!(percent("97").unwrap_err(), "'97' lacks its sign; type 97%");
        for (text, printed) in [("0.1%", "0.1%"), ("97.3 %", "97.3%"), ("29%", "29%")] {
            assert_eq!(percent(text).map(|share| share.to_string()), Ok(printed.to_string()));
        }
        for text in ["0%", "100%", "NaN%", "%", "-1%", "inf"] {
            assert!(
                percent(text).is_err_and(|error| error.contains("is not between 0% and 100%; type 0.1%")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_value_stands_in_a_manifest_as_it_is_typed() {
        fn json(value: &impl Serialize) -> String {
            serde_json::to_string(value).expect("JSON")
        }
        assert_eq!(json(&Typed(0.01f32)), "0.01");
        assert_eq!(json(&"sync,k-sync:2".parse::<List<sim::Policy>>().unwrap()), r#"["sync","k-sync:2"]"#);
        assert_eq!(json(&Typed("exp(rate=2)".parse::<Delay>().unwrap())), r#""exp(2)""#);
        assert_eq!(json(&Typed("none".parse::<Delay>().unwrap())), r#""none""#);
    }
}
