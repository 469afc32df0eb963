//! Data sets, and the order in which workers see them.
//!
//! [`source`] has the names that people type; [`mnist`], [`cifar`] and [`synthetic`] read or make [`images`]; [`batches`] says
//! which of them are in a worker's n-th batch.

pub mod batches;
pub mod cifar;
pub mod error;
mod files;
pub mod images;
pub mod mnist;
pub mod source;
pub mod synthetic;
