//! The command line of `straggle train`.

use crate::args::{Common, Percent, whole, workers};
use clap::Args;
use sim::{LawText, Policy};
use std::path::PathBuf;
use std::str::FromStr;
use validation::{Architecture, Backend, Initial, LearningRateRule, PixelScale, Placement};

/// `straggle train`
#[derive(Debug, Args)]
pub struct Train {
    /// When to update and whom to release: sync, k-sync:K, backup:B, k-batch-sync:K, k-async:K, k-batch-async:K, async, ssp:S, local:H, hogwild.
    #[arg(long, default_value = "sync")]
    pub policy: Policy,
    /// Worker threads, of which as many compute at once as there are cores, or --threads; under the simulated clock any number
    /// of workers, computed one after another.
    #[arg(long, value_name = "M", default_value = "2", value_parser = workers, allow_hyphen_values = true)]
    pub workers: u32,
    /// Network: softmax, mlp (784-256-10), lenet, lenet-small, or vgg11 for images of 3 x 32 x 32.
    #[arg(long, default_value_t = Architecture::Mlp)]
    pub model: Architecture,
    /// The digits in the binary (`mnist`), gratings in colour made from the seed (`synthetic`), or a directory with the four IDX
    /// files of MNIST or the six binary files of CIFAR-10, gzipped or not.
    #[arg(long, value_name = "mnist|synthetic|DIR", default_value = "mnist")]
    pub data: PathBuf,
    /// `standard`: pixels of mean 0 and variance 1. `unit`: from 0 to 1, as many published runs have them.
    #[arg(long, value_name = "SCALE", default_value_t = PixelScale::Standard)]
    pub pixels: PixelScale,
    /// Learn from the first N images only [default: all].
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_hyphen_values = true)]
    pub samples: Option<u32>,
    /// Images in a worker's batch.
    #[arg(long, value_name = "B", default_value = "64", value_parser = whole::<u32>, allow_hyphen_values = true)]
    pub batch_size: u32,
    /// Step size.
    #[arg(long, value_name = "RATE", default_value = "0.01", allow_hyphen_values = true)]
    pub lr: Rate,
    /// Share of the velocity that is kept from one update to the next, 0 for plain SGD; it lives at the server, under hogwild
    /// and in local steps with each worker.
    #[arg(long, value_name = "SHARE", default_value = "0", allow_hyphen_values = true)]
    pub momentum: Momentum,
    /// `same`: an update moves by lr times the average gradient. `linear`: K times as far, if it averages K.
    /// `per-staleness`: a gradient s updates old counts 1/max(1, s).
    #[arg(long, value_name = "RULE", default_value_t = LearningRateRule::Same)]
    pub lr_rule: LearningRateRule,
    /// Passes over the data, all workers together [default: 2].
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_hyphen_values = true, conflicts_with = "updates")]
    pub epochs: Option<u32>,
    /// Stop after so many updates instead.
    #[arg(long, value_name = "N", value_parser = whole::<u64>, allow_hyphen_values = true)]
    pub updates: Option<u64>,
    /// Stop as soon as so many of the test images are told right: 97%.
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub target_accuracy: Option<Percent>,
    /// Law of a delay after each step: a sleep that a cancellation ends at once.
    #[arg(long, value_name = "LAW")]
    pub delay: Option<LawText>,
    /// `wall`: threads and real seconds. `simulated`: the same training, the seconds drawn.
    #[arg(long, default_value = "wall")]
    pub clock: Clock,
    /// Law of the computing time under the simulated clock [default: exp(2)].
    #[arg(long, value_name = "LAW")]
    pub step_time: Option<LawText>,
    /// `shared`: all workers begin with the same parameters. `per-worker`: each draws its own, as programs of several processes do
    /// that broadcast nothing; for local:H.
    #[arg(long, value_name = "WHICH", default_value_t = Initial::Shared)]
    pub initial: Initial,
    /// `cores`: as many workers compute as there are cores, each on its own. `kernel`: all compute at once, and the operating system
    /// slices their time, so that their reads and writes interleave.
    #[arg(long, value_name = "WHO", default_value_t = Placement::Cores)]
    pub placement: Placement,
    /// Score every snapshot on all test images, even if that takes longer than the training.
    #[arg(long)]
    pub score_all: bool,
    /// `cpu`, or `gpu` in a build with `--features gpu`: all workers then share one graphics card.
    #[arg(long, default_value_t = Backend::Cpu)]
    pub backend: Backend,
    /// Begin with the parameters in this safetensors file.
    #[arg(long, value_name = "FILE")]
    pub load: Option<PathBuf>,
    /// Keep the last parameters in this safetensors file, and a manifest beside it.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// The `--out` directory of another run, whose learning curve is drawn beside this one's.
    #[arg(long, value_name = "DIR")]
    pub beside: Option<PathBuf>,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// What time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Real seconds on threads.
    Wall,
    /// Drawn seconds.
    Simulated,
}

impl FromStr for Clock {
    type Err = String;

    fn from_str(text: &str) -> Result<Clock, String> {
        match text {
            "wall" => Ok(Clock::Wall),
            "simulated" => Ok(Clock::Simulated),
            _ => Err(format!("there is no clock '{text}'; type wall or simulated")),
        }
    }
}

/// A step size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(pub f32);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let rate = text.parse().ok().filter(|rate: &f32| *rate > 0.0 && rate.is_finite());
        rate.map(Rate).ok_or(format!("'{text}' is not a positive, finite step size; type 0.01, for example"))
    }
}

/// A share of the velocity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum(pub f32);

impl FromStr for Momentum {
    type Err = String;

    fn from_str(text: &str) -> Result<Momentum, String> {
        let momentum = text.parse().ok().filter(|momentum: &f32| (0.0..1.0).contains(momentum));
        momentum.map(Momentum).ok_or(format!("'{text}' is not a share from 0 to less than 1; type 0.9, for example"))
    }
}
