//! Options of `straggle validate`.

use super::Common;
use super::train::Ranks;
use super::values::{Delay, List, Percent, Typed, Workers, at_least, choice};
use clap::Args;
use serde::Serialize;
use sim::Policy;
use validation::{Architecture, Backend};

/// `straggle validate`
#[derive(Clone, Debug, Args, Serialize)]
#[command(after_help = "Examples:\n  straggle validate\n  \
    straggle validate --policies sync,async --workers 1,2 --delay none --minutes 1\n  \
    straggle validate --minutes 5 --tolerance 3% --delay 'gamma(4, 0.0025)'\n  \
    straggle validate traces\n  straggle validate traces steps.csv\n  mpirun -n 3 straggle validate --cluster mpi")]
pub struct Validate {
    /// 'traces' predicts measured step times of other clusters instead of this machine: public ones, or those of your files.
    #[arg(value_name = "traces [FILE..]", value_delimiter = ',')]
    pub what: Vec<String>,
    /// Policies to put to the test.
    #[arg(long, alias = "policy", value_name = "LIST", default_value = "sync,async,k-sync:2,k-async:2,ssp:2,local:4")]
    pub policies: List<Policy>,
    /// Numbers of worker threads [default: 1,2,4,8]. Ranks are as many as there are: all of them where gradients are added up by
    /// all-reduce, all but the server elsewhere.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<Workers>,
    /// Law of the delay that makes stragglers, or none for pure computing only.
    #[arg(long, value_name = "LAW|none", default_value = "exp(100)")]
    pub delay: Typed<Delay>,
    /// Minutes to measure, if not everything is decided before.
    #[arg(long, value_name = "N", default_value = "2", value_parser = minutes, allow_hyphen_values = true)]
    pub minutes: Typed<f64>,
    /// Updates to measure of each configuration, instead of minutes: at least 40, which intervals need.
    #[arg(long, alias = "iterations", value_name = "N", value_parser = at_least::<u64>(40, 400), allow_hyphen_values = true)]
    pub updates: Option<u64>,
    /// How large an error may be [default: 5% for up to as many workers as cores, 10% beyond; of traces
    /// 5%, of runs on more workers 10%, over other links 15%].
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub tolerance: Option<Typed<Percent>>,
    /// Network: softmax, mlp (784-256-10), lenet, lenet-small or vgg11.
    #[arg(long, value_name = "NAME", default_value = "lenet")]
    pub model: Typed<Architecture>,
    /// Images in a worker's batch.
    #[arg(long, value_name = "B", default_value = "8", value_parser = at_least::<u32>(1, 8), allow_hyphen_values = true)]
    pub batch_size: u32,
    /// cpu, or gpu in a build with `--features gpu`: all workers then share one graphics card.
    #[arg(long, value_name = "BACKEND", default_value = "cpu", value_parser = choice::<Backend>())]
    pub backend: Typed<Backend>,
    /// Where workers are.
    #[command(flatten)]
    #[serde(flatten)]
    pub ranks: Ranks,
    /// What every command takes.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
}

fn minutes(text: &str) -> Result<Typed<f64>, String> {
    let number = text.parse().ok().filter(|minutes: &f64| (0.01..=1e4).contains(minutes));
    number.map(Typed).ok_or(format!("'{text}' is not a number of minutes from 0.01 to 10000; type 2, for example"))
}
