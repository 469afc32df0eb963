//! What was typed? The command line, read into the domain's own types.

use crate::error::Error;
use crate::output;
use clap::builder::styling::{AnsiColor, Styles};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use sim::{LawText, LearnerText, Model, Policy};
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Wait for the slowest worker, never wait, or something between?
///
/// Compares synchronous, asynchronous and in-between SGD on m workers of random speed.
#[derive(Debug, Parser)]
#[command(name = "straggle", version, styles = STYLES, max_term_width = 110)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The parts of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Simulate the time per model update of each policy for each number of workers.
    Simulate(Box<Simulate>),
    /// Train a network on MNIST for real, on worker threads or under simulated time.
    #[cfg(feature = "train")]
    Train(Box<crate::train::args::Train>),
    /// Foretell the trainer by the simulator from one worker alone, measure it, and judge.
    #[cfg(feature = "train")]
    Validate(Box<crate::validate::args::Validate>),
    /// Measure speed-up, efficiency and accuracy over workers and samples, beside theory and simulation.
    #[cfg(feature = "train")]
    Scaling(Box<crate::scaling::args::Scaling>),
    /// Run a published experiment with its published setting, and print its published figures beside ours.
    #[cfg(feature = "train")]
    Reproduce(Box<crate::reproduce::args::Reproduce>),
    /// Serve trained networks with TorchServe's REST interface and the Open Inference Protocol.
    #[cfg(feature = "serve")]
    Serve(Box<crate::commands::serve::Serve>),
    /// Write a page to play with: the simulator in one HTML file.
    Explore(crate::commands::explore::Explore),
    /// Check the answer to the page's exercise.
    Check(crate::commands::check::Check),
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Root of all random numbers; equal seeds give equal files, on any number of threads.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = seed, allow_hyphen_values = true)]
    pub seed: u64,
    /// Threads to compute on [default: all cores].
    #[arg(long, value_name = "N", value_parser = threads, allow_hyphen_values = true)]
    pub threads: Option<usize>,
    /// Where the files go [default: output/COMMAND].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// No progress and no notes, only the result.
    #[arg(long)]
    pub quiet: bool,
}

/// `straggle simulate`
#[derive(Debug, Args)]
pub struct Simulate {
    /// Rate of exponential step times, per second; short for --step-time 'exp(RATE)' [default: 2].
    #[arg(long, value_name = "RATE", value_parser = rate, allow_hyphen_values = true, conflicts_with = "step_time")]
    pub lambda: Option<LawText>,
    /// Law of the computing time of a step, s: exp(2), gamma(4, 0.25), 'trace(steps.csv, step_time_s)', ...
    ///
    /// Known: exp(rate), shifted-exp(shift, rate), constant(value), uniform(low, high), gamma(shape, scale),
    /// weibull(shape, scale), lognormal(mu, sigma), pareto(scale, shape), gumbel(location, scale),
    /// hyper-exp(p, rate1, rate2), trace(FILE.csv), trace(FILE.csv, COLUMN).
    #[arg(long, value_name = "LAW")]
    pub step_time: Option<LawText>,
    /// Simulate m = 1, 2, ... up to this many workers [default: 20].
    #[arg(long, value_name = "M", value_parser = workers, allow_hyphen_values = true, conflicts_with = "workers")]
    pub max_workers: Option<u32>,
    /// Simulate just these numbers of workers: 1,2,4,8.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub workers: Option<List<Workers>>,
    /// Policies to compare.
    ///
    /// Known: sync, k-sync:K, backup:B, k-batch-sync:K, k-async:K, k-batch-async:K, async, ssp:S, local:H, hogwild.
    #[arg(long, value_name = "LIST", default_value = "sync,async")]
    pub policies: List<Policy>,
    /// Model updates to count for each policy and number of workers [default: 5000].
    #[arg(long, value_name = "N", value_parser = at_least_two, allow_hyphen_values = true)]
    pub iterations: Option<u64>,
    /// Run on until half of every 95 % interval is below this share of its mean: 0.1%.
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true, conflicts_with_all = ["iterations", "learner"])]
    pub precision: Option<Percent>,
    /// `event`: workers that are under way stay under way. `gated`: each iteration draws fresh times.
    #[arg(long, default_value_t = Model::Event)]
    pub model: Model,
    /// Speeds of the workers, repeated over them; at 0.5 computing takes twice as long.
    #[arg(long, value_name = "LIST", default_value = "1", allow_hyphen_values = true)]
    pub speeds: List<Speed>,
    /// Cores that the workers share [default: one each].
    #[arg(long, value_name = "C", value_parser = whole::<u32>, allow_hyphen_values = true)]
    pub cores: Option<u32>,
    /// Law of a delay after the computing, which needs no core: 'exp(100)'.
    #[arg(long, value_name = "LAW")]
    pub delay: Option<LawText>,
    /// Law of the time for which the server is busy with each hand-in, first come first served.
    #[arg(long, value_name = "LAW")]
    pub server_time: Option<LawText>,
    /// Something to learn meanwhile: quadratic(h, sigma, eta), the loss h w^2/2 with gradient noise sigma and step size eta.
    #[arg(long, value_name = "LEARNER", default_value_t = LearnerText::None)]
    pub learner: LearnerText,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// Values separated by commas.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr<Err: std::fmt::Display>> FromStr for List<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<List<T>, String> {
        let each = |one: &str| one.trim().parse().map_err(|e: T::Err| e.to_string());
        text.split(',').map(each).collect::<Result<_, _>>().map(List)
    }
}

/// A number of workers in a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workers(pub u32);

impl FromStr for Workers {
    type Err = String;

    fn from_str(text: &str) -> Result<Workers, String> {
        workers(text).map(Workers)
    }
}

/// The speed of a worker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(pub f64);

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        let speed = text.parse().ok().filter(|speed: &f64| (1e-9..=1e9).contains(speed));
        speed.map(Speed).ok_or(format!("'{text}' is not a number from 1e-9 to 1e9; type 1,1,0.5, for example"))
    }
}

/// A share, typed in per cent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(pub f64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Percent, String> {
        let number = text.trim_end_matches('%').trim().parse().ok();
        let Some(number) = number.filter(|number: &f64| *number > 0.0 && *number < 100.0) else {
            return Err(format!("'{text}' is not between 0% and 100%; type 0.1%, for example"));
        };
        match text.ends_with('%') {
            true => Ok(Percent(number / 100.0)),
            false => Err(format!("'{text}' lacks its sign; type {text}%")),
        }
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}%", self.0 * 100.0)
    }
}

/// A whole number from 1.
pub fn whole<T: FromStr + PartialOrd + From<u8>>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number >= T::from(1));
    number.ok_or(format!("'{text}' is not a whole number from 1; type 20, for example"))
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("'{text}' is not a whole number from 0; type 1, for example"))
}

/// A number of workers.
pub fn workers(text: &str) -> Result<u32, String> {
    let most = 10_000_000;
    match whole(text)? {
        workers if workers <= most => Ok(workers),
        _ => Err(format!("'{text}' workers are too many to keep in memory; type at most {most}")),
    }
}

fn threads(text: &str) -> Result<usize, String> {
    let most = 1024;
    match whole(text)? {
        threads if threads <= most => Ok(threads),
        _ => Err(format!("'{text}' threads are too many to start; type at most {most}")),
    }
}

fn at_least_two(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|&number| number >= 2);
    number.ok_or(format!("'{text}' is not a whole number from 2, which an interval needs; type 5000, for example"))
}

fn rate(text: &str) -> Result<LawText, String> {
    let not = || format!("'{text}' is not a positive, finite rate; type --lambda 2, for example");
    let rate = text.parse::<f64>().map_err(|_| not())?;
    format!("exp({rate})").parse().map_err(|_| not())
}

/// Flags may be typed with underscores.
pub fn with_hyphens(typed: &[OsString]) -> Vec<OsString> {
    let flag = |argument: &OsString| match argument.to_str().and_then(|text| text.strip_prefix("--")) {
        None => argument.clone(),
        Some(flag) => {
            let (name, value) = flag.split_at(flag.find('=').unwrap_or(flag.len()));
            format!("--{}{value}", name.replace('_', "-")).into()
        }
    };
    typed.iter().map(flag).collect()
}

/// Prints the help that was asked for, or says in one sentence what is wrong with the command line.
pub fn explain(error: &clap::Error) -> Result<(), Error> {
    let whole = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => output::print(&whole.ansi().to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Err(Error::Usage(
            "say what to do: straggle simulate --lambda 2 --max-workers 20, or straggle --help for everything"
                .to_string(),
        )),
        kind => {
            let text = whole.to_string();
            let mut paragraphs =
                text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
            let wrong = paragraphs.next().unwrap_or_default();
            let wrong = wrong.strip_prefix("error: ").unwrap_or(&wrong).to_string();
            let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: ").map(str::to_string));
            Err(Error::Usage(match (kind, tip) {
                // Our own sentences say what to type.
                (ErrorKind::ValueValidation, _) => wrong,
                (ErrorKind::ArgumentConflict, _) => format!("{wrong}; leave one of them out"),
                (_, Some(tip)) => format!("{wrong}; {tip}"),
                (_, None) => format!("{wrong}; see --help"),
            }))
        }
    }
}
