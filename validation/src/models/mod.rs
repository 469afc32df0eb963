//! Networks: burn modules, how they are computed, and how their parameters are kept.
//!
//! [`network`] has the table of all networks, each a file of its own ([`softmax`], [`mlp`], [`lenet`], [`lenet_small`],
//! [`vgg11`]); [`layers`] the differentiable operations that they call, and [`dropout`] the seeded one; [`flat`] makes one
//! vector of a module's parameters; [`net`] computes losses, gradients and scores; [`backend`] says on what, and
//! [`checkpoint`] keeps parameters in files.

pub mod backend;
pub mod checkpoint;
pub mod classifier;
pub mod dropout;
pub mod flat;
pub mod layers;
pub mod lenet;
pub mod lenet_small;
pub mod mlp;
pub mod net;
pub mod network;
pub mod softmax;
pub mod vgg11;
