//! Numbers that a cluster can have, and the sentence for those that it cannot.

use std::fmt;

/// A number that no cluster can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub struct SpecError {
    what: &'static str,
    value: Option<f64>,
    needed: &'static str,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Some(value) => write!(f, "the {} must be {}, not {value}", self.what, self.needed),
            None => write!(f, "the {} must be {}", self.what, self.needed),
        }
    }
}

pub(super) fn need(what: &'static str, value: f64, holds: bool, needed: &'static str) -> Result<(), SpecError> {
    match holds && value.is_finite() {
        true => Ok(()),
        false => Err(SpecError { what, value: Some(value), needed }),
    }
}

pub(super) fn positive(what: &'static str, value: f64) -> Result<(), SpecError> {
    need(what, value, value > 0.0, "positive and finite")
}

pub(super) fn not_negative(what: &'static str, value: f64) -> Result<(), SpecError> {
    need(what, value, value >= 0.0, "at least 0 and finite")
}

pub(super) fn all_positive(what: &'static str, values: &[f64]) -> Result<(), SpecError> {
    if values.is_empty() {
        return Err(SpecError { what, value: None, needed: "at least one number" });
    }
    values.iter().try_for_each(|&value| positive(what, value))
}
