//! What the columns of a table are: worker, step, times, and what only looks like times.
//!
//! A column is judged by its name and by its values. Counters, cumulative and equidistant columns are numbers too, and
//! simulating step numbers as seconds gives a table that looks like any other: such columns are never offered.

use crate::formats::refusal::{Refusal, clip, some_of};
use crate::formats::roles::Roles;
use crate::formats::sheet::{Cell, Sheet};
use crate::formats::units::{Unit, is_rate, words};
use std::collections::BTreeMap;

/// What the values of a column look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No value at all.
    Empty,
    /// Something other than numbers.
    Text,
    /// One number, over and over.
    Constant,
    /// Whole numbers that count.
    Counter,
    /// Equal steps from value to value.
    Equidistant,
    /// Growing from value to value, unevenly: a clock.
    Cumulative,
    /// Numbers that go up and down, and none below zero.
    Varying,
    /// Numbers, some below zero.
    Signed,
}

impl Kind {
    /// What is wrong with a clock.
    pub const CLOCK: &str = "grows from row to row, as a clock does";

    /// What it is, where it cannot be step times.
    pub fn of_no_time(self) -> Option<&'static str> {
        match self {
            Kind::Empty => Some("is empty"),
            Kind::Text => Some("is not all numbers"),
            Kind::Counter => Some("counts"),
            Kind::Equidistant => Some("grows in equal steps"),
            Kind::Cumulative => Some(Kind::CLOCK),
            Kind::Signed => Some("has values below zero"),
            Kind::Constant | Kind::Varying => None,
        }
    }

    /// The kind of a sequence of numbers.
    pub fn of(values: &[f64]) -> Kind {
        let Some(&first) = values.first() else { return Kind::Empty };
        if values.iter().all(|&v| v == first) {
            return Kind::Constant;
        }
        let differences: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let rising = differences.iter().all(|&d| d >= 0.0);
        let strictly = differences.iter().filter(|&&d| d > 0.0).count() == differences.len();
        let whole = values.iter().all(|v| v.fract() == 0.0);
        // A rerun, or the next epoch, starts to count again: nine of ten differences are the usual one.
        let mut sorted = differences.clone();
        sorted.sort_by(f64::total_cmp);
        let usual = sorted[sorted.len() / 2];
        let scale = values.iter().fold(0.0f64, |most, v| most.max(v.abs()));
        let rounding = 1e-6 * usual.abs() + 4.0 * f64::EPSILON * scale;
        let as_usual = differences.iter().filter(|&&d| (d - usual).abs() <= rounding).count();
        let even = usual != 0.0 && as_usual * 10 >= differences.len() * 9;
        let few_values = rising && whole && differences.iter().all(|&d| d == 0.0 || d == 1.0);
        match values.len() {
            0..=2 if whole && rising && (differences[0] == 1.0) => Kind::Counter,
            3.. if few_values || (even && whole) => Kind::Counter,
            3.. if even => Kind::Equidistant,
            // Of five independent values one order in 120 is rising.
            5.. if strictly => Kind::Cumulative,
            _ if values.iter().any(|&v| v < 0.0) => Kind::Signed,
            _ => Kind::Varying,
        }
    }
}

impl Kind {
    /// The kind of each worker's numbers, as far as they agree.
    pub fn of_each<W: Ord>(numbers: impl IntoIterator<Item = (W, f64)>) -> Kind {
        let mut of_worker: BTreeMap<W, Vec<f64>> = BTreeMap::new();
        for (worker, number) in numbers {
            of_worker.entry(worker).or_default().push(number);
        }
        let kinds: Vec<Kind> = of_worker.values().map(|values| Kind::of(values)).collect();
        let varies = [Kind::Signed, Kind::Varying].into_iter().find(|kind| kinds.contains(kind));
        let most = || kinds.iter().copied().max_by_key(|kind| kinds.iter().filter(|k| *k == kind).count());
        varies.or_else(most).unwrap_or(Kind::Empty)
    }
}

/// The kind of a column: that of each worker's values, as far as they agree.
pub fn kind(sheet: &Sheet, column: usize, workers: Option<&[u32]>) -> Kind {
    let cells = &sheet.columns[column];
    if cells.iter().any(|cell| matches!(cell, Cell::Text(_))) {
        return Kind::Text;
    }
    // What is not finite is dropped later, and counted.
    let number = |cell: &Cell| match *cell {
        Cell::Number(number, _) if number.is_finite() => Some(number),
        _ => None,
    };
    match workers {
        None => Kind::of(&cells.iter().filter_map(number).collect::<Vec<f64>>()),
        Some(workers) => {
            Kind::of_each(cells.iter().zip(workers).filter_map(|(cell, &worker)| Some((worker, number(cell)?))))
        }
    }
}

/// Whether it is the least or the greatest that an export has beside a value.
pub fn is_bound(name: &str) -> bool {
    ["__MIN", "__MAX"].iter().any(|end| name.ends_with(end))
}

/// How likely a column with this name holds the times of steps: 0 for not at all.
pub fn likeness(name: &str) -> u32 {
    let words = words(name);
    let has = |any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
    let timely = ["time", "times", "duration", "dur", "elapsed", "latency", "runtime", "took", "t", "dt"];
    let unit = Unit::of_name(name);
    if name == "step_time_s" {
        return 100;
    }
    let other = [
        "loss",
        "acc",
        "accuracy",
        "lr",
        "learning",
        "mfu",
        "grad",
        "norm",
        "tokens",
        "samples",
        "perplexity",
        "ppl",
        "memory",
        "mem",
        "util",
        "temp",
        "power",
        "error",
        "seed",
        "id",
        "count",
        "stamp",
        "timestamp",
        "date",
        "datetime",
        "epoch",
    ];
    if is_rate(name)
        || is_bound(name)
        || (unit.is_none() && !has(&timely))
        || (has(&other) && !has(&["time", "duration", "elapsed", "latency"]))
    {
        return 0;
    }
    let of_step = ["step", "steps", "iter", "iteration", "iterations", "batch", "it", "update", "round"];
    let whole_run = [
        "total",
        "run",
        "train",
        "training",
        "eval",
        "val",
        "validation",
        "wall",
        "start",
        "end",
        "epoch",
        "cumulative",
        "since",
    ];
    match () {
        () if has(&of_step) && !has(&["start", "end", "since", "total", "cumulative"]) => 90,
        () if has(&["compute", "computation", "computing"]) => 80,
        () if has(&whole_run) => 40,
        () if words.len() <= 2 && has(&timely) => 70,
        () => 60,
    }
}

/// The column that holds the times of steps, by name and values, and the other columns that could.
///
/// # Errors
/// If none does, or more than one; what is advised is never a counter or a clock.
pub fn choose(sheet: &Sheet, roles: &Roles, workers: &[u32]) -> Result<(usize, Vec<usize>), Refusal> {
    let taken = |column: &usize| roles.worker.contains(column) || roles.step.contains(column);
    let usable = |column: &usize| match kind(sheet, *column, Some(workers)) {
        Kind::Varying | Kind::Constant => true,
        // What is called a step's time and is not all times is refused with the line at fault.
        Kind::Text | Kind::Signed => {
            let numbers = sheet.columns[*column].iter().any(|cell| matches!(cell, Cell::Number(..)));
            numbers && likeness(&sheet.names[*column]) >= 70
        }
        Kind::Empty | Kind::Counter | Kind::Equidistant | Kind::Cumulative => false,
    };
    let columns: Vec<usize> = (0..sheet.names.len()).filter(|c| !taken(c)).filter(usable).collect();
    if let ([""], &[column]) = (&sheet.names.iter().map(String::as_str).collect::<Vec<_>>()[..], &columns[..]) {
        return Ok((column, vec![]));
    }
    let name = |column: usize| sheet.names[column].as_str();
    let unit_in_cells = |c: usize| sheet.columns[c].iter().any(|cell| matches!(cell, Cell::Number(_, Some(_))));
    let score = |c: usize| likeness(name(c)).max(if unit_in_cells(c) { 75 } else { 0 });
    let likely: Vec<usize> = columns.iter().copied().filter(|&c| score(c) > 40).collect();
    let best = likely.iter().map(|&c| score(c)).max().unwrap_or(0);
    let bests: Vec<usize> = likely.iter().copied().filter(|&c| score(c) == best).collect();
    match bests[..] {
        [column] => {
            if sheet.named(name(column)).len() > 1 {
                return Err(sheet.wanted(name(column)).expect_err("more than one"));
            }
            Ok((column, likely.into_iter().filter(|&c| c != column).collect()))
        }
        [] => {
            let possible: Vec<&str> = columns.iter().filter(|&&c| score(c) == 40).map(|&c| name(c)).collect();
            let all = some_of(sheet.names.iter().map(String::as_str).filter(|name| !name.is_empty()));
            // What is called a time and is none.
            let none = |&c: &usize| {
                let what = kind(sheet, c, Some(workers)).of_no_time()?;
                let is_only = sheet.names.len() == 1;
                (is_only || (!taken(&c) && likeness(name(c)) >= 60)).then(|| match name(c) {
                    "" => format!("its only column {what}"),
                    name => format!("'{}' {what}", clip(name)),
                })
            };
            let none = (0..sheet.names.len()).find_map(|c| none(&c));
            let called = |c: &usize| likeness(name(*c)) >= 90 && !taken(c);
            let advice = match possible[..] {
                [] if let Some(one) = (0..sheet.names.len()).find(called) => {
                    format!(
                        "type --column '{0}' to read it all the same, or 'diff:{0}' for its differences",
                        clip(name(one))
                    )
                }
                [] => "name the column that holds seconds step_time_s, or name it by --column".to_string(),
                [one, ..] => format!("if '{}' is the time of one step, type --column '{0}'", clip(one)),
            };
            let reason = match none {
                Some(none) => format!("{none}, as no step times do"),
                None => format!("no column is that of a step's time by name and values among {all}"),
            };
            Err(Refusal::new(reason, advice))
        }
        [one, ref others @ ..] if others.iter().all(|&c| name(c) == name(one)) => {
            Err(sheet.wanted(name(one)).expect_err("more than one"))
        }
        [one, ..] => {
            let several = some_of(bests.iter().map(|&c| name(c)));
            Err(Refusal::new(
                format!("{several} could each be the time of a step"),
                format!("choose one, by --column '{}', for example", clip(name(one))),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_clocks_and_ladders_are_told_from_times() {
        let times = [0.103, 0.159, 0.134, 0.147, 0.17, 0.13];
        let clock: Vec<f64> = times
            .iter()
            .scan(1.7e9, |t, x| {
                *t += x;
                Some(*t)
            })
            .collect();
        assert_eq!(Kind::of(&times), Kind::Varying);
        assert_eq!(Kind::of(&clock), Kind::Cumulative);
        assert_eq!(Kind::of(&[0.0, 1.0, 2.0, 3.0]), Kind::Counter);
        assert_eq!(Kind::of(&[0.0, 0.0, 1.0, 1.0, 1.0, 2.0]), Kind::Counter);
        assert_eq!(Kind::of(&[10.0, 20.0, 30.0, 40.0]), Kind::Counter);
        assert_eq!(Kind::of(&[2.3, 2.29, 2.28, 2.27]), Kind::Equidistant);
        assert_eq!(Kind::of(&[0.5; 9]), Kind::Constant);
        assert_eq!(Kind::of(&[0.5, -0.1, 0.2]), Kind::Signed);
        assert_eq!(Kind::of(&[]), Kind::Empty);
        // Milliseconds as whole numbers are times; so is a short sample that happens to rise.
        assert_eq!(Kind::of(&[103.0, 159.0, 134.0, 147.0]), Kind::Varying);
        assert_eq!(Kind::of(&[0.1, 0.2, 0.35]), Kind::Varying);
        // Counting again in each epoch.
        let epochs: Vec<f64> = (0..100).map(|i| f64::from(i % 50)).collect();
        assert_eq!(Kind::of(&epochs), Kind::Counter);
    }

    #[test]
    fn names_that_are_times_come_before_those_that_may_be_and_others_never() {
        let ordered = ["step_time_s", "iter_time", "compute_ms", "time", "sync_time_ms", "train_time_s"];
        assert!(ordered.windows(2).all(|pair| likeness(pair[0]) > likeness(pair[1])), "{:?}", ordered.map(likeness));
        for name in [
            "Value",
            "loss",
            "Step",
            "lr",
            "tokens_per_s",
            "it/s",
            "grad_norm",
            "epoch",
            "steps",
            "timestamp",
            "throughput",
        ] {
            assert_eq!(likeness(name), 0, "{name}");
        }
    }
}
