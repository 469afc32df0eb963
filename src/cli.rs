//! Command line, all of clap: the commands, the options that all of them share, and what is wrong with what was typed.
//!
//! The options of a command stand in a file of its name (those of small ones in `tools`), those that several commands share in
//! `cluster` and `training`, what can be typed as a value in `values`, `quantities` and `shard`. What a command does with them
//! is in `src/commands`.

mod cluster;
mod fit;
mod options;
mod plan;
mod quantities;
#[cfg(feature = "train")]
pub mod reproduce;
#[cfg(feature = "train")]
mod scaling;
#[cfg(feature = "serve")]
mod serve;
mod shard;
mod simulate;
mod tools;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod training;
#[cfg(feature = "train")]
mod validate;
mod values;

pub use cluster::Cluster;
pub use fit::Fit;
pub use options::{built, expand, from_map};
pub use plan::{Aim, Plan};
#[cfg(feature = "serve")]
pub use serve::Serve;
pub use shard::Shard;
pub use simulate::Simulate;
pub use tools::{Check, Completions, Explore, Man, Merge, Replay};
pub use values::{Format, List, Percent, Typed, Workers};
use values::{at_least, threads};
#[cfg(feature = "train")]
pub use {
    reproduce::Reproduce,
    scaling::Scaling,
    train::{Clock, Ranks, Train, Where},
    training::dataset,
    validate::Validate,
    values::{Delay, Delays, MOST_THREADS},
};

use crate::error::Error;
use crate::report::{self, Command as _};
use crate::rows::Table;
use crate::session;
use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use serde::Serialize;
use std::ffi::OsString;
use std::path::PathBuf;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_STATUS: &str = "Exit status: 0 done, 1 a verdict failed, 2 usage, 3 bad input or I/O, 130 interrupted \
                           (what was finished is kept).";

/// Wait for the slowest worker, never wait, or something between?
///
/// Compares synchronous, asynchronous and in-between SGD on m workers of random speed: simulated, with theory beside every
/// number, trained for real, and one held against the other.
#[derive(Debug, Parser)]
#[command(name = "straggle", version = env!("STRAGGLE_VERSION"), styles = STYLES, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The parts of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Simulate the time per update of each policy for each number of workers, with theory beside it.
    Simulate(Box<Simulate>),
    /// Train a network for real, on worker threads or under simulated time.
    #[cfg(feature = "train")]
    Train(Box<Train>),
    /// Measure speed-up, efficiency and accuracy over workers and samples, beside theory and simulation.
    #[cfg(feature = "train")]
    Scaling(Box<Scaling>),
    /// Predict the trainer from measurements of one worker, measure it, and judge the prediction.
    #[cfg(feature = "train")]
    Validate(Box<Validate>),
    /// Run a published experiment with its published setting, and show its published figures beside ours.
    #[cfg(feature = "train")]
    Reproduce(Box<Reproduce>),
    /// Serve trained networks with TorchServe's REST interface and the Open Inference Protocol.
    #[cfg(feature = "serve")]
    Serve(Box<Serve>),
    /// Write a page to play with: the simulator in one HTML file.
    Explore(Explore),
    /// Check the answer to the exercise on that page.
    Check(Check),
    /// Choose a model of measured step times and write it as a profile.
    Fit(Box<Fit>),
    /// Join the parts of a sweep, made by --shard I/N, into the files of one run.
    Merge(Merge),
    /// Say which policy to take and how many workers, from a profile.
    Plan(Box<Plan>),
    /// Run again what a manifest describes, and compare every file.
    Replay(Replay),
    /// Print a shell's completions.
    Completions(Completions),
    /// Print the manual page, or write one for each command into a directory.
    Man(Man),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// Whatever went wrong, with its exit status.
    pub fn run(self, typed: &[OsString]) -> Result<(), Error> {
        match self {
            Command::Simulate(simulate) => report::run(*simulate, typed),
            #[cfg(feature = "train")]
            Command::Train(train) => train.run(typed),
            #[cfg(feature = "train")]
            Command::Scaling(scaling) => report::run(*scaling, typed),
            #[cfg(feature = "train")]
            Command::Validate(validate) => validate.run(typed),
            #[cfg(feature = "train")]
            Command::Reproduce(reproduce) => reproduce.each().into_iter().try_for_each(|one| report::run(one, typed)),
            #[cfg(feature = "serve")]
            Command::Serve(serve) => serve.run(),
            Command::Explore(explore) => explore.run(),
            Command::Check(check) => check.run(),
            Command::Fit(fit) => report::run(*fit, typed),
            Command::Merge(merge) => merge.run(),
            Command::Plan(plan) => report::run(*plan, typed),
            Command::Replay(replay) => replay.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
        }
    }
}

/// All tables that the commands write.
pub fn tables() -> Vec<&'static Table> {
    let tables = [
        Simulate::TABLES,
        Fit::TABLES,
        Plan::TABLES,
        #[cfg(feature = "train")]
        Train::TABLES,
        #[cfg(feature = "train")]
        Scaling::TABLES,
        #[cfg(feature = "train")]
        Validate::TABLES,
        #[cfg(feature = "train")]
        Reproduce::TABLES,
    ];
    tables.into_iter().flatten().collect()
}

/// Which part of a sweep a command does.
#[derive(Clone, Debug, Args, Serialize)]
pub struct Part {
    /// Do one part only, for as many machines as there are parts: 1/3, 2/3 and 3/3, which straggle merge joins. What is finished is
    /// not done again.
    #[arg(long, value_name = "I/N", help_heading = "Parts")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Typed<Shard>>,
}

/// What every command takes that leaves files.
#[derive(Clone, Debug, Args, Serialize)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// How many threads, or workers, compute at once [default: as many as there are cores; one on a graphics card].
    #[arg(short = 'j', long, value_name = "N", value_parser = threads, allow_hyphen_values = true)]
    pub threads: Option<usize>,
    /// Root of all random numbers. With equal seeds everything that is simulated is equal to the last byte, on any number
    /// of threads; what is measured on real threads is not.
    #[arg(long, default_value = "0", value_name = "N", value_parser = at_least::<u64>(0, 1), allow_hyphen_values = true)]
    pub seed: u64,
    /// Where the files go [default: output/COMMAND]; a rerun replaces the files of the run there, and nothing else.
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Which files to write: csv, svg, png, pdf.
    #[arg(long, value_name = "LIST", default_value = "csv,svg,png")]
    pub format: List<Format>,
    /// One JSON document on the standard output instead of the table.
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
    /// No progress and no notes, only the result.
    #[arg(short, long)]
    #[serde(skip)]
    pub quiet: bool,
    /// Not even the result; for runs within others.
    #[arg(long, hide = true)]
    #[serde(skip)]
    pub silent: bool,
    /// A TOML file with options by their long names (max-workers = 8); those that are typed win.
    #[arg(long, value_name = "FILE.toml")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
}

/// What every other command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Common options")]
pub struct Plain {
    /// JSON on the standard output instead of text.
    #[arg(long)]
    pub json: bool,
    /// A TOML file with options by their long names; those that are typed win.
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,
}

impl Plain {
    /// Prints a text, or the same as a line of JSON.
    ///
    /// # Errors
    /// If the standard output cannot be written.
    pub fn print(&self, text: &str, same: &impl Serialize) -> Result<(), Error> {
        match self.json {
            true => session::print(&(serde_json::to_string(same).expect("plain data") + "\n")),
            false => session::print(text),
        }
    }
}

/// The command line as clap knows it.
pub fn command() -> clap::Command {
    Cli::command().after_help(EXIT_STATUS).mut_subcommands(|command| {
        let examples = command.get_after_help().map(|examples| format!("{examples}\n\n")).unwrap_or_default();
        command.after_help(format!("{examples}{EXIT_STATUS}"))
    })
}

/// Reads what was typed, with the options of a `--config` file among it.
///
/// # Errors
/// One sentence about what is wrong. Help and version are printed here, and then there is nothing more to do.
pub fn parse(typed: &[OsString]) -> Result<Option<Cli>, Error> {
    // A manifest holds all of them as text.
    if let Some(argument) = typed.iter().find(|argument| argument.to_str().is_none()) {
        let shown = crate::formats::clip(&argument.to_string_lossy());
        return Err(Error::Usage(format!(
            "the argument '{shown}' is no UTF-8 text; rename the file, or type it otherwise"
        )));
    }
    let arguments = expand(with_hyphens(typed))?;
    let parsed = command().try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => Ok(Some(cli)),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            session::print(&error.render().ansi().to_string()).map(|()| None)
        }
        Err(error) => Err(Error::Usage(sentence(&error))),
    }
}

/// Options may be typed with underscores.
fn with_hyphens(typed: &[OsString]) -> Vec<OsString> {
    let option = |argument: &OsString| match argument.to_str().and_then(|text| text.strip_prefix("--")) {
        None => argument.clone(),
        Some(option) => {
            let (name, value) = option.split_at(option.find('=').unwrap_or(option.len()));
            format!("--{}{value}", name.replace('_', "-")).into()
        }
    };
    typed.iter().map(option).collect()
}

/// What is wrong with the command line, and what to type instead.
fn sentence(error: &clap::Error) -> String {
    let get = |kind| error.get(kind).map(ToString::to_string).filter(|text| !text.is_empty());
    let name = get(ContextKind::InvalidArg).or(get(ContextKind::InvalidSubcommand)).unwrap_or_default();
    let value = get(ContextKind::InvalidValue).map(|value| crate::formats::clip(&value));
    let instead = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    let instead =
        instead.into_iter().find_map(get).map_or("see --help".to_string(), |one| format!("did you mean '{one}'?"));
    match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "say what to do: straggle simulate --lambda 2 --max-workers 20, or straggle --help for everything"
                .to_string()
        }
        // The value's own sentence says what to type.
        ErrorKind::ValueValidation => {
            let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!("invalid value '{}' for '{name}': {reason}", value.unwrap_or_default())
        }
        ErrorKind::InvalidValue => match (value, get(ContextKind::ValidValue)) {
            (Some(value), Some(valid)) => format!("invalid value '{value}' for '{name}'; type one of {valid}"),
            (None, Some(valid)) => format!("'{name}' takes a value; type one of {valid}"),
            _ => format!("'{name}' takes a value; {instead}"),
        },
        ErrorKind::ArgumentConflict => match get(ContextKind::PriorArg) {
            Some(other) if other != name => format!("'{name}' cannot be used with '{other}'; leave one of them out"),
            _ => format!("'{name}' cannot be used twice; leave one of them out"),
        },
        ErrorKind::UnknownArgument => format!("there is no argument '{name}' here; {instead}"),
        ErrorKind::InvalidSubcommand => format!("there is no command '{name}'; {instead}"),
        ErrorKind::MissingRequiredArgument => format!("{name} is missing; {instead}"),
        _ => {
            let value = value.map(|value| format!("'{value}' ")).unwrap_or_default();
            format!("{value}cannot be used with '{name}'; {instead}")
        }
    }
}
