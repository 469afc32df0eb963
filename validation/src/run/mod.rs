//! Training runs: what is asked for, who runs it, and what is written down.
//!
//! [`runner`] runs a job on any cluster and is what every command that trains calls; [`training`] has its journal, [`state`]
//! what it sees of a cluster, [`checkpoint`] what it needs to go on after an end that nobody wanted, [`watchdog`] who sees a
//! standstill, [`scoring`] how much is classified along the way. [`trial`] is a cell of a published experiment,
//! whose [`method`] is a policy or model averaging.

pub mod checkpoint;
pub mod method;
pub mod runner;
pub mod scoring;
pub mod state;
pub mod training;
pub mod trial;
pub mod watchdog;
