//! The convolutional network of published experiments with Hogwild.

use super::layers::{conv, linear, max_pool};
use super::network::Model;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use sim::random::key::Stream;

/// The convolutions and poolings of [`Lenet`](super::lenet::Lenet) without dropout, then 64-10.
#[derive(Module, Debug)]
pub struct LenetSmall {
    conv1: Conv2d,
    pool1: MaxPool2d,
    conv2: Conv2d,
    pool2: MaxPool2d,
    pool3: MaxPool2d,
    fc1: Linear,
}

impl Model for LenetSmall {
    const INPUT: [usize; 3] = [1, 28, 28];

    fn new(device: &Device) -> LenetSmall {
        let one = PaddingConfig2d::Explicit(1, 1, 1, 1);
        LenetSmall {
            conv1: Conv2dConfig::new([1, 16], [5, 5]).with_padding(one.clone()).init(device),
            pool1: MaxPool2dConfig::new([2, 2]).with_padding(one).init(),
            conv2: Conv2dConfig::new([16, 64], [5, 5]).init(device),
            pool2: MaxPool2dConfig::new([2, 2]).init(),
            pool3: MaxPool2dConfig::new([5, 5]).with_strides([1, 1]).init(),
            fc1: LinearConfig::new(64, 10).init(device),
        }
    }

    fn forward(&self, images: Tensor<4>, _: Option<&mut Stream>) -> Tensor<2> {
        let x = relu(max_pool(&self.pool1, conv(&self.conv1, images))); // [n, 16, 14, 14]
        let x = relu(max_pool(&self.pool2, conv(&self.conv2, x))); // [n, 64, 5, 5]
        let x = max_pool(&self.pool3, x).flatten(1, 3); // [n, 64]
        linear(&self.fc1, x) // [n, 10]
    }
}
