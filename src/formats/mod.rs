//! Files of measured step times: what people have, found out by looking, and made one table of worker, step and seconds.
//!
//! Runs on several numbers of workers, or over several links, are another table ([`scaling`]).
//!
//! Each format is a file: [`tidy`] and [`wide`] tables (read by [`sheet`] from separated values, or by [`json`]), training
//! [`log`]s, what `straggle train` writes ([`own`]), MLPerf logs ([`mllog`]), output of the DLIO benchmark ([`dlio`]), traces of profilers ([`spans`]). [`source`]
//! reads the bytes, [`columns`] finds out which column is what, and never takes a counter for a time;
//! tables of [`devices`] have a number for each of them.

mod columns;
mod derived;
mod devices;
mod dlio;
mod english;
mod json;
mod log;
mod mllog;
mod note;
mod number;
mod own;
mod refusal;
mod roles;
mod scaling;
mod sheet;
pub mod source;
mod spans;
mod tidy;
mod units;
mod wide;

pub use devices::{Devices, PerDevice};
pub use note::Note;
pub use refusal::{Refusal, clip, some_of};
pub use scaling::Configurations;
pub use units::Unit;

use crate::manifest;
use sheet::Sheet;
use sim::{StepTime, StepTimes, StepTimesError};
use std::collections::HashSet;
use std::str::FromStr;

/// The layout of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// Found out by looking.
    #[default]
    Auto,
    /// Separated values, a row for each step of each worker.
    Csv,
    /// Separated values, a column for each worker.
    Wide,
    /// Lines that print a time.
    Log,
    /// MLPerf: lines with :::MLLOG.
    Mllog,
    /// A JSON object on each line.
    Jsonl,
    /// Output of the DLIO benchmark, RANK_output.json.
    Dlio,
    /// Chrome, Perfetto or PyTorch-profiler trace.
    TorchTrace,
}

/// The column of times that somebody named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// Its values are the times.
    Values(String),
    /// It is a clock, whose differences are the times; typed `diff:NAME`.
    Differences(String),
}

impl FromStr for Column {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Column, Self::Err> {
        Ok(match text.trim().strip_prefix("diff:") {
            Some(name) => Column::Differences(name.trim().to_string()),
            None => Column::Values(text.trim().to_string()),
        })
    }
}

/// How files are to be read, where looking at them is not enough.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The layout.
    pub input: Input,
    /// The column of times, the name of a span, or what a log calls them.
    pub column: Option<Column>,
    /// The unit of the times.
    pub unit: Option<Unit>,
    /// First steps of each worker that are left out.
    pub skip: usize,
    /// Rows that are read: those in which each of these columns has this value.
    pub selection: Vec<(String, String)>,
}

/// A value that was read: the worker's number, the step's and how long it took, NaN where nothing stands.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Value {
    worker: u32,
    step: u64,
    seconds: f64,
}

/// What one file holds.
#[derive(Debug)]
struct Reading {
    values: Vec<Value>,
    /// The workers' names, by number.
    labels: Vec<String>,
    /// Whether the file names its workers.
    named: bool,
    /// What holds the times.
    column: String,
    unit: Unit,
    notes: Vec<Note>,
}

/// Step times from files, and how they were read.
#[derive(Debug)]
pub struct Recorded {
    /// The times.
    pub times: StepTimes,
    /// The files, as they are on disk or came in.
    pub files: Vec<manifest::File>,
    /// Whether the files, or their number, tell workers apart.
    pub workers_known: bool,
    /// What holds the times: a column, a span, a label.
    pub column: String,
    /// What the times are in, in the file.
    pub unit: Unit,
    /// What a reader should know.
    pub notes: Vec<Note>,
}

/// Reads step times from files: one file for all workers, or one for each.
///
/// # Errors
/// [`Refusal`] of the first file that cannot be read, or whose times make no table.
pub fn read(files: &[String], options: &Options) -> Result<Recorded, Refusal> {
    read_from(files, options, whole)
}

/// A file of step times.
fn whole(file: &str) -> Result<source::Source, Refusal> {
    source::read(file, source::LONGEST)
}

/// What files hold.
#[derive(Debug)]
pub enum Measured {
    /// Times of steps.
    Steps(Recorded),
    /// Runs on several numbers of workers, or over several links.
    Runs(Configurations),
}

impl Measured {
    /// What a reader should know, and the files.
    pub fn noted(&self) -> (&[Note], &[manifest::File]) {
        match self {
            Measured::Steps(recorded) => (&recorded.notes, &recorded.files),
            Measured::Runs(runs) => (&runs.notes, &runs.files),
        }
    }
}

/// Reads whatever is in the files.
///
/// # Errors
/// As [`read`].
pub fn read_any(files: &[String], options: &Options) -> Result<Measured, Refusal> {
    measured(files, options, whole)
}

/// Reads whatever is in the bytes of a file.
///
/// # Errors
/// As [`read`].
#[cfg(feature = "train")]
pub fn read_any_bytes(name: &str, bytes: &[u8], options: &Options) -> Result<Measured, Refusal> {
    measured(&[name.to_string()], options, |name| source::from(bytes, source::LONGEST).map_err(|r| r.of(name)))
}

fn measured(
    files: &[String],
    options: &Options,
    open: impl Fn(&str) -> Result<source::Source, Refusal>,
) -> Result<Measured, Refusal> {
    let mut first = files.first().map(|file| open(file)).transpose()?;
    if let Some(source) = &first
        && let Some(runs) = scaling::read(files, source, options, &open)?
    {
        return Ok(Measured::Runs(runs));
    }
    read_from(files, options, |file| first.take().map_or_else(|| open(file), Ok)).map(Measured::Steps)
}

fn read_from(
    files: &[String],
    options: &Options,
    mut source_of: impl FnMut(&str) -> Result<source::Source, Refusal>,
) -> Result<Recorded, Refusal> {
    let mut notes: Vec<Note> = Vec::new();
    let (mut listed, mut values, mut labels) = (Vec::new(), Vec::new(), Vec::<String>::new());
    let mut last = None;
    for file in files {
        let source = source_of(file)?;
        let reading = reading(&source.text, options).map_err(|refusal| refusal.of(file))?;
        listed.push(source.listed(file));
        let first = labels.len() as u32;
        let name = |label: &String| match (files.len(), reading.named) {
            (1, true) => label.clone(),
            (1, false) => "0".to_string(),
            (_, false) => stem(file),
            (_, true) => label.clone(),
        };
        labels.extend(reading.labels.iter().map(name));
        values.extend(reading.values.iter().map(|value| Value { worker: first + value.worker, ..*value }));
        notes.extend(reading.notes.iter().filter(|note| !notes.contains(note)).cloned().collect::<Vec<_>>());
        last = Some((reading.column, reading.unit, reading.named));
    }
    let Some((column, unit, named)) = last else {
        return Err(Refusal::new("no file is named", "give a file of step times").of("fit"));
    };
    // Ranks of one file are told from those of another by its name, where they are called the same.
    let distinct: HashSet<&String> = labels.iter().collect();
    if distinct.len() < labels.len() {
        labels.iter_mut().enumerate().for_each(|(worker, label)| *label = format!("{label}#{worker}"));
    }
    let file = files.join(", ");
    let refuse = |e: StepTimesError| Refusal::new(e.to_string(), "give a file of positive times").of(&clip(&file));
    let steps = values.iter().map(|v| StepTime { worker: v.worker, step: v.step, seconds: v.seconds });
    let label = |worker: u32| labels[worker as usize].clone();
    let mut times = StepTimes::labelled(steps, label).map_err(refuse)?;
    if options.skip > 0 {
        times = times.skip_first(options.skip).map_err(refuse)?;
    }
    if times.dropped().total() > 0 {
        notes.push(Note::Dropped(times.dropped()));
    }
    Ok(Recorded { times, files: listed, workers_known: named || files.len() > 1, column, unit, notes })
}

/// A file's name without its folder and endings.
fn stem(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    clip(name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or(name))
}

fn reading(text: &str, options: &Options) -> Result<Reading, Refusal> {
    let start = text.trim_start();
    let input = match options.input {
        Input::Auto if start.is_empty() => return Err(Refusal::new("is empty", "give a file of step times")),
        Input::Auto if mllog::is(text) => Input::Mllog,
        Input::Auto if start.starts_with(['{', '[']) && spans::is(text) => Input::TorchTrace,
        Input::Auto if start.starts_with(['{', '[']) => return json_reading(text, options),
        Input::Auto if log::is(text) && !sheet::is_even(text) => Input::Log,
        Input::Auto => match table(text, options, false) {
            // A log among whose lines only some print a time is no table.
            Err(_) if log::has_times(text) => Input::Log,
            other => return other,
        },
        asked => asked,
    };
    let selects = matches!(input, Input::Csv | Input::Wide | Input::Jsonl);
    if let Some((name, _)) = options.selection.first().filter(|_| !selects) {
        let reason = format!("has no columns, so none is called '{}'", clip(name));
        return Err(Refusal::new(reason, "leave --where out"));
    }
    match input {
        Input::Auto | Input::Csv => table(text, options, false),
        Input::Wide => table(text, options, true),
        Input::Log => log::read(text, options),
        Input::Mllog => mllog::read(text, options),
        Input::Jsonl => of_sheet(json::lines(&json::quoted(text))?, options, false),
        Input::Dlio => match serde_json::from_str(&json::quoted(text)) {
            Ok(document) => dlio::read(&document, options),
            Err(e) => Err(Refusal::new(format!("is no JSON: {}", clip(&e.to_string())), "give RANK_output.json")),
        },
        Input::TorchTrace => spans::read(text, options),
    }
}

fn json_reading(text: &str, options: &Options) -> Result<Reading, Refusal> {
    let text = &*json::quoted(text);
    let first_line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let is_lines = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(first_line).is_ok();
    match serde_json::from_str(text) {
        Ok(document) if dlio::is(&document) => dlio::read(&document, options),
        Ok(document) => match json::document(&document)? {
            Some(sheet) => of_sheet(sheet, options, false),
            None => {
                Err(Refusal::new("is JSON without a table", "write an object with worker, step and time on each line"))
            }
        },
        Err(_) if is_lines => of_sheet(json::lines(text)?, options, false),
        // Lines that begin with a bracket are a log as often as not.
        Err(_) if log::has_times(text) => log::read(text, options),
        Err(e) => {
            let reason = format!("begins as JSON and is none: {}", clip(&e.to_string()));
            Err(Refusal::new(reason, "write it to its end, or one object on each line").at(e.line() as u64))
        }
    }
}

fn table(text: &str, options: &Options, wide: bool) -> Result<Reading, Refusal> {
    of_sheet(sheet::delimited(text)?, options, wide)
}

fn of_sheet(mut sheet: Sheet, options: &Options, wide: bool) -> Result<Reading, Refusal> {
    for (name, value) in &options.selection {
        sheet.select(name, value)?;
    }
    if !wide && options.column.is_none() && own::is(&sheet) {
        return own::read(sheet, options);
    }
    let without_step = if wide { 0 } else { without_step(&mut sheet) };
    let workers = wide::columns(&sheet, wide);
    let has_worker = !roles::Roles::of(&sheet).worker.is_empty();
    let mut reading = match wide || (options.column.is_none() && !workers.is_empty() && !has_worker) {
        true => wide::read(&sheet, &workers, options),
        false => tidy::read(&mut sheet, options),
    }?;
    reading.notes.extend((without_step > 0).then_some(Note::WithoutStep { rows: without_step }));
    Ok(reading)
}

/// Leaves out rows without the number of a step, of means or totals, where they are a tenth at most: how many.
fn without_step(sheet: &mut Sheet) -> usize {
    let Some(&step) = roles::Roles::of(sheet).step.last() else { return 0 };
    let keep: Vec<bool> = sheet.columns[step].iter().map(|cell| matches!(cell, sheet::Cell::Number(..))).collect();
    let without = keep.iter().filter(|keep| !**keep).count();
    if without * 10 > keep.len() {
        return 0;
    }
    sheet.keep(&keep);
    without
}

#[cfg(test)]
mod tests;
