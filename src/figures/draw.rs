//! Drawing: where the panels of a figure stand, their axes as plotters' charts, and their marks as plotters' elements.

use super::axis::{Ruler, ranges};
use super::legend::Legend;
use super::page::{Page, UNIT};
use super::{Colour, Dash, Data, Figure, Fill, Mark, Panel, Shape, Style, font};
use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::prelude::{Cartesian2d, ChartBuilder, Color, DrawingArea, RGBAColor, RGBColor, ShapeStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont, TextStyle};
use std::cell::RefCell;
use std::rc::Rc;

/// Pixels to the em: of legend and caption, of ticks, of axes' labels, of titles.
pub(super) const SMALL: f64 = 11.5;
const TICK: f64 = 11.0;
const LABEL: f64 = 12.0;
const TITLE: f64 = 12.5;

/// Pixels around everything, and between panels.
const MARGIN: f64 = 12.0;
const BETWEEN: f64 = 14.0;
/// Pixels of a tick; its label is twice as far from the axis.
const TICK_LENGTH: f64 = 4.0;
/// Pixels that a label takes across its line.
const LABEL_LINE: f64 = 19.0;
/// Pixels from one line of the caption to the next.
const CAPTION_LINE: f64 = 15.0;

const GRID: Colour = Colour(0xE4, 0xE4, 0xE4);
const FINE_GRID: Colour = Colour(0xF3, 0xF3, 0xF3);
const WHITE: Colour = Colour(0xFF, 0xFF, 0xFF);

const IN_MEMORY: &str = "drawing into memory does not fail";

/// The figure as an SVG document.
pub fn svg(figure: &Figure) -> String {
    let columns = figure.columns.max(1);
    let frames: Vec<Frame> = figure.panels.iter().map(|panel| Frame::new(panel, figure.panel_size)).collect();
    let of_column = |side: fn(&Frame) -> f64| -> Vec<f64> {
        let most = |column| frames.iter().skip(column).step_by(columns).map(side).fold(0.0, f64::max);
        (0..columns.min(frames.len())).map(most).collect()
    };
    let (lefts, rights) = (of_column(|frame| frame.left), of_column(|frame| frame.right));
    let (width, height) = figure.panel_size;
    let across: f64 = lefts.iter().chain(&rights).sum::<f64>() + lefts.len() as f64 * (width + BETWEEN) - BETWEEN;
    let legend = Legend::new(figure, across.max(420.0));
    let across = across.max(legend.width());
    let caption = wrapped(&figure.caption, across);
    let rows: Vec<(f64, f64)> = frames
        .chunks(columns)
        .map(|row| {
            let most = |side: fn(&Frame) -> f64| row.iter().map(side).fold(0.0, f64::max);
            (most(|frame| frame.top), most(|frame| frame.bottom))
        })
        .collect();
    let down: f64 = rows.iter().map(|(top, bottom)| top + height + bottom + BETWEEN).sum::<f64>() - BETWEEN;
    let foot = if caption.is_empty() { 0.0 } else { 10.0 + CAPTION_LINE * caption.len() as f64 };
    let size = (across + 2.0 * MARGIN, legend.height() + down + foot + 2.0 * MARGIN);

    let canvas = Canvas::new(size);
    legend.draw(&canvas, (MARGIN + lefts.first().copied().unwrap_or(0.0).min(across - legend.width()), MARGIN));
    let mut y = MARGIN + legend.height();
    for ((top, bottom), frames) in rows.iter().zip(frames.chunks(columns)) {
        let mut x = MARGIN;
        for (column, frame) in frames.iter().enumerate() {
            canvas.open(&[("class", "panel".to_string())], &frame.panel.title);
            let inner = (x + lefts[column], y + top);
            canvas.panel(frame, inner, (lefts[column], rights[column], *bottom));
            canvas.close();
            x += lefts[column] + width + rights[column] + BETWEEN;
        }
        y += top + height + bottom + BETWEEN;
    }
    for (i, line) in caption.iter().enumerate() {
        let at = (MARGIN, size.1 - MARGIN - CAPTION_LINE * (caption.len() - 1 - i) as f64 - 2.0);
        canvas.text(&Text { at, size: SMALL, colour: Colour(0x55, 0x55, 0x55), ..Text::new(line) });
    }
    canvas.finish()
}

/// The text in lines of at most this many pixels, broken between words.
fn wrapped(text: &str, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if font::width(&format!("{line} {word}"), SMALL) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// A panel with its rulers, and the pixels that it needs around its axes.
struct Frame<'a> {
    panel: &'a Panel,
    x: Ruler,
    y: Ruler,
    size: (f64, f64),
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame<'_> {
    fn new(panel: &Panel, size: (f64, f64)) -> Frame<'_> {
        let (x, y) = ranges(&panel.x, &panel.y, &panel.marks);
        let wide = |label: &str| font::width(label, TICK);
        let x = Ruler::new(&x, |point| point.0, &panel.marks, size.0, |label| wide(label) + 9.0);
        let y = Ruler::new(&y, |point| point.1, &panel.marks, size.1, |_| 1.5 * TICK);
        let labels = y.ticks.iter().map(|tick| wide(&tick.label)).fold(0.0, f64::max);
        let line = |label: &str| if label.is_empty() { 0.0 } else { LABEL_LINE };
        let beyond = |tick: &super::ticks::Tick| wide(&tick.label) / 2.0 - (1.0 - x.unit(tick.value)) * size.0;
        Frame {
            panel,
            size,
            left: labels + 2.0 * TICK_LENGTH + line(&panel.y.label) + 3.0,
            right: x.ticks.iter().map(beyond).fold(8.0, f64::max),
            top: if panel.title.is_empty() { 6.0 } else { 24.0 },
            bottom: 2.0 * TICK_LENGTH + TICK + 4.0 + line(&panel.x.label),
            x,
            y,
        }
    }
}

/// Words, their baseline beginning at a point.
pub(super) struct Text<'a> {
    pub(super) words: &'a str,
    pub(super) at: (f64, f64),
    pub(super) size: f64,
    pub(super) colour: Colour,
}

impl<'a> Text<'a> {
    pub(super) fn new(words: &'a str) -> Text<'a> {
        Text { words, at: (0.0, 0.0), size: LABEL, colour: Colour::INK }
    }
}

/// A page that is drawn on in pixels.
pub(super) struct Canvas {
    page: Rc<RefCell<Page>>,
    area: DrawingArea<Page, Shift>,
}

fn units(pixels: f64) -> i32 {
    (pixels * f64::from(UNIT)).round() as i32
}

fn at(point: (f64, f64)) -> (i32, i32) {
    (units(point.0), units(point.1))
}

fn ink(Colour(r, g, b): Colour, alpha: f64) -> RGBAColor {
    RGBColor(r, g, b).mix(alpha)
}

/// A quarter of the colour on white.
fn tint(Colour(r, g, b): Colour) -> Colour {
    let quarter = |part: u8| 255 - (255 - part) / 4;
    Colour(quarter(r), quarter(g), quarter(b))
}

fn stroke(colour: Colour, width: f64) -> ShapeStyle {
    ShapeStyle { color: ink(colour, 1.0), filled: false, stroke_width: units(width) as u32 }
}

impl Canvas {
    fn new(size: (f64, f64)) -> Canvas {
        let page = Rc::new(RefCell::new(Page::new(size)));
        Canvas { area: DrawingArea::from(&page), page }
    }

    fn finish(self) -> String {
        drop(self.area);
        Rc::into_inner(self.page).expect("the drawing area is gone").into_inner().finish()
    }

    /// Opens a group.
    pub(super) fn open(&self, attributes: &[(&str, String)], title: &str) {
        self.page.borrow_mut().open(attributes, title);
    }

    /// Closes it.
    pub(super) fn close(&self) {
        self.page.borrow_mut().close();
    }

    pub(super) fn text(&self, text: &Text<'_>) {
        // Hung from its top, the only anchor that plotters places alike in all viewers: 0.76 em above the baseline.
        let font = (font::FAMILY, font::size(text.size)).into_font();
        let colour = ink(text.colour, 1.0);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(HPos::Left, VPos::Top));
        self.area.draw_text(text.words, &style, at((text.at.0, text.at.1 - 0.76 * text.size))).expect(IN_MEMORY);
    }

    fn path(&self, points: &[(f64, f64)], style: ShapeStyle) {
        let points: Vec<(i32, i32)> = points.iter().map(|&point| at(point)).collect();
        self.area.draw(&PathElement::new(points, style)).expect(IN_MEMORY);
    }

    fn area(&self, points: &[(f64, f64)], colour: Colour, alpha: f64) {
        let points: Vec<(i32, i32)> = points.iter().map(|&point| at(point)).collect();
        self.area.draw(&Polygon::new(points, ink(colour, alpha))).expect(IN_MEMORY);
    }

    /// A line; its dash is an attribute of a group.
    pub(super) fn line(&self, points: &[(f64, f64)], style: &Style) {
        let dash = match style.dash {
            Dash::Solid => None,
            Dash::Dashed => Some([6.0, 4.0]),
            Dash::Dotted => Some([1.6, 3.0]),
        };
        if let Some([on, off]) = dash {
            self.open(&[("stroke-dasharray", format!("{},{}", units(on), units(off)))], "");
        }
        self.path(points, stroke(style.colour, style.width));
        if dash.is_some() {
            self.close();
        }
    }

    /// A translucent area.
    pub(super) fn band(&self, points: &[(f64, f64)], style: &Style) {
        self.area(points, style.colour, 0.18);
    }

    /// An interval, with a cap at each end that says so.
    pub(super) fn interval(&self, [from, to]: [(f64, f64); 2], caps: [bool; 2], style: &Style) {
        let pen = stroke(style.colour, 1.2);
        self.path(&[from, to], pen);
        let (x, y) = if (from.0 - to.0).abs() > (from.1 - to.1).abs() { (0.0, 3.2) } else { (3.2, 0.0) };
        for (end, _) in [from, to].iter().zip(caps).filter(|(_, cap)| *cap) {
            self.path(&[(end.0 - x, end.1 - y), (end.0 + x, end.1 + y)], pen);
        }
    }

    /// A rectangle.
    pub(super) fn rect(&self, [(x0, y0), (x1, y1)]: [(f64, f64); 2], style: &Style) {
        let (low, high) = ((x0.min(x1), y0.min(y1)), (x0.max(x1), y0.max(y1)));
        let fill = |colour, alpha| {
            let style = ShapeStyle { color: ink(colour, alpha), filled: true, stroke_width: 0 };
            self.area.draw(&Rectangle::new([at(low), at(high)], style)).expect(IN_MEMORY);
        };
        match style.fill {
            Fill::Solid => return fill(style.colour, 1.0),
            Fill::Light => fill(tint(style.colour), 1.0),
            Fill::Hollow => fill(WHITE, 1.0),
            Fill::Hatched => {
                fill(WHITE, 1.0);
                let (wide, tall) = (high.0 - low.0, high.1 - low.1);
                for i in 1..((wide + tall) / 5.0).ceil() as u32 {
                    let foot = low.0 + 5.0 * f64::from(i);
                    let strand = [(foot - tall, high.1), (foot, low.1)];
                    if let Some((strand, _)) = clipped(strand, low, high) {
                        self.path(&strand, stroke(style.colour, 0.8));
                    }
                }
            }
        }
        // plotters' backend gives the outline of a rectangle no width.
        let corners = [low, (high.0, low.1), high, (low.0, high.1), low];
        self.path(&corners, stroke(style.colour, 0.8));
    }

    /// A marker.
    pub(super) fn marker(&self, (x, y): (f64, f64), style: &Style) {
        let r = style.radius;
        let polygon = |corners: &[(f64, f64)]| {
            let mut corners: Vec<(f64, f64)> = corners.iter().map(|(dx, dy)| (x + r * dx, y + r * dy)).collect();
            match style.fill {
                Fill::Solid => self.area(&corners, style.colour, 1.0),
                Fill::Light => self.area(&corners, style.colour, 0.35),
                Fill::Hollow | Fill::Hatched => self.area(&corners, WHITE, 1.0),
            }
            if style.fill != Fill::Solid {
                corners.push(corners[0]);
                self.path(&corners, stroke(style.colour, 1.2));
            }
        };
        match style.shape {
            Shape::Circle => {
                let disc = |colour, alpha, filled| {
                    let style = ShapeStyle { color: ink(colour, alpha), filled, stroke_width: units(1.2) as u32 };
                    self.area.draw(&Circle::new(at((x, y)), units(r), style)).expect(IN_MEMORY);
                };
                match style.fill {
                    Fill::Solid => disc(style.colour, 1.0, true),
                    Fill::Light => disc(style.colour, 0.35, true),
                    Fill::Hollow | Fill::Hatched => {
                        disc(WHITE, 1.0, true);
                        disc(style.colour, 1.0, false);
                    }
                }
            }
            Shape::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Shape::Triangle => polygon(&[(0.0, -1.15), (1.05, 0.8), (-1.05, 0.8)]),
            Shape::Inverted => polygon(&[(0.0, 1.15), (1.05, -0.8), (-1.05, -0.8)]),
            Shape::Diamond => polygon(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
            Shape::Cross | Shape::Plus => {
                let arms =
                    if style.shape == Shape::Cross { [(0.9, 0.9), (0.9, -0.9)] } else { [(1.1, 0.0), (0.0, 1.1)] };
                for (dx, dy) in arms {
                    let ends = [(x - r * dx, y - r * dy), (x + r * dx, y + r * dy)];
                    self.path(&ends, stroke(style.colour, 1.6));
                }
            }
        }
    }

    /// A panel, the upper left corner of its axes there, with so many pixels left, right and below for what is around them.
    fn panel(&self, frame: &Frame<'_>, (x, y): (f64, f64), (left, right, bottom): (f64, f64, f64)) {
        let (width, height) = frame.size;
        if !frame.panel.title.is_empty() {
            self.text(&Text { at: (x, y - 9.0), size: TITLE, ..Text::new(&frame.panel.title) });
        }
        let whole = (units(left + width + right), units(height + bottom));
        let cell = self.area.clone().shrink(at((x - left, y)), whole);
        let mut chart = ChartBuilder::on(&cell)
            .margin_right(units(right))
            .x_label_area_size(units(bottom))
            .y_label_area_size(units(left))
            .build_cartesian_2d(frame.x.clone(), frame.y.clone())
            .expect(IN_MEMORY);
        let colour = ink(Colour::INK, 1.0);
        let words = |size: f64| TextStyle::from((font::FAMILY, font::size(size)).into_font()).color(&colour);
        self.open(&[("class", "axes".to_string())], "");
        chart
            .configure_mesh()
            .light_line_style(stroke(FINE_GRID, 0.8))
            .bold_line_style(stroke(GRID, 0.8))
            .axis_style(stroke(Colour::INK, 1.0))
            .set_all_tick_mark_size(units(TICK_LENGTH))
            .label_style(words(TICK))
            .axis_desc_style(words(LABEL))
            .x_desc(&frame.panel.x.label)
            .y_desc(&frame.panel.y.label)
            .draw()
            .expect(IN_MEMORY);
        self.close();
        let area = chart.plotting_area();
        for mark in &frame.panel.marks {
            self.open(&[("class", mark.data.class().to_string())], &mark.name);
            self.mark(mark, frame, area);
            self.close();
        }
    }

    fn mark(&self, mark: &Mark, frame: &Frame<'_>, area: &DrawingArea<Page, Cartesian2d<Ruler, Ruler>>) {
        let style = &mark.style;
        let unit = |point: (f64, f64)| (frame.x.unit(point.0), frame.y.unit(point.1));
        let pixel = |point: (f64, f64)| {
            let (x, y) = area.map_coordinate(&point);
            (f64::from(x) / f64::from(UNIT), f64::from(y) / f64::from(UNIT))
        };
        let inside = |point: (f64, f64)| {
            let (x, y) = unit(point);
            [x, y].iter().all(|u| (-1e-9..=1.0 + 1e-9).contains(u))
        };
        let held = |point: (f64, f64)| (frame.x.held(point.0), frame.y.held(point.1));
        match &mark.data {
            Data::Line(points) => {
                self.pieces(points, unit, |(x, y)| pixel((frame.x.value(x), frame.y.value(y))), style)
            }
            Data::Points(points) => {
                points.iter().filter(|point| inside(**point)).for_each(|point| self.marker(pixel(*point), style));
            }
            Data::Intervals(intervals) => {
                for &[from, to] in intervals {
                    let ends = [held(from), held(to)];
                    if ends.iter().all(|end| inside(*end)) && (inside(from) || inside(to) || from != to) {
                        self.interval(ends.map(pixel), [inside(from), inside(to)], style);
                    }
                }
            }
            Data::Band(points) => {
                let drawable = |&(x, low, high): &(f64, f64, f64)| inside((x, frame.y.held(low))) && high.is_finite();
                for piece in points.split(|point| !drawable(point)).filter(|piece| piece.len() > 1) {
                    let low = piece.iter().map(|&(x, low, _)| pixel(held((x, low))));
                    let high = piece.iter().rev().map(|&(x, _, high)| pixel(held((x, high))));
                    self.band(&low.chain(high).collect::<Vec<_>>(), style);
                }
            }
            Data::Rects(rects) => {
                for &[from, to] in rects {
                    let ends = [held(from), held(to)];
                    if ends.iter().all(|end| inside(*end)) {
                        self.rect(ends.map(pixel), style);
                    }
                }
            }
            Data::Horizontal(y) => {
                self.straight([(0.0, frame.y.unit(*y)), (1.0, frame.y.unit(*y))], frame, pixel, style)
            }
            Data::Vertical(x) => self.straight([(frame.x.unit(*x), 0.0), (frame.x.unit(*x), 1.0)], frame, pixel, style),
            Data::Diagonal => {
                let ends = [frame.x.value(0.0), frame.x.value(1.0)].map(|value| (value, value));
                self.straight(ends.map(unit), frame, pixel, style);
            }
            Data::Text(point, words) => {
                if !inside(*point) {
                    return;
                }
                let (x, y) = pixel(*point);
                let wide = font::width(words, TICK);
                let at = (x - 7.0 - wide, y + 18.0 + TICK);
                let (wide, tall) = (wide + 4.0, TICK + 3.0);
                let (left, top) = (at.0 - 2.0, at.1 - TICK);
                let behind = [(left, top), (left + wide, top), (left + wide, top + tall), (left, top + tall)];
                self.area(&behind, WHITE, 0.8);
                let text = Text { at, size: TICK, colour: style.colour, ..Text::new(words) };
                self.text(&text);
            }
        }
    }

    /// A segment between two places of a panel, as far as it is inside.
    fn straight(
        &self,
        ends: [(f64, f64); 2],
        frame: &Frame<'_>,
        pixel: impl Fn((f64, f64)) -> (f64, f64),
        style: &Style,
    ) {
        if let Some((ends, _)) = clipped(ends, (0.0, 0.0), (1.0, 1.0)) {
            self.line(&ends.map(|(x, y)| pixel((frame.x.value(x), frame.y.value(y)))), style);
        }
    }

    /// A line in as many pieces as are inside; `unit` places its points between the ends of the axes, `pixel` on the page.
    fn pieces(
        &self,
        points: &[(f64, f64)],
        unit: impl Fn((f64, f64)) -> (f64, f64),
        pixel: impl Fn((f64, f64)) -> (f64, f64),
        style: &Style,
    ) {
        let mut piece: Vec<(f64, f64)> = Vec::new();
        let end = |piece: &mut Vec<(f64, f64)>| {
            if piece.len() > 1 {
                self.line(piece, style);
            }
            piece.clear();
        };
        for pair in points.windows(2) {
            match clipped([unit(pair[0]), unit(pair[1])], (0.0, 0.0), (1.0, 1.0)) {
                Some(([from, to], cut)) => {
                    if piece.is_empty() {
                        piece.push(pixel(from));
                    }
                    piece.push(pixel(to));
                    if cut {
                        end(&mut piece);
                    }
                }
                None => end(&mut piece),
            }
        }
        end(&mut piece);
    }
}

/// A segment as far as it lies within the rectangle, and whether its second end was cut off (Y.-D. Liang and B. A. Barsky,
/// ACM Transactions on Graphics 3 (1984) 1); `None` if nothing does, or if an end is not finite.
fn clipped([from, to]: [(f64, f64); 2], low: (f64, f64), high: (f64, f64)) -> Option<([(f64, f64); 2], bool)> {
    if ![from.0, from.1, to.0, to.1].iter().all(|v| v.is_finite()) {
        return None;
    }
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enters, mut leaves) = (0.0f64, 1.0f64);
    for (towards, room) in [(-dx, from.0 - low.0), (dx, high.0 - from.0), (-dy, from.1 - low.1), (dy, high.1 - from.1)]
    {
        // A hair of slack for values that are an end of their axis.
        let room = room + 1e-9 * (high.0 - low.0).max(high.1 - low.1);
        if towards == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if towards < 0.0 {
            enters = enters.max(room / towards);
        } else {
            leaves = leaves.min(room / towards);
        }
    }
    let along = |share: f64| (from.0 + share * dx, from.1 + share * dy);
    (enters <= leaves).then(|| ([along(enters), along(leaves)], leaves < 1.0))
}

impl Data {
    /// The class of its group in the SVG.
    fn class(&self) -> &'static str {
        match self {
            Data::Line(_) => "line",
            Data::Points(_) => "points",
            Data::Intervals(_) => "intervals",
            Data::Band(_) => "band",
            Data::Rects(_) => "rects",
            Data::Horizontal(_) | Data::Vertical(_) | Data::Diagonal => "reference",
            Data::Text(..) => "text",
        }
    }
}
