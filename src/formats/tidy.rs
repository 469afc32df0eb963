//! Tidy tables: a row for each step of each worker, a column of times, and perhaps columns that say which worker and step.

use crate::formats::columns::{self, Kind};
use crate::formats::derived::{derive, differences, since_1970};
use crate::formats::refusal::{Refusal, clip, some_of};
use crate::formats::roles::Roles;
use crate::formats::sheet::{Cell, Sheet};
use crate::formats::units::{Unit, is_rate, words};
use crate::formats::{Column, Note, Options, Reading, Value};

/// Reads the times of a sheet.
///
/// # Errors
/// [`Refusal`] if no column can be taken for them.
pub fn read(sheet: &mut Sheet, options: &Options) -> Result<Reading, Refusal> {
    let roles = Roles::of(sheet);
    let (workers, labels) = roles.workers(sheet);
    let mut notes = Vec::new();
    let (column, is_clock) = match &options.column {
        Some(Column::Values(name) | Column::Differences(name)) if is_rate(name) => {
            sheet.wanted(name)?;
            let reason = format!("'{}' is a rate and no time", clip(name));
            return Err(Refusal::new(reason, "write what a step takes, as step_time_s"));
        }
        Some(Column::Values(name)) => {
            let column = sheet.wanted(name)?;
            if let Some(what) = columns::kind(sheet, column, Some(&workers)).of_no_time() {
                notes.push(Note::Suspicious { column: clip(name), what });
            }
            (column, false)
        }
        Some(Column::Differences(name)) => (sheet.wanted(name)?, true),
        None => match columns::choose(sheet, &roles, &workers) {
            Ok((column, others)) => {
                if !others.is_empty() {
                    let others = some_of(others.iter().map(|&c| sheet.names[c].as_str()));
                    notes.push(Note::Chosen { column: clip(&sheet.names[column]), others });
                }
                (column, false)
            }
            Err(refusal) => match (derive(sheet), clock(sheet, &roles, &workers)) {
                (Some((column, note)), _) => {
                    notes.push(note);
                    (column, false)
                }
                (None, Some(column)) => (column, true),
                (None, None) => return Err(refusal),
            },
        },
    };
    let sheet = &*sheet;
    sheet.sure(column)?;
    let keys = Keys::of(sheet, &roles, &workers, column, &mut notes)?;
    let unit = unit_of(sheet, column, is_clock, options, &mut notes)?;
    let values = match is_clock {
        false => values(sheet, column, unit, &workers, &keys)?,
        true => {
            notes.push(Note::Differences { column: clip(&sheet.names[column]) });
            differences(clocked(sheet, column, unit, &workers, &keys), keys.own)
        }
    };
    let named = !roles.worker.is_empty();
    let name = &sheet.names[column];
    let column = if name.is_empty() { "1".to_string() } else { clip(name) };
    Ok(Reading { values, labels, named, column, unit, notes })
}

/// The one column of a clock, whose differences are times.
fn clock(sheet: &Sheet, roles: &Roles, workers: &[u32]) -> Option<usize> {
    let timely = |name: &str| {
        let clock =
            ["time", "wall", "timestamp", "elapsed", "clock", "ts", "seconds", "stamp", "s", "ms", "date", "datetime"];
        words(name).iter().any(|word| clock.contains(&word.as_str()))
    };
    let is_clock = |&c: &usize| {
        let taken = roles.worker.contains(&c) || roles.step.contains(&c);
        // What is said to be a step's time is refused rather than taken for a clock, and so is a rate.
        let name = &sheet.names[c];
        let is_other = is_rate(name) || columns::likeness(name) >= 90;
        !taken && timely(name) && !is_other && columns::kind(sheet, c, Some(workers)) == Kind::Cumulative
    };
    let mut clocks = (0..sheet.names.len()).filter(is_clock);
    clocks.next().filter(|_| clocks.next().is_none())
}

/// The number of each row's step.
struct Keys {
    /// For each row; ascending in time.
    steps: Vec<u64>,
    /// Whether they are the file's own numbers, so that their differences count steps.
    own: bool,
}

impl Keys {
    fn of(sheet: &Sheet, roles: &Roles, workers: &[u32], times: usize, notes: &mut Vec<Note>) -> Result<Keys, Refusal> {
        let rows = sheet.rows();
        let by_lines = || Keys { steps: (0..rows as u64).collect(), own: false };
        let whole = |cell: &Cell| match *cell {
            Cell::Number(n, _) if n.fract() == 0.0 && (0.0..1e15).contains(&n) => Some(n as u64),
            _ => None,
        };
        let of_row =
            |row: usize| roles.step.iter().map(|&c| whole(&sheet.columns[c][row])).collect::<Option<Vec<u64>>>();
        let measured: Vec<usize> = (0..rows).filter(|&row| sheet.columns[times][row] != Cell::Missing).collect();
        let keys: Option<Vec<Vec<u64>>> = measured.iter().map(|&row| of_row(row)).collect();
        let Some(keys) = keys.filter(|_| !roles.step.is_empty()) else {
            return Ok(Keys::in_order(workers, rows));
        };
        let unique = |with: Option<usize>| {
            let mut all: Vec<(u32, &Vec<u64>, String)> = measured
                .iter()
                .zip(&keys)
                .map(|(&row, key)| {
                    (workers[row], key, with.map_or(String::new(), |c| sheet.text(sheet.columns[c][row])))
                })
                .collect();
            all.sort();
            all.windows(2).all(|pair| pair[0] != pair[1])
        };
        if !unique(None) {
            let is_taken = |c: usize| c == times || roles.worker.contains(&c) || roles.step.contains(&c);
            let distinct = |c: usize| {
                let mut texts: Vec<String> = measured.iter().map(|&row| sheet.text(sheet.columns[c][row])).collect();
                texts.sort();
                texts.dedup();
                texts
            };
            let tells_apart = |&c: &usize| !is_taken(c) && (2..=64).contains(&distinct(c).len()) && unique(Some(c));
            if let Some(column) = (0..sheet.names.len()).find(tells_apart) {
                let (name, values) = (clip(&sheet.names[column]), distinct(column));
                return Err(Refusal::new(
                    format!("steps are there several times, once for each '{name}'"),
                    format!(
                        "choose one by --where '{name}={}' ({})",
                        clip(&values[0]),
                        some_of(values.iter().map(String::as_str))
                    ),
                ));
            }
            notes.push(Note::StepsRepeat);
            return Ok(if roles.worker.is_empty() { by_lines() } else { Keys::in_order(workers, rows) });
        }
        if roles.step.len() == 1 {
            let mut steps = vec![0; rows];
            measured.iter().zip(&keys).for_each(|(&row, key)| steps[row] = key[0]);
            return Ok(Keys { steps, own: true });
        }
        let mut sorted: Vec<&Vec<u64>> = keys.iter().collect();
        sorted.sort();
        sorted.dedup();
        let mut steps = vec![0; rows];
        for (&row, key) in measured.iter().zip(&keys) {
            steps[row] = sorted.binary_search(&key).expect("one of them") as u64;
        }
        Ok(Keys { steps, own: false })
    }

    /// Each worker's rows in the order of the lines.
    fn in_order(workers: &[u32], rows: usize) -> Keys {
        let mut next = vec![0u64; workers.iter().max().map_or(1, |most| *most as usize + 1)];
        let step = |row: usize| {
            let next = &mut next[workers[row] as usize];
            *next += 1;
            *next - 1
        };
        Keys { steps: (0..rows).map(step).collect(), own: false }
    }
}

/// The unit of a column that has none in its cells.
pub(super) fn unit_of(
    sheet: &Sheet,
    column: usize,
    clock: bool,
    options: &Options,
    notes: &mut Vec<Note>,
) -> Result<Unit, Refusal> {
    let cells = &sheet.columns[column];
    let in_cells = cells.iter().position(|cell| matches!(cell, Cell::Number(_, Some(_))));
    let name = &sheet.names[column];
    if let (Some(typed), Some(row)) = (options.unit, in_cells)
        && cells.iter().any(|cell| matches!(cell, Cell::Number(_, Some(unit)) if *unit != typed))
    {
        let text = clip(&sheet.text(cells[row]));
        return Err(Refusal::new(format!("'{text}' has a unit, and --unit {typed} is another"), "leave --unit out")
            .at(sheet.lines[row]));
    }
    if let Some(unit) = options.unit {
        if let Some(named) = Unit::of_name(name).filter(|named| *named != unit) {
            notes.push(Note::UnitOverridden { column: clip(name), named, unit });
        }
        return Ok(unit);
    }
    if let Some(unit) = Unit::of_name(name) {
        return Ok(unit);
    }
    if let Some(row) = in_cells {
        // Cells without a unit are in that of the others.
        return Ok(if let Cell::Number(_, Some(unit)) = cells[row] { unit } else { Unit::S });
    }
    if clock && let Some(unit) = since_1970(sheet, column) {
        return Ok(unit);
    }
    notes.push(Note::UnitAssumed {
        column: if name.is_empty() { "the column".into() } else { format!("'{}'", clip(name)) },
    });
    Ok(Unit::S)
}

fn values(sheet: &Sheet, column: usize, unit: Unit, workers: &[u32], keys: &Keys) -> Result<Vec<Value>, Refusal> {
    let mut values = Vec::with_capacity(sheet.rows());
    for (row, cell) in sheet.columns[column].iter().enumerate() {
        let seconds = match *cell {
            Cell::Missing => f64::NAN,
            Cell::Number(number, own) => own.unwrap_or(unit).to_seconds(number),
            Cell::Text(_) => {
                let text = clip(&sheet.text(*cell));
                let reason = format!("'{text}' is no time");
                return Err(Refusal::new(reason, "correct or drop that line; an empty cell is a missing value")
                    .at(sheet.lines[row]));
            }
        };
        if seconds < 0.0 {
            let reason = format!("a step time of {seconds} s");
            return Err(Refusal::new(reason, "times are positive; correct or drop that line").at(sheet.lines[row]));
        }
        values.push(Value { worker: workers[row], step: keys.steps[row], seconds });
    }
    Ok(drop_missing_twins(values))
}

/// A missing value has no step of its own where the step's value is in another row, as in logs with validation rows.
fn drop_missing_twins(values: Vec<Value>) -> Vec<Value> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let key = |i: &usize| (values[*i].worker, values[*i].step, values[*i].seconds.is_nan(), *i);
    order.sort_by_key(key);
    let mut free = values.iter().map(|value| value.step).max().unwrap_or(0);
    let mut steps: Vec<u64> = values.iter().map(|value| value.step).collect();
    for pair in order.windows(2) {
        let same = values[pair[0]].worker == values[pair[1]].worker && values[pair[0]].step == values[pair[1]].step;
        if same && values[pair[1]].seconds.is_nan() {
            free += 1;
            steps[pair[1]] = free;
        }
    }
    values.into_iter().zip(steps).map(|(value, step)| Value { step, ..value }).collect()
}

/// What a clock shows in each row that has a number.
fn clocked(sheet: &Sheet, column: usize, unit: Unit, workers: &[u32], keys: &Keys) -> Vec<Value> {
    let shown = |row: usize| match sheet.columns[column][row] {
        Cell::Number(number, own) => {
            Some(Value { worker: workers[row], step: keys.steps[row], seconds: own.unwrap_or(unit).to_seconds(number) })
        }
        Cell::Missing | Cell::Text(_) => None,
    };
    (0..sheet.rows()).filter_map(shown).collect()
}
