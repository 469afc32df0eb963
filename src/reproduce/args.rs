//! The command line of `straggle reproduce`.

use crate::args::Common;
use clap::Args;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// `straggle reproduce`
#[derive(Debug, Args)]
pub struct Reproduce {
    /// E0: the simulated model. E1: parallel SGD and data parallel. E2: model averaging. E3: Hogwild. E4: data parallel over
    /// the number of images. Or all of them.
    #[arg(value_name = "E0|E1|E2|E3|E4|all")]
    pub experiment: Asked,
    /// A smaller setting that ends within two minutes and still shows the shape.
    #[arg(long)]
    pub quick: bool,
    /// The digits in the binary (`mnist`), or a directory with the four IDX files, gzipped or not.
    #[arg(long, value_name = "mnist|DIR", default_value = "mnist")]
    pub data: PathBuf,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// The experiments by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// The gated model.
    E0,
    /// Parallel SGD and data parallel.
    E1,
    /// Model averaging.
    E2,
    /// Hogwild.
    E3,
    /// Data parallel over the number of images.
    E4,
}

impl Name {
    /// All of them.
    pub const ALL: [Name; 5] = [Name::E0, Name::E1, Name::E2, Name::E3, Name::E4];
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Name::E0 => "E0",
            Name::E1 => "E1",
            Name::E2 => "E2",
            Name::E3 => "E3",
            Name::E4 => "E4",
        })
    }
}

/// One experiment, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked(pub Vec<Name>);

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Asked, String> {
        if text.eq_ignore_ascii_case("all") {
            return Ok(Asked(Name::ALL.to_vec()));
        }
        let named = Name::ALL.into_iter().find(|name| text.eq_ignore_ascii_case(&name.to_string()));
        let unknown = || format!("there is no experiment '{text}'; type E0, E1, E2, E3, E4 or all");
        named.map(|name| Asked(vec![name])).ok_or_else(unknown)
    }
}
