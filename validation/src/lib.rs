//! Real synchronous and asynchronous SGD on threads, and whether the simulator predicts it.
//!
//! Rooms, in the order in which to read them: [`data`], [`models`], [`learner`], [`cluster`], [`run`], [`predict`],
//! [`verdict`]. The coordinator, the policies and the laws are the simulator's own; nothing of them exists twice.

pub mod cluster;
pub mod data;
#[cfg(test)]
#[path = "../../tests/common/garbled.rs"]
mod garbled;
pub mod learner;
pub mod models;
pub mod predict;
pub mod run;
pub mod verdict;

pub use cluster::clock::RealTime;
pub use cluster::cores::Placement;
pub use cluster::failure::Failure;
pub use cluster::threads::Threaded;
pub use data::batches::{BatchError, Batches, Share};
pub use data::error::DataError;
pub use data::images::{Dataset, PixelScale, Split};
pub use data::source::Source;
pub use learner::digits::{Digits, Initial, Velocity, Weights};
pub use learner::hogwild::Hogwild;
pub use learner::sgd::{LearningRateRule, Sgd};
pub use models::backend::{Backend, NoDevice};
pub use models::checkpoint::CheckpointError;
pub use models::classifier::Classifier;
pub use models::net::{Net, Score};
pub use models::network::Architecture;
pub use predict::calibrate::{Alone, Calibration};
pub use predict::curves::{Histogram, density_curve, quantile_pairs};
pub use predict::expectation::{Expectation, expect};
pub use predict::experiment::{Configuration, Observed};
pub use predict::fit::{Family, FitError, fit};
pub use predict::goodness::{Comparison, Gap, Goodness, Maximum, compare, goodness};
pub use predict::likelihood::{ln_density, log_likelihood};
pub use predict::links::Links;
pub use predict::recorded::{Parts, Recorded};
pub use predict::session::{Budget, Session};
pub use predict::testbed::{OnThreads, Testbed};
pub use run::method::Method;
pub use run::runner::{Ended, Job, World};
pub use run::scoring::Scoring;
pub use run::state::ModelState;
pub use run::training::{End, Journal, train};
pub use run::trial::{Bench, Break, Outcome, Trial, TrialClock, TrialError};
pub use verdict::claims::{Claim, Count, Judged, Judgement, Quantity};
pub use verdict::equivalence::Verdict;
pub use verdict::sample::{Interval, Sample};

/// The version of what training computes: another one ends on other parameters from the same seed. What was finished under
/// one is not taken for what another would have given.
pub const NUMERICS: u32 = 2;
