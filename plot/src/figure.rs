//! What does a figure say, before anything is drawn: panels, axes, marks and a legend, as plain data?

use super::colour::{Colour, Dash, Fill, Shape};
use super::mark::Entry;

/// Panels in a grid, filled row by row, under one shared legend.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Line above everything.
    pub title: Option<String>,
    /// The panels, left to right, top to bottom.
    pub panels: Vec<Panel>,
    /// Legend entries in order; none, no legend.
    pub legend: Vec<Entry>,
    /// Panels per row, at least one.
    pub columns: usize,
    /// Width and height between the axes of each panel, in CSS pixels (96 to the inch).
    pub panel_size: (f64, f64),
}

impl Figure {
    /// The panels side by side in one row, without title or legend, each of 340 × 250 pixels.
    pub fn new(panels: Vec<Panel>) -> Self {
        Self { title: None, columns: panels.len().max(1), panels, legend: Vec::new(), panel_size: (340.0, 250.0) }
    }
}

/// One pair of axes and what is drawn between them, in order.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Line above the panel.
    pub title: Option<String>,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn, the first at the bottom.
    pub marks: Vec<Mark>,
}

impl Panel {
    /// An untitled panel.
    pub fn new(x: Axis, y: Axis, marks: Vec<Mark>) -> Self {
        Self { title: None, x, y, marks }
    }

    /// The same panel under a title.
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }
}

/// An axis, before it has seen any data.
#[derive(Clone, Debug)]
pub struct Axis {
    /// The quantity and its unit: `Mean iteration time (s)`.
    pub label: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// Which values it spans.
    pub range: Range,
    /// Where its labelled ticks stand.
    pub ticks: Ticks,
    /// Whether an automatic linear range must contain zero, and starts there if the data allow.
    pub from_zero: bool,
}

impl Axis {
    /// Linear, automatic in everything.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear, range: Range::Auto, ticks: Ticks::Auto, from_zero: false }
    }

    /// Logarithmic, automatic in everything.
    pub fn log(label: impl Into<String>) -> Self {
        Self { scale: Scale::Log, ..Self::linear(label) }
    }

    /// Linear with one named tick for each of 0, 1, 2, …
    pub fn categories<S: Into<String>>(label: impl Into<String>, names: impl IntoIterator<Item = S>) -> Self {
        Self { ticks: Ticks::Categories(names.into_iter().map(Into::into).collect()), ..Self::linear(label) }
    }

    /// The same axis with whole numbers at its ticks: a count of workers.
    pub fn integer(mut self) -> Self {
        self.ticks = Ticks::Integer;
        self
    }

    /// The same axis, zero included.
    pub fn from_zero(mut self) -> Self {
        self.from_zero = true;
        self
    }

    /// The same axis over exactly this range.
    pub fn fixed(mut self, low: f64, high: f64) -> Self {
        self.range = Range::Fixed(low, high);
        self
    }
}

/// How values become lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences, equal lengths.
    Linear,
    /// Equal ratios, equal lengths; only positive values are drawn.
    Log,
}

/// Which values an axis spans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// All that is drawn, and a small margin.
    Auto,
    /// From the first value to the second; what lies outside is clipped.
    Fixed(f64, f64),
}

/// Where the labelled ticks of an axis stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ticks {
    /// At round values.
    Auto,
    /// At whole numbers.
    Integer,
    /// At 0, 1, 2, … under these names.
    Categories(Vec<String>),
}

/// One thing drawn in a panel, in the units of its axes.
#[derive(Clone, Debug)]
pub enum Mark {
    /// Points joined in order; broken where a point cannot be drawn.
    Line {
        /// (x, y).
        points: Vec<(f64, f64)>,
        /// Its colour.
        colour: Colour,
        /// How it is broken.
        dash: Dash,
        /// In pixels.
        width: f64,
    },
    /// Separate markers.
    Points {
        /// (x, y).
        points: Vec<(f64, f64)>,
        /// Their colour.
        colour: Colour,
        /// Their shape.
        shape: Shape,
        /// Whether they are filled or only outlined.
        filled: bool,
        /// Half their width, in pixels.
        radius: f64,
    },
    /// A translucent area between two curves.
    Band {
        /// (x, low, high).
        points: Vec<(f64, f64, f64)>,
        /// Its colour.
        colour: Colour,
    },
    /// Vertical intervals with caps.
    ErrorBars {
        /// (x, low, high).
        points: Vec<(f64, f64, f64)>,
        /// Their colour.
        colour: Colour,
    },
    /// Bars of a chart, bins of a histogram, spans of a timeline.
    Rects {
        /// The rectangles.
        rects: Vec<Rect>,
        /// Their colour.
        colour: Colour,
        /// How they are filled.
        fill: Fill,
    },
    /// A line across the whole panel to compare with.
    Reference {
        /// Which line.
        line: Reference,
        /// Its colour.
        colour: Colour,
        /// How it is broken.
        dash: Dash,
        /// Words at its end, outside the panel; a shaded wedge is named in the legend instead.
        label: Option<String>,
    },
    /// Words at a point.
    Text {
        /// (x, y).
        at: (f64, f64),
        /// The words.
        text: String,
        /// Their colour.
        colour: Colour,
        /// Which part of the words stands at the point.
        align: Align,
    },
}

/// A rectangle in the units of the axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// One side.
    pub x0: f64,
    /// The other side.
    pub x1: f64,
    /// Bottom.
    pub y0: f64,
    /// Top.
    pub y1: f64,
}

/// A line, or a wedge around one, that crosses the whole panel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reference {
    /// y = this.
    Horizontal(f64),
    /// x = this.
    Vertical(f64),
    /// y = x. Where both ranges are automatic it also makes them the same, since one quantity is on both axes.
    Diagonal,
    /// Everything within this share of y = x, shaded: 0.05 for ±5 %.
    Within(f64),
}

/// Which part of a text stands at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}
