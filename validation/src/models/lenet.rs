//! A convolutional network for digits, as in published experiments with model averaging.
//!
//! ReLU comes after a pooling and not before it: it is monotone, so the result is the same, on a quarter of the numbers.

use super::dropout::Dropout;
use super::layers::{conv, linear, max_pool};
use super::network::Model;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use sim::random::key::Stream;

/// Two convolutions, three poolings, dropout 0.5, then 64-32-10.
#[derive(Module, Debug)]
pub struct Lenet {
    conv1: Conv2d,
    pool1: MaxPool2d,
    conv2: Conv2d,
    pool2: MaxPool2d,
    dropout: Dropout,
    pool3: MaxPool2d,
    fc1: Linear,
    fc2: Linear,
}

impl Model for Lenet {
    const INPUT: [usize; 3] = [1, 28, 28];

    fn new(device: &Device) -> Lenet {
        let one = PaddingConfig2d::Explicit(1, 1, 1, 1);
        Lenet {
            conv1: Conv2dConfig::new([1, 16], [5, 5]).with_padding(one.clone()).init(device),
            pool1: MaxPool2dConfig::new([2, 2]).with_padding(one).init(),
            conv2: Conv2dConfig::new([16, 64], [5, 5]).init(device),
            pool2: MaxPool2dConfig::new([2, 2]).init(),
            dropout: Dropout::new(0.5),
            pool3: MaxPool2dConfig::new([5, 5]).with_strides([1, 1]).init(),
            fc1: LinearConfig::new(64, 32).init(device),
            fc2: LinearConfig::new(32, 10).init(device),
        }
    }

    fn forward(&self, images: Tensor<4>, dropout: Option<&mut Stream>) -> Tensor<2> {
        let x = relu(max_pool(&self.pool1, conv(&self.conv1, images))); // [n, 16, 14, 14]
        let x = relu(max_pool(&self.pool2, conv(&self.conv2, x))); // [n, 64, 5, 5]
        let x = max_pool(&self.pool3, self.dropout.forward(x, dropout)); // [n, 64, 1, 1]
        let x = relu(linear(&self.fc1, x.flatten(1, 3))); // [n, 32]
        linear(&self.fc2, x) // [n, 10]
    }
}
