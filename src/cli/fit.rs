//! Options of `straggle fit`.

use super::Common;
use super::values::{Percent, Typed};
use crate::formats::{Input, Unit};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// `straggle fit`
#[derive(Clone, Debug, Args, Serialize)]
#[command(after_help = "Examples:\n  straggle fit steps.csv -o profile.toml\n  \
    straggle fit rank0.json rank1.json --column ProfilerStep -o profile.toml\n  \
    straggle fit train.log --skip 2 -o profile.toml\n  \
    straggle fit scalars.csv --column 'diff:Wall time'\n\nThen: straggle plan profile.toml")]
pub struct Fit {
    /// Files of step times: CSV, a training log, MLPerf log, JSON lines, profiler trace, ...; one for all workers, or one
    /// for each; - is the standard input.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,
    /// The layout of the files.
    #[arg(long, value_name = "LAYOUT", value_enum, default_value_t)]
    pub input: Input,
    /// The column of times, the span of a step, or what a log calls it; 'diff:NAME' for the differences of a clock.
    #[arg(long, value_name = "NAME")]
    pub column: Option<String>,
    /// The unit of the times, where neither the column's name nor its cells say it.
    #[arg(long, value_name = "UNIT", value_enum)]
    pub unit: Option<Unit>,
    /// Leave out so many first steps of each worker.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub skip: usize,
    /// Read only the rows in which a column has a value: stage=0.
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_parser = selection)]
    #[serde(rename = "where")]
    pub selection: Vec<String>,
    /// The policy under which the times were measured.
    #[arg(long, value_name = "POLICY", default_value = "sync")]
    pub measured_under: String,
    /// In a table of runs, the share of the communication that computing hid.
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub overlap: Option<Typed<Percent>>,
    /// Where the profile goes; -o FILE.toml is the same [default: profile.toml in the --out directory].
    #[arg(long, value_name = "FILE.toml")]
    pub save: Option<PathBuf>,
    /// What every command takes.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
}

fn selection(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some(_) => Ok(text.to_string()),
        None => Err(format!("'{}' names no value; type --where stage=0, for example", crate::formats::clip(text))),
    }
}
