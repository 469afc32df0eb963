//! Options of `straggle train`, and of everything that can run on ranks.

use super::Common;
use super::cluster::{Cluster, StepTime};
use super::training::Training;
use super::values::{List, Percent, Typed, at_least, choice, workers};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;
use validation::{LearningRateRule, Method, Placement};

/// `straggle train`
#[derive(Clone, Debug, Args, Serialize)]
#[command(after_help = "Examples:\n  straggle train --policies async --workers 4 --lr 0.1 --epochs 1\n  \
    straggle train --model lenet --lr 0.1 --epochs 1 --save lenet.safetensors\n  \
    straggle train --policies ssp:2 --workers 8 --delay 'exp(100)' --target-accuracy 97%\n  \
    straggle train --clock simulated --step-time 'gamma(4, 0.25)' --workers 64 --policies k-async:8\n  \
    mpirun -n 4 straggle train --cluster mpi --policies sync")]
pub struct Train {
    /// When to update and whom to release: sync, k-sync:K, backup:B, k-batch-sync:K, k-async:K, k-batch-async:K, async, ssp:S, local:H, hogwild;
    /// or local:epoch, where parameters are averaged after each pass of each worker over a part of the data of its own.
    #[arg(long, alias = "policy", value_name = "POLICY", default_value = "sync")]
    pub policies: List<Method>,
    /// Workers: threads, or under the simulated clock any number, computed one after another [default: 2, or as many as there are
    /// ranks to compute].
    #[arg(long, value_name = "M", value_parser = workers, allow_hyphen_values = true)]
    pub workers: Option<u32>,
    /// The network, the data and the steps.
    #[command(flatten)]
    #[serde(flatten)]
    pub training: Training,
    /// Learn from the first N images only [default: all].
    #[arg(long, value_name = "N", value_parser = at_least::<u32>(1, 10_000), allow_hyphen_values = true, help_heading = "Learning")]
    pub samples: Option<u32>,
    /// same: an update moves by lr times the average gradient. linear: K times as far, if it averages K. per-staleness: a
    /// gradient s updates old counts 1/max(1, s).
    #[arg(long, value_name = "RULE", default_value = "same", help_heading = "Learning",
        value_parser = choice::<LearningRateRule>())]
    pub lr_rule: Typed<LearningRateRule>,
    /// Passes over the data, all workers together [default: 2].
    #[arg(long, value_name = "N", value_parser = at_least::<u32>(1, 2), allow_hyphen_values = true, conflicts_with = "updates", help_heading = "Learning")]
    pub epochs: Option<u32>,
    /// Stop after so many updates instead.
    #[arg(long, alias = "iterations", value_name = "N", value_parser = at_least::<u64>(1, 1000), allow_hyphen_values = true, help_heading = "Learning")]
    pub updates: Option<u64>,
    /// Stop as soon as so many of the test images are classified correctly: 97%.
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true, help_heading = "Learning")]
    pub target_accuracy: Option<Typed<Percent>>,
    /// wall: threads and real seconds. simulated: the same training, the seconds drawn.
    #[arg(long, value_enum, default_value = "wall", help_heading = "Time")]
    pub clock: Clock,
    /// The cluster of a profile, under the simulated clock; what is typed besides takes its place.
    #[arg(long, value_name = "PROFILE.toml", conflicts_with_all = ["step_time", "lambda"], help_heading = "Cluster")]
    pub profile: Option<PathBuf>,
    /// How long a step takes, under the simulated clock.
    #[command(flatten)]
    #[serde(flatten)]
    pub step: StepTime,
    /// What else there is in the cluster, under the simulated clock; a delay on threads, too, where it is a sleep that a cancellation ends
    /// at once.
    #[command(flatten)]
    #[serde(flatten)]
    pub simulated: Cluster,
    /// cores: as many workers compute as there are cores, each on its own. kernel: all compute at once, and the operating system
    /// slices their time, so that their reads and writes interleave.
    #[arg(long, value_name = "WHO", default_value = "cores", help_heading = "Time",
        value_parser = choice::<Placement>())]
    pub placement: Typed<Placement>,
    /// Score every look at the parameters on all test images, even if that takes longer than the training.
    #[arg(long, help_heading = "Learning")]
    pub score_all: bool,
    /// Begin with the parameters in this safetensors file.
    #[arg(long, value_name = "FILE")]
    pub load: Option<PathBuf>,
    /// Keep the last parameters in this safetensors file, which says where they come from and how good they are.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// The --out directory of another run, whose learning curve is drawn beside this one's.
    #[arg(long, value_name = "DIR")]
    pub beside: Option<PathBuf>,
    /// Where workers are.
    #[command(flatten)]
    #[serde(flatten)]
    pub ranks: Ranks,
    /// Checkpoints.
    #[command(flatten)]
    #[serde(flatten)]
    pub resumption: Resumption,
    /// What every command takes.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
}

/// What time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Real seconds on threads.
    Wall,
    /// Drawn seconds.
    Simulated,
}

/// Where workers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Where {
    /// Threads of this process.
    Threads,
    /// Processes that mpirun or srun started.
    Mpi,
}

/// Workers as processes, and how they keep together.
#[derive(Clone, Debug, Args, Serialize)]
#[command(next_help_heading = "Nodes")]
pub struct Ranks {
    /// threads: workers are threads of this process. mpi, in a build with `--features mpi`: workers are the processes that mpirun or
    /// srun starts, on as many machines.
    #[arg(long, value_enum, default_value = "threads")]
    pub cluster: Where,
    /// On ranks: rank 0 serves the others under every policy. Otherwise policies that wait for everybody add gradients up by
    /// all-reduce, and all ranks compute.
    #[arg(long)]
    pub server: bool,
    /// End the job if no update is made for so long, s.
    #[arg(long, value_name = "SECONDS", value_parser = at_least::<u32>(1, 600), allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_timeout: Option<u32>,
    /// Host of rank 0; for scripts that have it, as the launcher knows.
    #[arg(long, value_name = "HOST")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_ip: Option<String>,
    /// Ranks that there must be.
    #[arg(long, value_name = "N", value_parser = at_least::<u32>(1, 3), allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_nodes: Option<u32>,
    /// The rank that this process must be.
    #[arg(long, value_name = "R", value_parser = at_least::<u32>(0, 0), allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
}

/// Checkpoints.
#[derive(Clone, Debug, Args, Serialize)]
#[command(next_help_heading = "Checkpoints")]
pub struct Resumption {
    /// After each N updates keep all that is needed to go on, in checkpoint.safetensors in the --out directory.
    #[arg(long, value_name = "N", value_parser = at_least::<u64>(1, 1000), allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<u64>,
    /// Go on from the checkpoint in the --out directory, if there is one. The files of the run then begin there.
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resume: bool,
}
