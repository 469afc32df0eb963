//! Options of `straggle scaling`.

use super::training::Training;
use super::values::{List, Workers, at_least};
use super::{Common, Part};
use clap::Args;
use serde::Serialize;
use validation::Method;

/// `straggle scaling`
#[derive(Clone, Debug, Args, Serialize)]
#[command(after_help = "Examples:\n  straggle scaling --policies sync,async --workers 1,2,4 --samples 10000\n  \
    straggle scaling --policies local:epoch --model lenet --epochs 5 --repeats 3 -o output/averaging")]
pub struct Scaling {
    /// What to compare: policies that one worker can follow, too, and local:epoch, where parameters are averaged after each local epoch.
    #[arg(long, aliases = ["policy", "methods"], value_name = "LIST", default_value = "sync,local:epoch,hogwild,async")]
    pub policies: List<Method>,
    /// Numbers of worker threads, 1,2,4 or 1..4; one worker is always among them, as it is what speed-ups are measured by.
    #[arg(long, value_name = "LIST", default_value = "1,2,4", allow_hyphen_values = true)]
    pub workers: Workers,
    /// Numbers of images to learn from.
    #[arg(long, value_name = "LIST", default_value = "5000,10000,20000,40000", value_parser = samples, allow_hyphen_values = true)]
    pub samples: List<u32>,
    /// The network, the data and the steps.
    #[command(flatten)]
    #[serde(flatten)]
    pub training: Training,
    /// Passes over the data, all workers together.
    #[arg(long, value_name = "N", default_value = "2", value_parser = at_least::<u32>(1, 2), allow_hyphen_values = true, help_heading = "Learning")]
    pub epochs: u32,
    /// Times that everything is run, each time on another order of the images.
    #[arg(long, value_name = "R", default_value = "1", value_parser = at_least::<u32>(1, 3), allow_hyphen_values = true)]
    pub repeats: u32,
    /// Whether each worker keeps to a core of its own, where the system allows it.
    #[arg(long, value_name = "yes|no", default_value = "yes", num_args = 0..=1, default_missing_value = "yes", value_parser = ["yes", "no"])]
    pub pin: String,
    /// Which part of it.
    #[command(flatten)]
    #[serde(flatten)]
    pub part: Part,
    /// What every command takes.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
}

fn samples(text: &str) -> Result<List<u32>, String> {
    let numbers: Result<Vec<u32>, String> = text.split(',').map(|one| at_least(1, 5000)(one.trim())).collect();
    numbers.map(|mut numbers| {
        numbers.sort_unstable();
        numbers.dedup();
        List(numbers)
    })
}
