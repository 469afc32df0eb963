//! Options of `straggle serve`.

use super::Plain;
use clap::Args;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// `straggle serve`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  straggle train --model lenet --epochs 1 --lr 0.1 --save lenet.safetensors\n  straggle serve --model \
                  lenet=lenet.safetensors\n  curl http://127.0.0.1:8080/predictions/lenet -T docs/seven.png"
)]
pub struct Serve {
    /// A model and the file that train --save wrote; may be given several times.
    #[arg(long = "model", value_name = "NAME=FILE")]
    pub models: Vec<Named>,
    /// Where to listen; elsewhere than on this machine a token is required.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub host: IpAddr,
    /// Port of predictions and of the page; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub inference_port: u16,
    /// Port of the models.
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    pub management_port: u16,
    /// Port of the metrics.
    #[arg(long, value_name = "PORT", default_value_t = 8082)]
    pub metrics_port: u16,
    /// Allow models to be registered, scaled and removed while the server runs.
    #[arg(long)]
    pub enable_model_api: bool,
    /// The folder that models may be registered from.
    #[arg(long, value_name = "DIR", default_value = "model_store")]
    pub model_store: PathBuf,
    /// Images that go through a network together, at most.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub batch_size: u16,
    /// How long the first image of a batch waits for others.
    #[arg(long, value_name = "TIME", default_value = "500us")]
    pub max_batch_delay: Span,
    /// Requests that may wait for a model; the next one is answered 503.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub queue_size: u32,
    /// Batches of a model that are worked on at the same time [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers_per_model: Option<u8>,
    /// How long a request may take.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub timeout: Span,
    /// A file with the token that every request has to bring (Authorization: Bearer TOKEN).
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// What every command takes.
    #[command(flatten)]
    pub plain: Plain,
}

/// A model by its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// What it is called.
    pub name: String,
    /// What `train --save` wrote.
    pub file: PathBuf,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Named, String> {
        match text.split_once('=') {
            Some((name, file)) if !name.is_empty() && !file.is_empty() => {
                Ok(Named { name: name.into(), file: file.into() })
            }
            _ => Err("a model is a name and a file; type lenet=lenet.safetensors, for example".to_string()),
        }
    }
}

/// A length of time with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "s" => 1.0,
            "ms" => 1e-3,
            "us" => 1e-6,
            _ => return Err("a time has a unit; type 2ms or 60s, for example".to_string()),
        };
        let seconds = digits.trim().parse::<f64>().ok().map(|number| number * unit);
        let seconds = seconds.filter(|seconds| (0.0..=86_400.0).contains(seconds));
        seconds
            .map(|s| Span(Duration::from_secs_f64(s)))
            .ok_or("a time is from 0s to 86400s; type 2ms, for example".to_string())
    }
}
