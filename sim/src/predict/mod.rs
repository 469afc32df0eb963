//! From measured step times to a model: which law ([`fit`], [`likelihood`], [`goodness`]), and which dependence between
//! workers and steps ([`candidate`], chosen in [`heldout`] by the prediction of steps that were kept aside);
//! [`out_of_sample`] says what the choice is worth on steps that it never saw. [`scaling`] is for runs on several numbers of workers,
//! or over several links.

pub mod candidate;
pub mod fit;
pub mod goodness;
pub mod heldout;
pub mod likelihood;
pub mod out_of_sample;
pub mod scaling;
