//! How does each mark of a panel find its place and its shape on the page?

use super::colour::Colour;
use super::figure::{Mark, Panel, Reference, Scale};
use super::geometry::{Frame, Px, thinned};
use super::layout::{Cell, TICK_TEXT};
use super::surface::{Lettering, Surface};
use super::{PlotError, axes, ink};

/// Grid below, marks in order, axes and words above.
pub(super) fn draw(page: &mut impl Surface, panel: &Panel, cell: &Cell) -> Result<(), PlotError> {
    axes::grid(page, panel, cell)?;
    for mark in &panel.marks {
        cell.draw(page, mark)?;
    }
    axes::lines(page, cell)?;
    axes::words(page, panel, cell)
}

impl Cell {
    pub(super) fn x_at(&self, value: f64) -> Option<f64> {
        let f = &self.frame;
        let share = self.x.at(value)?;
        Some(f.left + share * (f.right - f.left))
    }

    pub(super) fn y_at(&self, value: f64) -> Option<f64> {
        let f = &self.frame;
        let share = self.y.at(value)?;
        Some(f.bottom - share * (f.bottom - f.top))
    }

    fn at(&self, (x, y): (f64, f64)) -> Option<Px> {
        Some((self.x_at(x)?, self.y_at(y)?))
    }

    fn draw(&self, page: &mut impl Surface, mark: &Mark) -> Result<(), PlotError> {
        match mark {
            Mark::Line { points, colour, dash, width } => {
                let placed: Vec<Option<Px>> = points.iter().map(|&p| self.at(p)).collect();
                for run in placed.split(Option::is_none) {
                    let run = thinned(run.iter().copied().flatten().collect());
                    for piece in self.frame.line(&run) {
                        ink::broken(page, &piece, *colour, *dash, *width)?;
                    }
                }
                Ok(())
            }
            Mark::Points { points, colour, shape, filled, radius } => points
                .iter()
                .filter_map(|&p| self.at(p))
                .filter(|&p| self.frame.contains(p))
                .try_for_each(|p| ink::marker(page, p, *shape, *radius, *colour, *filled)),
            Mark::Band { points, colour } => {
                let edges = |&(x, low, high): &(f64, f64, f64)| Some((self.at((x, low))?, self.at((x, high))?));
                let placed: Vec<Option<(Px, Px)>> = points.iter().map(edges).collect();
                for run in placed.split(Option::is_none) {
                    let (low, high): (Vec<Px>, Vec<Px>) = run.iter().copied().flatten().unzip();
                    self.area(page, thinned(low), thinned(high), *colour)?;
                }
                Ok(())
            }
            Mark::ErrorBars { points, colour } => points
                .iter()
                .filter_map(|&(x, low, high)| Some((self.at((x, high))?, self.at((x, low))?)))
                .filter_map(|(top, bottom)| self.frame.segment(top, bottom))
                .try_for_each(|(top, bottom)| ink::interval(page, top, bottom, *colour)),
            Mark::Rects { rects, colour, fill } => rects
                .iter()
                .filter_map(|r| {
                    // On a log axis a bar that starts at zero starts at the bottom.
                    let floor = |y: f64| match self.y.scale {
                        Scale::Log if y == 0.0 => self.y.low,
                        Scale::Linear | Scale::Log => y,
                    };
                    self.visible(self.at((r.x0, floor(r.y0)))?, self.at((r.x1, floor(r.y1)))?)
                })
                .try_for_each(|frame| ink::rectangle(page, &frame, *colour, *fill)),
            Mark::Reference { line, colour, dash, label: _ } => {
                if let Reference::Within(share) = *line {
                    let low = self.diagonal(1.0 - share);
                    let high = self.diagonal(1.0 + share);
                    return self.area(page, low, high, *colour);
                }
                self.frame
                    .line(&self.ends(*line))
                    .iter()
                    .try_for_each(|piece| ink::broken(page, piece, *colour, *dash, 1.2))
            }
            Mark::Text { at, text, colour, align } => match self.at(*at).filter(|&p| self.frame.contains(p)) {
                Some(at) => {
                    let set = Lettering { colour: *colour, ..axes::plain(at, *align, TICK_TEXT) };
                    axes::on_white(page, text, &set)
                }
                None => Ok(()),
            },
        }
    }

    /// A reference line from its start to the end where its words stand.
    pub(super) fn ends(&self, line: Reference) -> Vec<Px> {
        let f = &self.frame;
        let placed = match line {
            Reference::Horizontal(y) => self.y_at(y).map(|y| vec![(f.left, y), (f.right, y)]),
            Reference::Vertical(x) => self.x_at(x).map(|x| vec![(x, f.bottom), (x, f.top)]),
            Reference::Diagonal => {
                let inside = f.line(&self.diagonal(1.0));
                return inside.concat();
            }
            Reference::Within(_) => None,
        };
        placed.unwrap_or_default()
    }

    /// y = `slope` · x across the panel, straight wherever both axes have the same scale.
    fn diagonal(&self, slope: f64) -> Vec<Px> {
        let (low, high) = (self.x.low, self.x.high);
        let steps = if self.x.scale == self.y.scale { 1 } else { 64 };
        (0..=steps)
            .map(|i| f64::from(i) / f64::from(steps))
            .map(|t| match self.x.scale {
                Scale::Linear => low + t * (high - low),
                Scale::Log => low * (high / low).powf(t),
            })
            .filter_map(|x| self.at((x, slope * x)))
            .collect()
    }

    /// The visible part between two curves.
    fn area(&self, page: &mut impl Surface, low: Vec<Px>, high: Vec<Px>, colour: Colour) -> Result<(), PlotError> {
        let outline: Vec<Px> = low.into_iter().chain(high.into_iter().rev()).collect();
        let inside = self.frame.area(&outline);
        match inside.len() {
            0..=2 => Ok(()),
            _ => page.area(&inside, colour, ink::TRANSLUCENT),
        }
    }

    /// The part of a rectangle inside the panel.
    fn visible(&self, a: Px, b: Px) -> Option<Frame> {
        let f = &self.frame;
        let part = Frame {
            left: a.0.min(b.0).max(f.left),
            right: a.0.max(b.0).min(f.right),
            top: a.1.min(b.1).max(f.top),
            bottom: a.1.max(b.1).min(f.bottom),
        };
        (part.left < part.right && part.top < part.bottom).then_some(part)
    }
}
