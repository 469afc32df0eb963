//! Options of `straggle reproduce`.

use super::Common;
use super::values::at_least;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// `straggle reproduce`
#[derive(Clone, Debug, Args, Serialize)]
#[command(
    after_help = "Examples:\n  straggle reproduce E0\n  straggle reproduce E4 --quick\n  straggle reproduce all -o output/published"
)]
pub struct Reproduce {
    /// Which experiment.
    #[arg(value_name = "EXPERIMENT", value_enum, ignore_case = true)]
    pub experiment: Name,
    /// A smaller setting that ends within two minutes and still shows the shape.
    #[arg(long)]
    pub quick: bool,
    /// Times that E1 to E4 are run, each time on another order of the images [default: 5 for E4, 1 for the others].
    #[arg(long, value_name = "R", value_parser = at_least::<u32>(1, 3), allow_hyphen_values = true)]
    pub repeats: Option<u32>,
    /// The digits in the binary (mnist), or a directory with the four IDX files, gzipped or not.
    #[arg(long, value_name = "mnist|DIR", default_value = "mnist")]
    pub data: PathBuf,
    /// What every command takes.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
}

/// The experiments by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
pub enum Name {
    /// The simulated model.
    #[value(name = "E0")]
    E0,
    /// Parallel SGD and data parallel.
    #[value(name = "E1")]
    E1,
    /// Model averaging.
    #[value(name = "E2")]
    E2,
    /// Hogwild.
    #[value(name = "E3")]
    E3,
    /// Data parallel over the number of images.
    #[value(name = "E4")]
    E4,
    /// Data parallel over several nodes, in a build with MPI.
    #[value(name = "E5")]
    E5,
    /// Error against runtime.
    #[value(name = "E7")]
    E7,
    /// All of them, one after another.
    #[value(name = "all")]
    All,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("none is hidden").get_name())
    }
}
