//! Logistic regression: one linear layer, a convex loss.

use super::layers::linear;
use super::network::Model;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use sim::random::key::Stream;

/// 784-10.
#[derive(Module, Debug)]
pub struct Softmax {
    fc1: Linear,
}

impl Model for Softmax {
    const INPUT: [usize; 3] = [1, 28, 28];

    fn new(device: &Device) -> Softmax {
        Softmax { fc1: LinearConfig::new(784, 10).init(device) }
    }

    fn forward(&self, images: Tensor<4>, _: Option<&mut Stream>) -> Tensor<2> {
        let x = images.flatten(1, 3); // [n, 784]
        linear(&self.fc1, x) // [n, 10]
    }
}
