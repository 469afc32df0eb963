//! VGG-11 for colour images of 32 x 32 pixels (Simonyan and Zisserman 2015, configuration A, with one linear layer).
//!
//! Without batch normalisation, as in configuration A: its running averages would be shared by all workers. The layers of
//! `features` are numbered as in torchvision, where ReLU is a layer, too.

use super::dropout::Dropout;
use super::layers::{conv, linear, max_pool};
use super::network::{Initialisation, Model};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::tensor::{Device, Tensor};
use sim::random::key::Stream;

/// Eight convolutions of 3 x 3, five poolings, dropout 0.5, then 512-10: 9 225 610 parameters.
#[derive(Module, Debug)]
pub struct Vgg11 {
    features: Vec<Feature>,
    dropout: Dropout,
    classifier: Linear,
}

/// A layer before the classifier.
#[derive(Module, Debug)]
enum Feature {
    Conv(Conv2d),
    Relu(Relu),
    Pool(MaxPool2d),
}

/// Channels of a convolution; 0 is a pooling.
const CONFIGURATION: [usize; 13] = [64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0];

impl Model for Vgg11 {
    const INPUT: [usize; 3] = [3, 32, 32];
    const INITIALISATION: Initialisation = Initialisation::He;

    fn new(device: &Device) -> Vgg11 {
        let (mut features, mut inputs) = (Vec::new(), 3);
        for outputs in CONFIGURATION {
            if outputs == 0 {
                features.push(Feature::Pool(MaxPool2dConfig::new([2, 2]).init()));
                continue;
            }
            let conv = Conv2dConfig::new([inputs, outputs], [3, 3]);
            let conv = conv.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(device);
            features.extend([Feature::Conv(conv), Feature::Relu(Relu::new())]);
            inputs = outputs;
        }
        Vgg11 { features, dropout: Dropout::new(0.5), classifier: LinearConfig::new(512, 10).init(device) }
    }

    fn forward(&self, images: Tensor<4>, dropout: Option<&mut Stream>) -> Tensor<2> {
        let x = self.features.iter().fold(images, |x, layer| match layer {
            Feature::Conv(layer) => conv(layer, x),
            Feature::Relu(relu) => relu.forward(x),
            Feature::Pool(layer) => max_pool(layer, x),
        }); // [n, 512, 1, 1]
        let x = self.dropout.forward(x.flatten(1, 3), dropout); // [n, 512]
        linear(&self.classifier, x) // [n, 10]
    }
}
