//! Which share of each pixel does a shape cover, and what colour does that make it?

use ab_glyph::{OutlineCurve, Point, point};
use ab_glyph_rasterizer::Rasterizer;

use super::colour::Colour;

/// Of a pixel, the share that makes no difference to its colour.
const LEAST: f32 = 1.0 / 512.0;

/// A closed outline and its filling.
pub(super) struct Shape {
    outline: Vec<OutlineCurve>,
    top: f32,
    bottom: f32,
    colour: Colour,
    alpha: f32,
}

impl Shape {
    /// None if there is nothing to fill.
    pub(super) fn new(outline: Vec<OutlineCurve>, colour: Colour, alpha: f64) -> Option<Self> {
        let mut heights = outline.iter().map(|curve| extent(curve, |p| p.y));
        let first = heights.next()?;
        let (top, bottom) = heights.fold(first, union);
        Some(Self { outline, top, bottom, colour, alpha: alpha as f32 })
    }

    /// Between which columns the outline stays from one row to another.
    fn columns(&self, top: f32, bottom: f32) -> Option<(f32, f32)> {
        let reach = |curve: &OutlineCurve| {
            let (above, below) = extent(curve, |p| p.y);
            if below <= top || above >= bottom {
                return None;
            }
            let OutlineCurve::Line(a, b) = *curve else {
                return Some(extent(curve, |p| p.x));
            };
            let slope = (b.x - a.x) / (b.y - a.y);
            let at = |y: f32| a.x + (y - a.y) * slope;
            let ends = if a.y == b.y { (a.x, b.x) } else { (at(above.max(top)), at(below.min(bottom))) };
            Some((ends.0.min(ends.1), ends.0.max(ends.1)))
        };
        self.outline.iter().filter_map(reach).reduce(union)
    }
}

fn union(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The least and the largest coordinate of a curve's points, between which it stays.
fn extent(curve: &OutlineCurve, along: impl Fn(&Point) -> f32) -> (f32, f32) {
    let both = |a: &Point, b: &Point| {
        let (a, b) = (along(a), along(b));
        (a.min(b), a.max(b))
    };
    match curve {
        OutlineCurve::Line(a, b) => both(a, b),
        OutlineCurve::Quad(a, b, c) => union(both(a, b), both(b, c)),
        OutlineCurve::Cubic(a, b, c, d) => union(both(a, b), both(c, d)),
    }
}

/// Some rows of a picture.
pub(super) struct Strip {
    /// In pixels.
    width: usize,
    top: usize,
    /// Red, green, blue, row by row.
    pixels: Vec<u8>,
    coverage: Rasterizer,
}

impl Strip {
    /// Few enough for the fastest caches, enough that few shapes are met twice.
    pub(super) const ROWS: usize = 16;

    pub(super) fn new(width: usize) -> Self {
        Self { width, top: 0, pixels: Vec::new(), coverage: Rasterizer::new(0, 0) }
    }

    /// The pixels of this many rows from `top` on: these shapes on white.
    pub(super) fn drawn(&mut self, shapes: &[Shape], top: usize, rows: usize) -> &[u8] {
        self.top = top;
        self.pixels.clear();
        self.pixels.resize(rows * self.width * 3, 255);
        for shape in shapes {
            self.fill(shape, rows);
        }
        &self.pixels
    }

    fn fill(&mut self, shape: &Shape, rows: usize) {
        let top = shape.top.floor().max(self.top as f32);
        let bottom = shape.bottom.ceil().min((self.top + rows) as f32);
        if top >= bottom {
            return;
        }
        let Some((left, right)) = shape.columns(top, bottom) else { return };
        // A column to spare on each side, for rounding may put an edge there.
        let (left, right) = (left.floor() - 1.0, right.ceil() + 1.0);
        self.coverage.reset((right - left) as usize, (bottom - top) as usize);
        let moved = |p: Point| point(p.x - left, p.y - top);
        for curve in &shape.outline {
            match *curve {
                OutlineCurve::Line(a, b) => self.coverage.draw_line(moved(a), moved(b)),
                OutlineCurve::Quad(a, b, c) => self.coverage.draw_quad(moved(a), moved(b), moved(c)),
                OutlineCurve::Cubic(a, b, c, d) => self.coverage.draw_cubic(moved(a), moved(b), moved(c), moved(d)),
            }
        }
        let Colour(red, green, blue) = shape.colour;
        let ink = [red, green, blue];
        let (left, columns) = (left as i32, (right - left) as usize);
        // Where the row's first column would be in the whole strip, and at which index of the coverage the row ends.
        let (mut row, mut end) = ((top as usize - self.top) * self.width, columns);
        self.coverage.for_each_pixel(|index, covered| {
            if covered < LEAST {
                return;
            }
            while index >= end {
                (row, end) = (row + self.width, end + columns);
            }
            let x = left + (index + columns - end) as i32;
            if !(0..self.width as i32).contains(&x) {
                return;
            }
            let at = (row + x as usize) * 3;
            let share = (covered.min(1.0) * shape.alpha * 256.0 + 0.5) as u32;
            for (old, new) in self.pixels[at..at + 3].iter_mut().zip(ink) {
                *old = ((u32::from(*old) * (256 - share) + u32::from(new) * share + 128) >> 8) as u8;
            }
        });
    }
}
