//! The networks that can be chosen by name. A new one is a file with a [`Model`] and a row in the table below.

use super::flat;
use super::{lenet, lenet_small, mlp, softmax, vgg11};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand::Rng;
use sim::random::key::Stream;
use sim::{Purpose, RandomKey};
use std::fmt;
use std::str::FromStr;

/// What a trainer needs of a burn module.
pub trait Model: Module {
    /// Channels, rows and columns of an image.
    const INPUT: [usize; 3];
    /// What training begins with.
    const INITIALISATION: Initialisation = Initialisation::Uniform;
    /// The network with burn's own initial parameters, which [`Architecture::initial`] replaces.
    fn new(device: &Device) -> Self;
    /// Logits `[n, classes]` of images `[n, channels, rows, columns]`. `dropout` is the stream of random numbers that masks are
    /// drawn from; `None` for a test, in which nothing is dropped.
    fn forward(&self, images: Tensor<4>, dropout: Option<&mut Stream>) -> Tensor<2>;
}

/// How the first parameters are drawn, for a layer with so many inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initialisation {
    /// Weights and biases uniform within ±1/√inputs: PyTorch's default.
    Uniform,
    /// Weights uniform within ±√(6/inputs), biases 0 (He et al. 2015): what goes through many layers with ReLU keeps its size.
    He,
}

macro_rules! networks {
    ($($(#[$doc:meta])* $variant:ident($model:ty) = $name:literal;)*) => {
        /// The networks by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Architecture {
            $($(#[$doc])* $variant,)*
        }

        /// A network of any kind.
        #[derive(Module, Debug)]
        pub enum Network {
            $($(#[$doc])* $variant($model),)*
        }

        impl Architecture {
            /// All of them, the smallest first.
            pub const ALL: [Architecture; [$($name),*].len()] = [$(Architecture::$variant),*];

            /// The name that people type.
            pub fn name(self) -> &'static str {
                match self {
                    $(Architecture::$variant => $name,)*
                }
            }

            /// Channels, rows and columns of an image.
            pub fn input(self) -> [usize; 3] {
                match self {
                    $(Architecture::$variant => <$model>::INPUT,)*
                }
            }

            fn initialisation(self) -> Initialisation {
                match self {
                    $(Architecture::$variant => <$model>::INITIALISATION,)*
                }
            }

            /// The network on a device, all parameters 0.
            pub fn network(self, device: &Device) -> Network {
                flat::zero(match self {
                    $(Architecture::$variant => Network::$variant(<$model>::new(device)),)*
                }, device)
            }
        }

        impl Network {
            /// As [`Model::forward`].
            pub fn forward(&self, images: Tensor<4>, dropout: Option<&mut Stream>) -> Tensor<2> {
                match self {
                    $(Network::$variant(model) => model.forward(images, dropout),)*
                }
            }
        }
    };
}

networks! {
    /// 784-10: logistic regression, convex.
    Softmax(softmax::Softmax) = "softmax";
    /// The convolutions and poolings of lenet without dropout, then 64-10.
    LenetSmall(lenet_small::LenetSmall) = "lenet-small";
    /// Two convolutions, three poolings, dropout 0.5, then 64-32-10.
    Lenet(lenet::Lenet) = "lenet";
    /// 784-256-10 with ReLU.
    Mlp(mlp::Mlp) = "mlp";
    /// Eight convolutions, five poolings, dropout 0.5, then 512-10, on 3 x 32 x 32 pixels.
    Vgg11(vgg11::Vgg11) = "vgg11";
}

impl Architecture {
    /// The shape of each tensor of parameters, in the order of the flat vector.
    pub fn shapes(self) -> Vec<Vec<usize>> {
        flat::shapes(&self.network(&Device::flex()))
    }

    /// Length of the flat vector.
    pub fn parameters(self) -> usize {
        self.shapes().iter().map(|shape| shape.iter().product::<usize>()).sum()
    }

    /// The flat vector to begin with: worker 0's own.
    pub fn initial(self, key: RandomKey) -> Vec<f32> {
        self.initial_of(key, 0)
    }

    /// The flat vector that a worker draws for itself.
    pub fn initial_of(self, key: RandomKey, worker: u32) -> Vec<f32> {
        let mut stream = key.at(Purpose::Parameters, worker, 0);
        let mut parameters = Vec::new();
        let mut bound = 0.0;
        for shape in self.shapes() {
            // A weight of a linear layer is [inputs, outputs], of a convolution [outputs, inputs, rows, columns]; a bias comes
            // after its weight.
            let inputs: Option<usize> = match &shape[..] {
                [inputs, _] => Some(*inputs),
                [_, inputs @ ..] if inputs.len() == 3 => Some(inputs.iter().product()),
                _ => None,
            };
            bound = match (self.initialisation(), inputs) {
                (Initialisation::Uniform, Some(inputs)) => (inputs as f32).sqrt().recip(),
                (Initialisation::Uniform, None) => bound,
                (Initialisation::He, Some(inputs)) => (6.0 / inputs as f32).sqrt(),
                (Initialisation::He, None) => 0.0,
            };
            let count: usize = shape.iter().product();
            parameters.extend((0..count).map(|_| {
                let unit = (stream.next_u64() >> 40) as f32 / (1u64 << 24) as f32; // 24 bits: exact in f32
                (2.0 * unit - 1.0) * bound
            }));
        }
        parameters
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no network has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", unknown(.0))]
pub struct UnknownArchitecture(pub String);

fn unknown(name: &str) -> String {
    let names = Architecture::ALL.map(Architecture::name);
    let all = names.join(", ");
    match sim::nearest(name, &names) {
        Some(nearest) => format!("there is no model '{name}'; did you mean '{nearest}'? (known: {all})"),
        None => format!("there is no model '{name}'; choose one of {all}"),
    }
}

impl FromStr for Architecture {
    type Err = UnknownArchitecture;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let name = name.trim();
        Self::ALL
            .into_iter()
            .find(|architecture| architecture.name() == name)
            .ok_or_else(|| UnknownArchitecture(name.into()))
    }
}
