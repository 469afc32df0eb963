//! Prediction: what one worker costs, alone and beside others ([`calibrate`], [`companions`]); the laws behind measured
//! times ([`fit`], [`likelihood`], [`goodness`], [`curves`]); what follows for many workers: an [`expectation`] of speed-ups,
//! and the comparison with real runs, configuration by configuration ([`experiment`]), as it is measured ([`session`]) on
//! the threads of a machine or on ranks and their [`links`] ([`testbed`]), and as what was [`recorded`] is compared with
//! the simulator.

pub mod calibrate;
pub mod companions;
pub mod curves;
pub mod expectation;
pub mod experiment;
pub mod links;
#[cfg(feature = "mpi")]
pub mod ranks;
#[cfg(not(feature = "mpi"))]
#[path = "ranks_absent.rs"]
pub mod ranks;
pub mod recorded;
pub mod session;
pub mod testbed;

pub use sim::predict::{fit, goodness, likelihood};
