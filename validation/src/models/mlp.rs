//! A perceptron with one hidden layer.

use super::layers::linear;
use super::network::Model;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use sim::random::key::Stream;

/// 784-256-10 with ReLU.
#[derive(Module, Debug)]
pub struct Mlp {
    fc1: Linear,
    fc2: Linear,
}

impl Model for Mlp {
    const INPUT: [usize; 3] = [1, 28, 28];

    fn new(device: &Device) -> Mlp {
        Mlp { fc1: LinearConfig::new(784, 256).init(device), fc2: LinearConfig::new(256, 10).init(device) }
    }

    fn forward(&self, images: Tensor<4>, _: Option<&mut Stream>) -> Tensor<2> {
        let x = images.flatten(1, 3); // [n, 784]
        let x = relu(linear(&self.fc1, x)); // [n, 256]
        linear(&self.fc2, x) // [n, 10]
    }
}
