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
    let (colour, shape) = match policy.name() {
        "sync" => (0, 0),
        "async" => (1, 1),
        "k-async" => (2, 2),
        "k-sync" => (3, 3),
        "ssp" => (4, 4),
        "local" | "async-local" | "k-local" => (5, 5),
        "k-batch-async" | "fedbuff" => (6, 6),
        "k-batch-sync" => (7, 0),
        // Eight colours are what eyes can tell apart: the rare ones share theirs with their next of kin.
        "backup" | "grace" => (3, 0),
        "hogwild" => (4, 2),
        "rennala" | "ringmaster" => (1, 3),
        _ => (0, 4),
    };
    (plot::colour(colour), plot::shape(shape + nth))
}
