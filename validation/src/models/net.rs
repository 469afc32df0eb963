//! Losses, gradients and scores of a network: what a trainer asks of it, with parameters as a flat vector.
//!
//! The loss is the mean cross-entropy of a batch; autodiff differentiates it. A [`Net`] holds shapes and no parameters, and
//! never changes, so that all workers share it.

use super::flat;
use super::network::{Architecture, Network};
use crate::data::images::{CLASSES, Split};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use sim::random::key::Stream;
use std::sync::Arc;

/// The CPU: burn's own backend without threads, so that each worker keeps to one core. Chosen by name, as the default would
/// change with the features that a build happens to have.
pub fn device() -> Device {
    Device::flex()
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

/// A network on a device. What it computes depends on what it is given, to the bit, in any thread.
#[derive(Clone, Debug)]
pub struct Net {
    architecture: Architecture,
    /// On the device that records gradients; its parameters are never used.
    template: Network,
    device: Device,
    parameters: usize,
}

/// Images that are classified together.
const AT_ONCE: usize = 100;

impl Net {
    /// A network on a device.
    pub fn new(architecture: Architecture, device: &Device) -> Net {
        let template = architecture.network(&device.clone().autodiff());
        let parameters = flat::shapes(&template).iter().map(|shape| shape.iter().product::<usize>()).sum();
        Net { architecture, template, device: device.clone(), parameters }
    }

    /// Which network it is.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// Length of the flat vector.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Score of `parameters` on a batch, under dropout, and the gradient of its loss. `images` holds the normalised pixels of an
    /// image for each label; `dropout` is what masks are drawn from.
    ///
    /// # Panics
    /// If the lengths do not fit together, a label is no class, or the batch is empty.
    pub fn gradient(
        &self,
        parameters: &Arc<Vec<f32>>,
        images: &[f32],
        labels: &[u8],
        dropout: &mut Stream,
    ) -> (Score, Vec<f32>) {
        assert!(!labels.is_empty(), "a batch holds at least one sample");
        let network = flat::load(&self.template, parameters, &self.device.clone().autodiff());
        let logits = network.forward(self.images(images, labels.len()), Some(dropout));
        let predicted = logits.clone().inner();
        let loss = CrossEntropyLossConfig::new().init(&self.device).forward(logits, self.labels(labels));
        let value: f32 = loss.clone().inner().into_scalar();
        let gradient = flat::gradient(&network, loss.backward(), self.parameters);
        let correct = correct(numbers(&predicted.into_data()), labels);
        (Score { loss: value.into(), accuracy: correct as f64 / labels.len() as f64 }, gradient)
    }

    /// The device that it computes on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether that is the CPU.
    pub fn is_on_cpu(&self) -> bool {
        self.device == Device::flex()
    }

    /// The module, whose parameters are never used.
    pub(crate) fn template(&self) -> &Network {
        &self.template
    }

    /// The loss `[1]` of a network with parameters, and the number of images `[1]` that it classifies correctly, of images `[n,
    /// channels · rows · columns]` and labels `[n]` on its device, under dropout.
    pub(crate) fn loss(
        &self,
        network: &Network,
        images: Tensor<2>,
        labels: Tensor<1, Int>,
        dropout: &mut Stream,
    ) -> (Tensor<1>, Tensor<1>) {
        let [n, _] = images.dims();
        let [channels, rows, columns] = self.architecture.input();
        let logits = network.forward(images.reshape([n, channels, rows, columns]), Some(dropout));
        let predicted = logits.clone().inner();
        let own = predicted.clone().gather(1, labels.clone().reshape([n, 1]));
        // Its own logit is the only one that is not below it.
        let rivals: Tensor<2> = predicted.greater_equal(own).float().sum_dim(1);
        let correct = rivals.equal_elem(1.0).float().sum();
        (CrossEntropyLossConfig::new().init(&self.device).forward(logits, labels), correct)
    }

    /// Loss and accuracy over all of `split`, without dropout.
    pub fn evaluate(&self, parameters: &Arc<Vec<f32>>, split: &Split) -> Score {
        let network = flat::load(&self.template, parameters, &self.device);
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        let (mut loss, mut right) = (0.0, 0);
        for start in (0..split.len()).step_by(AT_ONCE) {
            split.gather(start..split.len().min(start + AT_ONCE), &mut images, &mut labels);
            let logits = network.forward(self.images(&images, labels.len()), None).into_data();
            right += correct(numbers(&logits), &labels);
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

    fn images(&self, images: &[f32], count: usize) -> Tensor<4> {
        let [channels, rows, columns] = self.architecture.input();
        let expected = count * channels * rows * columns;
        assert_eq!(images.len(), expected, "every label has an image");
        let data = TensorData::new(images.to_vec(), [count, channels, rows, columns]);
        Tensor::from_data(data, &self.device)
    }

    fn labels(&self, labels: &[u8]) -> Tensor<1, Int> {
        let wrong = labels.iter().position(|&label| usize::from(label) >= CLASSES);
        if let Some(sample) = wrong {
            panic!("label {} of sample {sample} is none of the {CLASSES} classes", labels[sample]);
        }
        let labels: Vec<i32> = labels.iter().map(|&label| label.into()).collect();
        Tensor::from_data(TensorData::from(&labels[..]), &self.device)
    }
}

/// How many of the samples have their own label's logit above all others, `[n, CLASSES]`.
fn correct(logits: &[f32], labels: &[u8]) -> usize {
    let is_correct = |(logits, &label): (&[f32], &u8)| {
        let own = logits[usize::from(label)];
        logits.iter().enumerate().all(|(class, &x)| class == usize::from(label) || x < own)
    };
    logits.chunks_exact(CLASSES).zip(labels).filter(|pair| is_correct(*pair)).count()
}

fn numbers(data: &TensorData) -> &[f32] {
    data.as_slice().expect("every tensor here is of f32")
}

#[cfg(test)]
#[path = "net_tests.rs"]
mod tests;
