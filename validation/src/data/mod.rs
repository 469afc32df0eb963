//! Data sets, and the order in which workers see them: [`mnist`], [`batches`].

pub mod batches;
pub mod error;
pub mod mnist;
