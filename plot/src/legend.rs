//! Which glyph stands for which words, and how do the entries wrap into rows above the panels?

use super::colour::Colour;
use super::figure::Align;
use super::geometry::{Frame, Px, nearest};
use super::mark::{Entry, Glyph};
use super::surface::{Lettering, Surface};
use super::{PlotError, font, ink};

const TEXT: f64 = 12.5;
const SPACE: f64 = 7.0;
const BETWEEN: f64 = 20.0;
const ROW: f64 = 20.0;
const BELOW: f64 = 8.0;

/// Entries with the left end and middle of each.
pub(super) struct Placed {
    rows: Vec<Vec<(Entry, f64, f64)>>,
    left: f64,
    top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Placed {
    /// As many entries to a row as fit between `left` and `left + room`.
    pub(super) fn new(entries: &[Entry], left: f64, top: f64, room: f64) -> Result<Self, PlotError> {
        let mut rows: Vec<Vec<(Entry, f64, f64)>> = Vec::new();
        let mut end = f64::INFINITY;
        let mut width: f64 = 0.0;
        for entry in entries {
            let own = extent(&entry.glyphs) + SPACE + font::width(&entry.label, TEXT)?;
            if end + BETWEEN + own > room {
                rows.push(Vec::new());
                end = -BETWEEN;
            }
            let start = end + BETWEEN;
            end = start + own;
            width = width.max(end);
            if let Some(row) = rows.last_mut() {
                row.push((entry.clone(), start, end));
            }
        }
        let height = match rows.len() {
            0 => 0.0,
            n => n as f64 * ROW + BELOW,
        };
        Ok(Self { rows, left, top, width, height })
    }

    /// The same rows in the middle of the page, starting one under the other.
    pub(super) fn centred(mut self, page: f64) -> Self {
        self.left = nearest((page - self.width) / 2.0);
        self
    }

    pub(super) fn draw(&self, page: &mut impl Surface) -> Result<(), PlotError> {
        for (index, row) in self.rows.iter().enumerate() {
            let y = self.top + (index as f64 + 0.5) * ROW;
            for (entry, start, _) in row {
                let x = self.left + start;
                let wide = extent(&entry.glyphs);
                for glyph in &entry.glyphs {
                    miniature(page, *glyph, (x + wide / 2.0, y))?;
                }
                let words = Lettering {
                    at: (x + wide + SPACE, y + TEXT * 0.36),
                    align: Align::Start,
                    size: TEXT,
                    colour: Colour::INK,
                    upwards: false,
                };
                page.text(&entry.label, &words)?;
            }
        }
        Ok(())
    }
}

/// Width of the widest of some glyphs.
fn extent(glyphs: &[Glyph]) -> f64 {
    let own = |glyph: &Glyph| match glyph {
        Glyph::Line(..) | Glyph::Band(_) => 28.0,
        Glyph::Swatch(..) => 18.0,
        Glyph::Marker(..) | Glyph::ErrorBar(_) => 10.0,
    };
    glyphs.iter().map(own).fold(0.0, f64::max)
}

fn miniature(page: &mut impl Surface, glyph: Glyph, (middle, y): Px) -> Result<(), PlotError> {
    let half = extent(&[glyph]) / 2.0;
    let around = |half_width: f64, half_height: f64| Frame {
        left: middle - half_width,
        top: y - half_height,
        right: middle + half_width,
        bottom: y + half_height,
    };
    match glyph {
        Glyph::Line(colour, dash, width) => {
            ink::broken(page, &[(middle - half, y), (middle + half, y)], colour, dash, width)
        }
        Glyph::Marker(colour, shape, filled, radius) => ink::marker(page, (middle, y), shape, radius, colour, filled),
        Glyph::Band(colour) => page.area(&around(half, 5.5).corners(), colour, ink::TRANSLUCENT),
        Glyph::ErrorBar(colour) => ink::interval(page, (middle, y - 7.0), (middle, y + 7.0), colour),
        Glyph::Swatch(colour, fill) => ink::rectangle(page, &around(half, 5.5), colour, fill),
    }
}
