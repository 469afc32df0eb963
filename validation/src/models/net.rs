//! What is trained? Four small networks for 28 x 28 digits, their parameters as one flat vector, and the gradient of the
//! mean cross-entropy of a batch.
//!
//! The flat vector holds the layers in the order in which an image meets them, and of each layer the weight
//! `[inputs, outputs]` row by row, then the bias `[outputs]`. The inputs of a convolution are the numbers under its
//! patch: row by row, then column by column, then channel by channel.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, Tensor, TensorData, Transaction};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::data::mnist::{CLASSES, PIXELS, Split};
use crate::models::dense::{self, Affine, cross_entropy};
use crate::models::sight::{FEATURES, FIRST, FIRST_PATCH, SECOND_PATCH, Sight};
use sim::random::key::Stream;
use sim::{Purpose, RandomKey};

/// The networks by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// 784-10: logistic regression, convex.
    Softmax,
    /// 784-256-10 with ReLU.
    Mlp,
    /// Two convolutions, three poolings, dropout 0.5, then 64-32-10.
    Lenet,
    /// The same convolutions and poolings without dropout, then 64-10.
    LenetSmall,
}

impl Architecture {
    /// Channels, rows and columns of an image.
    pub fn input(self) -> [usize; 3] {
        [1, 28, 28]
    }

    /// All of them, the smallest first.
    pub const ALL: [Self; 4] = [Self::Softmax, Self::LenetSmall, Self::Lenet, Self::Mlp];

    /// `(inputs, outputs)` of each layer, in the order of the flat vector.
    pub fn layers(self) -> &'static [(usize, usize)] {
        const SIGHT: [(usize, usize); 2] = [(FIRST_PATCH, FIRST), (SECOND_PATCH, FEATURES)];
        match self {
            Self::Softmax => &[(PIXELS, CLASSES)],
            Self::Mlp => &[(PIXELS, 256), (256, CLASSES)],
            Self::Lenet => &[SIGHT[0], SIGHT[1], (FEATURES, 32), (32, CLASSES)],
            Self::LenetSmall => &[SIGHT[0], SIGHT[1], (FEATURES, CLASSES)],
        }
    }

    /// Length of the flat vector.
    pub fn parameters(self) -> usize {
        self.layers().iter().map(|(inputs, outputs)| (inputs + 1) * outputs).sum()
    }

    /// The parameters to begin with: every weight and bias uniform within ±1/√inputs of its layer.
    pub fn initial(self, key: RandomKey) -> Vec<f32> {
        let mut stream = key.at(Purpose::Parameters, 0, 0);
        let mut parameters = Vec::with_capacity(self.parameters());
        for &(inputs, outputs) in self.layers() {
            let bound = (inputs as f32).sqrt().recip();
            parameters.extend((0..(inputs + 1) * outputs).map(|_| {
                let unit = (stream.next_u64() >> 40) as f32 / (1u64 << 24) as f32; // 24 bits: exact in f32
                (2.0 * unit - 1.0) * bound
            }));
        }
        parameters
    }

    /// Whether the first two layers are the convolutions.
    pub(crate) fn sees(self) -> bool {
        match self {
            Self::Softmax | Self::Mlp => false,
            Self::Lenet | Self::LenetSmall => true,
        }
    }

    fn drops(self) -> bool {
        match self {
            Self::Softmax | Self::Mlp | Self::LenetSmall => false,
            Self::Lenet => true,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Softmax => "softmax",
            Self::Mlp => "mlp",
            Self::Lenet => "lenet",
            Self::LenetSmall => "lenet-small",
        })
    }
}

/// The processor: burn's own backend without threads, so that each worker keeps to one core. Chosen by name, as the
/// default would change with the features that a build happens to have.
pub fn device() -> Device {
    Device::flex()
}

/// A name that no network has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownArchitecture(pub String);

impl fmt::Display for UnknownArchitecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = Architecture::ALL.iter().map(Architecture::to_string).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let all = names.join(", ");
        match sim::nearest(&self.0, &names) {
            Some(name) => write!(f, "there is no model '{}'; did you mean '{name}'? (known: {all})", self.0),
            None => write!(f, "there is no model '{}'; choose one of {all}", self.0),
        }
    }
}

impl std::error::Error for UnknownArchitecture {}

impl FromStr for Architecture {
    type Err = UnknownArchitecture;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let name = name.trim();
        Self::ALL.into_iter().find(|a| a.to_string() == name).ok_or_else(|| UnknownArchitecture(name.into()))
    }
}

/// How well parameters do on a set of images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Share of the images whose greatest logit is that of their label, 0 to 1.
    pub accuracy: f64,
}

impl Score {
    /// The mean over batches of equal size; NaN of none.
    pub fn mean(scores: &[Score]) -> Score {
        let mean = |of: fn(&Score) -> f64| scores.iter().map(of).sum::<f64>() / scores.len() as f64;
        Score { loss: mean(|score| score.loss), accuracy: mean(|score| score.accuracy) }
    }
}

/// A network on a device. It holds no parameters and never changes: what it computes depends on what it is given, to the
/// bit, in any thread.
#[derive(Clone, Debug)]
pub struct Net {
    architecture: Architecture,
    device: Device,
    sight: Option<Sight>,
    at_once: usize, // samples that go through the layers together
}

impl Net {
    /// A network on a device.
    pub fn new(architecture: Architecture, device: &Device) -> Self {
        // A patch matrix of 32 images fits into a core's cache; a GPU wants all there is.
        let at_once = if architecture.sees() && *device == Device::flex() { 32 } else { usize::MAX / PIXELS };
        Self { architecture, device: device.clone(), sight: architecture.sees().then(|| Sight::new(device)), at_once }
    }

    /// Which network it is.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// How well `parameters` do on a batch, under dropout; `gradient` is replaced by the gradient of the loss. `images` holds
    /// `PIXELS` normalised numbers a label; `luck` decides what dropout silences, and is left alone by networks without it.
    ///
    /// # Panics
    /// If the lengths do not fit together, a label is no class, or the batch is empty.
    pub fn gradient(
        &self,
        parameters: &[f32],
        images: &[f32],
        labels: &[u8],
        key: &mut Stream,
        gradient: &mut Vec<f32>,
    ) -> Score {
        let n = labels.len();
        assert!(n > 0, "a batch holds at least one sample");
        assert_eq!(images.len(), n * PIXELS, "every label has an image");
        let mut layers = self.layers(parameters);
        gradient.clear();
        let (mut loss, mut right) = (0.0, 0);
        for (images, labels) in images.chunks(self.at_once * PIXELS).zip(labels.chunks(self.at_once)) {
            let (part, logits, gradients) = self.part(&mut layers, images, labels, 1.0 / n as f64, key);
            let (part, logits) = added(part, logits, gradients, gradient);
            loss += part;
            right += told_right(&logits, labels);
        }
        Score { loss: f64::from(loss), accuracy: right as f64 / n as f64 }
    }

    /// The loss of some of the samples, each with this `weight`, the logits, and the gradients of the layers.
    fn part(
        &self,
        layers: &mut [Affine],
        images: &[f32],
        labels: &[u8],
        weight: f64,
        key: &mut Stream,
    ) -> (Tensor<1>, Tensor<2>, Vec<Affine>) {
        let Some(sight) = &self.sight else {
            let mut values = dense::forward(layers, self.input(images));
            let logits = values.pop().expect("a network has a layer");
            let (loss, back) = cross_entropy(logits.clone(), labels, weight);
            return (loss, logits, dense::backward(layers, &mut values, back, false).0);
        };
        let [first, second, rest @ ..] = layers else { unreachable!("{} has two convolutions", self.architecture) };
        let silent = self.architecture.drops().then(|| sight.silence(labels.len(), key));
        let seen = sight.forward(images, [first, second], silent);
        let mut values = dense::forward(rest, seen.features.clone());
        let logits = values.pop().expect("a network has a layer");
        let (loss, back) = cross_entropy(logits.clone(), labels, weight);
        let (gradients, back) = dense::backward(rest, &mut values, back, true);
        let back = back.expect("asked for");
        (loss, logits, sight.backward(seen, second, back).into_iter().chain(gradients).collect())
    }

    /// Loss and accuracy over all of `split`, without dropout.
    pub fn evaluate(&self, parameters: &[f32], split: &Split) -> Score {
        let at_once = self.at_once.min(1000);
        let mut layers = self.layers(parameters);
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        let (mut loss, mut right) = (0.0, 0usize);
        for start in (0..split.len()).step_by(at_once) {
            split.gather(start..split.len().min(start + at_once), &mut images, &mut labels);
            let logits = self.forward(&mut layers, &images);
            right += told_right(&logits, &labels);
            for (logits, &label) in numbers(&logits).chunks_exact(CLASSES).zip(&labels) {
                let own = logits[usize::from(label)];
                let greatest = logits.iter().copied().fold(own, f32::max);
                let sum: f64 = logits.iter().map(|&x| f64::from(x - greatest).exp()).sum();
                loss += sum.ln() + f64::from(greatest - own);
            }
        }
        let n = split.len() as f64;
        Score { loss: loss / n, accuracy: right as f64 / n }
    }

    /// Logits `[images, CLASSES]` of `images`, without dropout.
    ///
    /// # Panics
    /// If that is no whole number of images.
    pub fn logits(&self, parameters: &[f32], images: &[f32]) -> Vec<f32> {
        assert_eq!(images.len() % PIXELS, 0, "whole images");
        let mut layers = self.layers(parameters);
        let chunks = images.chunks(self.at_once.min(1000) * PIXELS);
        chunks.flat_map(|images| numbers(&self.forward(&mut layers, images)).to_vec()).collect()
    }

    fn forward(&self, layers: &mut [Affine], images: &[f32]) -> TensorData {
        let logits = match &self.sight {
            None => dense::forward(layers, self.input(images)),
            Some(sight) => {
                let [first, second, rest @ ..] = layers else { unreachable!("two convolutions") };
                dense::forward(rest, sight.forward(images, [first, second], None).features)
            }
        };
        logits.last().expect("a network has a layer").clone().into_data()
    }

    fn input(&self, images: &[f32]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(images.to_vec(), [images.len() / PIXELS, PIXELS]), &self.device)
    }

    fn layers(&self, parameters: &[f32]) -> Vec<Affine> {
        let expected = self.architecture.parameters();
        assert_eq!(parameters.len(), expected, "{} has {expected} parameters", self.architecture);
        let mut rest = parameters;
        let mut next = |rows: usize, columns: usize| {
            let (these, after) = rest.split_at(rows * columns);
            rest = after;
            Tensor::from_data(TensorData::new(these.to_vec(), [rows, columns]), &self.device)
        };
        let layers = self.architecture.layers().iter();
        layers.map(|&(inputs, outputs)| Affine { weight: next(inputs, outputs), bias: next(1, outputs) }).collect()
    }
}

/// Reads everything from the device at once, adds the layers up in the flat `sum` (or begins it), and returns the loss and
/// the logits.
fn added(loss: Tensor<1>, logits: Tensor<2>, layers: Vec<Affine>, sum: &mut Vec<f32>) -> (f32, TensorData) {
    let reading = Transaction::default().register(loss).register(logits);
    let reading =
        layers.into_iter().fold(reading, |reading, layer| reading.register(layer.weight).register(layer.bias));
    let mut read = reading.execute().into_iter();
    let mut next = || read.next().expect("what was registered is read");
    let (loss, logits) = (next(), next());
    if sum.is_empty() {
        read.for_each(|part| sum.extend_from_slice(numbers(&part)));
    } else {
        let mut rest = &mut sum[..];
        for part in read {
            let (these, after) = rest.split_at_mut(numbers(&part).len());
            these.iter_mut().zip(numbers(&part)).for_each(|(sum, part)| *sum += part);
            rest = after;
        }
    }
    (numbers(&loss)[0], logits)
}

/// How many of the samples have their own label's logit above all others, `[n, CLASSES]`.
fn told_right(logits: &TensorData, labels: &[u8]) -> usize {
    let right = |(logits, &label): (&[f32], &u8)| {
        let own = logits[usize::from(label)];
        logits.iter().enumerate().all(|(class, &x)| class == usize::from(label) || x < own)
    };
    numbers(logits).chunks_exact(CLASSES).zip(labels).filter(|pair| right(*pair)).count()
}

fn numbers(data: &TensorData) -> &[f32] {
    data.as_slice().expect("every tensor here is of f32")
}

#[cfg(test)]
#[path = "net_tests.rs"]
mod tests;
