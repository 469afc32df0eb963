//! Options of everything that trains: the network, the data, the steps, the device.

use super::values::{Typed, at_least, choice, momentum, rate};
use crate::error::Error;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use validation::{Architecture, Backend, Dataset, Initial, PixelScale, Source};

/// The network, the data and the steps.
#[derive(Clone, Debug, Args, Serialize)]
#[command(next_help_heading = "Learning")]
pub struct Training {
    /// Network: softmax, mlp (784-256-10), lenet, lenet-small or vgg11.
    #[arg(long, value_name = "NAME", default_value = "mlp")]
    pub model: Typed<Architecture>,
    /// The digits in the binary (mnist), made-up images (synthetic), or a directory with the files of MNIST, gzipped or not,
    /// or of CIFAR-10.
    #[arg(long, value_name = "mnist|synthetic|DIR", default_value = "mnist")]
    pub data: PathBuf,
    /// standard: pixels of mean 0 and variance 1. unit: from 0 to 1, as many published runs have them.
    #[arg(long, value_name = "SCALE", default_value = "standard", value_parser = choice::<PixelScale>())]
    pub pixels: Typed<PixelScale>,
    /// Images in a worker's batch.
    #[arg(long, value_name = "B", default_value = "64", value_parser = at_least::<u32>(1, 64), allow_hyphen_values = true)]
    pub batch_size: u32,
    /// Step size.
    #[arg(long, value_name = "RATE", default_value = "0.01", value_parser = rate, allow_hyphen_values = true)]
    pub lr: Typed<f32>,
    /// Share of the velocity that is kept from one update to the next, 0 for plain SGD; the velocity is the server's, under
    /// hogwild and in local steps each worker's own.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = momentum, allow_hyphen_values = true)]
    pub momentum: Typed<f32>,
    /// shared: all workers begin with the same parameters. per-worker: each draws its own, as programs of several processes do that
    /// broadcast nothing; for policies that average parameters.
    #[arg(long, value_name = "WHICH", default_value = "shared", value_parser = choice::<Initial>())]
    pub initial: Typed<Initial>,
    /// cpu, or gpu in a build with `--features gpu`: all workers then share one graphics card.
    #[arg(long, value_name = "BACKEND", default_value = "cpu", value_parser = choice::<Backend>())]
    pub backend: Typed<Backend>,
}

/// A data set by name or of a directory, in the model's shape and on this scale: all of it, or so many images to learn from.
///
/// # Errors
/// If they cannot be read, or are too few.
pub fn dataset(
    data: &Path,
    model: Architecture,
    pixels: PixelScale,
    samples: Option<usize>,
    seed: u64,
) -> Result<Dataset, Error> {
    let source: Source = data.display().to_string().parse().expect("every text names a source");
    let scaled = source.open(seed).and_then(|data| data.fitted(model.input())).map(|data| data.scaled(pixels));
    let wanted = match samples {
        None => scaled,
        Some(samples) => scaled.and_then(|data| data.take(samples)),
    };
    wanted.map_err(|e| Error::Input(e.to_string()))
}
