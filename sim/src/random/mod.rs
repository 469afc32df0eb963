//! Random numbers: streams with a key for every number, and laws of positive random times.
//!
//! Read [`key`] first (common random numbers: which number belongs to which step), then [`law`]; [`step_times`] is what
//! measured laws are made of.

pub mod compute;
pub mod key;
pub mod law;
pub(crate) mod ln;
mod persistence;
pub mod step_times;
pub mod syntax;

pub use compute::{Compute, Dependence};
pub use key::{Purpose, RandomKey, Stream};
pub use law::{Law, LawError, LawText, Phases, TraceSource};
pub use step_times::{StepTime, StepTimes, StepTimesError};
