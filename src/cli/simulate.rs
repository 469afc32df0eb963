//! Options of `straggle simulate`.

use super::cluster::{Cluster, StepTime};
use super::quantities::{Policies, Quantity, seconds};
use super::values::{Percent, Typed, Workers, at_least, choice, workers};
use super::{Common, Part};
use clap::Args;
use serde::Serialize;
use sim::{LearnerText, Model};
use std::path::PathBuf;

/// `straggle simulate`
#[derive(Clone, Debug, Args, Serialize)]
#[command(after_help = "Examples:\n  straggle simulate --lambda 2 --max-workers 20\n  \
    straggle simulate --step-time 'gamma(4, 0.25)' --policies sync,k-sync:6,async --workers 8,16\n  \
    straggle simulate --step-time 'trace(steps.csv, seconds)' --workers 1..16 --precision 1%\n  \
    straggle simulate --policies sync,async --workers 8 --learner 'quadratic(1, 1, 0.05)' -o output/loss")]
pub struct Simulate {
    /// Simulate m = 1, 2, ... up to this many workers [default: 20].
    #[arg(long, value_name = "M", value_parser = workers, allow_hyphen_values = true, conflicts_with = "workers")]
    pub max_workers: Option<u32>,
    /// Simulate just these numbers of workers: 1,2,4 or 1..8.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub workers: Option<Workers>,
    /// Policies to compare.
    ///
    /// Known: sync, k-sync:K, backup:B, k-batch-sync:K, k-async:K, k-batch-async:K, async, ssp:S, local:H, hogwild, rennala:K,
    /// ringmaster:R, grace:K:SECONDS, drop-compute:SECONDS:M, anytime:SECONDS, fedbuff:K:H, async-local:H, k-local:K:H; ranges as
    /// k-sync:1..8; all is one of each.
    #[arg(long, alias = "policy", value_name = "LIST", default_value = "sync,async")]
    pub policies: Policies,
    /// Updates to count for each policy and number of workers [default: 5000, or as many as an honest interval needs].
    #[arg(long, alias = "iterations", value_name = "N", value_parser = at_least::<u64>(2, 5000), allow_hyphen_values = true)]
    pub updates: Option<u64>,
    /// Run on until half of every 95 % interval is below this share of its mean: 0.1%.
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true, conflicts_with_all = ["updates", "learner"])]
    pub precision: Option<Typed<Percent>>,
    /// event: workers that are under way stay under way. gated: each iteration draws fresh times for all.
    #[arg(long, value_name = "MODEL", default_value = "event", value_parser = choice::<Model>())]
    pub model: Typed<Model>,
    /// Something to learn meanwhile: quadratic(h, sigma, eta), the loss h w^2/2 with gradient noise sigma and step size eta.
    #[arg(long, value_name = "LEARNER", default_value = "none")]
    pub learner: Typed<LearnerText>,
    /// Print how likely an update takes no longer than this: 15ms.
    #[arg(long, value_name = "TIME", value_parser = seconds, allow_hyphen_values = true)]
    pub deadline: Option<Quantity>,
    /// Print the time that this share of the updates does not exceed: 99.9%.
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub quantile: Option<Typed<Percent>>,
    /// Run it on real threads as well, which sleep through the same step times, sped up, for so long in all: 20s.
    #[arg(long, value_name = "TIME", value_parser = seconds, allow_hyphen_values = true, conflicts_with = "shard")]
    pub measure: Option<Quantity>,
    /// The cluster of a profile that straggle fit wrote, or a person did; what is typed besides takes its place.
    #[arg(long, value_name = "PROFILE.toml", conflicts_with_all = ["step_time", "lambda"], help_heading = "Cluster")]
    pub profile: Option<PathBuf>,
    /// How long a step takes.
    #[command(flatten)]
    #[serde(flatten)]
    pub step: StepTime,
    /// What else there is in the cluster.
    #[command(flatten)]
    #[serde(flatten)]
    pub cluster: Cluster,
    /// Draw what every worker does at first, with as many workers as there are at most; also as a trace for Perfetto.
    #[arg(long)]
    pub timeline: bool,
    /// Which part of it.
    #[command(flatten)]
    #[serde(flatten)]
    pub part: Part,
    /// What every command takes.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
}
