//! How large is the page, and where on it does each panel stand, so that nothing is clipped or overlaps?

use std::cmp::Ordering;

use super::figure::{Figure, Mark, Panel, Range, Reference};
use super::geometry::{Frame, nearest, next_whole};
use super::ruler::Ruler;
use super::ticks::Tick;
use super::{PlotError, font, legend, spacing};

/// Pixels to the em.
pub(super) const TICK_TEXT: f64 = 12.0;
pub(super) const LABEL_TEXT: f64 = 13.0;
pub(super) const TITLE_TEXT: f64 = 13.5;
pub(super) const HEAD_TEXT: f64 = 15.0;
/// Length of a tick, then from its end to its label.
pub(super) const TICK: f64 = 4.0;
pub(super) const TICK_GAP: f64 = 4.0;
/// From one line of tick labels to the next.
pub(super) const TICK_LINE: f64 = 15.0;
/// From a panel to words on its right.
pub(super) const BESIDE: f64 = 5.0;
/// Area of the largest page: 4000 by 2500 pixels, about a metre by two thirds.
const LARGEST: f64 = 1e7;
/// Around the page.
const EDGE: f64 = 10.0;
/// Between panels.
const GUTTER: f64 = 20.0;

/// Where everything stands.
pub(super) struct Plan {
    pub(super) size: (f64, f64),
    pub(super) title_baseline: f64,
    pub(super) legend: legend::Placed,
    pub(super) cells: Vec<Cell>,
}

/// One panel on the page.
pub(super) struct Cell {
    pub(super) frame: Frame,
    pub(super) x: Ruler,
    pub(super) y: Ruler,
    pub(super) x_ticks: Vec<Tick>,
    pub(super) y_ticks: Vec<Tick>,
    /// Lines that the x tick labels take turns on.
    pub(super) x_lines: usize,
    pub(super) has_data: bool,
    /// Width of the widest y tick label.
    pub(super) y_labels: f64,
    /// Room between panel and title for the words of upright reference lines.
    pub(super) lift: f64,
    margin: Frame,
}

impl Plan {
    pub(super) fn new(figure: &Figure) -> Result<Self, PlotError> {
        let side = |length: f64| if length >= 40.0 { length } else { 40.0 };
        let (wide, high) = (side(figure.panel_size.0), side(figure.panel_size.1));
        let mut cells: Vec<Cell> =
            figure.panels.iter().map(|panel| Cell::new(panel, wide, high)).collect::<Result<_, _>>()?;

        // One margin per column and row of the grid, so that axes line up.
        let columns = figure.columns.max(1).min(cells.len().max(1));
        let rows = cells.len().div_ceil(columns);
        let largest = |margins: &mut dyn Iterator<Item = f64>| margins.fold(0.0, f64::max);
        let lefts: Vec<(f64, f64)> = (0..columns)
            .map(|c| {
                let column = || cells.iter().skip(c).step_by(columns).map(|x| x.margin);
                (largest(&mut column().map(|m| m.left)), largest(&mut column().map(|m| m.right)))
            })
            .collect();
        let tops: Vec<(f64, f64)> = (0..rows)
            .map(|r| {
                let row = || cells.iter().skip(r * columns).take(columns).map(|x| x.margin);
                (largest(&mut row().map(|m| m.top)), largest(&mut row().map(|m| m.bottom)))
            })
            .collect();

        let grid = |margins: &[(f64, f64)], length: f64| -> f64 {
            let gaps = GUTTER * margins.len().saturating_sub(1) as f64;
            gaps + margins.iter().map(|(a, b)| a + length + b).sum::<f64>()
        };
        let head = match &figure.title {
            Some(title) => font::width(title, HEAD_TEXT)?,
            None => 0.0,
        };
        let inner = grid(&lefts, wide).max(head).max(120.0);
        let title_baseline = EDGE + HEAD_TEXT;
        let mut top = EDGE;
        if figure.title.is_some() {
            top += HEAD_TEXT + 12.0;
        }
        let legend = legend::Placed::new(&figure.legend, EDGE, top, inner)?;
        top += legend.height;

        let page_width = next_whole(legend.width.max(inner) + 2.0 * EDGE);
        let page_height = next_whole(top + grid(&tops, high) + EDGE);
        // Not a number is too large as well.
        if !matches!((page_width * page_height).partial_cmp(&LARGEST), Some(Ordering::Less)) {
            return Err(PlotError::TooLarge { width: page_width, height: page_height });
        }
        let first = nearest((page_width - grid(&lefts, wide)) / 2.0);
        for (index, cell) in cells.iter_mut().enumerate() {
            let (column, row) = (index % columns, index / columns);
            let before = |margins: &[(f64, f64)], n: usize, length: f64| {
                grid(&margins[..n], length) + if n > 0 { GUTTER } else { 0.0 } + margins[n].0
            };
            // Whole pixels keep thin lines crisp in a browser too.
            let left = nearest(first + before(&lefts, column, wide));
            let up = nearest(top + before(&tops, row, high));
            cell.frame = Frame { left, top: up, right: left + wide, bottom: up + high };
        }
        Ok(Self { size: (page_width, page_height), title_baseline, legend: legend.centred(page_width), cells })
    }
}

impl Cell {
    fn new(panel: &Panel, wide: f64, high: f64) -> Result<Self, PlotError> {
        let (x, y) = rulers(panel);
        let has_data = panel
            .marks
            .iter()
            .filter(|mark| !matches!(mark, Mark::Reference { .. }))
            .flat_map(Mark::corners)
            .any(|corner| x.at(corner.0).is_some() && y.at(corner.1).is_some());
        let y_ticks = spacing::upright(&panel.y, &y, high);
        let (x_ticks, x_lines) = spacing::level(&panel.x, &x, wide)?;

        let room = |text: &str, size: f64| match text {
            "" => Ok(0.0),
            text => font::width(text, size),
        };
        let mut y_labels: f64 = 0.0;
        for tick in &y_ticks {
            y_labels = y_labels.max(font::width(&tick.label, TICK_TEXT)?);
        }
        let mut overhang: f64 = 8.0;
        for tick in &x_ticks {
            let end = x.at(tick.value).unwrap_or(0.0) * wide;
            overhang = overhang.max(end + font::width(&tick.label, TICK_TEXT)? / 2.0 - wide);
        }
        let mut lift = 0.0;
        for (line, label) in panel.marks.iter().filter_map(Mark::words) {
            let words = font::width(label, TICK_TEXT)?;
            match line {
                Reference::Vertical(value) => {
                    lift = TICK_LINE;
                    let at = x.at(value).unwrap_or(0.0).clamp(0.0, 1.0) * wide;
                    overhang = overhang.max(at + words / 2.0 - wide);
                }
                Reference::Horizontal(_) | Reference::Diagonal => {
                    overhang = overhang.max(words + BESIDE);
                }
                Reference::Within(_) => {}
            }
        }
        let title = match &panel.title {
            Some(title) => font::width(title, TITLE_TEXT)?,
            None => 0.0,
        };
        let x_excess = (room(&panel.x.label, LABEL_TEXT)? - wide) / 2.0;
        let y_excess = (room(&panel.y.label, LABEL_TEXT)? - high) / 2.0;
        let line = |label: &str| {
            if label.is_empty() { 0.0 } else { LABEL_TEXT + 9.0 }
        };
        let left = TICK + TICK_GAP + y_labels + line(&panel.y.label);
        let bottom = TICK + TICK_GAP + TICK_LINE * x_lines as f64 + line(&panel.x.label);
        let top = if panel.title.is_some() { TITLE_TEXT + 10.0 } else { 8.0 };
        let margin = Frame {
            left: left.max(x_excess),
            right: overhang.max(x_excess).max(title - wide),
            top: (top + lift).max(y_excess),
            bottom: bottom.max(y_excess),
        };
        Ok(Self { frame: margin, x, y, x_ticks, y_ticks, x_lines, has_data, y_labels, lift, margin })
    }
}

/// The rulers of a panel: one and the same range on both where y = x is drawn and nothing else was asked for.
fn rulers(panel: &Panel) -> (Ruler, Ruler) {
    let corners: Vec<(f64, f64)> = panel.marks.iter().flat_map(Mark::corners).collect();
    let x = Ruler::new(&panel.x, corners.iter().map(|c| c.0));
    let y = Ruler::new(&panel.y, corners.iter().map(|c| c.1));
    let compares = panel.marks.iter().any(|mark| {
        let Mark::Reference { line, .. } = mark else {
            return false;
        };
        matches!(line, Reference::Diagonal | Reference::Within(_))
    });
    let free = panel.x.range == Range::Auto && panel.y.range == Range::Auto;
    if compares && free && x.scale == y.scale { (x.union(y), y.union(x)) } else { (x, y) }
}
