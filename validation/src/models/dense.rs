//! How does a chain of dense layers learn? Each step forward with, beside it, the step back that belongs to it.
//!
//! The way back is written out and not recorded: no graph, no lock, no bookkeeping a step, and workers that share
//! nothing. Shapes: `n` samples in a batch.

use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::{Tensor, TensorData};

use crate::models::product::Factor::{Plain, Turned};
use crate::models::product::product;

/// `input · weight + bias`.
#[derive(Clone, Debug)]
pub struct Affine {
    /// `[inputs, outputs]`
    pub weight: Tensor<2>,
    /// `[1, outputs]`
    pub bias: Tensor<2>,
}

impl Affine {
    /// From `input` of `[n, inputs]` to `[n, outputs]`.
    pub fn forward(&mut self, input: &mut Tensor<2>) -> Tensor<2> {
        product(Plain(input), Plain(&mut self.weight)) + self.bias.clone()
    }

    /// The gradient of the layer, from what went in and the gradient `back` of what came out.
    pub fn gradient(input: &mut Tensor<2>, back: &mut Tensor<2>) -> Affine {
        Affine { weight: product(Turned(input), Plain(back)), bias: back.clone().sum_dim(0) }
    }

    /// The gradient of what went in.
    pub fn backward(&mut self, back: &mut Tensor<2>) -> Tensor<2> {
        product(Plain(back), Turned(&mut self.weight))
    }
}

/// The way back through `output = relu(input)`: what was cut off has no gradient.
pub fn relu_backward<const D: usize>(output: Tensor<D>, back: Tensor<D>) -> Tensor<D> {
    back * output.greater_elem(0).float() // a product: `mask_fill` in place is a branch a number
}

/// What goes into each layer of the chain, and last what comes out of it. A ReLU stands between two layers.
pub fn forward(layers: &mut [Affine], input: Tensor<2>) -> Vec<Tensor<2>> {
    let last = layers.len() - 1;
    let mut values = vec![input];
    for (i, layer) in layers.iter_mut().enumerate() {
        let output = layer.forward(&mut values[i]);
        values.push(if i < last { relu(output) } else { output });
    }
    values
}

/// The gradients of the layers, first to last, from their inputs and the gradient `back` of what came out; with the
/// gradient of what went in, where `first_input` asks for it.
pub fn backward(
    layers: &mut [Affine],
    inputs: &mut [Tensor<2>],
    mut back: Tensor<2>,
    first_input: bool,
) -> (Vec<Affine>, Option<Tensor<2>>) {
    let mut gradients = Vec::with_capacity(layers.len());
    for i in (0..layers.len()).rev() {
        gradients.push(Affine::gradient(&mut inputs[i], &mut back));
        if i > 0 {
            back = relu_backward(inputs[i].clone(), layers[i].backward(&mut back));
        }
    }
    gradients.reverse();
    let back = first_input.then(|| layers[0].backward(&mut back));
    (gradients, back)
}

/// Sum over the samples of their cross-entropy times `weight`, `[1]`, and its gradient with respect to the `logits`,
/// `[n, classes]`.
///
/// # Panics
/// If a label is no class.
pub fn cross_entropy(logits: Tensor<2>, labels: &[u8], weight: f64) -> (Tensor<1>, Tensor<2>) {
    let [n, classes] = logits.dims();
    let mut truth = vec![0f32; n * classes];
    for (sample, &label) in labels.iter().enumerate() {
        assert!(usize::from(label) < classes, "label {label} of sample {sample} is none of the {classes} classes");
        truth[sample * classes + usize::from(label)] = 1.0;
    }
    let truth = Tensor::<2>::from_data(TensorData::new(truth, [n, classes]), &logits.device());
    let log = log_softmax(logits, 1);
    let loss = (log.clone() * truth.clone()).sum() * -weight;
    (loss, (log.exp() - truth) * weight)
}
