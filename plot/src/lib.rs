//! How does a table of results become a figure fit for a paper?
//!
//! A [`Figure`] is plain data; [`svg()`] and [`png()`] turn it into the bytes of a file. The same figure gives the same
//! bytes in every run: the font is embedded, nothing is asked of the system, nothing iterates a hash map.
//!
//! What cannot be drawn (not finite, or not positive on a log axis) is left out, and a line breaks there.

mod axes;
mod colour;
mod figure;
mod font;
mod geometry;
mod ink;
mod layout;
mod legend;
mod mark;
mod panel;
mod raster;
mod ruler;
mod spacing;
mod strip;
mod surface;
mod ticks;
mod vector;

use std::fmt;

pub use colour::{Colour, Dash, Fill, Shape, colour, dash, shape};
pub use figure::{Align, Axis, Figure, Mark, Panel, Range, Rect, Reference, Scale, Ticks};
pub use mark::{Entry, Glyph};

use layout::{HEAD_TEXT, Plan};
use surface::{Lettering, Surface};

/// The figure as an SVG document.
pub fn svg(figure: &Figure) -> Result<Vec<u8>, PlotError> {
    let plan = Plan::new(figure)?;
    vector::document(plan.size, |page| draw(page, figure, &plan))
}

/// The figure as a PNG file, two pixels to each CSS pixel.
pub fn png(figure: &Figure) -> Result<Vec<u8>, PlotError> {
    let plan = Plan::new(figure)?;
    raster::picture(plan.size, |page| draw(page, figure, &plan))
}

fn draw(page: &mut impl Surface, figure: &Figure, plan: &Plan) -> Result<(), PlotError> {
    if let Some(title) = &figure.title {
        let set = Lettering {
            at: (plan.size.0 / 2.0, plan.title_baseline),
            align: Align::Middle,
            size: HEAD_TEXT,
            colour: Colour::INK,
            upwards: false,
        };
        page.text(title, &set)?;
    }
    plan.legend.draw(page)?;
    for (panel, cell) in figure.panels.iter().zip(&plan.cells) {
        panel::draw(page, panel, cell)?;
    }
    Ok(())
}

/// Why a figure could not be drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum PlotError {
    /// The embedded font does not parse: the build is broken.
    Font,
    /// The page would have too many pixels.
    TooLarge {
        /// In CSS pixels.
        width: f64,
        /// In CSS pixels.
        height: f64,
    },
    /// The drawing library refused.
    Draw(String),
    /// The PNG encoder refused.
    Encode(String),
}

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Font => write!(f, "the embedded font does not parse; rebuild the program"),
            Self::TooLarge { width, height } => {
                write!(f, "a figure of {width} by {height} pixels is too large to draw; use fewer or smaller panels")
            }
            Self::Draw(reason) => write!(f, "the figure could not be drawn: {reason}"),
            Self::Encode(reason) => write!(f, "the figure could not be encoded as PNG: {reason}"),
        }
    }
}

impl std::error::Error for PlotError {}

impl PlotError {
    fn refused(reason: impl fmt::Display) -> Self {
        Self::Draw(reason.to_string())
    }
}

#[cfg(test)]
mod tests;
