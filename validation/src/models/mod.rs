//! Networks: what is trained. [`net`] first, then [`backend`] (on what it computes) and [`checkpoint`] (how it is kept).

pub mod backend;
pub mod checkpoint;
pub mod classifier;
mod dense;
pub mod net;
mod product;
mod sight;
