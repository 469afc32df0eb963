//! Does the prediction hold? The trainer that really runs, and what it takes to compare it with the simulator.
//!
//! Read in this order: the data ([`mnist`], [`batches`]), the networks ([`models`], with `dense`, `sight` and `product`
//! below, and [`backend`] and [`checkpoint`] beside them), what is learnt and how ([`digits`]; without any order:
//! [`hogwild`]), real threads ([`threaded`], with `worker` and [`failure`]) on real [`mod@cores`], a run and its journal ([`training`]);
//! then the laws behind measured times ([`mod@fit`], [`likelihood`], [`mod@goodness`], [`curves`]); and what one worker
//! costs ([`mod@calibrate`]), what follows for many ([`experiment`]), and whether it is so ([`agreement`]). Published
//! experiments are [`trial`]s of a [`method`], beside the speed-up to be expected ([`expectation`]).
//!
//! The coordinator, the policies and the laws are the simulator's own; nothing of them exists twice.

pub mod agreement;
pub mod backend;
pub mod batches;
pub mod calibrate;
pub mod checkpoint;
pub mod cores;
pub mod curves;
pub mod data_error;
mod dense;
pub mod digits;
pub mod expectation;
pub mod experiment;
pub mod failure;
pub mod fit;
pub mod goodness;
pub mod hogwild;
pub mod likelihood;
pub mod method;
pub mod mnist;
pub mod models;
mod product;
mod sight;
pub mod threaded;
pub mod training;
pub mod trial;
mod worker;

pub use agreement::{Interval, Verdict};
pub use backend::{Backend, NoDevice};
pub use batches::{BatchError, Batches, Share};
pub use calibrate::{Calibration, calibrate};
pub use checkpoint::CheckpointError;
pub use curves::{Histogram, density_curve, quantile_pairs};
pub use data_error::DataError;
pub use digits::{Digits, LearningRateRule, Sgd, Weights};
pub use expectation::{Expectation, expect};
pub use experiment::{Cell, Claim, Observed, Quantity, Replication, claims};
pub use failure::Failure;
pub use fit::{Family, FitError, fit};
pub use goodness::{Comparison, Gap, Goodness, Maximum, compare, goodness};
pub use hogwild::Hogwild;
pub use likelihood::{ln_density, log_likelihood};
pub use method::Method;
pub use mnist::{Dataset, PixelScale, Split};
pub use models::{Architecture, Net, Score};
pub use threaded::Threaded;
pub use training::{End, Holds, Journal, train};
pub use trial::{Bench, Break, Outcome, Trial, TrialError};
