//! Quantities with units, and lists, as options: `350ms`, `1.2GB`, `25GB/s`, `4%`; `exp(2); exp(1)`; `1,1.05,1.2`.

use super::values::as_typed;
use serde::{Serialize, Serializer};
use sim::cluster::comm::Scheme;
use sim::{LawError, LawText, Policy, units};
use std::fmt::{self, Display};
use std::str::FromStr;

/// A number that was typed with its unit, and is printed as it was typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    typed: String,
    /// In seconds, bytes, bytes per second, or as a share of one.
    pub value: f64,
}

impl Quantity {
    fn read(text: &str, read: impl Fn(&str) -> Result<f64, String>) -> Result<Quantity, String> {
        read(text).map(|value| Quantity { typed: text.trim().to_string(), value })
    }

    /// Whether it is so many times what it is without it.
    pub fn is_relative(&self) -> bool {
        self.typed.ends_with('x')
    }
}

impl Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        as_typed(self).serialize(serializer)
    }
}

/// A time: `350ms`.
pub fn seconds(text: &str) -> Result<Quantity, String> {
    Quantity::read(text, units::seconds)
}

/// A size: `100MB`.
pub fn bytes(text: &str) -> Result<Quantity, String> {
    Quantity::read(text, units::bytes)
}

/// A bandwidth: `25GB/s`.
pub fn rate(text: &str) -> Result<Quantity, String> {
    Quantity::read(text, units::bytes_per_s)
}

/// A bandwidth: `25GB/s`, or `2x` for so many times what it is.
pub fn bandwidth(text: &str) -> Result<Quantity, String> {
    let times = |text: &str| text.parse().ok().filter(|times: &f64| (1e-9..=1e9).contains(times));
    match text.trim().strip_suffix('x').map(times) {
        Some(Some(times)) => Quantity::read(text, |_| Ok(times)),
        _ => rate(text),
    }
}

/// A share of one, both ends included: `0.5`, `50%`.
pub fn share(text: &str) -> Result<Quantity, String> {
    Quantity::read(text, units::share)
}

/// Laws, one for each worker in turn: `exp(2)`, or `exp(2); exp(1)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Laws(pub Vec<LawText>);

impl FromStr for Laws {
    type Err = LawError;

    fn from_str(text: &str) -> Result<Laws, LawError> {
        text.split(';').map(|law| law.trim().parse()).collect::<Result<_, _>>().map(Laws)
    }
}

impl Display for Laws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let laws = self.0.iter().enumerate();
        laws.into_iter().try_for_each(|(i, law)| write!(f, "{}{law}", if i > 0 { "; " } else { "" }))
    }
}

/// Positive numbers between commas; without any, none.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors(pub Vec<f64>);

impl Serialize for Factors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_empty() {
            true => serializer.serialize_str("none"),
            false => self.0.serialize(serializer),
        }
    }
}

/// How many times as long a step takes with 1, 2, 3, ... workers computing.
pub fn factors(text: &str) -> Result<Factors, String> {
    if text == "none" {
        return Ok(Factors(Vec::new()));
    }
    let factor = |one: &str| {
        let factor = one.trim().parse().ok().filter(|factor: &f64| (1e-9..=1e9).contains(factor));
        factor.ok_or(format!("'{one}' is not a number from 1e-9 to 1e9; type 1,1.05,1.2, for example"))
    };
    text.split(',').map(factor).collect::<Result<_, _>>().map(Factors)
}

/// A way to communicate, or `none`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comm(pub Option<Scheme>);

impl FromStr for Comm {
    type Err = String;

    fn from_str(text: &str) -> Result<Comm, String> {
        match text {
            "none" => Ok(Comm(None)),
            scheme => scheme.parse().map(|scheme| Comm(Some(scheme))),
        }
    }
}

impl Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("none"),
            Some(scheme) => scheme.fmt(f),
        }
    }
}

/// Policies between commas, each kept once, with ranges of whole numbers; `all` is one of each kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Policies(pub Vec<Policy>);

impl FromStr for Policies {
    type Err = String;

    fn from_str(text: &str) -> Result<Policies, String> {
        let mut policies: Vec<Policy> = Vec::new();
        for policy in Policy::list(text).map_err(|e| e.to_string())? {
            if !policies.contains(&policy) {
                policies.push(policy);
            }
        }
        match policies.is_empty() {
            true => Err("there is no policy in it; type sync,async, for example".to_string()),
            false => Ok(Policies(policies)),
        }
    }
}

impl Serialize for Policies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(as_typed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_stand_in_a_manifest_as_they_were_typed() {
        let json = |quantity: Quantity| serde_json::to_string(&quantity).expect("JSON");
        assert_eq!(json(seconds("350ms").unwrap()), "\"350ms\"");
        assert_eq!(json(seconds("2").unwrap()), "2");
        assert_eq!(bytes("1.2GB").unwrap().value, 1.2e9);
        assert_eq!(bandwidth("25GB/s").unwrap().value, 25e9);
        assert_eq!(share("4%").unwrap().value, 0.04);
    }

    #[test]
    fn a_list_of_laws_prints_as_it_is_typed() {
        for text in ["exp(2)", "exp(2); exp(1)", "trace(a.csv, rows)", "gamma(4, 0.25); constant(1); exp(3)"] {
            assert_eq!(text.parse::<Laws>().unwrap().to_string(), text);
        }
        assert!("exp(2);".parse::<Laws>().is_err());
    }

    #[test]
    fn lists_of_policies_have_ranges_and_all() {
        let names = |text: &str| text.parse::<Policies>().map(|list| list.0.iter().map(ToString::to_string).collect());
        let expected = ["sync", "k-sync:2", "k-sync:3", "async"].map(str::to_string).to_vec();
        assert_eq!(names("sync, k-sync:2..3, async, k-sync:2"), Ok(expected));
        assert_eq!("all".parse::<Policies>().unwrap().0.len(), Policy::examples().len());
        assert!(names(" , ").unwrap_err().contains("type sync,async"));
    }
}
