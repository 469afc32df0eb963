//! What must a page be able to do, be it made of pixels or of paths?

use super::PlotError;
use super::colour::Colour;
use super::figure::Align;
use super::geometry::Px;

/// A white page in CSS pixels, y downwards; later ink covers earlier ink.
pub(super) trait Surface {
    /// A filled area; `alpha` 1 is opaque.
    fn area(&mut self, points: &[Px], colour: Colour, alpha: f64) -> Result<(), PlotError>;

    /// A line through the points.
    fn stroke(&mut self, points: &[Px], colour: Colour, width: f64) -> Result<(), PlotError>;

    /// A filled circle.
    fn disc(&mut self, centre: Px, radius: f64, colour: Colour) -> Result<(), PlotError>;

    /// Words on one line.
    fn text(&mut self, text: &str, style: &Lettering) -> Result<(), PlotError>;
}

/// Where and how words are set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lettering {
    /// A point of the baseline.
    pub(super) at: Px,
    /// Which part of the words stands there.
    pub(super) align: Align,
    /// Pixels to the em.
    pub(super) size: f64,
    pub(super) colour: Colour,
    /// Written upwards.
    pub(super) upwards: bool,
}
