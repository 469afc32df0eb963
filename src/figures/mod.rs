//! Figures: panels, axes and marks as plain data, drawn through plotters and written as SVG, PNG or PDF.
//!
//! A builder (one file for each figure of a command) turns results into a [`Figure`] and knows nothing of pixels. [`svg`]
//! draws it once; [`png`] and [`pdf`] are made from that document, so that the three always show the same. Nothing is asked
//! of the system: the font is embedded, nothing iterates a hash map, and equal figures give equal bytes.
//!
//! To read: this file, then `draw` (layout and marks), `axis` and `ticks` (values to lengths), `legend`, `page` (how
//! plotters' SVG gets groups and dashes); then the builders, `simulate` first.

mod axis;
mod draw;
pub mod fit;
mod font;
#[cfg(feature = "train")]
pub mod learning_curve;
mod legend;
pub mod loss;
mod page;
pub mod plan;
#[cfg(feature = "train")]
pub mod reproduce;
#[cfg(feature = "train")]
pub mod scaling;
pub mod simulate;
#[cfg(test)]
mod tests;
mod ticks;
pub mod timeline;
#[cfg(feature = "train")]
pub mod validate;

pub use draw::svg;

use crate::cli::Format;

use resvg::{tiny_skia, usvg};

/// The figure in each of these formats.
pub fn files(figure: &Figure, formats: &[Format]) -> Vec<(Format, Vec<u8>)> {
    let svg = svg(figure);
    let file = |format: Format| match format {
        Format::Csv => None,
        Format::Svg => Some(svg.clone().into_bytes()),
        Format::Png => Some(png(&svg)),
        Format::Pdf => Some(pdf(&svg)),
    };
    formats.iter().filter_map(|&format| Some((format, file(format)?))).collect()
}

/// At most so many of these, evenly, and what the caption says of it: nobody sees a thousand lines.
pub fn few<T>(all: Vec<T>, most: usize, what: &str) -> (Vec<T>, String) {
    let every = all.len().div_ceil(most).max(1);
    let words = if every > 1 { format!(" One {what} in {every} is drawn.") } else { String::new() };
    (all.into_iter().step_by(every).collect(), words)
}

/// Pixels of a PNG for each pixel of the SVG.
const PNG_SCALE: f32 = 2.0;

/// The PNG of an SVG document, two pixels to each of its own.
///
/// # Panics
/// If it is not a document of [`svg`].
pub fn png(svg: &str) -> Vec<u8> {
    let tree = tree(svg);
    let size = tree.size().to_int_size().scale_by(PNG_SCALE).expect("a figure is not empty");
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height()).expect("a figure fits into memory");
    resvg::render(&tree, tiny_skia::Transform::from_scale(PNG_SCALE, PNG_SCALE), &mut pixels.as_mut());
    pixels.encode_png().expect("writing to memory does not fail")
}

/// The PDF of an SVG document: one page, as large as the figure at 96 pixels to the inch, its text as outlines (svg2pdf's own
/// way with text needs a font database that looks for the system's fonts).
///
/// # Panics
/// If it is not a document of [`svg`].
pub fn pdf(svg: &str) -> Vec<u8> {
    let page = svg2pdf::PageOptions { dpi: 96.0 };
    let outlines = tree(&tree(svg).to_string(&usvg::WriteOptions::default()));
    let pdf = svg2pdf::to_pdf(&outlines, svg2pdf::ConversionOptions::default(), page);
    with_resources_in_order(pdf.expect("plain shapes"))
}

/// svg2pdf writes the entries of a resource dictionary, a line each, in the order of a hash map, which differs from run to
/// run. In order of their names they are as many bytes, so that no offset in the file changes.
fn with_resources_in_order(mut pdf: Vec<u8>) -> Vec<u8> {
    for kind in ["/ExtGState <<\n", "/XObject <<\n", "/Font <<\n", "/ColorSpace <<\n"] {
        let begins = |at: &usize| pdf[*at..].starts_with(kind.as_bytes());
        let starts: Vec<usize> = (0..pdf.len()).filter(begins).map(|at| at + kind.len()).collect();
        for start in starts {
            let Some(length) = pdf[start..].windows(2).position(|pair| pair == b">>") else { continue };
            let entries = pdf[start..start + length].to_vec();
            let mut lines: Vec<&[u8]> = entries.split_inclusive(|byte| *byte == b'\n').collect();
            // The last piece is the indent of the closing brackets.
            let last = lines.len().saturating_sub(1);
            lines[..last].sort_unstable();
            pdf[start..start + length].copy_from_slice(&lines.concat());
        }
    }
    pdf
}

/// The document with its text in the embedded font.
fn tree(svg: &str) -> usvg::Tree {
    let mut options = usvg::Options { font_family: font::NAME.to_string(), ..usvg::Options::default() };
    options.fontdb_mut().load_font_data(font::BYTES.to_vec());
    usvg::Tree::from_str(svg, &options).expect("a document of svg()")
}

/// Panels in a grid under one legend.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The panels, filled row by row.
    pub panels: Vec<Panel>,
    /// Panels in a row.
    pub columns: usize,
    /// Width and height between the axes of each panel, in pixels (96 to the inch).
    pub panel_size: (f64, f64),
    /// What was run, in small print below everything; empty, nothing.
    pub caption: String,
}

impl Figure {
    /// The panels side by side, each of 340 x 250 pixels.
    pub fn new(panels: Vec<Panel>, caption: impl Into<String>) -> Figure {
        Figure { columns: panels.len().max(1), panels, panel_size: (340.0, 250.0), caption: caption.into() }
    }
}

/// A pair of axes and what is drawn between them.
#[derive(Clone, Debug)]
pub struct Panel {
    /// A line above it; empty, nothing.
    pub title: String,
    /// Horizontal.
    pub x: Axis,
    /// Vertical.
    pub y: Axis,
    /// The first at the bottom.
    pub marks: Vec<Mark>,
}

impl Panel {
    /// A panel without a title.
    pub fn new(x: Axis, y: Axis, marks: Vec<Mark>) -> Panel {
        Panel { title: String::new(), x, y, marks }
    }

    /// The same under a title.
    pub fn titled(self, title: impl Into<String>) -> Panel {
        Panel { title: title.into(), ..self }
    }
}

/// An axis before it has seen the marks.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// How values become lengths.
    pub scale: Scale,
    /// From the first value to the second, which may be the smaller one; fitted to the marks otherwise.
    pub range: Option<(f64, f64)>,
    /// Where the labelled ticks are.
    pub ticks: Ticks,
    /// Whether a fitted linear range starts at zero, unless there is something below.
    pub from_zero: bool,
}

impl Axis {
    /// Linear, fitted to the marks, with ticks at round values.
    pub fn linear(label: impl Into<String>) -> Axis {
        Axis { label: label.into(), scale: Scale::Linear, range: None, ticks: Ticks::Round, from_zero: false }
    }

    /// The same, logarithmic.
    pub fn log(label: impl Into<String>) -> Axis {
        Axis { scale: Scale::Log, ..Axis::linear(label) }
    }

    /// Categories 0, 1, 2, ... under these names, in reading order (on a vertical axis the first is on top).
    pub fn names(names: Vec<String>) -> Axis {
        let range = Some((names.len() as f64 - 0.5, -0.5));
        Axis { ticks: Ticks::Names(names), range, ..Axis::linear("") }
    }

    /// Numbers of workers: linear with a tick at the least of them, or, where they grow by factors rather than by
    /// differences, logarithmic with ticks at the numbers themselves.
    pub fn workers(counts: impl IntoIterator<Item = u32>) -> Axis {
        let mut counts: Vec<f64> = counts.into_iter().map(f64::from).collect();
        counts.sort_unstable_by(f64::total_cmp);
        counts.dedup();
        let label = "Number of workers m";
        let [least, .., most] = counts[..] else {
            return Axis { ticks: Ticks::At(counts), ..Axis::linear(label) };
        };
        let n = counts.len();
        let middle = (counts[(n - 1) / 2] + counts[n / 2]) / 2.0;
        if (middle - (least * most).sqrt()).abs() < (middle - (least + most) / 2.0).abs() {
            return Axis { ticks: Ticks::At(counts), ..Axis::log(label) };
        }
        Axis { ticks: Ticks::CountsFrom(least), ..Axis::linear(label) }
    }

    /// The same, starting at zero.
    pub fn with_zero(self) -> Axis {
        Axis { from_zero: true, ..self }
    }

    /// The same over exactly this range; what lies outside is cut off.
    pub fn over(self, low: f64, high: f64) -> Axis {
        Axis { range: Some((low, high)), ..self }
    }
}

/// How values become lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences, equal lengths.
    Linear,
    /// Equal ratios, equal lengths; what is not positive is not drawn.
    Log,
}

/// Where the labelled ticks of an axis are.
#[derive(Clone, Debug, PartialEq)]
pub enum Ticks {
    /// At round values.
    Round,
    /// At this whole number and at multiples of a round step above.
    CountsFrom(f64),
    /// At these, as far as there is room.
    At(Vec<f64>),
    /// At 0, 1, 2, ... under these names.
    Names(Vec<String>),
}

/// One thing drawn in a panel.
#[derive(Clone, Debug)]
pub struct Mark {
    /// What, in the units of the axes.
    pub data: Data,
    /// How.
    pub style: Style,
    /// What the legend calls it; marks of one name share an entry. Empty: the legend does not know it.
    pub name: String,
}

/// What a mark shows. A point that cannot be drawn (not finite, or not positive on a log axis) is left out, and lines and
/// bands break there.
#[derive(Clone, Debug)]
pub enum Data {
    /// (x, y), joined in order.
    Line(Vec<(f64, f64)>),
    /// (x, y), markers.
    Points(Vec<(f64, f64)>),
    /// From one point to another, with caps; they widen a fitted axis within reason and are cut off beyond.
    Intervals(Vec<[(f64, f64); 2]>),
    /// (x, low, high), a translucent area; as intervals, it is cut off where it would squeeze the rest.
    Band(Vec<(f64, f64, f64)>),
    /// Opposite corners of rectangles.
    Rects(Vec<[(f64, f64); 2]>),
    /// y = this, across the panel.
    Horizontal(f64),
    /// x = this, across the panel.
    Vertical(f64),
    /// y = x; two fitted axes become one, since one quantity is on both.
    Diagonal,
    /// Words left of and below a point.
    Text((f64, f64), String),
}

impl Mark {
    /// A mark without a name.
    pub fn new(data: Data, style: Style) -> Mark {
        Mark { data, style, name: String::new() }
    }

    /// A line through (x, y).
    pub fn line(points: impl IntoIterator<Item = (f64, f64)>, style: Style) -> Mark {
        Mark::new(Data::Line(points.into_iter().collect()), style)
    }

    /// Markers at (x, y).
    pub fn points(points: impl IntoIterator<Item = (f64, f64)>, style: Style) -> Mark {
        Mark::new(Data::Points(points.into_iter().collect()), style)
    }

    /// Vertical intervals (x, low, high).
    pub fn intervals(intervals: impl IntoIterator<Item = (f64, f64, f64)>, style: Style) -> Mark {
        let ends = |(x, low, high)| [(x, low), (x, high)];
        Mark::new(Data::Intervals(intervals.into_iter().map(ends).collect()), style)
    }

    /// Horizontal intervals (y, low, high).
    pub fn intervals_across(intervals: impl IntoIterator<Item = (f64, f64, f64)>, style: Style) -> Mark {
        let ends = |(y, low, high)| [(low, y), (high, y)];
        Mark::new(Data::Intervals(intervals.into_iter().map(ends).collect()), style)
    }

    /// The area between (x, low) and (x, high).
    pub fn band(points: impl IntoIterator<Item = (f64, f64, f64)>, style: Style) -> Mark {
        Mark::new(Data::Band(points.into_iter().collect()), style)
    }

    /// Rectangles by opposite corners.
    pub fn rects(rects: impl IntoIterator<Item = [(f64, f64); 2]>, style: Style) -> Mark {
        Mark::new(Data::Rects(rects.into_iter().collect()), style)
    }

    /// The same under a name in the legend.
    pub fn named(self, name: impl Into<String>) -> Mark {
        Mark { name: name.into(), ..self }
    }
}

/// How a mark looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Of everything.
    pub colour: Colour,
    /// Of markers.
    pub shape: Shape,
    /// Whether markers are filled, and how rectangles are.
    pub fill: Fill,
    /// Of lines.
    pub dash: Dash,
    /// Of lines, in pixels.
    pub width: f64,
    /// Half the width of markers, in pixels.
    pub radius: f64,
}

impl Style {
    /// Solid lines, filled circles.
    pub const fn new(colour: Colour) -> Style {
        Style { colour, shape: Shape::Circle, fill: Fill::Solid, dash: Dash::Solid, width: 1.6, radius: 3.6 }
    }

    /// What everything else is compared with: thin, grey, dashed.
    pub const REFERENCE: Style = Style { dash: Dash::Dashed, width: 1.0, ..Style::new(Colour::GREY) };

    /// The same with another dash.
    pub fn dashed(self, dash: Dash) -> Style {
        Style { dash, ..self }
    }

    /// The same, filled otherwise.
    pub fn filled(self, fill: Fill) -> Style {
        Style { fill, ..self }
    }
}

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// The colours of Okabe and Ito, which every common form of colour blindness tells apart (M. Okabe and K. Ito, Color
/// Universal Design, 2008), without their yellow, which is faint on white.
impl Colour {
    /// Blue.
    pub const BLUE: Colour = Colour(0x00, 0x72, 0xB2);
    /// Vermilion.
    pub const VERMILION: Colour = Colour(0xD5, 0x5E, 0x00);
    /// Bluish green.
    pub const GREEN: Colour = Colour(0x00, 0x9E, 0x73);
    /// Reddish purple.
    pub const PURPLE: Colour = Colour(0xCC, 0x79, 0xA7);
    /// Sky blue.
    pub const SKY: Colour = Colour(0x56, 0xB4, 0xE9);
    /// Orange.
    pub const ORANGE: Colour = Colour(0xE6, 0x9F, 0x00);
    /// Black.
    pub const BLACK: Colour = Colour(0x00, 0x00, 0x00);
    /// Of references and of entries that stand for all series.
    pub const GREY: Colour = Colour(0x77, 0x77, 0x77);
    /// Of idle time.
    pub const SILVER: Colour = Colour(0xD4, 0xD4, 0xD4);
    /// Of text and axes.
    pub const INK: Colour = Colour(0x26, 0x26, 0x26);
}

/// What a marker looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    Inverted,
    Cross,
    Plus,
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Dash {
    Solid,
    Dashed,
    Dotted,
}

/// How markers and rectangles are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Full colour.
    Solid,
    /// A light tint under an outline.
    Light,
    /// White under an outline.
    Hollow,
    /// Slanted strokes under an outline.
    Hatched,
}

/// How series look that belong to these policies or methods: `sync` blue and `async` vermilion in every figure, the others by
/// their order. No two of 27 look the same.
pub fn looks<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Style> {
    let mut others = 0;
    let look = |name: &str| match name {
        "sync" => Style::new(Colour::BLUE),
        "async" => Style { shape: Shape::Square, ..Style::new(Colour::VERMILION) },
        _ => {
            others += 1;
            nth(others + 1)
        }
    };
    names.into_iter().map(look).collect()
}

/// How the n-th of several series looks, which are no policies.
pub fn nth(n: usize) -> Style {
    use Shape::{Circle, Cross, Diamond, Inverted, Plus, Square, Triangle};
    const FIRST: [(Colour, Shape); 2] = [(Colour::BLUE, Circle), (Colour::VERMILION, Square)];
    const COLOURS: [Colour; 5] = [Colour::GREEN, Colour::PURPLE, Colour::SKY, Colour::ORANGE, Colour::BLACK];
    // Along a cycle of the colours the shapes go round too, and each cycle begins with another one.
    const SHAPES: [Shape; 7] = [Triangle, Diamond, Inverted, Cross, Plus, Circle, Square];
    let (colour, shape) = FIRST.get(n).copied().unwrap_or_else(|| {
        let (cycle, place) = ((n - 2) / COLOURS.len(), (n - 2) % COLOURS.len());
        (COLOURS[place], SHAPES[(place + 2 * cycle) % SHAPES.len()])
    });
    let dash = [Dash::Solid, Dash::Dashed, Dash::Dotted][n.saturating_sub(2) / COLOURS.len() % 3];
    Style { shape, dash, ..Style::new(colour) }
}
