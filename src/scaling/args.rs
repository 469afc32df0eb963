//! The command line of `straggle scaling`.

use super::Plan;
use crate::args::{Common, List, Workers, whole};
use crate::train::args::{Momentum, Rate};
use clap::Args;
use std::path::PathBuf;
use std::str::FromStr;
use validation::{Architecture, Initial, LearningRateRule, Method, PixelScale, Sgd, TrialClock};

/// `straggle scaling`
#[derive(Debug, Args)]
pub struct Scaling {
    /// What to compare: policies that one worker can follow, too, and local:epoch, where parameters are averaged after each local epoch.
    #[arg(long, value_name = "LIST", default_value = "sync,local:epoch,hogwild,async")]
    pub methods: List<Method>,
    /// Numbers of worker threads; one worker is always among them, as it is what speed-ups are measured by.
    #[arg(long, value_name = "LIST", default_value = "1,2,4", allow_hyphen_values = true)]
    pub workers: List<Workers>,
    /// Numbers of images to learn from.
    #[arg(long, value_name = "LIST", default_value = "5000,10000,20000,40000", allow_hyphen_values = true)]
    pub samples: List<Samples>,
    /// Network: softmax, mlp (784-256-10), lenet or lenet-small.
    #[arg(long, default_value_t = Architecture::Mlp)]
    pub model: Architecture,
    /// The digits in the binary (`mnist`), or a directory with the four IDX files, gzipped or not.
    #[arg(long, value_name = "mnist|DIR", default_value = "mnist")]
    pub data: PathBuf,
    /// `standard`: pixels of mean 0 and variance 1. `unit`: from 0 to 1, as many published runs have them.
    #[arg(long, value_name = "SCALE", default_value_t = PixelScale::Standard)]
    pub pixels: PixelScale,
    /// Passes over the data, all workers together.
    #[arg(long, value_name = "N", default_value = "2", value_parser = whole::<u32>, allow_hyphen_values = true)]
    pub epochs: u32,
    /// Images in a worker's batch.
    #[arg(long, value_name = "B", default_value = "64", value_parser = whole::<u32>, allow_hyphen_values = true)]
    pub batch_size: u32,
    /// `shared`: all workers begin with the same parameters. `per-worker`: each draws its own, as programs of several processes do
    /// that broadcast nothing; for policies that average parameters.
    #[arg(long, value_name = "WHICH", default_value_t = Initial::Shared)]
    pub initial: Initial,
    /// Step size.
    #[arg(long, value_name = "RATE", default_value = "0.01", allow_hyphen_values = true)]
    pub lr: Rate,
    /// Share of the velocity that is kept, 0 for plain SGD; it lives at the server, under hogwild and in local steps with
    /// each worker.
    #[arg(long, value_name = "SHARE", default_value = "0", allow_hyphen_values = true)]
    pub momentum: Momentum,
    /// Times that everything is run, each time on another order of the images.
    #[arg(long, value_name = "R", default_value = "1", value_parser = whole::<u32>, allow_hyphen_values = true)]
    pub repeats: u32,
    /// Whether each worker keeps to a core of its own, where the system allows it.
    #[arg(long, value_name = "yes|no", default_value = "yes", num_args = 0..=1, default_missing_value = "yes")]
    pub pin: Pin,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

impl Scaling {
    /// What is asked for, without what was asked for twice.
    pub fn plan(&self) -> Plan {
        let mut workers: Vec<u32> = self.workers.0.iter().map(|workers| workers.0).chain([1]).collect();
        let mut samples: Vec<usize> = self.samples.0.iter().map(|samples| samples.0 as usize).collect();
        workers.sort_unstable();
        workers.dedup();
        samples.sort_unstable();
        samples.dedup();
        let mut methods: Vec<Method> = Vec::new();
        for &method in &self.methods.0 {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        Plan {
            methods,
            workers,
            samples,
            repeats: self.repeats,
            model: self.model,
            data: self.data.clone(),
            pixels: self.pixels,
            epochs: self.epochs,
            batch_size: self.batch_size as usize,
            sgd: Sgd { rate: self.lr.0, momentum: self.momentum.0, rule: LearningRateRule::Same },
            initial: self.initial,
            clock: TrialClock::Wall,
            seed: self.common.seed,
            pinned: self.pin == Pin(true),
            threads: self.common.threads,
        }
    }
}

/// A number of samples in a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Samples(pub u32);

impl FromStr for Samples {
    type Err = String;

    fn from_str(text: &str) -> Result<Samples, String> {
        whole(text).map(Samples)
    }
}

/// Whether workers keep to their cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin(pub bool);

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Pin, String> {
        match text {
            "yes" => Ok(Pin(true)),
            "no" => Ok(Pin(false)),
            _ => Err(format!("'{text}' is neither yes nor no; type --pin yes or --pin no")),
        }
    }
}
