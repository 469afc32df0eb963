//! Times that no column holds: the sum of a step's parts, what lies between its start and its end, the inverse of steps a second.

use crate::formats::refusal::clip;
use crate::formats::sheet::{Cell, Sheet};
use crate::formats::units::{Unit, is_rate, words};
use crate::formats::{Note, Value};

/// A column of such times, which is added to the sheet; `None` if there are none.
pub fn derive(sheet: &mut Sheet) -> Option<(usize, Note)> {
    let (name, cells, note) = parts(sheet).or_else(|| self::between(sheet)).or_else(|| inverse(sheet))?;
    let column = sheet.add_column(name);
    sheet.columns[column] = cells;
    Some((column, note))
}

/// Times between what a worker's clock shows, for each step that lies between: those of the file's own numbers, if they are, or else one.
pub fn differences(mut shown: Vec<Value>, own_steps: bool) -> Vec<Value> {
    shown.sort_by_key(|value| (value.worker, value.step));
    let between = |pair: &[Value]| {
        let steps = if own_steps { pair[1].step - pair[0].step } else { 1 };
        let seconds = (pair[1].seconds - pair[0].seconds) / steps as f64;
        // A clock that goes back was restarted: nothing was measured between.
        Value { seconds: if seconds >= 0.0 { seconds } else { f64::NAN }, ..pair[1] }
    };
    shown.windows(2).filter(|pair| pair[0].worker == pair[1].worker).map(between).collect()
}

type Derived = (String, Vec<Cell>, Note);

/// The columns that are numbers and have one of these words in their names, but none of those.
fn called(sheet: &Sheet, any: &[&str], none: &[&str]) -> Vec<usize> {
    let has = |c: usize, any: &[&str]| words(&sheet.names[c]).iter().any(|word| any.contains(&word.as_str()));
    let is_number = |c: usize| sheet.columns[c].iter().all(|cell| !matches!(cell, Cell::Text(_)));
    (0..sheet.names.len()).filter(|&c| has(c, any) && !has(c, none) && is_number(c) && sheet.sure(c).is_ok()).collect()
}

/// Row by row what `of` makes of these columns' numbers: in seconds where the unit of each is known, or else as they are.
fn row_by_row(sheet: &Sheet, columns: &[usize], of: impl Fn(&[f64]) -> f64) -> Vec<Cell> {
    let unit = |c: usize, own: Option<Unit>| own.or(Unit::of_name(&sheet.names[c])).or(since_1970(sheet, c));
    let knows =
        |c: usize| sheet.columns[c].iter().all(|cell| !matches!(cell, Cell::Number(_, own) if unit(c, *own).is_none()));
    let known = columns.iter().all(|&c| knows(c));
    let row = |row: usize| {
        let number = |&c: &usize| match sheet.columns[c][row] {
            Cell::Number(number, own) if known => Some(unit(c, own)?.to_seconds(number)),
            Cell::Number(number, None) => Some(number),
            _ => None,
        };
        let numbers: Option<Vec<f64>> = columns.iter().map(number).collect();
        numbers.map_or(Cell::Missing, |numbers| Cell::Number(of(&numbers), known.then_some(Unit::S)))
    };
    (0..sheet.rows()).map(row).collect()
}

/// The unit of a clock that counts from 1970, which in seconds has ten digits before the point from 2001 to 2286.
pub fn since_1970(sheet: &Sheet, column: usize) -> Option<Unit> {
    let number = |cell: &Cell| if let Cell::Number(number, None) = *cell { number } else { 0.0 };
    let largest = sheet.columns[column].iter().map(number).fold(0.0, f64::max);
    let known = [(Unit::S, 1e9), (Unit::Ms, 1e12), (Unit::Us, 1e15), (Unit::Ns, 1e18)];
    known.iter().find(|(_, from)| (*from..10.0 * from).contains(&largest)).map(|(unit, _)| *unit)
}

/// Forward and backward pass, and the optimiser, where each has a column of its own.
fn parts(sheet: &Sheet) -> Option<Derived> {
    let timed = |columns: Vec<usize>| -> Option<usize> {
        let is_time = |c: &usize| {
            Unit::of_name(&sheet.names[*c]).is_some() || words(&sheet.names[*c]).iter().any(|word| word == "time")
        };
        columns.into_iter().find(is_time)
    };
    let forward = timed(called(sheet, &["forward", "fwd"], &["backward", "bwd"]))?;
    let backward = timed(called(sheet, &["backward", "bwd"], &["forward", "fwd"]))?;
    let optimiser = timed(called(sheet, &["optimizer", "optimiser", "optim", "opt"], &["forward", "backward"]));
    let columns: Vec<usize> = [Some(forward), Some(backward), optimiser].into_iter().flatten().collect();
    let name = columns.iter().map(|&c| clip(&sheet.names[c])).collect::<Vec<_>>().join(" + ");
    let cells = row_by_row(sheet, &columns, |numbers| numbers.iter().sum());
    Some((name.clone(), cells, Note::Derived { from: name }))
}

/// From a start to an end whose columns are called alike otherwise.
fn between(sheet: &Sheet) -> Option<Derived> {
    const STARTS: &[&str] = &["start", "begin", "started"];
    const ENDS: &[&str] = &["end", "finish", "stop", "finished", "ended"];
    let rest = |c: usize, but: &[&str]| -> Vec<String> {
        words(&sheet.names[c]).into_iter().filter(|word| !but.contains(&word.as_str())).collect()
    };
    let ends = called(sheet, ENDS, STARTS);
    let pair = |start: usize| Some((start, *ends.iter().find(|&&end| rest(end, ENDS) == rest(start, STARTS))?));
    let (start, end) = called(sheet, STARTS, ENDS).into_iter().find_map(pair)?;
    let name = format!("{} - {}", clip(&sheet.names[end]), clip(&sheet.names[start]));
    Some((
        name.clone(),
        row_by_row(sheet, &[end, start], |numbers| numbers[0] - numbers[1]),
        Note::Derived { from: name },
    ))
}

/// The only rate of steps.
fn inverse(sheet: &Sheet) -> Option<Derived> {
    let steps = ["it", "iter", "iters", "iterations", "steps", "step", "batches", "updates"];
    let rates = called(sheet, &steps, &["samples", "tokens"]);
    let mut rates = rates.into_iter().filter(|&c| is_rate(&sheet.names[c]));
    let rate = rates.next().filter(|_| rates.next().is_none())?;
    let seconds = |cell: &Cell| match *cell {
        Cell::Number(rate, None) if rate > 0.0 => Cell::Number(1.0 / rate, Some(Unit::S)),
        _ => Cell::Missing,
    };
    let cells = sheet.columns[rate].iter().map(seconds).collect();
    Some((format!("1 / ({})", clip(&sheet.names[rate])), cells, Note::Rates))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::sheet::delimited;

    fn seconds(text: &str) -> Option<(String, Vec<f64>)> {
        let mut sheet = delimited(text).unwrap();
        let (column, _) = derive(&mut sheet)?;
        let number = |cell: &Cell| match *cell {
            Cell::Number(number, unit) => unit.unwrap_or(Unit::S).to_seconds(number),
            _ => f64::NAN,
        };
        Some((sheet.names[column].clone(), sheet.columns[column].iter().map(number).collect()))
    }

    #[test]
    fn sums_differences_and_inverses() {
        for (text, name, times) in [
            (
                "forward_ms,backward_ms,opt_ms\n100,200,50\n125,250,25\n",
                "forward_ms + backward_ms + opt_ms",
                [0.35, 0.4],
            ),
            ("fwd_time,bwd_time,loss\n1,2,9\n2,3,9\n", "fwd_time + bwd_time", [3.0, 5.0]),
            ("start_s,end_s\n10,10.5\n11,11.25\n", "end_s - start_s", [0.5, 0.25]),
            ("start,end\n1700000000000,1700000000500\n1700000001000,1700000001250\n", "end - start", [0.5, 0.25]),
            (
                "begin_time,finish_time\n2024-05-01 10:00:00,2024-05-01 10:00:02\n2024-05-01 10:00:03,2024-05-01 10:00:04\n",
                "finish_time - begin_time",
                [2.0, 1.0],
            ),
            ("step,it/s\n0,4\n1,5\n", "1 / (it/s)", [0.25, 0.2]),
            ("steps_per_second\n4\n5\n", "1 / (steps_per_second)", [0.25, 0.2]),
        ] {
            let (found, seconds) = seconds(text).unwrap_or_else(|| panic!("{text}"));
            assert!(
                found == name && seconds.iter().zip(times).all(|(a, b)| (a - b).abs() < 1e-9),
                "{found} {seconds:?}"
            );
        }
        for text in ["step,loss\n0,1\n", "samples_per_s\n5\n", "start_s,stop_ms\n1,2\n", "forward_ms\n1\n"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
