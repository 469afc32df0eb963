//! Prediction: what one worker costs ([`calibrate`]), the laws behind measured times ([`fit`], [`likelihood`],
//! [`goodness`], [`curves`]), and what follows for many workers ([`experiment`], [`expectation`]).

pub mod calibrate;
pub mod curves;
pub mod expectation;
pub mod experiment;

pub use sim::predict::{fit, goodness, likelihood};
