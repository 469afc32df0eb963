//! How is a mark made in one line, how far does it reach, and what stands for it in the legend?

use super::colour::{Colour, Dash, Fill, Shape};
use super::figure::{Align, Mark, Rect, Reference};

/// Constructors with the usual looks; every field can still be set by hand.
impl Mark {
    /// A solid line 1.6 pixels wide.
    pub fn line(points: impl IntoIterator<Item = (f64, f64)>, colour: Colour) -> Self {
        Self::Line { points: points.into_iter().collect(), colour, dash: Dash::Solid, width: 1.6 }
    }

    /// Filled markers 8 pixels across.
    pub fn points(points: impl IntoIterator<Item = (f64, f64)>, colour: Colour, shape: Shape) -> Self {
        Self::Points { points: points.into_iter().collect(), colour, shape, filled: true, radius: 4.0 }
    }

    /// A translucent area between (x, low) and (x, high).
    pub fn band(points: impl IntoIterator<Item = (f64, f64, f64)>, colour: Colour) -> Self {
        Self::Band { points: points.into_iter().collect(), colour }
    }

    /// Intervals from (x, low) to (x, high), with caps.
    pub fn error_bars(points: impl IntoIterator<Item = (f64, f64, f64)>, colour: Colour) -> Self {
        Self::ErrorBars { points: points.into_iter().collect(), colour }
    }

    /// Rectangles.
    pub fn rects(rects: impl IntoIterator<Item = Rect>, colour: Colour, fill: Fill) -> Self {
        Self::Rects { rects: rects.into_iter().collect(), colour, fill }
    }

    /// Bars `width` wide from zero up to y, each centred at its x.
    pub fn bars(points: impl IntoIterator<Item = (f64, f64)>, width: f64, colour: Colour, fill: Fill) -> Self {
        let bar = |(x, y): (f64, f64)| Rect { x0: x - width / 2.0, x1: x + width / 2.0, y0: 0.0, y1: y };
        Self::rects(points.into_iter().map(bar), colour, fill)
    }

    /// A grey dashed reference line (or shaded wedge) without words.
    pub fn reference(line: Reference) -> Self {
        Self::Reference { line, colour: Colour::GREY, dash: Dash::Dashed, label: None }
    }

    /// Dark words that start at a point.
    pub fn text(at: (f64, f64), text: impl Into<String>) -> Self {
        Self::Text { at, text: text.into(), colour: Colour::INK, align: Align::Start }
    }

    /// The same mark with another dash, where it has one.
    pub fn dashed(mut self, pattern: Dash) -> Self {
        if let Self::Line { dash, .. } | Self::Reference { dash, .. } = &mut self {
            *dash = pattern;
        }
        self
    }

    /// The same markers, outlined only.
    pub fn hollow(mut self) -> Self {
        if let Self::Points { filled, .. } = &mut self {
            *filled = false;
        }
        self
    }

    /// The same reference line with words beside it.
    pub fn labelled(mut self, words: impl Into<String>) -> Self {
        if let Self::Reference { label, .. } = &mut self {
            *label = Some(words.into());
        }
        self
    }

    /// A reference line and the words beside it.
    pub(super) fn words(&self) -> Option<(Reference, &str)> {
        match self {
            Self::Reference { line, label: Some(label), .. } => Some((*line, label)),
            _ => None,
        }
    }

    /// Every (x, y) that an automatic range must contain.
    pub(super) fn corners(&self) -> Vec<(f64, f64)> {
        match self {
            Self::Line { points, .. } | Self::Points { points, .. } => points.clone(),
            Self::Band { points, .. } | Self::ErrorBars { points, .. } => {
                points.iter().flat_map(|&(x, low, high)| [(x, low), (x, high)]).collect()
            }
            Self::Rects { rects, .. } => rects.iter().flat_map(|r| [(r.x0, r.y0), (r.x1, r.y1)]).collect(),
            Self::Reference { line, .. } => match *line {
                Reference::Horizontal(y) => vec![(f64::NAN, y)],
                Reference::Vertical(x) => vec![(x, f64::NAN)],
                Reference::Diagonal | Reference::Within(_) => Vec::new(),
            },
            Self::Text { at, .. } => vec![*at],
        }
    }
}

/// A legend entry: the glyphs on top of each other, then the words.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The words.
    pub label: String,
    /// What stands before them.
    pub glyphs: Vec<Glyph>,
}

impl Entry {
    /// An entry that looks like these marks: a band under a line under a marker, say.
    pub fn new<'a>(label: impl Into<String>, marks: impl IntoIterator<Item = &'a Mark>) -> Self {
        Self { label: label.into(), glyphs: marks.into_iter().filter_map(Glyph::of).collect() }
    }
}

/// A mark in miniature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Glyph {
    /// A piece of line.
    Line(Colour, Dash, f64),
    /// A marker: colour, shape, whether filled, radius in pixels.
    Marker(Colour, Shape, bool, f64),
    /// A piece of band.
    Band(Colour),
    /// A vertical interval.
    ErrorBar(Colour),
    /// A small rectangle.
    Swatch(Colour, Fill),
}

impl Glyph {
    /// The glyph of a mark; none for text.
    pub fn of(mark: &Mark) -> Option<Self> {
        Some(match mark {
            Mark::Line { colour, dash, width, .. } => Self::Line(*colour, *dash, *width),
            Mark::Points { colour, shape, filled, radius, .. } => Self::Marker(*colour, *shape, *filled, *radius),
            Mark::Band { colour, .. } => Self::Band(*colour),
            Mark::ErrorBars { colour, .. } => Self::ErrorBar(*colour),
            Mark::Rects { colour, fill, .. } => Self::Swatch(*colour, *fill),
            Mark::Reference { line: Reference::Within(_), colour, .. } => Self::Band(*colour),
            Mark::Reference { colour, dash, .. } => Self::Line(*colour, *dash, 1.0),
            Mark::Text { .. } => return None,
        })
    }
}
