//! Figures of each command, and how they become files.

#[cfg(feature = "train")]
pub mod reproduce;
#[cfg(feature = "train")]
pub mod scaling;
pub mod simulate;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "train")]
pub mod validate;

pub use plot::Figure;

use crate::cli::Format;
use crate::error::Error;
use plot::{Colour, Shape};
use sim::Policy;

/// A figure in each of these formats.
///
/// # Errors
/// If it cannot be drawn.
pub fn draw(figure: &Figure, formats: &[Format]) -> Result<Vec<(Format, Vec<u8>)>, Error> {
    let file = |&format: &Format| {
        let drawn = match format {
            Format::Png => plot::png(figure).map_err(|e| Error::Draw(e.to_string()))?,
            Format::Svg | Format::Pdf | Format::Csv => plot::svg(figure).map_err(|e| Error::Draw(e.to_string()))?,
        };
        Ok((format, drawn))
    };
    formats.iter().map(file).collect()
}

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
