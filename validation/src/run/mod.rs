//! Runs: a training run and its journal ([`training`]), and the published experiments as [`trial`]s of a [`method`].

pub mod method;
pub mod training;
pub mod trial;
