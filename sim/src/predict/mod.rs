//! From measured step times to a model: which law ([`fit`], [`likelihood`], [`goodness`]), and which dependence between
//! workers and steps ([`candidate`], chosen in [`heldout`] by the prediction of steps that were kept aside).

pub mod candidate;
pub mod fit;
pub mod goodness;
pub mod heldout;
pub mod likelihood;
