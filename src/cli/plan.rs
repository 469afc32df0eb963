//! Options of `straggle plan`.

use super::Common;
use super::cluster::Cluster;
use super::quantities::Policies;
use super::values::{Percent, Typed, Workers};
use crate::commands::plan::Taught;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;

/// Those that need no number that only the user knows: one of each kind, and several backups and periods.
const POLICIES: &str =
    "sync,backup:1,backup:2,backup:4,k-async:4,k-batch-async:4,ssp:2,async,rennala:4,local:4,local:16";

/// `straggle plan`
#[derive(Clone, Debug, Args, Serialize)]
#[command(after_help = "Examples:\n  straggle plan profile.toml\n  \
    straggle plan profile.toml --workers 1..64 --policies sync,backup:2,async\n  \
    straggle plan profile.toml --remove-worker slowest\n  straggle plan profile.toml --slow 1@1.5")]
pub struct Plan {
    /// A profile that straggle fit wrote, or a person did.
    #[arg(value_name = "PROFILE.toml")]
    pub profile: PathBuf,
    /// Policies to compare.
    #[arg(long, alias = "policy", value_name = "LIST", default_value = POLICIES)]
    pub policies: Policies,
    /// Numbers of workers: 1..64 [default: those that were measured where they are told apart, or else 64, or twice as many].
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub workers: Option<Workers>,
    /// What is to be fast: gradients, or the way to a loss under a model of learning.
    #[arg(long, value_name = "GOAL", value_enum, default_value_t)]
    pub goal: Aim,
    /// What learns, with --goal loss: quadratic(h, sigma, eta), or mnist(eta) with real gradients [default: quadratic(1, 1, 0.05)].
    #[arg(long, value_name = "LEARNER", conflicts_with = "noise_scale")]
    pub learner: Option<Typed<Taught>>,
    /// The loss that is to be reached, as a share of the first one [default: 5%, of mnist 30%].
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true, conflicts_with = "noise_scale")]
    pub target: Option<Typed<Percent>>,
    /// Noise scale of the gradients in workers' batches, with --goal loss: updates of K gradients to a goal are in proportion to 1 + B/K.
    #[arg(long, value_name = "B", allow_hyphen_values = true)]
    pub noise_scale: Option<f64>,
    /// A further worker must add so much of a worker's speed.
    #[arg(long, value_name = "SHARE", default_value_t = 0.3, allow_hyphen_values = true)]
    pub least_gain: f64,
    /// What if a worker took longer: 1@1.5, worker 1 takes 1.5 times as long.
    #[arg(long, value_name = "WORKER@FACTOR", help_heading = "What if")]
    pub slow: Option<String>,
    /// What if a worker were left out: its name, or slowest.
    #[arg(long, value_name = "WORKER", help_heading = "What if")]
    pub remove_worker: Option<String>,
    /// What stands around the steps; typed, it takes the place of what the profile says.
    #[command(flatten)]
    #[serde(flatten)]
    pub around: Cluster,
    /// What every command takes.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
}

/// What is to be fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Aim {
    /// Gradients a second.
    #[default]
    Throughput,
    /// The time to a loss.
    Loss,
}
