//! Figures that are still drawn by the crate `plot`.

pub mod loss;
#[cfg(feature = "train")]
pub mod reproduce;
#[cfg(feature = "train")]
pub mod scaling;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "train")]
pub mod validate;

use plot::{Colour, Shape};
use sim::Policy;

/// How a policy looks in every figure: a colour for each kind, whatever else is in the figure; of several of one kind
/// (`k-sync:2`, `k-sync:4`), the `nth` has another shape.
pub fn look(policy: Policy, nth: usize) -> (Colour, Shape) {
    let (colour, shape) = match policy {
        Policy::Sync => (0, 0),
        Policy::Async => (1, 1),
        Policy::KAsync(_) => (2, 2),
        Policy::KSync(_) => (3, 3),
        Policy::Ssp(_) => (4, 4),
        Policy::Local(_) => (5, 5),
        Policy::KBatchAsync(_) => (6, 6),
        Policy::KBatchSync(_) => (7, 0),
        // Eight colours are what eyes can tell apart: the rare ones share theirs with their next of kin.
        Policy::Backup(_) => (3, 0),
        Policy::Hogwild => (4, 2),
    };
    (plot::colour(colour), plot::shape(shape + nth))
}
