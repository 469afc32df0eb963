//! Options of the commands that leave no run of their own.

use super::Plain;
use super::values::{Format, List};
use clap::Args;
use clap_complete::Shell;
use std::path::PathBuf;

/// `straggle merge`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  straggle merge output/sweep -o output/whole\n  \
                        straggle merge node1/part-0-of-2 node2/part-1-of-2")]
pub struct Merge {
    /// Directories of parts, or directories that hold them.
    #[arg(value_name = "DIR", required = true)]
    pub parts: Vec<PathBuf>,
    /// Where the files go [default: output/COMMAND].
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Which files to write: csv, svg, png, pdf.
    #[arg(long, value_name = "LIST", default_value = "csv,svg,png")]
    pub format: List<Format>,
    /// What every command takes.
    #[command(flatten)]
    pub plain: Plain,
    /// No progress and no notes, only the result.
    #[arg(short, long)]
    pub quiet: bool,
}

/// `straggle replay`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  straggle replay output/simulate/manifest.json\n  \
                        straggle replay output/simulate/manifest.json --out again")]
pub struct Replay {
    /// The manifest of the run.
    pub manifest: PathBuf,
    /// Where to keep the files of the replay [default: nowhere].
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What every command takes.
    #[command(flatten)]
    pub plain: Plain,
}

/// `straggle explore`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  straggle explore -o page.html\n  straggle explore --trace steps.csv -o steps.html\n  straggle explore --profile profile.toml"
)]
pub struct Explore {
    /// Where to write the page: one HTML file that loads nothing from anywhere.
    #[arg(short, long, value_name = "FILE", default_value = "page.html")]
    pub out: PathBuf,
    /// A file of measured step times that the page begins with, as if it had been dropped there; all that straggle fit reads.
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    pub trace: Option<PathBuf>,
    /// The cluster of a profile that straggle fit wrote, or a person did, as the page's first.
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// No notes.
    #[arg(short, long)]
    pub quiet: bool,
    /// What every command takes.
    #[command(flatten)]
    pub plain: Plain,
}

/// `straggle check`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  straggle check 6 --seed ada")]
pub struct Check {
    /// The K that was found.
    #[arg(value_name = "ANSWER")]
    pub answer: u32,
    /// The name whose exercise it is: any text, upper and lower case are the same.
    #[arg(long, value_name = "NAME")]
    pub seed: String,
    /// What every command takes.
    #[command(flatten)]
    pub plain: Plain,
}

/// `straggle completions`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  straggle completions bash > ~/.local/share/bash-completion/completions/straggle\n  \
                        straggle completions zsh > ~/.zfunc/_straggle"
)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
    /// What every command takes.
    #[command(flatten)]
    pub plain: Plain,
}

/// `straggle man`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  straggle man | man -l -\n  straggle man ~/.local/share/man/man1")]
pub struct Man {
    /// Where to write a page for each command; without it, the page of the program is printed.
    pub directory: Option<PathBuf>,
    /// What every command takes.
    #[command(flatten)]
    pub plain: Plain,
}
