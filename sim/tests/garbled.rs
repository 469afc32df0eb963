//! What people type, garbled: it is read, and then printed so that it is read again as the same, or refused in a sentence.

#[path = "../../tests/common/garbled.rs"]
mod input;

use input::garbled_text;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use straggle_sim::{LawText, LearnerText, Policy, units};

fn comes_back<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> Result<(), String> {
    let value: T = text.parse().map_err(|e: T::Err| e.to_string())?;
    let printed = value.to_string();
    assert_eq!(printed.parse().ok(), Some(value), "{text:?} was read, printed as {printed:?}, and that is another");
    Ok(())
}

#[test]
fn garbled_laws_are_read_or_refused() {
    let laws = [
        "exp(2)",
        "shifted-exp(0.1, 2)",
        "constant(0.5)",
        "uniform(0, 1)",
        "gamma(4, 0.25)",
        "weibull(0.5, 1)",
        "lognormal(0, 1.5)",
        "pareto(1, 1.05)",
        "gumbel(1, 0.1)",
        "hyper-exp(0.9, 2, 0.2)",
        "trace(steps.csv, time_ms, blocks:10)",
        "trace('a, b.csv', \"x\", by-worker)",
        "trace(-, rows)",
    ];
    garbled_text(&laws, comes_back::<LawText>);
}

#[test]
fn garbled_policies_are_read_or_refused() {
    let all: Vec<String> = Policy::examples().map(|policy| policy.to_string()).collect();
    garbled_text(&all.iter().map(String::as_str).collect::<Vec<_>>(), comes_back::<Policy>);
}

#[test]
fn garbled_learners_are_read_or_refused() {
    garbled_text(&["none", "quadratic(1, 1, 0.05)"], comes_back::<LearnerText>);
}

#[test]
fn garbled_quantities_are_positive_or_refused() {
    let all = ["350ms", "10us", "1d", "5m", "1.2GB", "100MiB", "25GB/s", "200Mbit/s", "4%", "0.5"];
    for parse in [units::seconds, units::bytes, units::bytes_per_s, units::share] {
        garbled_text(&all, |text| {
            let value = parse(text)?;
            assert!(value >= 0.0 && value.is_finite(), "{text:?} is {value}");
            Ok::<(), String>(())
        });
    }
}
