//! JSON that holds a table: an object on each line, a list of objects, lists of equal length, or the lists of three numbers
//! (wall time, step, value) that dashboards of scalars export.

use crate::formats::refusal::{Refusal, clip};
use crate::formats::sheet::{Cell, Sheet};
use serde_json::Value;

/// The sheet of an object on each line.
///
/// # Errors
/// [`Refusal`] of the line that is no object.
pub fn lines(text: &str) -> Result<Sheet, Refusal> {
    let mut sheet = Sheet::default();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => push(&mut sheet, &Value::Object(object), line),
            _ => {
                let reason = format!("'{}' is no JSON object", clip(text));
                return Err(Refusal::new(reason, "write one object on each line, or separated values").at(line));
            }
        }
    }
    Ok(sheet)
}

/// The sheet of one document: a list of objects, a list of lists of three numbers, or an object of lists.
pub fn document(document: &Value) -> Option<Sheet> {
    let mut sheet = Sheet::default();
    match document {
        Value::Array(rows) if rows.iter().all(Value::is_object) => {
            (1..).zip(rows).for_each(|(row, object)| push(&mut sheet, object, row));
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
            let length = lists.iter().map(|(_, list)| list.len()).max()?;
            sheet.lines = (1..=length as u64).collect();
            for (name, list) in lists {
                let mut cells: Vec<Cell> = list.iter().map(|value| cell(&mut sheet, value)).collect();
                cells.resize(length, Cell::Missing);
                sheet.names.push(name.clone());
                sheet.columns.push(cells);
            }
        }
        _ => return None,
    }
    (sheet.rows() > 0).then_some(sheet)
}

/// Adds an object as a row; what is nested is called by its path, joined by points.
fn push(sheet: &mut Sheet, object: &Value, line: u64) {
    sheet.lines.push(line);
    fill(sheet, "", object);
    let rows = sheet.lines.len();
    sheet.columns.iter_mut().for_each(|column| column.resize(rows, Cell::Missing));
}

fn fill(sheet: &mut Sheet, path: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                fill(sheet, &path, value);
            }
        }
        Value::Array(_) => {}
        plain => {
            let cell = cell(sheet, plain);
            let column = match sheet.names.iter().position(|name| name == path) {
                Some(column) => column,
                // Names are few; whoever has a name for each row has no table.
                None if sheet.names.len() < 10_000 => {
                    sheet.names.push(path.to_string());
                    sheet.columns.push(Vec::new());
                    sheet.names.len() - 1
                }
                None => return,
            };
            let row = sheet.lines.len() - 1;
            sheet.columns[column].resize(row, Cell::Missing);
            sheet.columns[column].push(cell);
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
