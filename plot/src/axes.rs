//! What surrounds the data of one panel: grid, axes, ticks and words?

use super::colour::Colour;
use super::figure::{Align, Mark, Panel, Reference, Scale, Ticks};
use super::geometry::{Frame, Px};
use super::layout::{BESIDE, Cell, LABEL_TEXT, TICK, TICK_GAP, TICK_LINE, TICK_TEXT, TITLE_TEXT};
use super::surface::{Lettering, Surface};
use super::{PlotError, font, ticks};

/// From the baseline of a line of digits to its middle, in ems.
const MIDDLE: f64 = 0.36;

pub(super) fn plain(at: Px, align: Align, size: f64) -> Lettering {
    Lettering { at, align, size, colour: Colour::INK, upwards: false }
}

pub(super) fn grid(page: &mut impl Surface, panel: &Panel, cell: &Cell) -> Result<(), PlotError> {
    let f = &cell.frame;
    // A category is not a level to read off.
    if !matches!(panel.x.ticks, Ticks::Categories(_)) {
        for x in cell.x_ticks.iter().filter_map(|t| cell.x_at(t.value)) {
            page.stroke(&[(x, f.top), (x, f.bottom)], Colour::GRID, 0.8)?;
        }
    }
    if !matches!(panel.y.ticks, Ticks::Categories(_)) {
        for y in cell.y_ticks.iter().filter_map(|t| cell.y_at(t.value)) {
            page.stroke(&[(f.left, y), (f.right, y)], Colour::GRID, 0.8)?;
        }
    }
    Ok(())
}

pub(super) fn lines(page: &mut impl Surface, cell: &Cell) -> Result<(), PlotError> {
    let f = &cell.frame;
    let mut line = |a: Px, b: Px| page.stroke(&[a, b], Colour::INK, 1.0);
    line((f.left, f.top), (f.left, f.bottom))?;
    line((f.left, f.bottom), (f.right, f.bottom))?;
    for x in cell.x_ticks.iter().filter_map(|t| cell.x_at(t.value)) {
        line((x, f.bottom), (x, f.bottom + TICK))?;
    }
    for y in cell.y_ticks.iter().filter_map(|t| cell.y_at(t.value)) {
        line((f.left - TICK, y), (f.left, y))?;
    }
    let half = TICK / 2.0;
    if cell.x.scale == Scale::Log {
        let minor = ticks::minor(cell.x.low, cell.x.high);
        for x in minor.into_iter().filter_map(|v| cell.x_at(v)) {
            line((x, f.bottom), (x, f.bottom + half))?;
        }
    }
    if cell.y.scale == Scale::Log {
        let minor = ticks::minor(cell.y.low, cell.y.high);
        for y in minor.into_iter().filter_map(|v| cell.y_at(v)) {
            line((f.left - half, y), (f.left, y))?;
        }
    }
    Ok(())
}

pub(super) fn words(page: &mut impl Surface, panel: &Panel, cell: &Cell) -> Result<(), PlotError> {
    let f = &cell.frame;
    let (middle_x, middle_y) = ((f.left + f.right) / 2.0, (f.top + f.bottom) / 2.0);
    let first_line = f.bottom + TICK + TICK_GAP + TICK_TEXT * 0.8;
    for (i, tick) in cell.x_ticks.iter().enumerate() {
        if let Some(x) = cell.x_at(tick.value) {
            let y = first_line + TICK_LINE * (i % cell.x_lines) as f64;
            page.text(&tick.label, &plain((x, y), Align::Middle, TICK_TEXT))?;
        }
    }
    for tick in &cell.y_ticks {
        if let Some(y) = cell.y_at(tick.value) {
            let at = (f.left - TICK - TICK_GAP, y + MIDDLE * TICK_TEXT);
            page.text(&tick.label, &plain(at, Align::End, TICK_TEXT))?;
        }
    }
    if !panel.x.label.is_empty() {
        let y = first_line + TICK_LINE * (cell.x_lines - 1) as f64 + 7.0 + LABEL_TEXT;
        let set = plain((middle_x, y), Align::Middle, LABEL_TEXT);
        page.text(&panel.x.label, &set)?;
    }
    if !panel.y.label.is_empty() {
        let x = f.left - TICK - TICK_GAP - cell.y_labels - 8.0;
        let set = Lettering { upwards: true, ..plain((x, middle_y), Align::Middle, LABEL_TEXT) };
        page.text(&panel.y.label, &set)?;
    }
    if let Some(title) = &panel.title {
        let set = plain((f.left, f.top - cell.lift - 9.0), Align::Start, TITLE_TEXT);
        page.text(title, &set)?;
    }
    if !cell.has_data {
        let set = Lettering { colour: Colour::GREY, ..plain((middle_x, middle_y), Align::Middle, LABEL_TEXT) };
        on_white(page, "no data", &set)?;
    }
    references(page, panel, cell)
}

/// The words of reference lines, just outside the panel, where they hide no data.
fn references(page: &mut impl Surface, panel: &Panel, cell: &Cell) -> Result<(), PlotError> {
    let f = &cell.frame;
    let mut above: Vec<(f64, &str)> = Vec::new();
    for (line, label) in panel.marks.iter().filter_map(Mark::words) {
        let end = cell.ends(line).last().copied();
        let Some((x, y)) = end.filter(|&p| f.contains(p)) else {
            continue;
        };
        let right = (f.right + BESIDE, y + MIDDLE * TICK_TEXT);
        match line {
            Reference::Vertical(_) => above.push((x, label)),
            Reference::Diagonal if x < f.right - 0.1 => {
                let set = plain((x - 8.0, f.top + TICK_TEXT), Align::End, TICK_TEXT);
                on_white(page, label, &set)?;
            }
            Reference::Horizontal(_) | Reference::Diagonal => {
                page.text(label, &plain(right, Align::Start, TICK_TEXT))?;
            }
            Reference::Within(_) => {}
        }
    }
    // Words that would run into the ones before them are left out: the lines still show.
    above.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut taken = f64::NEG_INFINITY;
    for (x, label) in above {
        let half = font::width(label, TICK_TEXT)? / 2.0;
        if x - half > taken {
            taken = x + half + BESIDE;
            let set = plain((x, f.top - BESIDE), Align::Middle, TICK_TEXT);
            page.text(label, &set)?;
        }
    }
    Ok(())
}

/// Words that stay legible over what is behind them.
pub(super) fn on_white(page: &mut impl Surface, text: &str, set: &Lettering) -> Result<(), PlotError> {
    let wide = font::width(text, set.size)?;
    let left = match set.align {
        Align::Start => set.at.0,
        Align::Middle => set.at.0 - wide / 2.0,
        Align::End => set.at.0 - wide,
    };
    let behind = Frame {
        left: left - 2.0,
        right: left + wide + 2.0,
        top: set.at.1 - 0.85 * set.size,
        bottom: set.at.1 + 0.25 * set.size,
    };
    page.area(&behind.corners(), Colour::WHITE, 0.8)?;
    page.text(text, set)
}
