//! The command line of `straggle validate`.

use crate::args::{Common, List, Percent, Workers, whole};
use clap::Args;
use sim::{LawText, Policy};
use std::str::FromStr;
use validation::Architecture;

/// `straggle validate`
#[derive(Debug, Args)]
pub struct Validate {
    /// Policies to put to the test.
    #[arg(long, value_name = "LIST", default_value = "sync,async,k-sync:2,k-async:2,ssp:2,local:4")]
    pub policies: List<Policy>,
    /// Numbers of worker threads.
    #[arg(long, value_name = "LIST", default_value = "1,2,4,8", allow_hyphen_values = true)]
    pub workers: List<Workers>,
    /// Law of the delay that makes stragglers, or `none` for pure computing only.
    #[arg(long, value_name = "LAW|none", default_value = "exp(100)")]
    pub delay: Delay,
    /// Updates to measure in each cell [default: what fits into two minutes for all].
    #[arg(long, value_name = "N", value_parser = enough, allow_hyphen_values = true)]
    pub updates: Option<u64>,
    /// How large an error may be [default: 5% for up to as many workers as cores, 10% beyond].
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub tolerance: Option<Percent>,
    /// Network: softmax, mlp (784-256-10), lenet or lenet-small.
    #[arg(long, default_value_t = Architecture::Lenet)]
    pub model: Architecture,
    /// Images in a worker's batch.
    #[arg(long, value_name = "B", default_value = "8", value_parser = whole::<u32>, allow_hyphen_values = true)]
    pub batch_size: u32,
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// A law, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Delay(pub Option<LawText>);

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Delay, String> {
        match text {
            "none" => Ok(Delay(None)),
            law => law.parse().map(|law| Delay(Some(law))).map_err(|e: sim::LawError| e.to_string()),
        }
    }
}

fn enough(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|&number| number >= 40);
    number.ok_or(format!("'{text}' is not a whole number from 40, which intervals need; type 400, for example"))
}
