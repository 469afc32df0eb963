//! Wide tables: a row for each step, a column for each worker.

use crate::formats::columns::{self, Kind};
use crate::formats::refusal::{Refusal, clip};
use crate::formats::roles::Roles;
use crate::formats::sheet::{Cell, Sheet};
use crate::formats::tidy::unit_of;
use crate::formats::units::words;
use crate::formats::{Note, Options, Reading, Value};

/// What workers are called in the names of columns.
const WORKERS: &[&str] = &[
    "rank", "worker", "gpu", "node", "host", "device", "replica", "process", "proc", "machine", "client", "dev",
    "server",
];

/// What they are called in a letter, where nothing else is clearly a time.
const LETTERS: &[&str] = &["r", "w", "p"];

/// The least number of a `p` that is a percentile, and no process.
const PERCENTILES: u64 = 5;

/// The columns that are one worker each, with the workers' names: names that differ only in their number, or all columns of
/// varying numbers but the step where the layout was asked for.
pub fn columns(sheet: &Sheet, asked_for: bool) -> Vec<(usize, String)> {
    let varies = |&c: &usize| {
        !columns::is_bound(&sheet.names[c])
            && matches!(columns::kind(sheet, c, None), Kind::Varying | Kind::Constant | Kind::Cumulative)
    };
    let numbered = |c: usize| -> Option<(String, u64)> {
        let words = words(&sheet.names[c]);
        let mut stem = Vec::new();
        let mut number = None;
        for word in words {
            let digits = word.trim_start_matches(|c: char| !c.is_ascii_digit());
            match digits.parse::<u64>() {
                Ok(n) if number.is_none() => {
                    number = Some(n);
                    stem.push(word[..word.len() - digits.len()].to_string());
                }
                _ => stem.push(word),
            }
        }
        Some((stem.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_"), number?))
    };
    let all: Vec<(usize, (String, u64))> =
        (0..sheet.names.len()).filter(varies).filter_map(|c| Some((c, numbered(c)?))).collect();
    let clear = (0..sheet.names.len())
        .filter(varies)
        .any(|c| columns::likeness(&sheet.names[c]) >= 90 && numbered(c).is_none());
    let is_worker = |stem: &str| {
        let words = words(stem);
        let other =
            ["loss", "acc", "util", "mem", "memory", "temp", "power", "lr", "grad", "norm", "throughput", "rate"];
        let any = |of: &[&str]| words.iter().any(|word| of.contains(&word.as_str()));
        !any(&other) && (any(WORKERS) || (any(LETTERS) && !clear) || columns::likeness(stem) > 0 || stem.is_empty())
    };
    let stems: Vec<&String> = all.iter().map(|(_, (stem, _))| stem).filter(|stem| is_worker(stem)).collect();
    let size = |stem: &String| stems.iter().filter(|other| **other == stem).count();
    let least = |stem: &String| all.iter().filter(|(_, (other, _))| other == stem).map(|(_, (_, n))| *n).min();
    let is_percentile = |stem: &String| words(stem).iter().any(|word| word == "p") && least(stem) >= Some(PERCENTILES);
    let several = |stem: &&String| size(stem) >= 2 && !is_percentile(stem);
    let most = stems.iter().copied().filter(several).max_by_key(|stem| size(stem)).cloned();
    let mut chosen: Vec<(u64, usize, String)> = match most {
        Some(most) => {
            let of_stem = all.into_iter().filter(|(_, (stem, _))| *stem == most);
            of_stem.map(|(c, (_, number))| (number, c, clip(&sheet.names[c]))).collect()
        }
        None if asked_for => {
            let steps = Roles::of(sheet).step;
            let rest = (0..sheet.names.len()).filter(|c| !steps.contains(c)).filter(varies);
            rest.map(|c| (c as u64, c, clip(&sheet.names[c]))).collect()
        }
        None => Vec::new(),
    };
    chosen.sort();
    chosen.into_iter().map(|(_, column, name)| (column, name)).collect()
}

/// Reads a table with a column for each of the workers.
///
/// # Errors
/// [`Refusal`] if there are none, or a cell is no time.
pub fn read(sheet: &Sheet, workers: &[(usize, String)], options: &Options) -> Result<Reading, Refusal> {
    let Some((first, _)) = workers.first() else {
        return Err(Refusal::new("no columns of workers are there", "call them rank0, rank1, and so on"));
    };
    let mut notes = vec![Note::Wide { workers: workers.len() }];
    let unit = unit_of(sheet, *first, false, options, &mut notes)?;
    let step = Roles::of(sheet).step.last().copied();
    let whole = |cell: &Cell| match *cell {
        Cell::Number(n, _) if n.fract() == 0.0 && (0.0..1e15).contains(&n) => Some(n as u64),
        _ => None,
    };
    let own: Option<Vec<u64>> = step.and_then(|c| sheet.columns[c].iter().map(whole).collect());
    let rising = own.filter(|steps| steps.windows(2).all(|pair| pair[0] < pair[1]));
    let steps = rising.unwrap_or_else(|| (0..sheet.rows() as u64).collect());
    let mut values = Vec::with_capacity(workers.len() * sheet.rows());
    for (worker, (column, _)) in workers.iter().enumerate() {
        sheet.sure(*column)?;
        for (row, cell) in sheet.columns[*column].iter().enumerate() {
            let seconds = match *cell {
                Cell::Missing => f64::NAN,
                Cell::Number(number, own) if number >= 0.0 => own.unwrap_or(unit).to_seconds(number),
                _ => {
                    let reason = format!("'{}' is no step time", clip(&sheet.text(*cell)));
                    return Err(Refusal::new(reason, "correct or drop that line").at(sheet.lines[row]));
                }
            };
            values.push(Value { worker: worker as u32, step: steps[row], seconds });
        }
    }
    let labels: Vec<String> = workers.iter().map(|(_, name)| name.clone()).collect();
    let column = format!("{}..{}", labels[0], labels[labels.len() - 1]);
    Ok(Reading { values, labels, named: true, column, unit, notes })
}
