//! JSON that holds a table: an object on each line, a list of objects, lists of equal length, or the lists of three numbers
//! (wall time, step, value) that dashboards of scalars export.

use crate::formats::refusal::{Refusal, clip};
use crate::formats::sheet::{Cell, Sheet};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;

/// The text with the numbers that JSON has no word for, as Python writes them all the same, in quotes: then they are read as in
/// any other table.
pub fn quoted(text: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];
    if WORDS.iter().all(|word| !text.contains(word)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 64);
    let (mut rest, mut in_string) = (text, false);
    while let Some(c) = rest.chars().next() {
        let word = WORDS.into_iter().find(|word| !in_string && rest.starts_with(word));
        // Within a string a backslash takes the next character with it.
        let (taken, after) = match (word, c) {
            (Some(word), _) => rest.split_at(word.len()),
            (None, '\\') if in_string => rest.split_at(1 + rest[1..].chars().next().map_or(0, char::len_utf8)),
            _ => rest.split_at(c.len_utf8()),
        };
        in_string ^= c == '"';
        match word {
            Some(word) => out.extend(["\"", word, "\""]),
            None => out.push_str(taken),
        }
        rest = after;
    }
    Cow::Owned(out)
}

/// The sheet of an object on each line.
///
/// # Errors
/// [`Refusal`] of the line that is no object.
pub fn lines(text: &str) -> Result<Sheet, Refusal> {
    let mut rows = Rows::default();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => rows.push(&Value::Object(object), line)?,
            _ => {
                let reason = format!("'{}' is no JSON object", clip(text));
                return Err(Refusal::new(reason, "write one object on each line, or separated values").at(line));
            }
        }
    }
    Ok(rows.sheet)
}

/// The sheet of one document: a list of objects, a list of lists of three numbers, or an object of lists.
///
/// # Errors
/// [`Refusal`] of objects that have too many names.
pub fn document(document: &Value) -> Result<Option<Sheet>, Refusal> {
    let mut sheet = Sheet::default();
    match document {
        Value::Array(objects) if objects.iter().all(Value::is_object) => {
            let mut rows = Rows::default();
            (1..).zip(objects).try_for_each(|(row, object)| rows.push(object, row))?;
            sheet = rows.sheet;
        }
        Value::Array(rows) if rows.iter().all(|row| row.as_array().is_some_and(|row| row.len() == 3)) => {
            for name in ["wall time", "step", "value"] {
                sheet.add_column(name.to_string());
            }
            for (line, row) in (1..).zip(rows) {
                let cells: Vec<Cell> =
                    row.as_array().into_iter().flatten().map(|value| cell(&mut sheet, value)).collect();
                sheet.columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
                sheet.lines.push(line);
            }
        }
        Value::Array(numbers) if numbers.iter().all(Value::is_number) => {
            let cells = numbers.iter().map(|value| cell(&mut sheet, value)).collect();
            sheet.names.push(String::new());
            sheet.columns.push(cells);
            sheet.lines = (1..=numbers.len() as u64).collect();
        }
        Value::Object(columns) => {
            let lists: Vec<(&String, &Vec<Value>)> =
                columns.iter().filter_map(|(name, list)| Some((name, list.as_array()?))).collect();
            let Some(length) = lists.iter().map(|(_, list)| list.len()).max() else { return Ok(None) };
            few_enough(lists.len(), length)?;
            sheet.lines = (1..=length as u64).collect();
            for (name, list) in lists {
                let mut cells: Vec<Cell> = list.iter().map(|value| cell(&mut sheet, value)).collect();
                cells.resize(length, Cell::Missing);
                sheet.names.push(name.clone());
                sheet.columns.push(cells);
            }
        }
        _ => return Ok(None),
    }
    Ok((sheet.rows() > 0).then_some(sheet))
}

/// Cells of the largest table.
const CELLS: usize = 20_000_000;

fn few_enough(columns: usize, rows: usize) -> Result<(), Refusal> {
    match columns.saturating_mul(rows) > CELLS {
        true => {
            let reason = format!("has {columns} names in {rows} rows, which is no table of step times");
            Err(Refusal::new(reason, "write objects that all have the same few names: worker, step and time"))
        }
        false => Ok(()),
    }
}

/// A table that grows by objects.
#[derive(Default)]
struct Rows {
    sheet: Sheet,
    /// Where the column of a name is.
    columns: HashMap<String, usize>,
}

impl Rows {
    /// Adds an object as a row; what is nested is called by its path, joined by points.
    fn push(&mut self, object: &Value, line: u64) -> Result<(), Refusal> {
        self.sheet.lines.push(line);
        self.fill("", object);
        let rows = self.sheet.lines.len();
        few_enough(self.sheet.columns.len(), rows).map_err(|refusal| refusal.at(line))?;
        self.sheet.columns.iter_mut().for_each(|column| column.resize(rows, Cell::Missing));
        Ok(())
    }

    fn fill(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    self.fill(&path, value);
                }
            }
            Value::Array(_) => {}
            plain => {
                let cell = cell(&mut self.sheet, plain);
                let column = match self.columns.get(path) {
                    Some(column) => *column,
                    None => {
                        self.columns.insert(path.to_string(), self.sheet.columns.len());
                        self.sheet.add_column(path.to_string())
                    }
                };
                let row = self.sheet.lines.len() - 1;
                self.sheet.columns[column].resize(row, Cell::Missing);
                self.sheet.columns[column].push(cell);
            }
        }
    }
}

fn cell(sheet: &mut Sheet, value: &Value) -> Cell {
    match value {
        Value::Number(number) => number.as_f64().map_or(Cell::Missing, |n| Cell::Number(n, None)),
        Value::String(text) => sheet.cell(text),
        Value::Bool(truth) => Cell::Number(f64::from(u8::from(*truth)), None),
        Value::Null | Value::Array(_) | Value::Object(_) => Cell::Missing,
    }
}
