//! A table of cells, column by column: what CSV files and JSON lines have in common.

use crate::formats::number::{Form, Signs};
use crate::formats::refusal::{Refusal, clip, some_of};
use crate::formats::units::{Quantity, Unit, quantity};
use std::borrow::Cow;
use std::collections::HashMap;

/// A cell, read once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Missing,
    /// A number and its unit, if it stands in the cell.
    Number(f64, Option<Unit>),
    /// Something else: an index of the sheet's texts.
    Text(u32),
}

/// Columns of equal length, with the line of each row.
#[derive(Debug, Default)]
pub struct Sheet {
    /// The columns' names; `""` where a column has none.
    pub names: Vec<String>,
    /// Cells, column after column.
    pub columns: Vec<Vec<Cell>>,
    /// The line of each row, from 1.
    pub lines: Vec<u64>,
    texts: Vec<String>,
    known: HashMap<String, u32>,
    /// Why the numbers of a column cannot be read, where they cannot.
    doubts: Vec<Option<Refusal>>,
}

impl Sheet {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The columns that have this name.
    pub fn named(&self, name: &str) -> Vec<usize> {
        let called = |is: &dyn Fn(&str) -> bool| -> Vec<usize> {
            (0..self.names.len()).filter(|&column| is(&self.names[column])).collect()
        };
        match called(&|own| own == name) {
            // Not every letter can be typed; as messages show it, it can.
            none if none.is_empty() => called(&|own| clip(own) == name),
            some => some,
        }
    }

    /// The one column that somebody asked for by its name.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn wanted(&self, name: &str) -> Result<usize, Refusal> {
        match self.named(name)[..] {
            [column] => Ok(column),
            [] => {
                let names: Vec<&str> = self.names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
                let advice = match sim::nearest(name, &names) {
                    Some(near) => format!("did you mean '{}'?", clip(near)),
                    None => "name one of them".to_string(),
                };
                let all = some_of(names);
                Err(Refusal::new(format!("there is no column '{}' among {all}", clip(name)), advice))
            }
            ref several => Err(Refusal::new(
                format!("{} columns are called '{}'", several.len(), clip(name)),
                "give each column a name of its own",
            )),
        }
    }

    /// The text of a cell, as it would be typed.
    pub fn text(&self, cell: Cell) -> String {
        match cell {
            Cell::Missing => String::new(),
            Cell::Number(number, None) => number.to_string(),
            Cell::Number(number, Some(unit)) => format!("{number} {unit}"),
            Cell::Text(text) => self.texts[text as usize].clone(),
        }
    }

    /// A cell of this text.
    pub fn cell(&mut self, text: &str) -> Cell {
        self.cell_with_form(text).0
    }

    /// The same, with what the signs of its number say.
    fn cell_with_form(&mut self, text: &str) -> (Cell, Form) {
        let cell = match quantity(text) {
            Quantity::Missing => Cell::Missing,
            Quantity::Number(number, unit, form) => return (Cell::Number(number, unit), form),
            Quantity::Other => match self.known.get(text) {
                Some(&known) => Cell::Text(known),
                None => {
                    let new = self.texts.len() as u32;
                    self.texts.push(text.to_string());
                    self.known.insert(text.to_string(), new);
                    Cell::Text(new)
                }
            },
        };
        (cell, Form::Plain)
    }

    /// A column whose numbers are to be taken as times.
    ///
    /// # Errors
    /// If nobody can tell their thousands from their decimals.
    pub fn sure(&self, column: usize) -> Result<(), Refusal> {
        self.doubts.get(column).cloned().flatten().map_or(Ok(()), Err)
    }

    /// Numbers with thousands set apart become what their columns say that they are, or a doubt.
    fn settle(&mut self, signs: Vec<Signs>, semicolons: bool) {
        let comma = signs.iter().any(Signs::has_decimal_comma);
        for (signs, cells) in signs.into_iter().zip(&mut self.columns) {
            let rows = signs.thousands(comma, semicolons);
            for &row in rows.iter().flatten() {
                if let Cell::Number(number, _) = &mut cells[row as usize] {
                    *number = (*number * 1e3).round();
                }
            }
            self.doubts.push(rows.err());
        }
    }

    /// Adds a column, missing in all rows so far.
    pub fn add_column(&mut self, name: String) -> usize {
        self.names.push(name);
        self.columns.push(vec![Cell::Missing; self.lines.len()]);
        self.names.len() - 1
    }

    /// Whether these cells are units and nothing else: then they belong to the columns' names.
    fn take_units(&mut self, record: &csv::StringRecord) -> bool {
        let unit = |cell: &str| Unit::of_word(cell.trim_matches(['(', ')', '[', ']']));
        let is_missing = |cell: &str| quantity(cell) == Quantity::Missing;
        let are_units = record.iter().all(|cell| is_missing(cell) || unit(cell).is_some())
            && record.iter().any(|cell| unit(cell).is_some());
        if are_units {
            for (name, unit) in self.names.iter_mut().zip(record.iter().map(unit)) {
                if let Some(unit) = unit.filter(|_| Unit::of_name(name).is_none()) {
                    *name = format!("{name} ({unit})");
                }
            }
        }
        are_units
    }

    /// Keeps the rows in which the column has this value.
    ///
    /// # Errors
    /// If there is no such column, or no such row.
    pub fn select(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let column = self.wanted(name)?;
        let typed = quantity(value);
        let same = |cell: Cell| match (cell, typed) {
            (Cell::Number(a, _), Quantity::Number(b, _, _)) => a == b,
            _ => self.text(cell) == value,
        };
        let keep: Vec<bool> = self.columns[column].iter().map(|&cell| same(cell)).collect();
        if !keep.contains(&true) {
            let mut values: Vec<String> = self.columns[column].iter().take(10_000).map(|&c| self.text(c)).collect();
            values.sort();
            values.dedup();
            let some = some_of(values.iter().map(String::as_str));
            return Err(Refusal::new(
                format!("no row has '{}' in column '{}'", clip(value), clip(name)),
                format!("it holds {some}"),
            ));
        }
        self.keep(&keep);
        Ok(())
    }

    /// Keeps these rows.
    pub fn keep(&mut self, rows: &[bool]) {
        let kept = || (0..rows.len()).filter(|&i| rows[i]);
        for column in &mut self.columns {
            *column = kept().map(|i| column[i]).collect();
        }
        self.lines = kept().map(|i| self.lines[i]).collect();
    }
}

/// The separators that are tried, the likelier first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// The longest cell, in bytes: beyond it a quotation mark was opened and not closed.
const LONGEST_CELL: usize = 1 << 16;

/// Reads a text of separated values: comma, semicolon, tab or bar; quoted or not; `#` begins a comment.
///
/// # Errors
/// [`Refusal`] if it has no rows, no header, or rows of different lengths.
pub fn delimited(text: &str) -> Result<Sheet, Refusal> {
    let text = &*plain(text);
    let separator = separator(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut sheet = Sheet::default();
    let mut signs: Vec<Signs> = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut is_first = true;
    loop {
        let read = reader.read_record(&mut record);
        let line = record.position().map_or(0, |position| line_of(text, position));
        let more = read.map_err(|e| Refusal::new(clip(&e.to_string()), "write it as plain CSV").at(line))?;
        if !more {
            break;
        }
        if let Some(cell) = record.iter().find(|cell| cell.len() > LONGEST_CELL) {
            let reason = format!("a cell of {} bytes begins with '{}'", cell.len(), clip(cell));
            return Err(Refusal::new(reason, "close its quotation mark").at(line));
        }
        if is_first {
            is_first = false;
            let (names, is_data) = header(&record, text, separator, line)?;
            signs.resize_with(names.len(), Signs::default);
            for name in names {
                sheet.add_column(name);
            }
            if !is_data {
                continue;
            }
        }
        if record.len() != sheet.names.len() {
            // A separator at the end of every line, or a line of summary words, costs nothing.
            let extra = record.iter().skip(sheet.names.len()).all(str::is_empty);
            if !(extra && record.len() > sheet.names.len()) {
                return Err(uneven(&record, sheet.names.len(), separator).at(line));
            }
        }
        if record.iter().eq(sheet.names.iter().map(String::as_str)) {
            continue; // the header again, where files were appended to each other
        }
        if separator == b'|' && record.iter().all(|cell| cell.bytes().all(|b| matches!(b, b'-' | b':' | b'='))) {
            continue; // the line under the header, where a table is drawn
        }
        if sheet.lines.is_empty() && sheet.take_units(&record) {
            continue; // the row of units under the header
        }
        for column in 0..sheet.names.len() {
            // A comma in a cell between commas was quoted.
            let (cell, form) = sheet.cell_with_form(&record[column]);
            signs[column].look_at(&record[column], form, sheet.lines.len());
            sheet.columns[column].push(cell);
        }
        sheet.lines.push(line);
    }
    if sheet.rows() == 0 {
        let reason = if is_first { "is empty" } else { "has a header and no rows" };
        return Err(Refusal::new(reason, "give a table of step times, one row a step"));
    }
    sheet.settle(signs, separator == b';');
    Ok(sheet)
}

/// Whether the first line is one of names without a number, and the next ones have as many separators.
pub fn is_even(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).take(100);
    let Some(header) = lines.next().filter(|line| !line.contains(|c: char| c.is_ascii_digit())) else { return false };
    let is_even = |separator: char| {
        let count = header.matches(separator).count();
        count > 0 && lines.clone().all(|line| line.matches(separator).count() == count)
    };
    [',', ';', '\t', '|'].into_iter().any(is_even)
}

/// The text with `#` before every comment, where some begin with `//` or `%`, and before the line in which a spreadsheet names its
/// separator, which is seen without; and with tabs between its columns, where these are drawn by spaces.
fn plain(text: &str) -> Cow<'_, str> {
    let names_separator = |line: &str| line.len() <= 6 && line.to_lowercase().starts_with("sep=");
    let is_other = |line: &str| line.starts_with("//") || line.starts_with('%') || names_separator(line);
    let mut text = Cow::Borrowed(text);
    if text.lines().any(is_other) {
        let line = |line: &str| if is_other(line) { format!("#{line}\n") } else { format!("{line}\n") };
        text = Cow::Owned(text.lines().map(line).collect());
    }
    let is_data = |line: &&str| !line.starts_with('#') && !line.trim().is_empty();
    let words = |line: &str| line.split_ascii_whitespace().count();
    let first: Vec<&str> = text.lines().filter(is_data).take(32).collect();
    let many = first.first().map_or(0, |line| words(line));
    let by_spaces = many >= 2 && first.len() >= 2 && first.iter().all(|line| words(line) == many);
    if by_spaces && !first.iter().any(|line| line.bytes().any(|byte| SEPARATORS.contains(&byte) || byte == b'"')) {
        let line = |line: &str| line.split_ascii_whitespace().collect::<Vec<_>>().join("\t") + "\n";
        text = Cow::Owned(text.lines().map(|l| if is_data(&l) { line(l) } else { format!("{l}\n") }).collect());
    }
    text
}

/// The line on which a record begins: its position is that of the comments and blank lines above it.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let mut line = position.line();
    let mut rest = &text[position.byte() as usize..];
    while let Some(first) = rest.lines().next().filter(|first| first.starts_with('#') || first.is_empty()) {
        line += 1;
        rest = rest[first.len()..].trim_start_matches('\r').strip_prefix('\n').unwrap_or_default();
    }
    line
}

/// The names of the columns, and whether the first record is data: they stand in it; or in the comment above it, as some
/// programs write it; or nowhere, if there is one column of numbers and nothing else.
fn header(record: &csv::StringRecord, text: &str, separator: u8, line: u64) -> Result<(Vec<String>, bool), Refusal> {
    let is_data = record.iter().all(|cell| quantity(cell) != Quantity::Other)
        && record.iter().any(|cell| matches!(quantity(cell), Quantity::Number(..)));
    if !is_data {
        return Ok((record.iter().map(str::to_string).collect(), false));
    }
    let comment = text.lines().take(line.saturating_sub(1) as usize).filter(|line| line.starts_with('#')).last();
    let names = comment.map(|comment| {
        let split = comment.trim_start_matches('#').split(char::from(separator));
        split.map(|name| name.trim().to_string()).collect::<Vec<String>>()
    });
    match names {
        Some(names) if record.len() > 1 && names.len() == record.len() => Ok((names, true)),
        _ if record.len() == 1 => Ok((vec![String::new()], true)),
        _ => {
            let reason = format!("the first line is not a header but {} numbers", record.len());
            Err(Refusal::new(reason, "put a line with the columns' names above it, such as step,worker,step_time_s")
                .at(line))
        }
    }
}

/// The separator by which most of the first lines fall into the same number of cells, more than one.
fn separator(text: &str) -> u8 {
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).take(32).collect();
    let count = |line: &str, separator: u8| {
        let mut quoted = false;
        line.bytes()
            .filter(|&byte| {
                quoted ^= byte == b'"';
                byte == separator && !quoted
            })
            .count()
    };
    let score = |separator: u8| {
        let first = lines.first().map_or(0, |line| count(line, separator));
        let same = lines.iter().filter(|line| count(line, separator) == first).count();
        if first == 0 { 0 } else { same }
    };
    let best =
        SEPARATORS.into_iter().max_by_key(|&s| (score(s), std::cmp::Reverse(SEPARATORS.iter().position(|&t| t == s))));
    best.filter(|&s| score(s) > 0).unwrap_or(b',')
}

fn uneven(record: &csv::StringRecord, names: usize, separator: u8) -> Refusal {
    let cells = record.len();
    let reason = format!("{cells} cell{} where the header has {names}", if cells == 1 { "" } else { "s" });
    let digits = |cell: &str| !cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit());
    let looks_split = separator == b',' && cells > names && record.iter().filter(|cell| digits(cell)).count() >= 2;
    let advice = match looks_split {
        true => "if its comma is a decimal sign, write a point, or separate the columns by semicolons",
        false => "correct or drop that line",
    };
    Refusal::new(reason, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str, column: &str) -> Vec<f64> {
        let sheet = delimited(text).unwrap();
        let column = sheet.wanted(column).unwrap();
        let number = |cell: &Cell| if let Cell::Number(number, _) = cell { *number } else { f64::NAN };
        sheet.columns[column].iter().map(number).collect()
    }

    #[test]
    fn separators_quotes_comments_and_line_ends() {
        for text in [
            "step,time_s\n0,0.5\n1,0.25\n",
            "step;time_s\r\n0;0,5\r\n1;0,25\r\n",
            "step\ttime_s\n0\t0.5\n1\t0,25\n",
            "# seconds\n#\nstep|time_s\n# half\n0|0.5\n\n1|0.25\n",
            "\"step\",\"time_s\"\n\"0\",\"0.5\"\n1,0.25",
            "step,time_s,\n0,0.5,\n1,0.25,\n",
            "# step,time_s\n0,0.5\n1,0.25\n",
            "step,time_s\n0,0.5\nstep,time_s\n1,0.25\n",
            "step,time_s\n0,\"0,5\"\n1,\"0,25\"\n",
            "// seconds\n% of steps\nstep,time_s\n0,0.5\n1,0.25\n",
            "step   time_s\n   0   0.5\n   1   0.25\n",
            "sep=;\r\nstep;time_s\r\n0;0,5\r\n1;0,25\r\n",
            "| step | time_s |\n|------|-------:|\n| 0 | 0.5 |\n| 1 | 0.25 |\n",
        ] {
            assert_eq!(numbers(text, "time_s"), [0.5, 0.25], "{text}");
        }
        assert_eq!(numbers("\"a, b\",time\n1,2\n", "a, b"), [1.0]);
        assert_eq!(numbers("0.5\n0.25\n", ""), [0.5, 0.25]);
    }

    #[test]
    fn a_row_of_units_belongs_to_the_names() {
        for units in [",,ms", "-,n/a,[ms]", ",,(msec)"] {
            let text = format!("step,worker,time\n{units}\n0,0,500\n1,0,250\n");
            assert_eq!(numbers(&text, "time (ms)"), [500.0, 250.0], "{units}");
        }
        // Not these: names of workers, and a row without anything.
        assert_eq!(delimited("time,host\n0.5,s\n0.25,h\n").unwrap().rows(), 2);
        assert_eq!(delimited("time,host\n,\n0.25,h\n").unwrap().rows(), 2);
    }

    #[test]
    fn what_cannot_be_a_table_is_refused_with_something_to_do() {
        for (text, part) in [
            ("", "is empty"),
            ("# only a comment\n", "is empty"),
            ("step,time\n", "has a header and no rows"),
            ("0,0.5\n1,0.25\n", "line 1: the first line is not a header"),
            ("time_s\n0,5\n0,25\n", "line 2: 2 cells where the header has 1; if its comma is a decimal sign"),
            ("a,b\n1,2\n3\n", "line 3: 1 cell where the header has 2; correct or drop"),
        ] {
            let said = delimited(text).unwrap_err().of("F").to_string();
            assert!(said.contains(part), "{text}: {said}");
        }
        let open = format!("a,b\n1,\"{}\n", "2,3\n".repeat(30_000));
        let said = delimited(&open).unwrap_err().to_string();
        assert!(said.contains("close its quotation mark") && said.len() < 200, "{said}");
    }

    #[test]
    fn thousands_are_told_from_decimals_by_their_column_or_not_at_all() {
        assert_eq!(numbers("step;time_ms\n0;1.234,5\n1;987\n2;1.005\n", "time_ms"), [1234.5, 987.0, 1005.0]);
        assert_eq!(numbers("step,time_ms\n0,\"1,234.5\"\n1,987\n2,\"1,005\"\n", "time_ms"), [1234.5, 987.0, 1005.0]);
        assert_eq!(numbers("a,time_s\n1,1.234\n2,2.500\n", "time_s"), [1.234, 2.5]);
        for (text, part) in [
            ("a;b\n1;1,234\n2;2,500\n", "'1,234' may be thousands or a decimal comma"),
            ("a;b\n1,5;1.234\n2,5;987\n", "'1.234' may be thousands or a decimal point, where other columns"),
            ("a;b\n1;1.234\n2;1.500\n", "separate the columns by commas if it is a decimal point"),
        ] {
            let sheet = delimited(text).unwrap();
            assert!(sheet.sure(1).unwrap_err().to_string().contains(part), "{text}");
            assert!(sheet.sure(0).is_ok());
        }
    }

    #[test]
    fn rows_are_chosen_by_a_value() {
        let mut sheet = delimited("stage,time_s,host\n0,1,a\n1,2,b\n0,3,b\n").unwrap();
        assert!(sheet.select("stage", "7").unwrap_err().to_string().contains("it holds 0, 1"));
        sheet.select("stage", "0").unwrap();
        assert_eq!((sheet.rows(), sheet.lines.clone()), (2, vec![2, 4]));
        sheet.select("host", "b").unwrap();
        assert_eq!(sheet.columns[1], [Cell::Number(3.0, None)]);
        assert!(sheet.select("hst", "b").unwrap_err().to_string().contains("did you mean 'host'?"));
        let twice = delimited("t,t\n1,2\n").unwrap();
        assert!(twice.wanted("t").unwrap_err().to_string().contains("2 columns are called 't'"));
    }
}
